/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/version.c - another version than that of the build, for the further good and the bad releases */

#include "base/version.h"

const char base_version[] = NODED_VERSION;
