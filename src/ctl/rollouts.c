/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/rollouts.c - the commands of rollouts

    The settings of a rollout are passed to the library as given. The library checks them. */

#include "ctl/ctl.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "ctl/rollout.h"
#include "ctl/rollout_follow.h"
#include "ctl/text.h"

/*  The settings from the options, with those of --app and --release. A list for base_list_free. */
static int settings_of (struct ctl *ctl, char ***ret_settings)
{
    const struct ctl_options *options = &ctl->options;
    char **settings = NULL;
    int rc = 0;
    for (size_t i = 0; options->settings && options->settings[i] && rc == 0; i++)
        rc = base_list_append (&settings, options->settings[i]);
    const struct {
        const char *name, *value;
    } further[] = {{"application", options->application}, {"release", options->release}};
    for (size_t i = 0; i < sizeof further / sizeof *further && rc == 0; i++) {
        if (!further[i].value)
            continue;
        base_cleanup (base_free_p) char *setting =
            base_text_printf ("%s=%s", further[i].name, further[i].value);
        rc = setting ? base_list_append (&settings, setting) : -ENOMEM;
    }
    if (rc != 0) {
        base_list_free (settings);
        return ctl_tell (ctl, "out of memory");
    }
    *ret_settings = settings;
    return CTL_OK;
}

static void list_free_p (char ***list)
{
    base_list_free (*list);
}

/*  -EINVAL: the library found a malformed setting, which is a usage error. */
static int spec_fail (struct ctl *ctl, int rc)
{
    return rc == -EINVAL ? ctl_misused (ctl, "%s", noded_client_error (ctl->client)) : ctl_fail (ctl, rc);
}

static noded_spec spec_of (const struct ctl *ctl, char *const *settings)
{
    return (noded_spec){.settings = (const char *const *) settings,
                        .n_settings = base_list_count (settings),
                        .file = ctl->options.spec};
}

static void plan_free_p (noded_plan **plan)
{
    noded_plan_free (*plan);
}

static int plan_ask (struct ctl *ctl, char *const *settings, noded_plan **ret_plan)
{
    const noded_spec spec = spec_of (ctl, settings);
    int rc = noded_client_rollout_plan (ctl->client, &spec, ret_plan);
    return rc == 0 ? CTL_OK : spec_fail (ctl, rc);
}

static int members_ask (struct ctl *ctl, const noded_members_query *query, noded_members *ret_members)
{
    int rc = noded_client_rollout_members (ctl->client, query, ret_members);
    return rc == 0 ? CTL_OK : ctl_fail (ctl, rc);
}

/*  Of a plan that was just made. */
static int planned_ask (struct ctl *ctl, const noded_plan *plan, noded_members *ret_members)
{
    char hash[65];
    return members_ask (ctl, &(noded_members_query){.plan = noded_digest_text (&plan->hash, hash)},
                        ret_members);
}

static void append_word (struct base_buffer *buffer, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./-_";
    (void) base_buffer_append_text (buffer, " ");
    if (*word && strspn (word, plain) == strlen (word)) {
        (void) base_buffer_append_text (buffer, word);
        return;
    }
    (void) base_buffer_append_text (buffer, "'");
    for (; *word; word++)
        (void) base_buffer_printf (buffer, *word == '\'' ? "'\\''" : "%c", *word);
    (void) base_buffer_append_text (buffer, "'");
}

static void append_option (struct base_buffer *buffer, const char *name, const char *value)
{
    if (!value)
        return;
    (void) base_buffer_printf (buffer, " --%s", name);
    append_word (buffer, value);
}

/*  The command line that starts this plan. It names the release, because the newest release may be another
    one by then. */
static char *start_command (const struct ctl *ctl, const noded_plan *plan)
{
    const struct ctl_options *options = &ctl->options;
    char digits[CTL_DIGEST_SIZE];
    base_cleanup (base_buffer_deinit) struct base_buffer text = {.size = 0};
    (void) base_buffer_append_text (&text, "nodectl");
    append_option (&text, "broker", options->broker);
    append_option (&text, "config", options->config);
    (void) base_buffer_append_text (&text, " rollout start");
    append_option (&text, "app", options->application);
    append_option (&text, "release",
                   noded_digest_is_null (&plan->spec->release)
                       ? NULL
                       : ctl_digest_format (&plan->spec->release, digits));
    append_option (&text, "spec", options->spec);
    for (char **setting = options->settings; setting && *setting; setting++) {
        size_t length = strcspn (*setting, "=");
        (void) base_buffer_printf (&text, " --%.*s", (int) length, *setting);
        if (strcmp (*setting, "approval=yes") != 0 && strcmp (*setting, "rehearse-revert=yes") != 0 &&
            strcmp (*setting, "queue=yes") != 0 && strcmp (*setting, "supersede=yes") != 0)
            append_word (&text, *setting + length + 1);
    }
    append_option (&text, "plan", ctl_digest_format (&plan->hash, digits));
    return base_buffer_take_text (&text);
}

