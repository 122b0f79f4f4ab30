/* SPDX-License-Identifier: MPL-2.0 */
/*  node/metadata.c - fetches one file of signed metadata */

#include "node/metadata.h"

#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"

enum { REPLACED_MOST = 3 };

static void metadata_check (const struct node_metadata *metadata)
{
    base_assert (metadata && metadata->session && metadata->done);
    base_assert (metadata->bytes.size <= metadata->most && metadata->bytes.size <= metadata->size);
    base_assert (metadata->replaced <= REPLACED_MOST);
}

void node_metadata_cancel (struct node_metadata *metadata)
{
    base_assert (metadata);
    node_part_cancel (&metadata->part);
    base_buffer_deinit (&metadata->bytes);
    *metadata = (struct node_metadata){.session = NULL};
}

/*  done may begin the next fetch. */
static void metadata_end (struct node_metadata *metadata, enum node_metadata_result result,
                          const char *reason)
{
    base_assert (!metadata->part.session);
    base_cleanup (base_buffer_deinit) struct base_buffer bytes = metadata->bytes;
    node_metadata_done *done = metadata->done;
    void *context = metadata->context;
    *metadata = (struct node_metadata){.session = NULL};
    if (result != NODE_METADATA_HERE)
        bytes.size = 0;
    done (context, result, &bytes, reason);
}

static void on_part (void *context, const struct wire_metadata *part);

static void part_ask (struct node_metadata *metadata)
{
    metadata_check (metadata);
    node_part_begin (&metadata->part, metadata->session, metadata->role, metadata->version,
                     metadata->bytes.size, on_part, metadata);
}

/*  The parts so far are of a file that is not there any more. */
static void file_restart (struct node_metadata *metadata)
{
    if (metadata->replaced == REPLACED_MOST) {
        metadata_end (metadata, NODE_METADATA_FAILED,
                      "the origin replaced it again and again while it was fetched");
        return;
    }
    metadata->replaced++;
    metadata->size = metadata->bytes.size = 0;
    metadata->file = (struct base_digest){{0}};
    part_ask (metadata);
}

static void file_complete (struct node_metadata *metadata)
{
    struct base_digest found = base_digest_of (metadata->bytes.data, metadata->bytes.size);
    if (!base_digest_equal (&found, &metadata->file))
        metadata_end (metadata, NODE_METADATA_FAILED, "its bytes are not those that the origin announced");
    else
        metadata_end (metadata, NODE_METADATA_HERE, NULL);
}

/*  A part of the file that was begun. Its length follows from its offset, so that the number of parts has a bound. */
static void part_take (struct node_metadata *metadata, const struct wire_metadata *part)
{
    const char *data = part->data ? part->data : "";
    size_t length = strlen (data);
    uint64_t left = metadata->size - metadata->bytes.size;
    if (length != (left < WIRE_PART_MOST ? left : WIRE_PART_MOST)) {
        metadata_end (metadata, NODE_METADATA_FAILED, "the origin sent a part of the wrong length");
        return;
    }
    if (base_buffer_append (&metadata->bytes, data, length) < 0)
        metadata_end (metadata, NODE_METADATA_FAILED, "out of memory");
    else if (metadata->bytes.size == metadata->size)
        file_complete (metadata);
    else
        part_ask (metadata);
}

static void on_part (void *context, const struct wire_metadata *part)
{
    struct node_metadata *metadata = context;
    metadata_check (metadata);
    bool begun = metadata->bytes.size > 0;
    if (part->status == WIRE_STATUS_NONE && !begun) {
        metadata_end (metadata, NODE_METADATA_ABSENT, "the origin has no such file");
        return;
    }
    if (part->status != WIRE_STATUS_OK && !begun) {
        char reason[640];
        (void) snprintf (reason, sizeof reason, "the origin answered %s%s%s", wire_status_word (part->status),
                         part->reason ? ": " : "", part->reason ? part->reason : "");
        metadata_end (metadata, NODE_METADATA_FAILED, reason);
        return;
    }
    if (part->status != WIRE_STATUS_OK || (begun && !base_digest_equal (&part->file, &metadata->file))) {
        file_restart (metadata);
        return;
    }
    if (!begun) {
        metadata->file = part->file;
        metadata->size = part->size;
    }
    if (metadata->size > metadata->most) {
        char reason[128];
        (void) snprintf (reason, sizeof reason, "it has %llu bytes, and at most %zu are allowed",
                         (unsigned long long) metadata->size, metadata->most);
        metadata_end (metadata, NODE_METADATA_TOO_LARGE, reason);
        return;
    }
    if (part->size != metadata->size)
        file_restart (metadata);
    else
        part_take (metadata, part);
}

void node_metadata_begin (struct node_metadata *metadata, struct node_session *session, const char *role,
                          uint64_t version, size_t most, node_metadata_done *done, void *context)
{
    base_assert (metadata && !metadata->session && session);
    base_assert (role && done);
    *metadata = (struct node_metadata){
        .session = session, .version = version, .most = most, .done = done, .context = context};
    int r = base_text_copy (metadata->role, sizeof metadata->role, role);
    base_assert (r == 0);
    part_ask (metadata);
}
