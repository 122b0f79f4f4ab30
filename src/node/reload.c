/* SPDX-License-Identifier: MPL-2.0 */
/*  node/reload.c - reloads node.zpl, and judges whether new settings reach an origin; see identity/settings.h */

#include "base/assert.h"
#include "node/application.h"

/*  Settings are read only when the process starts. So new ones need a restart of the same version, but never
    during an update or a trial. Unusable settings are checked again periodically, so that their correction
    needs no second signal. */
static void settings_look (void *context)
{
    struct node_process *process = context;
    bool usable = identity_settings_check (process->root.path, NULL) == 0 &&
                  !identity_settings_given_up (process->root.path);
    bus_timer_cancel (process->loop, process->looking);
    process->looking = 0;
    if (usable && node_process_is_at_rest (process)) {
        identity_settings_taken (&process->root);
        node_process_leave (process);
    } else if (process->settings_wanted || process->settings != IDENTITY_SETTINGS_OWN)
        process->looking = bus_timer_start (process->loop, IDENTITY_SETTINGS_LOOK_MS, settings_look, process);
}

void node_reload_look (struct node_process *process)
{
    settings_look (process);
}

/*  Settings are on trial until an origin has welcomed this node; see identity/settings.h. A file that was
    changed after they were loaded was never tried, so it is not given up. */
static void settings_judge (void *context)
{
    struct node_process *process = context;
    struct base_digest now = identity_settings_digest (process->root.path);
    bool own = process->settings == IDENTITY_SETTINGS_OWN, leave = false;
    base_assert (process->config->depth == IDENTITY_DEPTH_SERVICE);
    process->judging = 0;
    process->judged++;
    if (own && !process->welcomed && base_digest_equal (&now, &process->loaded))
        leave = node_process_is_at_rest (process) && identity_settings_give_up (&process->root) == 0;
    else if (own && !process->welcomed)
        node_reload_look (process);
    else if (process->settings == IDENTITY_SETTINGS_BACK && node_process_is_at_rest (process) &&
             (!process->welcomed || process->judged >= IDENTITY_SETTINGS_AGAIN)) {
        identity_settings_retry (&process->root);
        node_reload_look (process);
    }
    if (leave)
        node_process_leave (process);
    else if (!process->welcomed || !own)
        process->judging =
            bus_timer_start (process->loop, process->config->trial.confirm_ms, settings_judge, process);
}

void node_reload_hangup (struct node_process *process)
{
    identity_settings_retry (&process->root);
    struct base_error error = {.code = 0};
    int r = identity_settings_check (process->root.path, &error);
    if (r < 0)
        identity_settings_log (&process->root, process->settings, true, error.text);
    process->settings_wanted = true;
    node_reload_look (process);
}

void node_reload_begin (struct node_process *process)
{
    base_assert (process->loop && process->judging == 0);
    if (process->config->depth == IDENTITY_DEPTH_SERVICE)
        process->judging =
            bus_timer_start (process->loop, process->config->trial.confirm_ms, settings_judge, process);
}

void node_reload_welcome (struct node_process *process)
{
    process->welcomed = true;
    if (process->config->depth != IDENTITY_DEPTH_SERVICE)
        return;
    identity_settings_used (&process->root, process->config);
    if (process->settings == IDENTITY_SETTINGS_OWN) {
        identity_settings_keep (&process->root, &process->loaded);
        identity_settings_retry (&process->root);
    }
}

void node_reload_end (struct node_process *process)
{
    bus_timer_cancel (process->loop, process->looking);
    bus_timer_cancel (process->loop, process->judging);
}
