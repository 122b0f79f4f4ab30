/* SPDX-License-Identifier: MPL-2.0 */
/*  base/version.h - the version of this program

    It has an object file of its own, so that builds of two versions share all other objects. */

#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#include <stdint.h>

extern const char base_version[];

/*  When this program was built, in seconds since 1970, or a little before: no clock is right that says less. */
extern const uint64_t base_built;

#endif
