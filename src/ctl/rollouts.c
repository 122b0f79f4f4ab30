/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/rollouts.c - finding, showing and steering rollouts */

#include "ctl/ctl.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "ctl/rollout.h"
#include "ctl/rollout_follow.h"
#include "ctl/text.h"

void ctl_rollout_show (struct ctl *ctl, const noded_rollout *rollout)
{
    base_assert (rollout);
    if (ctl->options.json) {
        (void) ctl_print_json (ctl, noded_rollout_json (rollout));
        return;
    }
    char **picture = ctl_rollout_picture (rollout, ctl->width, 0);
    for (char **line = picture; line && *line; line++) {
        ctl_line_put (ctl->out, *line, ctl->width);
        (void) fputc ('\n', ctl->out);
    }
    base_list_free (picture);
}

/*  Takes an item out of a list; the caller owns it. NULL: memory is out. */
static noded_rollout *rollout_take (noded_rollout *item)
{
    base_assert (item && item->id);
    noded_rollout *taken = malloc (sizeof *taken);
    if (!taken)
        return NULL;
    *taken = *item;
    *item = (noded_rollout){.id = NULL};
    return taken;
}

/*  Finds the rollout whose id begins with name. An id equal to name is preferred. */
static enum ctl_exit rollout_find_named (struct ctl *ctl, const noded_rollouts *list, const char *name,
                                         noded_rollout **ret_item)
{
    base_assert (name && ret_item);
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        const char *id = list->items[i].id;
        if (strncmp (id, name, strlen (name)) != 0)
            continue;
        *ret_item = &list->items[i];
        count++;
        if (strcmp (id, name) == 0) {
            count = 1;
            break;
        }
    }
    if (count > 1)
        return ctl_error (ctl, "%zu rollouts start with %s: give more digits", count, name);
    if (!count)
        return ctl_error (ctl, "the broker does not know rollout \"%s\": see nodectl rollout list", name);
    return CTL_OK;
}

static enum ctl_exit rollout_missing (struct ctl *ctl, const noded_rollouts *list)
{
    base_assert (list);
    if (!list->count)
        return ctl_error (ctl, "no rollout exists: nodectl rollout start starts one");
    return ctl_error (
        ctl,
        "no rollout is under way: the newest, %s, has ended (%s). nodectl rollout start starts another one, "
        "nodectl rollout revert %s reverts the nodes that it updated",
        list->items[0].id, noded_phase_word (list->items[0].phase), list->items[0].id);
}

/*  Finds the only rollout that is not over. any: the newest one that is not over, else the newest one. list:
    newest first. */
static enum ctl_exit rollout_find_unnamed (struct ctl *ctl, const noded_rollouts *list, bool any,
                                           noded_rollout **ret_item)
{
    base_assert (ret_item);
    noded_rollout *found = NULL;
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].over)
            continue;
        if (!found)
            found = &list->items[i];
        count++;
    }
    if (count > 1 && !any)
        return ctl_misused (ctl, "name a rollout: %zu have not ended; see nodectl rollout list", count);
    if (!found && any && list->count)
        found = &list->items[0];
    if (!found)
        return rollout_missing (ctl, list);
    *ret_item = found;
    return CTL_OK;
}

bool ctl_rollout_is_id (const char *word)
{
    base_assert (word);
    return strncmp (word, "r-", 2) == 0 && !word[2 + strspn (word + 2, "0123456789abcdef")];
}

enum ctl_exit ctl_rollout_find (struct ctl *ctl, const char *name, bool any, noded_rollout **ret_rollout)
{
    base_assert (ret_rollout && !*ret_rollout);
    base_cleanup (noded_rollouts_free) noded_rollouts list = {.count = 0};
    noded_rollout *item = NULL;
    if (name && !ctl_rollout_is_id (name))
        return ctl_misused (
            ctl,
            "\"%s\" is not a rollout: give its id (r- and digits) or the beginning of it; see "
            "nodectl rollout list",
            name);
    int r = noded_client_rollout_list (ctl->client, &(noded_rollouts_query){.since = 0}, &list);
    if (r < 0)
        return ctl_fail (ctl, r);
    enum ctl_exit code =
        name ? rollout_find_named (ctl, &list, name, &item) : rollout_find_unnamed (ctl, &list, any, &item);
    if (code != CTL_OK || !item)
        return code;
    *ret_rollout = rollout_take (item);
    return *ret_rollout ? CTL_OK : ctl_error (ctl, "out of memory");
}

enum ctl_exit ctl_rollout_status (struct ctl *ctl)
{
    base_cleanup (ctl_rollout_free_p) noded_rollout *rollout = NULL;
    base_cleanup (noded_members_free) noded_members members = {.count = 0};
    int r = 0;
    enum ctl_exit code = ctl_rollout_find (ctl, ctl->n_words ? ctl->words[0] : NULL, true, &rollout);
    if (code != CTL_OK || !rollout)
        return code;
    if (ctl->options.follow)
        return ctl_rollout_follow (ctl, &rollout, CTL_ROLLOUT_TO_DONE);
    if (ctl->options.nodes)
        r = noded_client_rollout_members (ctl->client, &(noded_members_query){.rollout = rollout->id},
                                          &members);
    if (r < 0)
        return ctl_fail (ctl, r);
    noded_rollout shown = *rollout;
    shown.members = members.items;
    shown.n_members = members.count;
    ctl_rollout_show (ctl, &shown);
    if (ctl->options.nodes && !ctl->options.json) {
        (void) fputc ('\n', ctl->out);
        ctl_members_print (ctl->out, &members, ctl->width);
    }
    return CTL_OK;
}

