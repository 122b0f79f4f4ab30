/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/origin/blobs.c - blobs on the content channel, in both directions */

#include "fixture.h"

TestSuite (content, .init = rig_setup, .fini = rig_teardown, .timeout = 60);

static uint8_t *blob_add (unsigned index, size_t size)
{
    uint8_t *data = malloc (size ? size : 1);
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t) (i * 31 + index + (i >> 12));
    owner.data[index] = data;
    owner.sizes[index] = size;
    owner.digests[index] = base_digest_of (data, size);
    return data;
}

static void blobs_free (void)
{
    for (unsigned i = 0; i < BLOBS; i++)
        free ((void *) (uintptr_t) owner.data[i]);
}

struct download {
    const struct base_digest *digest;
    uint64_t size, asked, taken;
    uint32_t chunk;
    unsigned under_way, window;
    struct base_hash hash;
    bool ended;
};

static void download_ask (struct bus_socket *client, struct download *download)
{
    while (download->under_way < download->window && download->asked < download->size) {
        struct wire_get get = {
            .digest = *download->digest, .offset = download->asked, .length = download->chunk};
        cr_assert_eq (bus_send (client, NULL, &wire_get_record, &get), 0);
        download->asked += download->chunk;
        download->under_way++;
    }
}

static void on_chunk (void *context, struct bus_socket *client, const struct bus_message *message)
{
    struct download *download = context;
    const struct wire_chunk *chunk = message->body;
    cr_assert_eq (message->record, &wire_chunk_record);
    cr_assert_eq (chunk->status, WIRE_STATUS_OK);
    cr_assert_eq (chunk->offset, download->taken);
    cr_assert_eq (chunk->size, download->size);
    base_hash_update (&download->hash, message->payload, message->payload_size);
    download->taken += message->payload_size;
    download->under_way--;
    download_ask (client, download);
    if (download->taken == download->size) {
        download->ended = true;
        bus_loop_stop (loop);
    }
}

static void expect_download (bool immutable, const char *endpoint)
{
    struct base_error error = {0};
    owner.immutable = immutable;
    blob_add (0, 9 * 1000 * 1000 + 13);
    struct origin_config config = {.content = endpoint};
    cr_assert_eq (origin_new (loop, &config, &OPS, &owner, &owner.origin, &error), 0, "%s", error.text);

    struct download download = {
        .digest = &owner.digests[0], .size = owner.sizes[0], .chunk = 256 * 1024, .window = 8};
    base_hash_init (&download.hash);
    struct bus_socket *client =
        rig_socket (BUS_DEALER, &(struct bus_socket_options){.on_message = on_chunk, .context = &download});
    rig_connect (client, origin_endpoint_content (owner.origin));
    download_ask (client, &download);
    rig_run ();
    struct base_digest digest = base_hash_final (&download.hash);
    cr_assert (base_digest_equal (&digest, &owner.digests[0]));
    cr_assert_eq (owner.opened, 1);
    struct origin_counts counts = origin_counts (owner.origin);
    cr_assert_eq (counts.bytes, owner.sizes[0]);
    cr_assert_eq (counts.chunks, counts.pieces);
    fixture_free (client);
    blobs_free ();
}

Test (content, a_blob_is_sent_from_a_mapping)
{
    expect_download (true, "tcp://127.0.0.1:*");
}

Test (content, a_blob_is_sent_by_reading)
{
    expect_download (false, "tcp://127.0.0.1:*");
}

Test (content, a_blob_is_sent_over_ipc)
{
    expect_download (true, rig_ipc ("content"));
}

static void expect_bounds (bool immutable)
{
    owner.immutable = immutable;
    origin_serve (&OPS, (struct origin_config){0});
    blob_add (0, 1000);
    blob_add (1, 0);
    struct bus_socket *client = client_new ("content");
    struct wire_get get = {.digest = owner.digests[0], .offset = 900, .length = 400};
    client_ask (client, &wire_get_record, &get);
    cr_assert_eq (received.chunk.status, WIRE_STATUS_OK);
    cr_assert_eq (received.chunk.length, 400);
    cr_assert_eq (received.payload_size, 100);
    get.offset = 1000;
    client_ask (client, &wire_get_record, &get);
    cr_assert_eq (received.chunk.status, WIRE_STATUS_OK);
    cr_assert_eq (received.payload_size, 0);
    get.offset = 1001;
    client_ask (client, &wire_get_record, &get);
    cr_assert_eq (received.chunk.status, WIRE_STATUS_FAILED);
    get.offset = WIRE_SIZE_MOST;
    client_ask (client, &wire_get_record, &get);
    cr_assert_eq (received.chunk.status, WIRE_STATUS_FAILED);
    get = (struct wire_get){.digest = owner.digests[1], .length = 400};
    client_ask (client, &wire_get_record, &get);
    cr_assert_eq (received.chunk.status, WIRE_STATUS_OK);
    cr_assert_eq (received.chunk.size, 0);
    cr_assert_eq (received.payload_size, 0);
    fixture_free (client);
    blobs_free ();
}

