/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/endpoint.c - the endpoints of an origin's four channels */

#include "bus/endpoint.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "base/assert.h"
#include "base/text.h"
#include "wire/wire.h"

enum {
    HOST_MOST = 253,
    CHANNELS = 4,
    PORT_MOST = 65535 - (CHANNELS - 1),
};

static const char *const CHANNEL_NAMES[CHANNELS] = {"announce", "control", "content", "events"};

static int origin_refuse (const char *text, const char *why, struct base_error *error)
{
    return base_error_set (error, -EINVAL,
                           "'%.200s' is not an origin: %s. Write HOST, HOST:PORT, [IPV6]:PORT or ipc://PATH",
                           text, why);
}

static bool host_is_valid (const char *host)
{
    if (strcmp (host, "*") == 0)
        return true;
    if (!host[0] || strlen (host) > HOST_MOST || host[0] == '-' || host[0] == '.')
        return false;
    for (const char *c = host; *c; c++)
        if (!isalnum ((unsigned char) *c) && !strchr (".-_", *c))
            return false;
    return true;
}

static int ipc_parse (const char *text, char *fields[CHANNELS], struct base_error *error)
{
    const char *path = text + strlen ("ipc://");
    struct sockaddr_un address;
    if (!path[0] || path[0] == '@')
        return origin_refuse (text, "the path is missing", error);
    /*  "announce" is the longest of the four names. */
    if (strlen (path) + strlen ("/announce") >= sizeof address.sun_path)
        return origin_refuse (text, "the path is too long for a socket", error);
    for (int i = 0; i < CHANNELS; i++)
        (void) snprintf (fields[i], BUS_ENDPOINT_SIZE, "%s/%s", text, CHANNEL_NAMES[i]);
    return 0;
}

/*  Splits the host from the port and removes the brackets. */
static int host_split (const char *text, char host[HOST_MOST + 1], bool *ret_is_v6, const char **ret_port,
                       struct base_error *error)
{
    bool is_v6 = text[0] == '[';
    const char *start = is_v6 ? text + 1 : text;
    const char *end = is_v6 ? strchr (start, ']') : start + strcspn (start, ":");
    if (!end)
        return origin_refuse (text, "the bracket is not closed", error);
    if ((size_t) (end - start) > HOST_MOST)
        return origin_refuse (text, "the host is too long", error);
    memcpy (host, start, (size_t) (end - start));
    host[end - start] = '\0';

    const char *rest = is_v6 ? end + 1 : end;
    if (*rest && *rest != ':')
        return origin_refuse (text, "only :PORT may follow the bracket", error);
    *ret_is_v6 = is_v6;
    *ret_port = *rest ? rest + 1 : NULL;
    return 0;
}

int bus_endpoints_parse (const char *text, struct bus_endpoints *ret_endpoints, struct base_error *error)
{
    base_assert (text && ret_endpoints);
    struct bus_endpoints endpoints = {0};
    char *fields[CHANNELS] = {endpoints.announce, endpoints.control, endpoints.content, endpoints.events};
    int r;

    if (strncmp (text, "ipc://", strlen ("ipc://")) == 0) {
        r = ipc_parse (text, fields, error);
        if (r < 0)
            return r;
        *ret_endpoints = endpoints;
        return 0;
    }

    char host[HOST_MOST + 1];
    bool is_v6;
    const char *port_text;
    r = host_split (text, host, &is_v6, &port_text, error);
    if (r < 0)
        return r;
    struct in6_addr ignored;
    if (is_v6 ? inet_pton (AF_INET6, host, &ignored) != 1 : !host_is_valid (host))
        return origin_refuse (
            text, is_v6 ? "the text in brackets is not an IPv6 address" : "the host is not a name or address",
            error);
    uint64_t port = WIRE_PORT_ANNOUNCE;
    if (port_text && (base_text_parse_u64 (port_text, PORT_MOST, &port) < 0 || port == 0)) {
        if (strchr (port_text, ':'))
            return origin_refuse (text, "an IPv6 address needs brackets", error);
        return origin_refuse (text, "the port is not a number from 1 to 65532", error);
    }
    for (unsigned i = 0; i < CHANNELS; i++)
        (void) snprintf (fields[i], BUS_ENDPOINT_SIZE, is_v6 ? "tcp://[%s]:%u" : "tcp://%s:%u", host,
                         (unsigned) port + i);
    *ret_endpoints = endpoints;
    return 0;
}

int bus_content_parse (const char *text, char ret_endpoint[BUS_ENDPOINT_SIZE], struct base_error *error)
{
    base_assert (text && ret_endpoint);
    struct bus_endpoints endpoints;
    if (base_text_begins (text, "tcp://") || base_text_begins (text, "ipc://")) {
        if (base_text_copy (ret_endpoint, BUS_ENDPOINT_SIZE, text) < 0)
            return base_error_set (error, -EINVAL, "an endpoint has at most %d bytes", BUS_ENDPOINT_SIZE - 1);
        return 0;
    }
    char host[HOST_MOST + 1];
    bool is_v6;
    const char *port;
    int r = host_split (text, host, &is_v6, &port, error);
    if (r == 0)
        r = bus_endpoints_parse (text, &endpoints, error);
    if (r < 0)
        return r;
    return base_text_copy (ret_endpoint, BUS_ENDPOINT_SIZE, port ? endpoints.announce : endpoints.content);
}

bool bus_address_is_loopback (const char *address)
{
    base_assert (address);
    char host[HOST_MOST + 1];
    if (strncmp (address, "ipc://", strlen ("ipc://")) == 0)
        return true;
    if (strncmp (address, "tcp://", strlen ("tcp://")) == 0)
        address += strlen ("tcp://");

    struct in6_addr v6;
    if (inet_pton (AF_INET6, address, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK (&v6);
    bool is_v6;
    const char *port;
    if (host_split (address, host, &is_v6, &port, NULL) < 0)
        return false;
    if (is_v6)
        return inet_pton (AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK (&v6);
    struct in_addr v4;
    return strcmp (host, "localhost") == 0 ||
           (inet_pton (AF_INET, host, &v4) == 1 && ntohl (v4.s_addr) >> 24 == IN_LOOPBACKNET);
}
