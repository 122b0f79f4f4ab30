/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/programs/bind.c - the endpoints that a serving program binds, and whether it may */

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

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

Test (bind, other_hosts_need_keys_or_the_option_insecure)
{
    struct base_error error;
    cr_assert_eq (program_bind_check ("127.0.0.1", false, false, &error), 0);
    cr_assert_eq (program_bind_check ("::1", false, false, &error), 0);
    cr_assert_eq (program_bind_check ("ipc:///run/x", false, false, &error), 0);
    cr_assert_eq (program_bind_check ("0.0.0.0", true, false, &error), 0);
    cr_assert_eq (program_bind_check ("0.0.0.0", false, true, &error), 0);
    static const char *const open_ones[] = {"0.0.0.0",          "*", "::", "10.0.0.1", "broker.example",
                                            "127.0.0.1.example"};
    for (size_t i = 0; i < sizeof open_ones / sizeof *open_ones; i++) {
        cr_assert_eq (program_bind_check (open_ones[i], false, false, &error), -EPERM, "%s", open_ones[i]);
        cr_assert_not_null (strstr (error.text, "--insecure"));
    }
}
