/* SPDX-License-Identifier: MPL-2.0 */
/*  rollout/selector.h - selecting nodes by their ids and labels

        web-*                       ids, with * and ? as in a shell
        role=web                    a label has that value; * and ? as above
        zone!=eu-1                  a label has another value, or is absent
        role=web and zone!=eu-1     also: or, not, parentheses; and binds stronger than or

    Words end at a blank, a parenthesis, = or !=. A word in double quotes may contain anything except a double
    quote. `id` and `platform` are labels that every node has. */

#ifndef ROLLOUT_SELECTOR_H
#define ROLLOUT_SELECTOR_H

#include <stdbool.h>

#include "base/error.h"

struct rollout_selector;

/*  Returns 0, -EINVAL (the error says where), or -ENOMEM. An empty text selects every node. */
int rollout_selector_parse (const char *text, struct rollout_selector **ret_selector,
                            struct base_error *error);

/*  rollout_selector_free (NULL) does nothing. Returns NULL. */
struct rollout_selector *rollout_selector_free (struct rollout_selector *selector);

/*  Returns the value of a node's label, valid during the call; NULL: it has no such label. */
typedef const char *(rollout_label) (const void *node, const char *name);

bool rollout_selector_fits (const struct rollout_selector *selector, rollout_label *label, const void *node);

#endif
