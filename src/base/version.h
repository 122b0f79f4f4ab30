/*  base/version.h - the version that this program tells: one object file, so that two versions share all
    others */

#ifndef BASE_VERSION_H
#define BASE_VERSION_H

extern const char base_version[];

#endif
