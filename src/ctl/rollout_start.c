/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/rollout_start.c - planning and starting a rollout

    The settings of a rollout are passed to the library as given. The library checks them. */

#include "ctl/ctl.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "ctl/rollout.h"
#include "ctl/rollout_follow.h"
#include "ctl/text.h"

static void list_free_p (char ***list)
{
    base_list_free (*list);
}

/*  Appends NAME=VALUE, unless value is NULL. Returns 0 or -ENOMEM. */
static int settings_append (char ***settings, const char *name, const char *value)
{
    base_assert (settings && name);
    if (!value)
        return 0;
    base_cleanup (base_free_p) char *setting = base_text_printf ("%s=%s", name, value);
    return setting ? base_list_append (settings, setting) : -ENOMEM;
}

/*  The settings from the options, with those of --app and --release. A list for base_list_free. */
static enum ctl_exit settings_of (struct ctl *ctl, char ***ret_settings)
{
    base_assert (ret_settings && !*ret_settings);
    const struct ctl_options *options = &ctl->options;
    base_cleanup (list_free_p) char **settings = NULL;
    for (size_t i = 0; options->settings && options->settings[i]; i++)
        if (base_list_append (&settings, options->settings[i]) < 0)
            return ctl_error (ctl, "out of memory");
    if (settings_append (&settings, "application", options->application) < 0 ||
        settings_append (&settings, "release", options->release) < 0)
        return ctl_error (ctl, "out of memory");
    *ret_settings = base_take (settings);
    return CTL_OK;
}

