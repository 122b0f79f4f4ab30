/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/bus/endpoint.c - parsing of endpoints as users write them in settings and options */

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "bus/endpoint.h"

Test (endpoint, accepted_forms_become_four_endpoints)
{
    static const struct {
        const char *text, *announce, *events;
    } table[] = {
        {"broker", "tcp://broker:7670", "tcp://broker:7673"},
        {"broker.example.org:9000", "tcp://broker.example.org:9000", "tcp://broker.example.org:9003"},
        {"10.0.0.1", "tcp://10.0.0.1:7670", "tcp://10.0.0.1:7673"},
        {"*:65532", "tcp://*:65532", "tcp://*:65535"},
        {"[::1]", "tcp://[::1]:7670", "tcp://[::1]:7673"},
        {"[fe80::2]:80", "tcp://[fe80::2]:80", "tcp://[fe80::2]:83"},
        {"ipc:///run/x", "ipc:///run/x/announce", "ipc:///run/x/events"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct bus_endpoints endpoints;
        struct base_error error = {0};
        cr_assert_eq (bus_endpoints_parse (table[i].text, &endpoints, &error), 0, "%s", error.text);
        cr_assert_str_eq (endpoints.announce, table[i].announce);
        cr_assert_str_eq (endpoints.events, table[i].events);
    }
}

Test (endpoint, other_forms_are_refused_and_the_error_lists_the_accepted_ones)
{
    static const char *const table[] = {
        "",       ":7670",    "host:",  "host:0",   "host:65533", "host:x", "host:1:2", "::1",
        "[::1",   "[::1]x",   "[::1]:", "[host]:1", "ho st",      "-host",  "host/x",   "tcp://h",
        "ipc://", "ipc://@x", "h\n",    "host:-1",  "host: 1",    ".",      "host;x",
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct bus_endpoints endpoints = {.announce = "untouched"};
        struct base_error error = {0};
        cr_assert_eq (bus_endpoints_parse (table[i], &endpoints, &error), -EINVAL, "%s", table[i]);
        cr_assert_not_null (strstr (error.text, "HOST:PORT"));
        cr_assert_str_eq (endpoints.announce, "untouched");
    }
}

Test (endpoint, a_path_or_host_that_is_too_long_or_malformed_is_refused)
{
    char text[400] = "ipc:///";
    struct bus_endpoints endpoints;
    size_t length = strlen (text);
    while (length - strlen ("ipc://") + strlen ("/announce") < 107)
        text[length++] = 'x';
    text[length] = '\0';
    cr_assert_eq (bus_endpoints_parse (text, &endpoints, NULL), 0);
    cr_assert_eq (strlen (endpoints.announce), strlen ("ipc://") + 107);
    text[length++] = 'x';
    text[length] = '\0';
    cr_assert_eq (bus_endpoints_parse (text, &endpoints, NULL), -EINVAL);

    memset (text, 'h', 300);
    text[300] = '\0';
    cr_assert_eq (bus_endpoints_parse (text, &endpoints, NULL), -EINVAL);
    text[0] = '[';
    text[299] = ']';
    cr_assert_eq (bus_endpoints_parse (text, &endpoints, NULL), -EINVAL);
}

Test (endpoint, loopback_addresses_are_recognized)
{
    static const char *const inside[] = {"127.0.0.1",     "127.9.9.9",    "localhost",
                                         "::1",           "[::1]",        "tcp://127.0.0.1:7670",
                                         "tcp://[::1]:1", "ipc:///run/x", "localhost:7670"};
    static const char *const outside[] = {
        "*", "0.0.0.0", "10.0.0.1",  "host",           "::", "[::]",       "tcp://*:7670",
        "",  "[::1",    "127.0.0.x", "localhost.evil", "lo", "2001:db8::1"};
    for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++)
        cr_assert (bus_address_is_loopback (inside[i]), "%s", inside[i]);
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++)
        cr_assert_not (bus_address_is_loopback (outside[i]), "%s", outside[i]);
}

Test (endpoint, the_default_port_of_a_content_peer_is_7672)
{
    static const struct {
        const char *text, *endpoint;
    } forms[] = {
        {"peer", "tcp://peer:7672"},      {"10.0.0.2:9000", "tcp://10.0.0.2:9000"},
        {"[::1]", "tcp://[::1]:7672"},    {"[::1]:9000", "tcp://[::1]:9000"},
        {"tcp://peer:1", "tcp://peer:1"}, {"ipc:///tmp/x/content", "ipc:///tmp/x/content"},
    };
    char endpoint[BUS_ENDPOINT_SIZE];
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        cr_expect_eq (bus_content_parse (forms[i].text, endpoint, NULL), 0, "%s", forms[i].text);
        cr_expect_str_eq (endpoint, forms[i].endpoint);
    }
    struct base_error error = {.code = 0};
    cr_expect_lt (bus_content_parse ("peer:many", endpoint, &error), 0);
    cr_expect_not (*error.text == '\0');
}