int ctl_rollout_plan (struct ctl *ctl)
{
    base_cleanup (list_free_p) char **settings = NULL;
    base_cleanup (plan_free_p) noded_plan *plan = NULL;
    base_cleanup (noded_members_free) noded_members members = {.count = 0};
    int code = settings_of (ctl, &settings);
    if (code == CTL_OK)
        code = plan_ask (ctl, settings, &plan);
    if (code == CTL_OK)
        code = planned_ask (ctl, plan, &members);
    if (code != CTL_OK)
        return code;
    if (ctl->options.json) {
        noded_plan shown = *plan;
        shown.members = members.items;
        shown.n_members = members.count;
        return ctl_print_json (ctl, noded_plan_json (&shown));
    }
    base_cleanup (base_free_p) char *command = start_command (ctl, plan);
    ctl_plan_print (ctl->out, plan, &members, command, ctl->width, ctl->options.nodes);
    return CTL_OK;
}

/*  Completes the hash given by --plan. Fails if the plan has another hash. */
static int plan_complete (struct ctl *ctl, const noded_plan *plan, char ret_hash[65])
{
    enum { DIGITS_LEAST = 6 };
    const char *given = ctl->options.plan, *now = noded_digest_text (&plan->hash, ret_hash);
    size_t length = strlen (given);
    if (length < DIGITS_LEAST || strspn (given, "0123456789abcdef") != length)
        return ctl_misused (ctl,
                            "--plan needs the hash that nodectl rollout plan prints, or at least the first "
                            "%d digits of it, not \"%s\"",
                            DIGITS_LEAST, given);
    if (strncmp (now, given, length) != 0)
        return ctl_tell (
            ctl, "cannot start the rollout: the plan has changed; it is %.12s now. See nodectl rollout plan",
            now);
    return CTL_OK;
}

/*  The plan updates no node. That is a success only if every selected node runs the release already. */
static int nothing_to_do (struct ctl *ctl, const noded_plan *plan, const noded_members *members)
{
    bool all_run = members->count > 0;
    for (size_t i = 0; i < members->count; i++)
        all_run &= strcmp (ctl_text (members->items[i].reason), "runs the release already") == 0;
    if (ctl->options.json)
        (void) ctl_print_json (ctl, noded_plan_json (plan));
    else
        ctl_left_out_print (ctl->out, members, ctl->width, ctl->options.nodes);
    if (!members->count)
        return ctl_tell (ctl, "nothing to do: no node is selected");
    if (!all_run)
        return ctl_tell (
            ctl, "nothing to do: no selected node can be updated now; nodectl rollout plan shows why");
    (void) fputs ("every node that is selected runs the release already\n",
                  ctl->options.json ? ctl->err : ctl->out);
    return CTL_OK;
}

/*  Makes a plan and starts it. *ret_rollout stays NULL if there is nothing to do. */
static int rollout_start (struct ctl *ctl, noded_rollout **ret_rollout)
{
    base_cleanup (list_free_p) char **settings = NULL;
    base_cleanup (plan_free_p) noded_plan *plan = NULL;
    base_cleanup (noded_members_free) noded_members members = {.count = 0};
    char hash[65], digits[65];
    int code = settings_of (ctl, &settings);
    if (code == CTL_OK)
        code = plan_ask (ctl, settings, &plan);
    if (code == CTL_OK && ctl->options.plan)
        code = plan_complete (ctl, plan, hash);
    bool empty = code == CTL_OK && !plan->updated;
    bool tells = code == CTL_OK && plan->left_out && !ctl->options.json;
    if (empty || tells)
        code = planned_ask (ctl, plan, &members);
    if (code != CTL_OK)
        return code;
    if (empty)
        return nothing_to_do (ctl, plan, &members);
    if (tells)
        ctl_left_out_print (ctl->out, &members, ctl->width, false);
    /*  Name the release: the plan and the rollout must be for the same one. */
    base_cleanup (base_free_p) char *release =
        base_text_printf ("release=%s", noded_digest_text (&plan->spec->release, digits));
    if (!release || base_list_append (&settings, release) != 0)
        return ctl_tell (ctl, "out of memory");
    const noded_spec spec = spec_of (ctl, settings);
    int rc = noded_client_rollout_start (ctl->client, &spec, ctl->options.plan ? hash : NULL, ret_rollout);
    return rc == 0 ? CTL_OK : spec_fail (ctl, rc);
}

