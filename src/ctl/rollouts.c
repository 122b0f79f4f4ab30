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

static int plan_ask (struct ctl *ctl, char *const *settings, json_t **ret_plan)
{
    char *text;
    int rc = noded_client_rollout_plan (ctl->client, (const char *const *) settings,
                                        base_list_count (settings), ctl->options.spec, &text);
    return rc == 0 ? ctl_read_json (ctl, text, ret_plan) : spec_fail (ctl, rc);
}

static int members_ask (struct ctl *ctl, const char *rollout, const char *plan, json_t **ret_members)
{
    char *text;
    int rc = noded_client_rollout_members (ctl->client, rollout, plan, 0, NULL, &text);
    return rc == 0 ? ctl_read_json (ctl, text, ret_members) : ctl_fail (ctl, rc);
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
static char *start_command (const struct ctl *ctl, const json_t *plan)
{
    enum { DIGITS = 12 };
    const struct ctl_options *options = &ctl->options;
    char digits[DIGITS + 1];
    base_cleanup (base_buffer_deinit) struct base_buffer text = {.size = 0};
    (void) base_buffer_append_text (&text, "nodectl");
    append_option (&text, "broker", options->broker);
    append_option (&text, "config", options->config);
    (void) base_buffer_append_text (&text, " rollout start");
    append_option (&text, "app", options->application);
    (void) snprintf (digits, sizeof digits, "%s", ctl_json_text (json_object_get (plan, "spec"), "release"));
    append_option (&text, "release", *digits ? digits : NULL);
    append_option (&text, "spec", options->spec);
    for (char **setting = options->settings; setting && *setting; setting++) {
        size_t length = strcspn (*setting, "=");
        (void) base_buffer_printf (&text, " --%.*s", (int) length, *setting);
        if (strcmp (*setting, "approval=yes") != 0 && strcmp (*setting, "rehearse-revert=yes") != 0 &&
            strcmp (*setting, "queue=yes") != 0 && strcmp (*setting, "supersede=yes") != 0)
            append_word (&text, *setting + length + 1);
    }
    (void) snprintf (digits, sizeof digits, "%s", ctl_json_text (plan, "hash"));
    append_option (&text, "plan", digits);
    return base_buffer_take_text (&text);
}

int ctl_rollout_plan (struct ctl *ctl)
{
    base_cleanup (list_free_p) char **settings = NULL;
    base_cleanup (ctl_json_free_p) json_t *plan = NULL, *members = NULL;
    int code = settings_of (ctl, &settings);
    if (code == CTL_OK)
        code = plan_ask (ctl, settings, &plan);
    if (code == CTL_OK)
        code = members_ask (ctl, NULL, ctl_json_text (plan, "hash"), &members);
    if (code != CTL_OK)
        return code;
    if (ctl->options.json) {
        (void) json_object_set (plan, "members", members);
        (void) ctl_print_value (ctl, plan);
        return CTL_OK;
    }
    base_cleanup (base_free_p) char *command = start_command (ctl, plan);
    ctl_plan_print (ctl->out, plan, members, command, ctl->width, ctl->options.nodes);
    return CTL_OK;
}

/*  Completes the hash given by --plan. Fails if the plan has another hash. *ret_hash: borrowed. */
static int plan_complete (struct ctl *ctl, const json_t *plan, const char **ret_hash)
{
    enum { DIGITS_LEAST = 6 };
    const char *given = ctl->options.plan, *now = ctl_json_text (plan, "hash");
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
    *ret_hash = now;
    return CTL_OK;
}

/*  The plan updates no node. That is a success only if every selected node runs the release already. */
static int nothing_to_do (struct ctl *ctl, const json_t *plan, const json_t *members)
{
    size_t i;
    const json_t *member;
    bool all_run = json_array_size (members) > 0;
    json_array_foreach (members, i, member) all_run &=
        strcmp (ctl_json_text (member, "reason"), "runs the release already") == 0;
    if (ctl->options.json)
        (void) ctl_print_value (ctl, plan);
    else
        ctl_left_out_print (ctl->out, members, ctl->width, ctl->options.nodes);
    if (!json_array_size (members))
        return ctl_tell (ctl, "nothing to do: no node is selected");
    if (!all_run)
        return ctl_tell (
            ctl, "nothing to do: no selected node can be updated now; nodectl rollout plan shows why");
    (void) fputs ("every node that is selected runs the release already\n",
                  ctl->options.json ? ctl->err : ctl->out);
    return CTL_OK;
}

/*  Makes a plan and starts it. *ret_rollout stays NULL if there is nothing to do. */
static int rollout_start (struct ctl *ctl, json_t **ret_rollout)
{
    base_cleanup (list_free_p) char **settings = NULL;
    base_cleanup (ctl_json_free_p) json_t *plan = NULL, *members = NULL;
    const char *hash = NULL;
    int code = settings_of (ctl, &settings);
    if (code == CTL_OK)
        code = plan_ask (ctl, settings, &plan);
    if (code == CTL_OK && ctl->options.plan)
        code = plan_complete (ctl, plan, &hash);
    bool empty = code == CTL_OK && !ctl_json_uint (plan, "updated");
    bool tells = code == CTL_OK && ctl_json_uint (plan, "left_out") && !ctl->options.json;
    if (empty || tells)
        code = members_ask (ctl, NULL, ctl_json_text (plan, "hash"), &members);
    if (code != CTL_OK)
        return code;
    if (empty)
        return nothing_to_do (ctl, plan, members);
    if (tells)
        ctl_left_out_print (ctl->out, members, ctl->width, false);
    /*  Name the release: the plan and the rollout must be for the same one. */
    base_cleanup (base_free_p) char *release =
        base_text_printf ("release=%s", ctl_json_text (json_object_get (plan, "spec"), "release"));
    if (!release || base_list_append (&settings, release) != 0)
        return ctl_tell (ctl, "out of memory");
    char *text;
    int rc = noded_client_rollout_start (ctl->client, (const char *const *) settings,
                                         base_list_count (settings), ctl->options.spec, hash, &text);
    return rc == 0 ? ctl_read_json (ctl, text, ret_rollout) : spec_fail (ctl, rc);
}

static void rollout_show (struct ctl *ctl, const json_t *rollout)
{
    if (ctl->options.json) {
        (void) ctl_print_value (ctl, rollout);
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
    base_cleanup (ctl_json_free_p) json_t *rollout = NULL;
    int code = rollout_start (ctl, &rollout);
    if (code != CTL_OK || !rollout)
        return code;
    if (!ctl->options.no_wait)
        return ctl_rollout_follow (ctl, rollout, CTL_ROLLOUT_TO_DONE);
    rollout_show (ctl, rollout);
    return CTL_OK;
}

static int list_ask (struct ctl *ctl, const char *id, json_t **ret_list)
{
    char *text;
    int rc = noded_client_rollout_list (ctl->client, id, 0, 0, NULL, &text);
    return rc == 0 ? ctl_read_json (ctl, text, ret_list) : ctl_fail (ctl, rc);
}

/*  Finds the rollout whose id begins with name. An id equal to name is preferred. */
static int find_named (struct ctl *ctl, const json_t *list, const char *name, json_t **ret_rollout)
{
    size_t i, count = 0;
    json_t *rollout, *found = NULL;
    json_array_foreach (list, i, rollout)
    {
        const char *id = ctl_json_text (rollout, "id");
        if (strncmp (id, name, strlen (name)) != 0)
            continue;
        found = rollout;
        count++;
        if (strcmp (id, name) == 0) {
            count = 1;
            break;
        }
    }
    if (count > 1)
        return ctl_tell (ctl, "%zu rollouts start with %s: give more digits", count, name);
    if (!found)
        return ctl_tell (ctl, "the broker does not know rollout \"%s\": see nodectl rollout list", name);
    *ret_rollout = json_incref (found);
    return CTL_OK;
}

static int nothing_runs (struct ctl *ctl, const json_t *list)
{
    const json_t *newest = json_array_get (list, 0);
    const char *id = ctl_json_text (newest, "id");
    if (!newest)
        return ctl_tell (ctl, "no rollout exists: nodectl rollout start starts one");
    return ctl_tell (
        ctl,
        "no rollout is under way: the newest, %s, has ended (%s). nodectl rollout start starts another one, "
        "nodectl rollout revert %s reverts the nodes that it updated",
        id, ctl_json_text (newest, "phase"), id);
}

/*  Finds the only rollout that is not over. any: the newest one that is not over, else the newest one. list:
    newest first. */
static int find_unnamed (struct ctl *ctl, const json_t *list, bool any, json_t **ret_rollout)
{
    size_t i, count = 0;
    json_t *rollout, *found = NULL;
    json_array_foreach (list, i, rollout)
    {
        if (ctl_json_flag (rollout, "over"))
            continue;
        if (!found)
            found = rollout;
        count++;
    }
    if (count > 1 && !any)
        return ctl_misused (ctl, "name a rollout: %zu have not ended; see nodectl rollout list", count);
    if (!found && any)
        found = json_array_get (list, 0);
    if (!found)
        return nothing_runs (ctl, list);
    *ret_rollout = json_incref (found);
    return CTL_OK;
}

bool ctl_rollout_is_id (const char *word)
{
    return strncmp (word, "r-", 2) == 0 && !word[2 + strspn (word + 2, "0123456789abcdef")];
}

int ctl_rollout_find (struct ctl *ctl, const char *name, bool any, json_t **ret_rollout)
{
    base_cleanup (ctl_json_free_p) json_t *list = NULL;
    if (name && !ctl_rollout_is_id (name))
        return ctl_misused (
            ctl,
            "\"%s\" is not a rollout: give its id (r- and digits) or the beginning of it; see "
            "nodectl rollout list",
            name);
    int code = list_ask (ctl, NULL, &list);
    if (code != CTL_OK)
        return code;
    return name ? find_named (ctl, list, name, ret_rollout) : find_unnamed (ctl, list, any, ret_rollout);
}

int ctl_rollout_status (struct ctl *ctl)
{
    base_cleanup (ctl_json_free_p) json_t *rollout = NULL, *members = NULL;
    int code = ctl_rollout_find (ctl, ctl->n_words ? ctl->words[0] : NULL, true, &rollout);
    if (code != CTL_OK)
        return code;
    if (ctl->options.follow)
        return ctl_rollout_follow (ctl, rollout, CTL_ROLLOUT_TO_DONE);
    if (ctl->options.nodes)
        code = members_ask (ctl, ctl_json_text (rollout, "id"), NULL, &members);
    if (code != CTL_OK)
        return code;
    if (members && ctl->options.json)
        (void) json_object_set (rollout, "members", members);
    rollout_show (ctl, rollout);
    if (members && !ctl->options.json) {
        (void) fputc ('\n', ctl->out);
        ctl_members_print (ctl->out, members, ctl->width);
    }
    return CTL_OK;
}

int ctl_rollout_list (struct ctl *ctl)
{
    char *text;
    int rc = noded_client_rollout_list (ctl->client, NULL, 0, 0, NULL, &text);
    if (rc != 0)
        return ctl_fail (ctl, rc);
    if (ctl->options.json)
        return ctl_print_json (ctl, text);
    base_cleanup (ctl_json_free_p) json_t *list = NULL;
    int code = ctl_read_json (ctl, text, &list);
    if (code == CTL_OK)
        ctl_rollouts_print (ctl->out, list, ctl->width);
    return code;
}

/*  Sends a command to a rollout. wave: for approve, else 0. *ret_now: the new state; the caller owns it. */
static int rollout_steer (struct ctl *ctl, const char *command, const json_t *rollout, uint64_t wave,
                          json_t **ret_now)
{
    char *text;
    int rc = noded_client_rollout_steer (ctl->client, ctl_json_text (rollout, "id"), command, (unsigned) wave,
                                         NULL, 0, &text);
    return rc == 0 ? ctl_read_json (ctl, text, ret_now) : ctl_fail (ctl, rc);
}

static int find_and_steer (struct ctl *ctl, const char *command, json_t **ret_now)
{
    base_cleanup (ctl_json_free_p) json_t *rollout = NULL;
    int code = ctl_rollout_find (ctl, ctl->n_words ? ctl->words[0] : NULL, false, &rollout);
    return code == CTL_OK ? rollout_steer (ctl, command, rollout, 0, ret_now) : code;
}

static int steer_and_show (struct ctl *ctl, const char *command)
{
    base_cleanup (ctl_json_free_p) json_t *now = NULL;
    int code = find_and_steer (ctl, command, &now);
    if (code == CTL_OK)
        rollout_show (ctl, now);
    return code;
}

int ctl_rollout_pause (struct ctl *ctl)
{
    return steer_and_show (ctl, "pause");
}

int ctl_rollout_resume (struct ctl *ctl)
{
    return steer_and_show (ctl, "resume");
}

int ctl_rollout_abort (struct ctl *ctl)
{
    return steer_and_show (ctl, "abort");
}

/*  Without a rollout's id, the nodes belong to the only rollout that is not over. */
int ctl_rollout_retry (struct ctl *ctl)
{
    enum { PORTION = 512 /* nodes that one request can name */ };
    base_cleanup (ctl_json_free_p) json_t *rollout = NULL;
    size_t named = ctl->n_words && ctl_rollout_is_id (ctl->words[0]) ? 1 : 0, at = named;
    int code = ctl_rollout_find (ctl, named ? ctl->words[0] : NULL, false, &rollout);
    if (code != CTL_OK)
        return code;
    do {
        size_t count = ctl->n_words - at < PORTION ? ctl->n_words - at : PORTION;
        char *text;
        int rc = noded_client_rollout_steer (ctl->client, ctl_json_text (rollout, "id"), "retry", 0,
                                             (const char *const *) ctl->words + at, count, &text);
        if (rc != 0)
            return ctl_fail (ctl, rc);
        json_decref (base_take (rollout));
        code = ctl_read_json (ctl, text, &rollout);
        at += count;
    } while (at < ctl->n_words && code == CTL_OK);
    if (code == CTL_OK)
        rollout_show (ctl, rollout);
    return code;
}

/*  Approves the wave that waited when the state was read, not any later one: if two operators approve the
    same wave, the second approval does not start the next wave. */
int ctl_rollout_approve (struct ctl *ctl)
{
    base_cleanup (ctl_json_free_p) json_t *rollout = NULL, *now = NULL;
    int code = ctl_rollout_find (ctl, ctl->n_words ? ctl->words[0] : NULL, false, &rollout);
    if (code != CTL_OK)
        return code;
    uint64_t next = ctl_json_uint (rollout, "wave") + (ctl_json_flag (rollout, "unproven") ? 1 : 0);
    uint64_t wave = ctl->options.wave ? ctl->options.wave : next;
    code = rollout_steer (ctl, "approve", rollout, wave, &now);
    if (code == CTL_OK)
        rollout_show (ctl, now);
    return code;
}

int ctl_rollout_revert (struct ctl *ctl)
{
    base_cleanup (ctl_json_free_p) json_t *now = NULL;
    int code = find_and_steer (ctl, "revert", &now);
    if (code != CTL_OK)
        return code;
    if (!ctl->options.no_wait)
        return ctl_rollout_follow (ctl, now, CTL_ROLLOUT_TO_REVERTED);
    rollout_show (ctl, now);
    return CTL_OK;
}

int ctl_rollout_why (struct ctl *ctl, const json_t *rollout)
{
    char *text;
    int rc = noded_client_rollout_history (ctl->client, ctl_json_text (rollout, "id"), &text);
    if (rc != 0)
        return ctl_fail (ctl, rc);
    if (ctl->options.json)
        return ctl_print_json (ctl, text);
    base_cleanup (ctl_json_free_p) json_t *turns = NULL;
    int code = ctl_read_json (ctl, text, &turns);
    if (code == CTL_OK)
        ctl_rollout_why_print (ctl->out, rollout, turns);
    return code;
}