/*  -EINVAL: the library found a malformed setting, which is a usage error. */
static enum ctl_exit spec_fail (struct ctl *ctl, int r)
{
    base_assert (r < 0);
    return r == -EINVAL ? ctl_misused (ctl, "%s", noded_client_error (ctl->client)) : ctl_fail (ctl, r);
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

static enum ctl_exit plan_ask (struct ctl *ctl, char *const *settings, noded_plan **ret_plan)
{
    base_assert (ret_plan && !*ret_plan);
    const noded_spec spec = spec_of (ctl, settings);
    int r = noded_client_rollout_plan (ctl->client, &spec, ret_plan);
    return r < 0 ? spec_fail (ctl, r) : CTL_OK;
}

/*  Lists the members of a plan that was just made. */
static enum ctl_exit planned_ask (struct ctl *ctl, const noded_plan *plan, noded_members *ret_members)
{
    base_assert (plan && ret_members);
    char hash[65];
    const noded_members_query query = {.plan = noded_digest_text (&plan->hash, hash)};
    int r = noded_client_rollout_members (ctl->client, &query, ret_members);
    return r < 0 ? ctl_fail (ctl, r) : CTL_OK;
}

static void word_append (struct base_buffer *buffer, const char *word)
{
    base_assert (word);
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

static void option_append (struct base_buffer *buffer, const char *name, const char *value)
{
    base_assert (name);
    if (!value)
        return;
    (void) base_buffer_printf (buffer, " --%s", name);
    word_append (buffer, value);
}

/*  The command line that starts this plan. It names the release, because the newest release may be another
    one by then. */
static char *command_format (const struct ctl *ctl, const noded_plan *plan)
{
    base_assert (plan && plan->spec);
    const struct ctl_options *options = &ctl->options;
    char digits[CTL_DIGEST_SIZE];
    base_cleanup (base_buffer_deinit) struct base_buffer text = {.size = 0};
    (void) base_buffer_append_text (&text, "nodectl");
    option_append (&text, "broker", options->broker);
    option_append (&text, "config", options->config);
    (void) base_buffer_append_text (&text, " rollout start");
    option_append (&text, "app", options->application);
    option_append (&text, "release",
                   noded_digest_is_null (&plan->spec->release)
                       ? NULL
                       : ctl_digest_format (&plan->spec->release, digits));
    option_append (&text, "spec", options->spec);
    for (char **setting = options->settings; setting && *setting; setting++) {
        size_t length = strcspn (*setting, "=");
        (void) base_buffer_printf (&text, " --%.*s", (int) length, *setting);
        if (strcmp (*setting, "approval=yes") != 0 && strcmp (*setting, "rehearse-revert=yes") != 0 &&
            strcmp (*setting, "queue=yes") != 0 && strcmp (*setting, "supersede=yes") != 0)
            word_append (&text, *setting + length + 1);
    }
    option_append (&text, "plan", ctl_digest_format (&plan->hash, digits));
    return base_buffer_take_text (&text);
}

enum ctl_exit ctl_rollout_plan (struct ctl *ctl)
{
    base_cleanup (list_free_p) char **settings = NULL;
    base_cleanup (plan_free_p) noded_plan *plan = NULL;
    base_cleanup (noded_members_free) noded_members members = {.count = 0};
    enum ctl_exit code = settings_of (ctl, &settings);
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
    base_cleanup (base_free_p) char *command = command_format (ctl, plan);
    ctl_plan_print (ctl->out, plan, &members, command, ctl->width, ctl->options.nodes);
    return CTL_OK;
}

/*  Completes the hash given by --plan. Fails if the plan has another hash. */
static enum ctl_exit plan_complete (struct ctl *ctl, const noded_plan *plan, char ret_hash[65])
{
    base_assert (ctl->options.plan && ret_hash);
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
static enum ctl_exit empty_plan_end (struct ctl *ctl, const noded_plan *plan, const noded_members *members)
{
    base_assert (!plan->updated);
    bool all_run = members->count > 0;
    for (size_t i = 0; i < members->count; i++)
        all_run &= strcmp (ctl_text (members->items[i].reason), "runs the release already") == 0;
    if (ctl->options.json)
        (void) ctl_print_json (ctl, noded_plan_json (plan));
    else
        ctl_skipped_print (ctl->out, members, ctl->width, ctl->options.nodes);
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
static enum ctl_exit rollout_start (struct ctl *ctl, noded_rollout **ret_rollout)
{
    base_assert (ret_rollout && !*ret_rollout);
    base_cleanup (list_free_p) char **settings = NULL;
    base_cleanup (plan_free_p) noded_plan *plan = NULL;
    base_cleanup (noded_members_free) noded_members members = {.count = 0};
    char hash[65], digits[65];
    enum ctl_exit code = settings_of (ctl, &settings);
    if (code == CTL_OK)
        code = plan_ask (ctl, settings, &plan);
    if (code == CTL_OK && ctl->options.plan)
        code = plan_complete (ctl, plan, hash);
    bool empty = code == CTL_OK && !plan->updated;
    bool lists_skipped = code == CTL_OK && plan->skipped && !ctl->options.json;
    if (empty || lists_skipped)
        code = planned_ask (ctl, plan, &members);
    if (code != CTL_OK)
        return code;
    if (empty)
        return empty_plan_end (ctl, plan, &members);
    if (lists_skipped)
        ctl_skipped_print (ctl->out, &members, ctl->width, false);
    /*  Name the release: the plan and the rollout must be for the same one. */
    base_cleanup (base_free_p) char *release =
        base_text_printf ("release=%s", noded_digest_text (&plan->spec->release, digits));
    if (!release || base_list_append (&settings, release) != 0)
        return ctl_error (ctl, "out of memory");
    const noded_spec spec = spec_of (ctl, settings);
    int r = noded_client_rollout_start (ctl->client, &spec, ctl->options.plan ? hash : NULL, ret_rollout);
    return r < 0 ? spec_fail (ctl, r) : CTL_OK;
}

enum ctl_exit ctl_rollout_start (struct ctl *ctl)
{
    base_cleanup (ctl_rollout_free_p) noded_rollout *rollout = NULL;
    enum ctl_exit code = rollout_start (ctl, &rollout);
    if (code != CTL_OK || !rollout)
        return code;
    if (!ctl->options.no_wait)
        return ctl_rollout_follow (ctl, &rollout, CTL_ROLLOUT_TO_DONE);
    ctl_rollout_show (ctl, rollout);
    return CTL_OK;
}
