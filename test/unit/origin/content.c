/*  Contents, both ways. */

#include "fixture.h"

TestSuite (content, .init = rig_setup, .fini = rig_teardown, .timeout = 60);

static uint8_t *add_content (unsigned index, size_t size)
{
    uint8_t *data = malloc (size ? size : 1);
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t) (i * 31 + index + (i >> 12));
    owner.data[index] = data;
    owner.sizes[index] = size;
    owner.digests[index] = base_digest_of (data, size);
    return data;
}

static void free_contents (void)
{
    for (unsigned i = 0; i < CONTENTS; i++)
        free ((void *) owner.data[i]);
}

struct download {
    const struct base_digest *digest;
    uint64_t size, asked, taken;
    uint32_t chunk;
    unsigned under_way, window;
    struct base_hash hash;
    bool ended;
};

static void ask_on (struct bus_socket *client, struct download *download)
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
    ask_on (client, download);
    if (download->taken == download->size) {
        download->ended = true;
        bus_loop_stop (loop);
    }
}

static void download_whole (bool immutable, const char *endpoint)
{
    struct base_error error = {0};
    owner.immutable = immutable;
    add_content (0, 9 * 1000 * 1000 + 13);
    struct origin_config config = {.content = endpoint};
    cr_assert_eq (origin_new (loop, &config, &OPS, &owner, &owner.origin, &error), 0, "%s", error.text);

    struct download download = {
        .digest = &owner.digests[0], .size = owner.sizes[0], .chunk = 256 * 1024, .window = 8};
    base_hash_init (&download.hash);
    struct bus_socket *client =
        rig_socket (BUS_DEALER, &(struct bus_socket_options){.on_message = on_chunk, .context = &download});
    rig_connect (client, origin_endpoint_content (owner.origin));
    ask_on (client, &download);
    rig_run ();
    struct base_digest digest = base_hash_final (&download.hash);
    cr_assert (base_digest_equal (&digest, &owner.digests[0]));
    cr_assert_eq (owner.opened, 1);
    struct origin_counts counts = origin_counts (owner.origin);
    cr_assert_eq (counts.bytes, owner.sizes[0]);
    cr_assert_eq (counts.chunks, counts.pieces);
    done (client);
    free_contents ();
}

Test (content, a_whole_content_comes_through_from_a_mapping)
{
    download_whole (true, "tcp://127.0.0.1:*");
}

Test (content, a_whole_content_comes_through_by_reading)
{
    download_whole (false, "tcp://127.0.0.1:*");
}

Test (content, a_whole_content_comes_through_over_ipc)
{
    download_whole (true, rig_ipc ("content"));
}

static void keep_the_ends (bool immutable)
{
    owner.immutable = immutable;
    serve (&OPS, (struct origin_config){0});
    add_content (0, 1000);
    add_content (1, 0);
    struct bus_socket *client = client_of ("content");
    struct wire_get get = {.digest = owner.digests[0], .offset = 900, .length = 400};
    say (client, &wire_get_record, &get);
    cr_assert_eq (heard.chunk.status, WIRE_STATUS_OK);
    cr_assert_eq (heard.chunk.length, 400);
    cr_assert_eq (heard.payload_size, 100);
    get.offset = 1000;
    say (client, &wire_get_record, &get);
    cr_assert_eq (heard.chunk.status, WIRE_STATUS_OK);
    cr_assert_eq (heard.payload_size, 0);
    get.offset = 1001;
    say (client, &wire_get_record, &get);
    cr_assert_eq (heard.chunk.status, WIRE_STATUS_FAILED);
    get.offset = WIRE_SIZE_MOST;
    say (client, &wire_get_record, &get);
    cr_assert_eq (heard.chunk.status, WIRE_STATUS_FAILED);
    get = (struct wire_get){.digest = owner.digests[1], .length = 400};
    say (client, &wire_get_record, &get);
    cr_assert_eq (heard.chunk.status, WIRE_STATUS_OK);
    cr_assert_eq (heard.chunk.size, 0);
    cr_assert_eq (heard.payload_size, 0);
    done (client);
    free_contents ();
}

Test (content, the_ends_of_a_mapped_content_are_kept)
{
    keep_the_ends (true);
}

Test (content, the_ends_of_a_content_that_is_read_are_kept)
{
    keep_the_ends (false);
}

Test (content, what_is_not_here_is_gone_and_what_cannot_be_read_failed)
{
    serve (&OPS, (struct origin_config){0});
    struct bus_socket *client = client_of ("content");
    struct wire_get get = {.digest = base_digest_of ("x", 1), .length = 400};
    say (client, &wire_get_record, &get);
    cr_assert_eq (heard.chunk.status, WIRE_STATUS_GONE);
    owner.status = -EACCES;
    say (client, &wire_get_record, &get);
    cr_assert_eq (heard.chunk.status, WIRE_STATUS_FAILED);
    owner.status = 0;
    /* Its file is shorter than its owner says: nobody may be killed by that. */
    add_content (0, 1000);
    owner.lies = 100000;
    owner.immutable = true;
    get.digest = owner.digests[0];
    say (client, &wire_get_record, &get);
    cr_assert_eq (heard.chunk.status, WIRE_STATUS_FAILED);
    cr_assert_eq (origin_counts (owner.origin).failed, 2);
    cr_assert_eq (origin_counts (owner.origin).gone, 1);
    done (client);
    free_contents ();
}

