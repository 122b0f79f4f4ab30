/*  rollout/selector.h - which nodes are meant, by their ids and labels

        web-*                       ids, with * and ? as in a shell
        role=web                    a label has that value; * and ? as above
        zone!=eu-1                  a label has another value, or is not there
        role=web and zone!=eu-1     also: or, not, parentheses; and binds stronger than or

    Words end at a blank, a parenthesis, = or !=; one in double quotes may hold anything but a double quote.
    `id` and `platform` are labels that every node has. */

#ifndef ROLLOUT_SELECTOR_H
#define ROLLOUT_SELECTOR_H

#include <stdbool.h>

#include "base/error.h"

struct rollout_selector;

/*  Returns 0, -EINVAL (the error says where), or -ENOMEM. An empty text selects everybody. */
int rollout_selector_parse (const char *text, struct rollout_selector **ret_selector,
                            struct base_error *error);

/*  rollout_selector_free (NULL) does nothing. Returns NULL. */
struct rollout_selector *rollout_selector_free (struct rollout_selector *selector);

/*  The value of a node's label, valid during the call; NULL: it has none of that name. */
typedef const char *(rollout_label) (const void *node, const char *name);

bool rollout_selector_fits (const struct rollout_selector *selector, rollout_label *label, const void *node);

#endif
