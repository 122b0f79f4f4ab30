/* SPDX-License-Identifier: MPL-2.0 */
/*  base/version.c - the version of the build

    A program that defines base_version itself is linked without this object. */

#include "base/version.h"

const char base_version[] = NODED_VERSION;