static enum wire_status get_of (struct bus_socket *client, unsigned index, uint64_t offset, uint32_t length)
{
    struct wire_get get = {.digest = owner.digests[index], .offset = offset, .length = length};
    say (client, &wire_get_record, &get);
    return heard.chunk.status;
}

Test (content, more_contents_at_a_time_than_allowed_are_put_off)
{
    serve (&OPS, (struct origin_config){.transfers = 2});
    for (unsigned i = 0; i < 4; i++)
        add_content (i, 100000);
    struct bus_socket *client = client_of ("content");
    cr_assert_eq (get_of (client, 0, 0, 100), WIRE_STATUS_OK);
    cr_assert_eq (get_of (client, 1, 0, 100), WIRE_STATUS_OK);
    cr_assert_eq (get_of (client, 2, 0, 100), WIRE_STATUS_BUSY);
    cr_assert_eq (heard.chunk.retry_after_ms, 200);
    /* What is open goes on; what has ended makes room; what nobody asks for any more does too. */
    cr_assert_eq (get_of (client, 0, 100, 100), WIRE_STATUS_OK);
    cr_assert_eq (get_of (client, 1, 99900, 100), WIRE_STATUS_OK);
    cr_assert_eq (get_of (client, 2, 0, 100), WIRE_STATUS_OK);
    enum wire_status status;
    while ((status = get_of (client, 3, 0, 100)) == WIRE_STATUS_BUSY)
        rig_run_for (20);
    cr_assert_eq (status, WIRE_STATUS_OK);
    cr_assert_eq (owner.opened, 4);
    done (client);
    free_contents ();
}

Test (content, many_small_contents_one_after_the_other_are_not_put_off)
{
    serve (&OPS, (struct origin_config){.transfers = 2});
    for (unsigned i = 0; i < CONTENTS; i++)
        add_content (i, 100 + i);
    struct bus_socket *client = client_of ("content");
    for (unsigned i = 0; i < CONTENTS; i++)
        cr_assert_eq (get_of (client, i, 0, 1000), WIRE_STATUS_OK);
    done (client);
    free_contents ();
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

Test (content, a_content_that_nobody_asks_for_is_closed)
{
    serve (&OPS, (struct origin_config){0});
    add_content (0, 1000);
    struct bus_socket *client = client_of ("content");
    say (client, &wire_get_record, &(struct wire_get){.digest = base_digest_of ("x", 1), .length = 1});
    int before = count_descriptors ();
    cr_assert_eq (get_of (client, 0, 0, 10), WIRE_STATUS_OK);
    cr_assert_eq (count_descriptors (), before + 1);
    while (count_descriptors () > before)
        rig_run_for (100);
    done (client);
    free_contents ();
}

/*  A peer that asks and does not read: how many gets are answered before it is told busy shows in the
    counts. */
static void peer_that_does_not_read (bool immutable)
{
    owner.immutable = immutable;
    add_content (0, WIRE_CHUNK_MOST);
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

    /* Another peer is served meanwhile. */
    struct bus_socket *client =
        rig_socket (BUS_DEALER, &(struct bus_socket_options){.on_message = on_message});
    rig_connect (client, origin_endpoint_content (owner.origin));
    cr_assert_eq (get_of (client, 0, 0, 1000), WIRE_STATUS_OK);

    /* The origin goes while payloads of its mapping are under way. */
    done (client);
    zmq_close (peer);
    zmq_ctx_term (context);
    base_buffer_deinit (&map);
    free_contents ();
}

Test (content, a_peer_that_does_not_read_is_told_busy_and_costs_no_other)
{
    peer_that_does_not_read (true);
}

Test (content, a_peer_that_does_not_read_is_told_busy_where_contents_are_read)
{
    peer_that_does_not_read (false);
}

Test (content, many_peers_come_and_go)
{
    serve (&OPS, (struct origin_config){0});
    add_content (0, 100000);
    owner.immutable = true;
    for (unsigned i = 0; i < 300; i++) {
        struct bus_socket *client = client_of ("content");
        cr_assert_eq (get_of (client, 0, i, 40000), WIRE_STATUS_OK);
        bus_socket_free (client);
    }
    cr_assert_eq (owner.opened, 1);
    done (NULL);
    free_contents ();
}

Test (content, an_upload_reaches_its_operation)
{
    serve (&OPS, (struct origin_config){0});
    struct bus_socket *client = client_of ("content");
    struct wire_put put = {.digest = base_digest_of ("x", 1), .size = 300, .offset = 100};
    char payload[] = "xyz";
    cr_assert_eq (bus_send_payload (client, NULL, &wire_put_record, &put, payload, 3, NULL, NULL), 0);
    rig_run ();
    cr_assert_eq (heard.taken.status, WIRE_STATUS_OK);
    cr_assert_eq (heard.taken.offset, 103);
    cr_assert (base_digest_equal (&heard.taken.digest, &put.digest));
    say (client, &wire_put_record, &put);
    cr_assert_eq (heard.taken.offset, 100);
    owner.status = -ENOSPC;
    say (client, &wire_put_record, &put);
    cr_assert_eq (heard.taken.status, WIRE_STATUS_FAILED);
    done (client);
}
