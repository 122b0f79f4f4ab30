/*  test/break/break_7_bad_peer.c - a broker that lets a second session in under an id that is in use */

#include "broker/registry.h"

enum broker_verdict __wrap_broker_registry_hello (struct broker_registry *registry,
                                                  const struct bus_peer *peer, const struct wire_hello *hello,
                                                  uint64_t now_ms, struct base_error *ret_refusal)
{
    (void) registry;
    (void) peer;
    (void) hello;
    (void) now_ms;
    (void) ret_refusal;
    return BROKER_ADMIT;
}
