/* SPDX-License-Identifier: MPL-2.0 */
/*  rehearsal/rehearsal.c - makes and frees what a rehearsal needs: scratch root, origin, callback, guard */

#include "rehearsal/private.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "base/time.h"

enum { HEARTBEAT_MS = 15 * 1000 };

/*  Called on a host where the guard may not mount, such as in a container, or for a user other than root. */
static void on_open_root (void *context, const char *reason)
{
    struct rehearsal *rehearsal = context;
    struct base_error error = {.code = 0};
    base_log (BASE_LOG_INFO,
              "the candidate could write to all of %s (%s): saving the files that a start needs",
              rehearsal->spec.root->path, reason);
    if (rehearsal_snapshot_make (rehearsal->spec.root, &rehearsal->snapshot, &error) < 0)
        base_log (BASE_LOG_WARNING, "cannot save the files that a start needs, ignoring: %s", error.text);
}

static int origin_serve (struct rehearsal *rehearsal, struct base_error *error)
{
    const char *sockets = rehearsal->scratch.sockets;
    char announce[96], control[96], content[96], callback[96];
    (void) snprintf (announce, sizeof announce, "ipc://%s/announce", sockets);
    (void) snprintf (control, sizeof control, "ipc://%s/control", sockets);
    (void) snprintf (content, sizeof content, "ipc://%s/content", sockets);
    (void) snprintf (callback, sizeof callback, "ipc://%s/callback", sockets);
    struct origin_config config = {
        .announce = announce, .control = control, .content = content, .heartbeat_ms = HEARTBEAT_MS};
    int r = origin_new (rehearsal->spec.loop, &config, &rehearsal_origin_ops, rehearsal, &rehearsal->origin,
                        error);
    if (r < 0)
        return r;
    struct bus_socket_options options = {.on_message = rehearsal_on_callback,
                                         .on_refused = rehearsal_on_refused,
                                         .context = rehearsal,
                                         .quiet = true};
    r = bus_socket_new (rehearsal->spec.loop, BUS_PULL, &options, &rehearsal->callback, error);
    if (r < 0)
        return r;
    r = bus_socket_bind (rehearsal->callback, callback, error);
    for (size_t i = 0; i < REHEARSAL_OFFERS && r == 0; i++)
        r = rehearsal_offer_make (rehearsal->spec.root, rehearsal->spec.self, callback, &rehearsal->offers[i],
                                  error);
    return r;
}

static int settings_write (struct rehearsal *rehearsal, struct base_error *error)
{
    struct node_probe_settings probe = {.nonce = rehearsal->nonce, .depth = rehearsal->spec.depth};
    (void) snprintf (probe.endpoints.announce, BUS_ENDPOINT_SIZE, "%s",
                     origin_endpoint_announce (rehearsal->origin));
    (void) snprintf (probe.endpoints.control, BUS_ENDPOINT_SIZE, "%s",
                     origin_endpoint_control (rehearsal->origin));
    (void) snprintf (probe.endpoints.content, BUS_ENDPOINT_SIZE, "%s",
                     origin_endpoint_content (rehearsal->origin));
    probe.callback = bus_socket_endpoint (rehearsal->callback);
    base_cleanup (base_free_p) char *text = identity_config_probe_file (rehearsal->spec.config, &probe);
    return text ? rehearsal_scratch_settings (&rehearsal->scratch, text, error) : -ENOMEM;
}

/*  Reads the digests of the candidate from its workspace. */
static int candidate_identify (struct rehearsal *rehearsal, struct base_error *error)
{
    base_assert (rehearsal->spec.candidate);
    base_cleanup (base_close_p) int fd = -1;
    base_cleanup (base_buffer_deinit) struct base_buffer manifest = {0};
    struct wire_installed installed = {0};
    int r = root_workspace_read (rehearsal->spec.root, rehearsal->spec.candidate, &installed, error);
    if (r)
        return r;
    rehearsal->binary = installed.envelope->binary;
    wire_installed_deinit (&installed);
    r = root_workspace_open (rehearsal->spec.root, rehearsal->spec.candidate, &fd);
    if (r == 0)
        r = disk_file_read (rehearsal->spec.root->disk, fd, ROOT_MANIFEST, 1 << 20, &manifest);
    if (r)
        return base_error_set (error, r, "cannot read the manifest of %s: %s", rehearsal->spec.candidate,
                               root_error_text (r));
    rehearsal->manifest = base_digest_of (manifest.data, manifest.size);
    return 0;
}

static void begin_fail (struct rehearsal *rehearsal, const struct base_error *error)
{
    rehearsal->result.end.host = true;
    rehearsal_fail (rehearsal, "the rehearsal could not start: %s",
                    *error->text ? error->text : "out of memory");
}

static int candidate_copy (void *context);
static void on_copied (void *context, int r);

static void rehearsal_begin (void *context)
{
    base_assert (context);
    struct rehearsal *rehearsal = context;
    const struct rehearsal_spec *spec = &rehearsal->spec;
    struct base_error error = {.code = 0};
    base_assert (rehearsal->phase == PHASE_BEGIN && !rehearsal->env && !rehearsal->copying);
    rehearsal->late = 0;
    rehearsal->started_ms = base_time_boot_ms ();
    rehearsal->env = identity_self_pristine_env (spec->self);
    rehearsal->launcher = base_text_printf ("%s/%s/%s", spec->root->path, spec->candidate, ROOT_LAUNCHER);
    int r = rehearsal->env && rehearsal->launcher ? 0 : -ENOMEM;
    if (r == 0)
        r = candidate_identify (rehearsal, &error);
    if (r == 0)
        r = rehearsal_scratch_make (spec->root, &rehearsal->scratch, &error);
    if (r == 0)
        r = rehearsal_scratch_rendezvous (&rehearsal->scratch, &error);
    if (r == 0)
        r = bus_work_start (spec->loop, candidate_copy, on_copied, rehearsal, &rehearsal->copying);
    if (r)
        begin_fail (rehearsal, &error);
}

