/* SPDX-License-Identifier: MPL-2.0 */
/*  base/version.h - the version of this program

    It has an object file of its own, so that builds of two versions share all other objects. */

#ifndef BASE_VERSION_H
#define BASE_VERSION_H

extern const char base_version[];

#endif
