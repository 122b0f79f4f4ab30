/*  test/bad/version.c - another version than the build's, for the second real noded and for the bad ones */

#include "base/version.h"

const char base_version[] = NODED_VERSION;
