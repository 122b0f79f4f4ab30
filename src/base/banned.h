/* SPDX-License-Identifier: MPL-2.0 */
/*  base/banned.h - functions that this project does not use

    Included by the build before every source file. Each name has a bounded or checked counterpart. */

#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#ifndef __ASSEMBLER__

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/*  With _FORTIFY_SOURCE and clang these are macros, which cannot be poisoned. */
#undef sprintf
#undef vsprintf

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf gets strtok atoi atol atof
#pragma GCC poison gmtime localtime ctime asctime system popen tmpnam mktemp

#endif

#endif
