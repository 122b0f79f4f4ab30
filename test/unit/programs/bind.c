/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/programs/bind.c - the endpoints that a serving program binds, and whether it may */

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "programs/program_bind.h"

Test (bind, an_address_becomes_an_endpoint)
{
    static const struct {
        const char *address;
        uint64_t port;
        const char *endpoint;
    } cases[] = {
        {"127.0.0.1", 7670, "tcp://127.0.0.1:7670"},
        {"127.0.0.1", 0, "tcp://127.0.0.1:*"},
        {"::1", 7670, "tcp://[::1]:7670"},
        {"[::1]", 7670, "tcp://[::1]:7670"},
        {"*", 65535, "tcp://*:65535"},
        {"ipc:///run/x", 7670, "ipc:///run/x/control"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char endpoint[BUS_ENDPOINT_SIZE];
        cr_assert_eq (program_bind_endpoint (cases[i].address, cases[i].port, "control", endpoint, NULL), 0);
        cr_assert_str_eq (endpoint, cases[i].endpoint);
    }
}

Test (bind, an_invalid_address_or_port_is_reported)
{
    struct base_error error;
    char endpoint[BUS_ENDPOINT_SIZE], longest[BUS_ENDPOINT_SIZE + 1];
    memset (longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    cr_assert_eq (program_bind_endpoint ("127.0.0.1", 65536, "control", endpoint, &error), -EINVAL);
    cr_assert_not_null (strstr (error.text, "port 65536"));
    cr_assert_eq (program_bind_endpoint ("", 1, "control", endpoint, &error), -EINVAL);
    cr_assert_eq (program_bind_endpoint (longest, 1, "control", endpoint, &error), -EINVAL);
}

Test (bind, the_four_ports_are_consecutive)
{
    struct bus_endpoints endpoints;
    struct base_error error;
    cr_assert_eq (program_bind_endpoints ("127.0.0.1", 65532, &endpoints, &error), 0);
    cr_assert_str_eq (endpoints.announce, "tcp://127.0.0.1:65532");
    cr_assert_str_eq (endpoints.control, "tcp://127.0.0.1:65533");
    cr_assert_str_eq (endpoints.content, "tcp://127.0.0.1:65534");
    cr_assert_str_eq (endpoints.events, "tcp://127.0.0.1:65535");
    cr_assert_eq (program_bind_endpoints ("127.0.0.1", 65533, &endpoints, &error), -EINVAL);
    cr_assert_not_null (strstr (error.text, "at most 65532"));
}

Test (bind, any_network_loopback_too_needs_keys_or_the_option_insecure)
{
    struct base_error error;
    cr_assert_eq (program_bind_check ("ipc:///run/x", false, false, &error), 0);
    cr_assert_eq (program_bind_check ("0.0.0.0", true, false, &error), 0);
    cr_assert_eq (program_bind_check ("0.0.0.0", false, true, &error), 0);
    cr_assert_eq (program_bind_check ("127.0.0.1", true, false, &error), 0);
    cr_assert_eq (program_bind_check ("127.0.0.1", false, true, &error), 0);
    static const char *const open_ones[] = {
        "127.0.0.1", "::1",      "localhost",      "0.0.0.0",          "*",
        "::",        "10.0.0.1", "broker.example", "127.0.0.1.example"};
    for (size_t i = 0; i < sizeof open_ones / sizeof *open_ones; i++) {
        cr_assert_eq (program_bind_check (open_ones[i], false, false, &error), -EPERM, "%s", open_ones[i]);
        cr_assert_not_null (strstr (error.text, "--insecure"));
    }
}

Test (bind, without_keys_only_root_and_the_own_user_may_connect_over_ipc)
{
    struct base_error error;
    struct bus_admission *table = NULL;
    struct bus_keyring none = {.configured = false};
    struct bus_sender sender = {.kind = BUS_SENDER_LOCAL, .uid = 0};
    cr_assert_eq (program_bind_admission ("ipc:///run/x", &none, &table, &error), 0);
    cr_assert (bus_admission_admits (table, &sender, BUS_CHANNEL_CONTROL));
    sender.uid = geteuid ();
    cr_assert (bus_admission_admits (table, &sender, BUS_CHANNEL_EVENTS));
    sender.uid = geteuid () + 1;
    cr_assert_not (bus_admission_admits (table, &sender, BUS_CHANNEL_CONTROL));
    cr_assert_eq (bus_admission_count (table), 0);
    bus_admission_free (table);
}

Test (bind, with_keys_nobody_but_the_allowed_may_connect)
{
    struct base_error error;
    struct bus_admission *table = NULL;
    struct bus_keyring keys = {.configured = true, .bus.is_server = true};
    cr_assert_eq (program_bind_admission ("0.0.0.0", &keys, &table, &error), 0);
    cr_assert_not_null (table, "a server with keys and without a list admits nobody");
    cr_assert_eq (bus_admission_count (table), 0);
    bus_admission_free (table);
}
