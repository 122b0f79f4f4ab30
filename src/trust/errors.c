/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/errors.c - the words of the codes */

#include "trust/errors.h"

#include <stddef.h>

const char *trust_error_word (int code)
{
    static const char *const words[] = {
        [TRUST_E_FORMAT] = "format",
        [TRUST_E_TOO_LARGE] = "too-large",
        [TRUST_E_KEY] = "key",
        [TRUST_E_THRESHOLD] = "threshold",
        [TRUST_E_VERSION] = "version",
        [TRUST_E_EXPIRED] = "expired",
        [TRUST_E_LENGTH] = "length",
        [TRUST_E_HASH] = "hash",
        [TRUST_E_UNKNOWN_ROLE] = "unknown-role",
        [TRUST_E_NO_TARGET] = "no-target",
        [TRUST_E_UNAVAILABLE] = "unavailable",
        [TRUST_E_PASSPHRASE] = "passphrase",
        [TRUST_E_DAMAGED] = "damaged",
        [TRUST_E_PROOF] = "proof",
    };
    _Static_assert(sizeof words / sizeof *words == TRUST_E_END, "each code has a word");
    return code > 0 && code < TRUST_E_END ? words[code] : "unknown";
}
