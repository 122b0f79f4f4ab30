/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/rollout_start.c - planning and starting a rollout

    The settings of a rollout are passed to the library as given. The library checks them. */

#include "ctl/ctl.h"

#include <errno.h>
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
        return ctl_error (ctl, "out of memory");
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

/*  Lists the members of a plan that was just made. */
static int planned_ask (struct ctl *ctl, const noded_plan *plan, noded_members *ret_members)
{
    char hash[65];
    const noded_members_query query = {.plan = noded_digest_text (&plan->hash, hash)};
    int rc = noded_client_rollout_members (ctl->client, &query, ret_members);
    return rc == 0 ? CTL_OK : ctl_fail (ctl, rc);
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
        return ctl_error (
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
        return ctl_error (ctl, "nothing to do: no node is selected");
    if (!all_run)
        return ctl_error (
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
    bool lists_skipped = code == CTL_OK && plan->left_out && !ctl->options.json;
    if (empty || lists_skipped)
        code = planned_ask (ctl, plan, &members);
    if (code != CTL_OK)
        return code;
    if (empty)
        return nothing_to_do (ctl, plan, &members);
    if (lists_skipped)
        ctl_left_out_print (ctl->out, &members, ctl->width, false);
    /*  Name the release: the plan and the rollout must be for the same one. */
    base_cleanup (base_free_p) char *release =
        base_text_printf ("release=%s", noded_digest_text (&plan->spec->release, digits));
    if (!release || base_list_append (&settings, release) != 0)
        return ctl_error (ctl, "out of memory");
    const noded_spec spec = spec_of (ctl, settings);
    int rc = noded_client_rollout_start (ctl->client, &spec, ctl->options.plan ? hash : NULL, ret_rollout);
    return rc == 0 ? CTL_OK : spec_fail (ctl, rc);
}

int ctl_rollout_start (struct ctl *ctl)
{
    base_cleanup (ctl_rollout_free_p) noded_rollout *rollout = NULL;
    int code = rollout_start (ctl, &rollout);
    if (code != CTL_OK || !rollout)
        return code;
    if (!ctl->options.no_wait)
        return ctl_rollout_follow (ctl, &rollout, CTL_ROLLOUT_TO_DONE);
    ctl_rollout_show (ctl, rollout);
    return CTL_OK;
}
