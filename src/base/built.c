/* SPDX-License-Identifier: MPL-2.0 */
/*  base/built.c - when this program was built

    The build provides SOURCE_DATE_EPOCH if it is set, else the time of the commit, so that the same source gives the
    same program; else its own time. */

#include "base/version.h"

const uint64_t base_built = NODED_BUILT;
