/*  broker/backup.h - copies of the records while the broker runs

    A copy is made on a thread, from a connection of its own, and put among the contents, from which it is
    downloaded like any other. It stays for an hour. Contents of releases are not in it. */

#ifndef BROKER_BACKUP_H
#define BROKER_BACKUP_H

#include "broker/private.h"
#include "broker/store_backup.h"

/*  Serves the verb: answered once the copy is durable. Returns 0, ORIGIN_LATER or -errno. */
int broker_backup_request (struct broker *broker, const struct bus_peer *peer,
                           const struct wire_request *request, struct wire_answer *answer,
                           struct base_error *error);

/*  Removes copies that have been there for long enough. */
void broker_backup_tick (struct broker *broker, uint64_t now_ms);

/*  Waits for a copy that is being made. */
void broker_backup_deinit (struct broker *broker);

#endif