Test (content, the_bounds_of_a_mapped_blob_are_checked)
{
    expect_bounds (true);
}

Test (content, the_bounds_of_a_blob_that_is_read_are_checked)
{
    expect_bounds (false);
}

Test (content, a_missing_blob_is_gone_and_an_unreadable_one_failed)
{
    origin_serve (&OPS, (struct origin_config){0});
    struct bus_socket *client = client_new ("content");
    struct wire_get get = {.digest = base_digest_of ("x", 1), .length = 400};
    client_ask (client, &wire_get_record, &get);
    cr_assert_eq (received.chunk.status, WIRE_STATUS_GONE);
    owner.status = -EACCES;
    client_ask (client, &wire_get_record, &get);
    cr_assert_eq (received.chunk.status, WIRE_STATUS_FAILED);
    owner.status = 0;
    /* The file is shorter than the owner says. Reading its mapping must not kill the process. */
    blob_add (0, 1000);
    owner.lies = 100000;
    owner.immutable = true;
    get.digest = owner.digests[0];
    client_ask (client, &wire_get_record, &get);
    cr_assert_eq (received.chunk.status, WIRE_STATUS_FAILED);
    cr_assert_eq (origin_counts (owner.origin).failed, 2);
    cr_assert_eq (origin_counts (owner.origin).gone, 1);
    fixture_free (client);
    blobs_free ();
}

static enum wire_status blob_get (struct bus_socket *client, unsigned index, uint64_t offset, uint32_t length)
{
    struct wire_get get = {.digest = owner.digests[index], .offset = offset, .length = length};
    client_ask (client, &wire_get_record, &get);
    return received.chunk.status;
}

Test (content, more_blobs_at_a_time_than_allowed_are_answered_busy)
{
    origin_serve (&OPS, (struct origin_config){.transfers = 2});
    for (unsigned i = 0; i < 4; i++)
        blob_add (i, 100000);
    struct bus_socket *client = client_new ("content");
    cr_assert_eq (blob_get (client, 0, 0, 100), WIRE_STATUS_OK);
    cr_assert_eq (blob_get (client, 1, 0, 100), WIRE_STATUS_OK);
    cr_assert_eq (blob_get (client, 2, 0, 100), WIRE_STATUS_BUSY);
    cr_assert_eq (received.chunk.retry_after_ms, 200);
    /* Open blobs continue. A finished blob makes room, and so does one that is no longer requested. */
    cr_assert_eq (blob_get (client, 0, 100, 100), WIRE_STATUS_OK);
    cr_assert_eq (blob_get (client, 1, 99900, 100), WIRE_STATUS_OK);
    cr_assert_eq (blob_get (client, 2, 0, 100), WIRE_STATUS_OK);
    enum wire_status status;
    while ((status = blob_get (client, 3, 0, 100)) == WIRE_STATUS_BUSY)
        rig_run_for (20);
    cr_assert_eq (status, WIRE_STATUS_OK);
    cr_assert_eq (owner.opened, 4);
    fixture_free (client);
    blobs_free ();
}

Test (content, small_blobs_one_after_the_other_are_not_answered_busy)
{
    origin_serve (&OPS, (struct origin_config){.transfers = 2});
    for (unsigned i = 0; i < BLOBS; i++)
        blob_add (i, 100 + i);
    struct bus_socket *client = client_new ("content");
    for (unsigned i = 0; i < BLOBS; i++)
        cr_assert_eq (blob_get (client, i, 0, 1000), WIRE_STATUS_OK);
    fixture_free (client);
    blobs_free ();
}

static int count_descriptors (void)
{
    int n = 0;
    DIR *listing = opendir ("/proc/self/fd");
    while (readdir (listing))
        n++;
    (void) closedir (listing);
    return n;
}

