/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/delegate.c - which delegations of a role are trusted for a path

    The matcher goes back to the last star only, so it takes at most pattern × path steps. */

#include "trust/delegate.h"

#include <inttypes.h>

#include "base/assert.h"
#include "base/text.h"

/*  Matches one character of text against one unit of pattern (not a star). Returns whether it does; *ret_next is
    behind the unit, *ret_after behind the character. */
static bool unit_matches (const char *pattern, const char *text, const char **ret_next,
                          const char **ret_after)
{
    uint32_t wanted, character;
    size_t pattern_length = base_text_character (pattern, &wanted);
    size_t text_length = base_text_character (text, &character);
    if (pattern_length == 0 || text_length == 0)
        return false;
    *ret_after = text + text_length;
    *ret_next = pattern + pattern_length;
    if (wanted == '?')
        return character != '/';
    if (wanted != '[')
        return wanted == character;

    const char *at = pattern + 1;
    bool negated = *at == '!', found = false, first = true;
    if (negated)
        at++;
    while (first || *at != ']') {
        uint32_t low, high;
        size_t length = base_text_character (at, &low);
        if (length == 0 || low == '/')
            return wanted == character; /* not closed in this part: an ordinary [ */
        at += length;
        high = low;
        if (at[0] == '-' && at[1] && at[1] != ']') {
            length = base_text_character (at + 1, &high);
            if (length == 0 || high == '/')
                return wanted == character;
            at += 1 + length;
        }
        found = found || (character >= low && character <= high);
        first = false;
    }
    *ret_next = at + 1;
    return character != '/' && found != negated;
}

bool trust_pattern_matches (const char *pattern, const char *path)
{
    base_assert (pattern && path);
    const char *star = NULL, *resume = NULL;
    while (*path) {
        const char *next = NULL, *after = NULL;
        if (*pattern == '*') {
            star = ++pattern;
            resume = path;
        } else if (*pattern && unit_matches (pattern, path, &next, &after)) {
            pattern = next;
            path = after;
        } else if (star && *resume != '/') {
            uint32_t skipped;
            size_t length = base_text_character (resume, &skipped);
            if (length == 0)
                return false;
            resume += length;
            pattern = star;
            path = resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == 0;
}

static bool delegation_matches (const struct trust_delegation *delegation, const char *path, const char *hex)
{
    for (char *const *pattern = delegation->paths; pattern && *pattern; pattern++)
        if (trust_pattern_matches (*pattern, path))
            return true;
    for (char *const *prefix = delegation->prefixes; prefix && *prefix; prefix++)
        if (base_text_begins (hex, *prefix))
            return true;
    return false;
}

static void delegate_of (const struct trust_targets *targets, const struct trust_delegation *delegation,
                         struct trust_delegate *ret_delegate)
{
    *ret_delegate = (struct trust_delegate){
        .role = &delegation->role, .keys = &targets->keys, .terminating = delegation->terminating};
    int r = base_text_copy (ret_delegate->name, sizeof ret_delegate->name, delegation->name);
    base_assert (r == 0);
}

static void succinct_name (const struct trust_succinct *succinct, uint32_t bin, char name[TRUST_NAME_TEXT])
{
    int digits = (int) (succinct->bits + 3) / 4;
    base_assert (strlen (succinct->prefix) + 1 + (size_t) digits <= TRUST_NAME_MOST);
    (void) snprintf (name, TRUST_NAME_TEXT, "%s-%0*" PRIx32, succinct->prefix, digits, bin);
}

static void succinct_delegate (const struct trust_targets *targets, uint32_t bin,
                               struct trust_delegate *ret_delegate)
{
    *ret_delegate =
        (struct trust_delegate){.role = &targets->succinct.role, .keys = &targets->keys, .terminating = true};
    succinct_name (&targets->succinct, bin, ret_delegate->name);
}

bool trust_delegate_next (const struct trust_targets *targets, const char *path,
                          const struct base_digest *digest, size_t *position,
                          struct trust_delegate *ret_delegate)
{
    base_assert (targets && path && digest && position && ret_delegate);
    const uint8_t *first = digest->bytes;
    char hex[BASE_DIGEST_TEXT];
    if (targets->succinct.present) {
        base_assert (targets->n_delegations == 0);
        uint32_t number =
            (uint32_t) first[0] << 24 | (uint32_t) first[1] << 16 | (uint32_t) first[2] << 8 | first[3];
        if ((*position)++ > 0)
            return false;
        succinct_delegate (targets, number >> (32 - targets->succinct.bits), ret_delegate);
        return true;
    }
    (void) base_digest_format (digest, hex);
    while (*position < targets->n_delegations) {
        const struct trust_delegation *delegation = &targets->delegations[(*position)++];
        if (delegation_matches (delegation, path, hex)) {
            delegate_of (targets, delegation, ret_delegate);
            return true;
        }
    }
    return false;
}

bool trust_delegate_find (const struct trust_targets *targets, const char *name,
                          struct trust_delegate *ret_delegate)
{
    base_assert (targets && name && ret_delegate);
    if (targets->succinct.present) {
        const struct trust_succinct *succinct = &targets->succinct;
        size_t prefix = strlen (succinct->prefix);
        if (strncmp (name, succinct->prefix, prefix) != 0 || name[prefix] != '-')
            return false;
        char again[TRUST_NAME_TEXT], *end = NULL;
        unsigned long long bin = strtoull (name + prefix + 1, &end, 16);
        if (bin >> succinct->bits)
            return false;
        /*  Only the one way to write a bin names it. */
        succinct_name (succinct, (uint32_t) bin, again);
        if (strcmp (again, name) != 0)
            return false;
        succinct_delegate (targets, (uint32_t) bin, ret_delegate);
        return true;
    }
    for (size_t i = 0; i < targets->n_delegations; i++)
        if (strcmp (targets->delegations[i].name, name) == 0) {
            delegate_of (targets, &targets->delegations[i], ret_delegate);
            return true;
        }
    return false;
}