static void rollout_show (struct ctl *ctl, const noded_rollout *rollout)
{
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

int ctl_rollout_start (struct ctl *ctl)
{
    base_cleanup (ctl_rollout_free_p) noded_rollout *rollout = NULL;
    int code = rollout_start (ctl, &rollout);
    if (code != CTL_OK || !rollout)
        return code;
    if (!ctl->options.no_wait)
        return ctl_rollout_follow (ctl, &rollout, CTL_ROLLOUT_TO_DONE);
    rollout_show (ctl, rollout);
    return CTL_OK;
}

/*  Takes an item out of a list; the caller owns it. NULL: memory is out. */
static noded_rollout *rollout_take (noded_rollout *item)
{
    noded_rollout *taken = malloc (sizeof *taken);
    if (!taken)
        return NULL;
    *taken = *item;
    *item = (noded_rollout){.id = NULL};
    return taken;
}

/*  Finds the rollout whose id begins with name. An id equal to name is preferred. */
static int find_named (struct ctl *ctl, const noded_rollouts *list, const char *name,
                       noded_rollout **ret_item)
{
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
        return ctl_tell (ctl, "%zu rollouts start with %s: give more digits", count, name);
    if (!count)
        return ctl_tell (ctl, "the broker does not know rollout \"%s\": see nodectl rollout list", name);
    return CTL_OK;
}

static int nothing_runs (struct ctl *ctl, const noded_rollouts *list)
{
    if (!list->count)
        return ctl_tell (ctl, "no rollout exists: nodectl rollout start starts one");
    return ctl_tell (
        ctl,
        "no rollout is under way: the newest, %s, has ended (%s). nodectl rollout start starts another one, "
        "nodectl rollout revert %s reverts the nodes that it updated",
        list->items[0].id, noded_phase_word (list->items[0].phase), list->items[0].id);
}

/*  Finds the only rollout that is not over. any: the newest one that is not over, else the newest one. list:
    newest first. */
static int find_unnamed (struct ctl *ctl, const noded_rollouts *list, bool any, noded_rollout **ret_item)
{
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
        return nothing_runs (ctl, list);
    *ret_item = found;
    return CTL_OK;
}

bool ctl_rollout_is_id (const char *word)
{
    return strncmp (word, "r-", 2) == 0 && !word[2 + strspn (word + 2, "0123456789abcdef")];
}

int ctl_rollout_find (struct ctl *ctl, const char *name, bool any, noded_rollout **ret_rollout)
{
    base_cleanup (noded_rollouts_free) noded_rollouts list = {.count = 0};
    noded_rollout *item = NULL;
    if (name && !ctl_rollout_is_id (name))
        return ctl_misused (
            ctl,
            "\"%s\" is not a rollout: give its id (r- and digits) or the beginning of it; see "
            "nodectl rollout list",
            name);
    int rc = noded_client_rollout_list (ctl->client, &(noded_rollouts_query){.since = 0}, &list);
    if (rc != 0)
        return ctl_fail (ctl, rc);
    int code = name ? find_named (ctl, &list, name, &item) : find_unnamed (ctl, &list, any, &item);
    if (code != CTL_OK)
        return code;
    *ret_rollout = rollout_take (item);
    return *ret_rollout ? CTL_OK : ctl_tell (ctl, "out of memory");
}

int ctl_rollout_status (struct ctl *ctl)
{
    base_cleanup (ctl_rollout_free_p) noded_rollout *rollout = NULL;
    base_cleanup (noded_members_free) noded_members members = {.count = 0};
    int code = ctl_rollout_find (ctl, ctl->n_words ? ctl->words[0] : NULL, true, &rollout);
    if (code != CTL_OK)
        return code;
    if (ctl->options.follow)
        return ctl_rollout_follow (ctl, &rollout, CTL_ROLLOUT_TO_DONE);
    if (ctl->options.nodes)
        code = members_ask (ctl, &(noded_members_query){.rollout = rollout->id}, &members);
    if (code != CTL_OK)
        return code;
    noded_rollout shown = *rollout;
    shown.members = members.items;
    shown.n_members = members.count;
    rollout_show (ctl, &shown);
    if (ctl->options.nodes && !ctl->options.json) {
        (void) fputc ('\n', ctl->out);
        ctl_members_print (ctl->out, &members, ctl->width);
    }
    return CTL_OK;
}

int ctl_rollout_list (struct ctl *ctl)
{
    base_cleanup (noded_rollouts_free) noded_rollouts list = {.count = 0};
    int rc = noded_client_rollout_list (ctl->client, &(noded_rollouts_query){.since = 0}, &list);
    if (rc != 0)
        return ctl_fail (ctl, rc);
    if (ctl->options.json)
        return ctl_print_json (ctl, noded_rollouts_json (list.items, list.count));
    ctl_rollouts_print (ctl->out, &list, ctl->width);
    return CTL_OK;
}

/*  Finds the rollout that the command line names and sends it a command. *ret_now: the new state. */
static int find_and_steer (struct ctl *ctl, enum noded_command command, noded_rollout **ret_now)
{
    base_cleanup (ctl_rollout_free_p) noded_rollout *rollout = NULL;
    int code = ctl_rollout_find (ctl, ctl->n_words ? ctl->words[0] : NULL, false, &rollout);
    if (code != CTL_OK)
        return code;
    const noded_steering steering = {.rollout = rollout->id, .command = command};
    int rc = noded_client_rollout_steer (ctl->client, &steering, ret_now);
    return rc == 0 ? CTL_OK : ctl_fail (ctl, rc);
}

static int steer_and_show (struct ctl *ctl, enum noded_command command)
{
    base_cleanup (ctl_rollout_free_p) noded_rollout *now = NULL;
    int code = find_and_steer (ctl, command, &now);
    if (code == CTL_OK)
        rollout_show (ctl, now);
    return code;
}

int ctl_rollout_pause (struct ctl *ctl)
{
    return steer_and_show (ctl, NODED_COMMAND_PAUSE);
}

int ctl_rollout_resume (struct ctl *ctl)
{
    return steer_and_show (ctl, NODED_COMMAND_RESUME);
}

int ctl_rollout_abort (struct ctl *ctl)
{
    return steer_and_show (ctl, NODED_COMMAND_ABORT);
}

/*  Without a rollout's id, the nodes belong to the only rollout that is not over. */
int ctl_rollout_retry (struct ctl *ctl)
{
    enum { PORTION = 512 /* nodes that one request can name */ };
    base_cleanup (ctl_rollout_free_p) noded_rollout *rollout = NULL, *now = NULL;
    size_t named = ctl->n_words && ctl_rollout_is_id (ctl->words[0]) ? 1 : 0, at = named;
    int code = ctl_rollout_find (ctl, named ? ctl->words[0] : NULL, false, &rollout);
    if (code != CTL_OK)
        return code;
    do {
        size_t count = ctl->n_words - at < PORTION ? ctl->n_words - at : PORTION;
        const noded_steering steering = {.rollout = rollout->id,
                                         .command = NODED_COMMAND_RETRY,
                                         .nodes = (const char *const *) ctl->words + at,
                                         .n_nodes = count};
        noded_rollout_free (base_take (now));
        int rc = noded_client_rollout_steer (ctl->client, &steering, &now);
        if (rc != 0)
            return ctl_fail (ctl, rc);
        at += count;
    } while (at < ctl->n_words);
    rollout_show (ctl, now);
    return CTL_OK;
}

/*  Approves the wave that waited when the state was read, not any later one: if two operators approve the
    same wave, the second approval does not start the next wave. */
int ctl_rollout_approve (struct ctl *ctl)
{
    base_cleanup (ctl_rollout_free_p) noded_rollout *rollout = NULL, *now = NULL;
    int code = ctl_rollout_find (ctl, ctl->n_words ? ctl->words[0] : NULL, false, &rollout);
    if (code != CTL_OK)
        return code;
    uint64_t next = rollout->wave + (rollout->unproven ? 1 : 0);
    const noded_steering steering = {.rollout = rollout->id,
                                     .command = NODED_COMMAND_APPROVE,
                                     .wave = (unsigned) (ctl->options.wave ? ctl->options.wave : next)};
    int rc = noded_client_rollout_steer (ctl->client, &steering, &now);
    if (rc != 0)
        return ctl_fail (ctl, rc);
    rollout_show (ctl, now);
    return CTL_OK;
}

int ctl_rollout_revert (struct ctl *ctl)
{
    base_cleanup (ctl_rollout_free_p) noded_rollout *now = NULL;
    int code = find_and_steer (ctl, NODED_COMMAND_REVERT, &now);
    if (code != CTL_OK)
        return code;
    if (!ctl->options.no_wait)
        return ctl_rollout_follow (ctl, &now, CTL_ROLLOUT_TO_REVERTED);
    rollout_show (ctl, now);
    return CTL_OK;
}

int ctl_rollout_why (struct ctl *ctl, const noded_rollout *rollout)
{
    base_cleanup (noded_transitions_free) noded_transitions transitions = {.count = 0};
    int rc = noded_client_rollout_history (ctl->client, rollout->id, &transitions);
    if (rc != 0)
        return ctl_fail (ctl, rc);
    if (ctl->options.json)
        return ctl_print_json (ctl, noded_transitions_json (transitions.items, transitions.count));
    ctl_rollout_why_print (ctl->out, rollout, &transitions);
    return CTL_OK;
}