Test (content, an_unused_blob_is_closed)
{
    origin_serve (&OPS, (struct origin_config){0});
    blob_add (0, 1000);
    struct bus_socket *client = client_new ("content");
    client_ask (client, &wire_get_record, &(struct wire_get){.digest = base_digest_of ("x", 1), .length = 1});
    int before = count_descriptors ();
    cr_assert_eq (blob_get (client, 0, 0, 10), WIRE_STATUS_OK);
    cr_assert_eq (count_descriptors (), before + 1);
    while (count_descriptors () > before)
        rig_run_for (100);
    fixture_free (client);
    blobs_free ();
}

/*  A peer that sends gets and does not read the answers. The counts show how many gets are answered before
    the answer is busy. */
static void expect_busy (bool immutable)
{
    owner.immutable = immutable;
    blob_add (0, WIRE_CHUNK_MOST);
    struct base_error error = {0};
    struct origin_config config = {.content = "tcp://127.0.0.1:*", .peer_bytes = 4 * WIRE_CHUNK_MOST};
    cr_assert_eq (origin_new (loop, &config, &OPS, &owner, &owner.origin, &error), 0, "%s", error.text);
    void *context = zmq_ctx_new ();
    void *peer = zmq_socket (context, ZMQ_DEALER);
    int one = 1, linger = 0;
    (void) zmq_setsockopt (peer, ZMQ_RCVHWM, &one, sizeof one);
    (void) zmq_setsockopt (peer, ZMQ_LINGER, &linger, sizeof linger);
    cr_assert_eq (zmq_connect (peer, origin_endpoint_content (owner.origin)), 0);
    struct wire_get get = {.digest = owner.digests[0], .length = WIRE_CHUNK_MOST};
    struct base_buffer map = {0};
    uint8_t prefix[4];
    wire_prefix (&wire_get_record, prefix);
    cr_assert_eq (wire_pack (&wire_get_record, &get, &map, NULL), 0);
    for (unsigned i = 0; i < 100; i++) {
        cr_assert_eq (zmq_send (peer, prefix, 4, ZMQ_SNDMORE), 4);
        cr_assert_eq (zmq_send (peer, map.data, map.size, 0), (int) map.size);
    }
    while (origin_counts (owner.origin).pieces < 100)
        rig_run_for (10);
    struct origin_counts counts = origin_counts (owner.origin);
    cr_assert_gt (counts.busy, 0);
    cr_assert_geq (counts.chunks, 4);

    /* Another peer is served during this time. */
    struct bus_socket *client =
        rig_socket (BUS_DEALER, &(struct bus_socket_options){.on_message = on_message});
    rig_connect (client, origin_endpoint_content (owner.origin));
    cr_assert_eq (blob_get (client, 0, 0, 1000), WIRE_STATUS_OK);

    /* The origin is freed while payloads of its mapping are still being sent. */
    fixture_free (client);
    zmq_close (peer);
    zmq_ctx_term (context);
    base_buffer_deinit (&map);
    blobs_free ();
}

Test (content, a_peer_that_does_not_read_is_answered_busy_and_others_are_served)
{
    expect_busy (true);
}

Test (content, a_peer_that_does_not_read_is_answered_busy_without_a_mapping)
{
    expect_busy (false);
}

Test (content, many_peers_connect_and_disconnect)
{
    origin_serve (&OPS, (struct origin_config){0});
    blob_add (0, 100000);
    owner.immutable = true;
    for (unsigned i = 0; i < 300; i++) {
        struct bus_socket *client = client_new ("content");
        cr_assert_eq (blob_get (client, 0, i, 40000), WIRE_STATUS_OK);
        bus_socket_free (client);
    }
    cr_assert_eq (owner.opened, 1);
    fixture_free (NULL);
    blobs_free ();
}

Test (content, an_upload_is_passed_to_the_owner)
{
    origin_serve (&OPS, (struct origin_config){0});
    struct bus_socket *client = client_new ("content");
    struct wire_put put = {.digest = base_digest_of ("x", 1), .size = 300, .offset = 100};
    char payload[] = "xyz";
    cr_assert_eq (bus_send_payload (client, NULL, &wire_put_record, &put, payload, 3, NULL, NULL), 0);
    rig_run ();
    cr_assert_eq (received.taken.status, WIRE_STATUS_OK);
    cr_assert_eq (received.taken.offset, 103);
    cr_assert (base_digest_equal (&received.taken.digest, &put.digest));
    client_ask (client, &wire_put_record, &put);
    cr_assert_eq (received.taken.offset, 100);
    owner.status = -ENOSPC;
    client_ask (client, &wire_put_record, &put);
    cr_assert_eq (received.taken.status, WIRE_STATUS_FAILED);
    fixture_free (client);
}