static int candidate_copy (void *context)
{
    struct rehearsal *rehearsal = context;
    return rehearsal_scratch_copy (&rehearsal->scratch, rehearsal->spec.candidate, &rehearsal->stop,
                                   &rehearsal->copy_error);
}

static void on_copied (void *context, int r)
{
    struct rehearsal *rehearsal = context;
    const struct rehearsal_spec *spec = &rehearsal->spec;
    struct base_error error = rehearsal->copy_error;
    rehearsal->copying = bus_work_free (rehearsal->copying);
    base_assert (rehearsal->phase == PHASE_BEGIN && !rehearsal->origin && !rehearsal->guard);
    if (r == 0)
        r = root_stable_set (&rehearsal->scratch.root, spec->candidate, &error);
    if (r == 0)
        r = origin_serve (rehearsal, &error);
    if (r == 0)
        r = settings_write (rehearsal, &error);
    base_cleanup (base_free_p) char *script =
        r ? NULL : base_text_printf ("%s/%s/%s", rehearsal->scratch.root.path, ROOT_STABLE, ROOT_SCRIPT);
    struct rehearsal_guard_spec guard = {.loop = spec->loop,
                                         .launcher = rehearsal->launcher,
                                         .script = script,
                                         .env = rehearsal->env,
                                         .grace_ms = spec->config->rehearsal_step_ms,
                                         .end_ms = spec->config->rehearsal_step_ms,
                                         .root = spec->root->path,
                                         .scratch = rehearsal->scratch.root.path,
                                         .open = on_open_root,
                                         .gone = rehearsal_on_gone,
                                         .context = rehearsal};
    if (r == 0)
        r = script ? rehearsal_guard_start (&guard, &rehearsal->guard, &error) : -ENOMEM;
    if (r)
        begin_fail (rehearsal, &error);
    else
        rehearsal_enter (rehearsal, PHASE_READY);
}

int rehearsal_new (const struct rehearsal_spec *spec, rehearsal_done *done, void *context,
                   struct rehearsal **ret_rehearsal)
{
    base_assert (spec && spec->loop && spec->config);
    base_assert (spec->root && spec->self && spec->candidate);
    base_assert (done && ret_rehearsal);
    struct rehearsal *rehearsal = calloc (1, sizeof *rehearsal);
    if (!rehearsal)
        return -ENOMEM;
    rehearsal->spec = *spec;
    rehearsal->done = done;
    rehearsal->context = context;
    rehearsal->scratch.root.fd = -1;
    for (size_t i = 0; i < REHEARSAL_OFFERS; i++)
        rehearsal->offers[i].odd = -1;
    (void) base_random_hex (rehearsal->nonce, 16);
    rehearsal->late = bus_timer_start (spec->loop, 0, rehearsal_begin, rehearsal);
    if (rehearsal->late < 0) {
        free (rehearsal);
        return -ENOMEM;
    }
    *ret_rehearsal = rehearsal;
    return 0;
}

void rehearsal_end (struct rehearsal *rehearsal, rehearsal_done *done, void *context)
{
    base_assert (rehearsal && done);
    rehearsal->done = done;
    rehearsal->context = context;
    if (rehearsal->phase == PHASE_END)
        return;
    bus_timer_cancel (rehearsal->spec.loop, rehearsal->late);
    rehearsal->late = 0;
    atomic_store (&rehearsal->stop, true);
    rehearsal->copying = bus_work_free (rehearsal->copying);
    rehearsal_fail (rehearsal, "it was ended");
}

struct rehearsal *rehearsal_free (struct rehearsal *rehearsal)
{
    if (!rehearsal)
        return NULL;
    int timers[] = {rehearsal->deadline, rehearsal->hint_timer, rehearsal->late};
    for (size_t i = 0; i < sizeof timers / sizeof *timers; i++)
        bus_timer_cancel (rehearsal->spec.loop, timers[i]);
    atomic_store (&rehearsal->stop, true);
    (void) bus_work_free (rehearsal->copying);
    bool unfinished = rehearsal->emptying;
    atomic_store (&rehearsal->leave, true);
    (void) bus_work_free (rehearsal->emptying);
    (void) rehearsal_startcheck_free (rehearsal->startcheck);
    (void) rehearsal_guard_free (rehearsal->guard);
    (void) rehearsal_snapshot_free (rehearsal->snapshot);
    (void) origin_free (rehearsal->origin);
    (void) bus_socket_free (rehearsal->callback);
    for (size_t i = 0; i < REHEARSAL_OFFERS; i++)
        rehearsal_offer_deinit (&rehearsal->offers[i]);
    if (rehearsal->stuck || unfinished || rehearsal->emptied)
        rehearsal_scratch_leave (&rehearsal->scratch);
    rehearsal_scratch_deinit (&rehearsal->scratch);
    base_list_free (rehearsal->env);
    free (rehearsal->launcher);
    free (rehearsal);
    return NULL;
}

const char *rehearsal_step (const struct rehearsal *rehearsal)
{
    return rehearsal ? rehearsal_phase_word (rehearsal->phase) : "";
}
