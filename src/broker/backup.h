/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/backup.h - copies of the records while the broker runs

    A copy is made on a thread, through its own connection, and stored among the blobs, from which it is
    downloaded like any other. It is kept for an hour. It does not contain the blobs of releases. */

#ifndef BROKER_BACKUP_H
#define BROKER_BACKUP_H

#include "broker/state.h"
#include "records/backup.h"

/*  Removes copies that are older than an hour. */
void broker_backup_tick (struct broker *broker, uint64_t now_ms);

/*  Whether a blob is a copy of the records: only an admin may have it. */
bool broker_backup_is_copy (const struct broker *broker, const struct base_digest *digest);

/*  Waits for a copy that is being made. */
void broker_backup_deinit (struct broker *broker);

#endif
