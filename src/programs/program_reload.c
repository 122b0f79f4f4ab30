/* SPDX-License-Identifier: MPL-2.0 */
/*  programs/program_reload.c - reloads the settings of a running server */

#include "programs/program_reload.h"

#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"

static void settings_free_p (struct bus_settings **settings)
{
    *settings = bus_settings_free (*settings);
}

/*  A server that had keys must not continue without: it would then accept every peer. */
static enum program_exit keys_check (const struct program_reload *reload, const struct program_spec *spec,
                                     const struct bus_keyring *keys)
{
    base_assert (reload->keys && keys);
    if (keys->configured == reload->keys->configured)
        return PROGRAM_GO;
    return program_usage_error (spec, "CURVE keys were %s since the start: restart to apply that",
                                keys->configured ? "added" : "removed");
}

static enum program_exit keys_take (const struct program_reload *reload, const struct program_spec *spec,
                                    const struct bus_keyring *keys)
{
    base_assert (keys);
    struct base_error error = {.code = 0};
    if (!keys->configured)
        return PROGRAM_GO;
    if (strcmp (keys->bus.secret_key, reload->keys->bus.secret_key) != 0)
        base_log (BASE_LOG_WARNING, "a changed key pair of this server takes effect after a restart");
    if (!reload->admission)
        return PROGRAM_GO;
    if (bus_keyring_admit (keys, reload->admission, BUS_CHANNELS_ALL, &error) < 0)
        return program_usage_error (spec, "%s", error.text);
    base_log (BASE_LOG_INFO, "%zu keys are allowed; connections of removed keys were ended",
              bus_admission_count (reload->admission));
    return PROGRAM_GO;
}

void program_reload (const struct program_reload *reload)
{
    base_assert (reload && reload->spec && reload->take);
    base_assert (reload->argv);
    base_cleanup (settings_free_p) struct bus_settings *settings = NULL;
    base_cleanup (bus_keyring_deinit) struct bus_keyring keys = {.configured = false};
    struct program_spec spec = *reload->spec;
    enum base_log_level level = base_log_get_level ();
    struct base_error error = {.code = 0};
    enum program_exit code;
    int first;

    spec.again = true;
    base_log_set_level (BASE_LOG_INFO);
    code = program_options_parse (&spec, reload->argc, reload->argv, &settings, &first);
    if (code == PROGRAM_GO && bus_keyring_read (settings, true, &keys, &error) < 0)
        code = program_usage_error (&spec, "%s", error.text);
    if (code == PROGRAM_GO && keys.allowed && !reload->admission)
        code = program_usage_error (&spec, "%s", PROGRAM_ALLOW_ELSEWHERE);
    if (code == PROGRAM_GO)
        code = keys_check (reload, &spec, &keys);
    if (code == PROGRAM_GO)
        code = reload->take (reload->context, &spec);
    if (code == PROGRAM_GO)
        code = keys_take (reload, &spec, &keys);
    if (code != PROGRAM_GO)
        base_log_set_level (level);
    else
        base_log (BASE_LOG_INFO, "the settings were reloaded");
}
