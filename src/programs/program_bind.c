/* SPDX-License-Identifier: MPL-2.0 */
/*  programs/program_bind.c - the address that a serving program binds to, and whether it may */

#include "programs/program_bind.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"

enum { PORT_MOST = 65535, CHANNELS = 4, FILES_OF_OURS = 128, FILES_IN_RESERVE = 128 };

static bool is_ipc (const char *address)
{
    base_assert (address);
    return strncmp (address, "ipc://", 6) == 0;
}

int program_bind_endpoint (const char *address, uint64_t port, const char *name,
                           char ret_endpoint[BUS_ENDPOINT_SIZE], struct base_error *error)
{
    base_assert (address && name && ret_endpoint);
    bool is_v6 = strchr (address, ':') && address[0] != '[';
    char port_text[16] = "*";
    int length;

    if (port > PORT_MOST)
        return base_error_set (error, -EINVAL, "port %llu: the highest port is %d", (unsigned long long) port,
                               PORT_MOST);
    if (port > 0)
        (void) snprintf (port_text, sizeof port_text, "%u", (unsigned) port);
    if (is_ipc (address))
        length = snprintf (ret_endpoint, BUS_ENDPOINT_SIZE, "%s/%s", address, name);
    else
        length = snprintf (ret_endpoint, BUS_ENDPOINT_SIZE, is_v6 ? "tcp://[%s]:%s" : "tcp://%s:%s", address,
                           port_text);
    if (length >= BUS_ENDPOINT_SIZE || address[0] == '\0')
        return base_error_set (error, -EINVAL, "\"%.64s\" is not an address to bind: use 127.0.0.1, ::1 or *",
                               address);
    return 0;
}

int program_bind_endpoints (const char *address, uint64_t base, struct bus_endpoints *ret_endpoints,
                            struct base_error *error)
{
    base_assert (address && ret_endpoints);
    struct bus_endpoints endpoints;
    char *const fields[CHANNELS] = {endpoints.announce, endpoints.control, endpoints.content,
                                    endpoints.events};
    static const char *const names[CHANNELS] = {"announce", "control", "content", "events"};

    if (base > PORT_MOST - CHANNELS + 1)
        return base_error_set (error, -EINVAL,
                               "port %llu: four ports in a row are used, so the first is at most %d",
                               (unsigned long long) base, PORT_MOST - CHANNELS + 1);
    for (unsigned i = 0; i < CHANNELS; i++) {
        int r = program_bind_endpoint (address, base ? base + i : 0, names[i], fields[i], error);
        if (r < 0)
            return r;
    }
    *ret_endpoints = endpoints;
    return 0;
}

int program_bind_check (const char *address, bool has_keys, bool insecure, struct base_error *error)
{
    base_assert (address);
    if (has_keys || insecure || is_ipc (address))
        return 0;
    return base_error_set (
        error, -EPERM,
        "%s can be reached by other users and hosts, and no keys are set: anybody who reaches it could do"
        " everything. Use keys (for noded-content the settings that nodectl keys add"
        " NAME --role content makes, with --config), or --insecure in a laboratory",
        address);
}

static void admission_free_p (struct bus_admission **admission)
{
    *admission = bus_admission_free (*admission);
}

int program_bind_admission (const char *address, const struct bus_keyring *keys,
                            struct bus_admission **ret_admission, struct base_error *error)
{
    base_assert (address && keys && ret_admission);
    if (!keys->configured && !is_ipc (address)) {
        *ret_admission = NULL;
        return 0;
    }
    base_cleanup (admission_free_p) struct bus_admission *admission = bus_admission_new ();
    if (!admission)
        return base_error_errno (error, -ENOMEM, "cannot set up who may connect");
    int r = keys->configured ? bus_keyring_admit (keys, admission, BUS_CHANNELS_ALL, error) : 0;
    if (r < 0)
        return r;
    r = bus_admission_allow_uid (admission, 0, BUS_CHANNELS_ALL);
    if (r == 0)
        r = bus_admission_allow_uid (admission, geteuid (), BUS_CHANNELS_ALL);
    if (r < 0)
        return base_error_errno (error, r, "cannot set up who may connect");
    *ret_admission = base_take (admission);
    return 0;
}

uint64_t program_files_raise (void)
{
    struct rlimit limit;

    if (getrlimit (RLIMIT_NOFILE, &limit) != 0)
        return 0;
    if (limit.rlim_cur != limit.rlim_max) {
        struct rlimit raised = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
        if (setrlimit (RLIMIT_NOFILE, &raised) == 0)
            limit = raised;
    }
    return limit.rlim_cur;
}

unsigned program_connections (uint64_t files)
{
    uint64_t ours = FILES_OF_OURS + FILES_IN_RESERVE;

    if (files < 2 * ours)
        ours = files / 2;
    files -= ours;
    return files < UINT32_MAX / 2 ? (unsigned) files : UINT32_MAX / 2;
}