enum ctl_exit ctl_rollout_list (struct ctl *ctl)
{
    base_cleanup (noded_rollouts_free) noded_rollouts list = {.count = 0};
    int r = noded_client_rollout_list (ctl->client, &(noded_rollouts_query){.since = 0}, &list);
    if (r < 0)
        return ctl_fail (ctl, r);
    if (ctl->options.json)
        return ctl_print_json (ctl, noded_rollouts_json (list.items, list.count));
    ctl_rollouts_print (ctl->out, &list, ctl->width);
    return CTL_OK;
}

/*  Finds the rollout that the command line names and sends it a command. *ret_now: the new state. */
static enum ctl_exit rollout_find_and_steer (struct ctl *ctl, enum noded_command command,
                                             noded_rollout **ret_now)
{
    base_assert (ret_now && !*ret_now);
    base_assert (command != NODED_COMMAND_NULL);
    base_cleanup (ctl_rollout_free_p) noded_rollout *rollout = NULL;
    enum ctl_exit code = ctl_rollout_find (ctl, ctl->n_words ? ctl->words[0] : NULL, false, &rollout);
    if (code != CTL_OK || !rollout)
        return code;
    const noded_steering steering = {.rollout = rollout->id, .command = command};
    int r = noded_client_rollout_steer (ctl->client, &steering, ret_now);
    return r < 0 ? ctl_fail (ctl, r) : CTL_OK;
}

static enum ctl_exit rollout_steer_and_show (struct ctl *ctl, enum noded_command command)
{
    base_cleanup (ctl_rollout_free_p) noded_rollout *now = NULL;
    enum ctl_exit code = rollout_find_and_steer (ctl, command, &now);
    if (code == CTL_OK && now)
        ctl_rollout_show (ctl, now);
    return code;
}

enum ctl_exit ctl_rollout_pause (struct ctl *ctl)
{
    return rollout_steer_and_show (ctl, NODED_COMMAND_PAUSE);
}

enum ctl_exit ctl_rollout_resume (struct ctl *ctl)
{
    return rollout_steer_and_show (ctl, NODED_COMMAND_RESUME);
}

enum ctl_exit ctl_rollout_abort (struct ctl *ctl)
{
    return rollout_steer_and_show (ctl, NODED_COMMAND_ABORT);
}

/*  Without a rollout's id, the nodes belong to the only rollout that is not over. */
enum ctl_exit ctl_rollout_retry (struct ctl *ctl)
{
    enum { PORTION = 512 /* nodes that one request can name */ };
    base_cleanup (ctl_rollout_free_p) noded_rollout *rollout = NULL, *now = NULL;
    size_t named = ctl->n_words && ctl_rollout_is_id (ctl->words[0]) ? 1 : 0, at = named;
    enum ctl_exit code = ctl_rollout_find (ctl, named ? ctl->words[0] : NULL, false, &rollout);
    if (code != CTL_OK || !rollout)
        return code;
    do {
        size_t count = ctl->n_words - at < PORTION ? ctl->n_words - at : PORTION;
        const noded_steering steering = {.rollout = rollout->id,
                                         .command = NODED_COMMAND_RETRY,
                                         .nodes = (const char *const *) ctl->words + at,
                                         .n_nodes = count};
        noded_rollout_free (base_take (now));
        int r = noded_client_rollout_steer (ctl->client, &steering, &now);
        if (r < 0)
            return ctl_fail (ctl, r);
        at += count;
    } while (at < ctl->n_words);
    ctl_rollout_show (ctl, now);
    return CTL_OK;
}

/*  Approves the wave that waited when the state was read, not any later one: if two operators approve the
    same wave, the second approval does not start the next wave. */
enum ctl_exit ctl_rollout_approve (struct ctl *ctl)
{
    base_cleanup (ctl_rollout_free_p) noded_rollout *rollout = NULL, *now = NULL;
    enum ctl_exit code = ctl_rollout_find (ctl, ctl->n_words ? ctl->words[0] : NULL, false, &rollout);
    if (code != CTL_OK || !rollout)
        return code;
    uint64_t next = rollout->wave + (rollout->unproven ? 1 : 0);
    const noded_steering steering = {.rollout = rollout->id,
                                     .command = NODED_COMMAND_APPROVE,
                                     .wave = (unsigned) (ctl->options.wave ? ctl->options.wave : next)};
    int r = noded_client_rollout_steer (ctl->client, &steering, &now);
    if (r < 0)
        return ctl_fail (ctl, r);
    ctl_rollout_show (ctl, now);
    return CTL_OK;
}

enum ctl_exit ctl_rollout_revert (struct ctl *ctl)
{
    base_cleanup (ctl_rollout_free_p) noded_rollout *now = NULL;
    enum ctl_exit code = rollout_find_and_steer (ctl, NODED_COMMAND_REVERT, &now);
    if (code != CTL_OK)
        return code;
    if (!ctl->options.no_wait)
        return ctl_rollout_follow (ctl, &now, CTL_ROLLOUT_TO_REVERTED);
    ctl_rollout_show (ctl, now);
    return CTL_OK;
}

enum ctl_exit ctl_rollout_why (struct ctl *ctl, const noded_rollout *rollout)
{
    base_assert (rollout);
    base_cleanup (noded_transitions_free) noded_transitions transitions = {.count = 0};
    int r = noded_client_rollout_history (ctl->client, rollout->id, &transitions);
    if (r < 0)
        return ctl_fail (ctl, r);
    if (ctl->options.json)
        return ctl_print_json (ctl, noded_transitions_json (transitions.items, transitions.count));
    ctl_rollout_why_print (ctl->out, rollout, &transitions);
    return CTL_OK;
}
