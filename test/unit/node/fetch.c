/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/node/fetch.c - space is checked before a download; an absent content peer is waited for */

#include "../bus/rig.h"

#include <fcntl.h>
#include <string.h>

#include "base/digest.h"
#include "node/application.h"

static void on_ended (void *context, const struct base_error *error)
{
    (void) context;
    (void) error;
}

Test (fetch, the_space_of_the_rehearsal_is_checked_before_a_download)
{
    char directory[] = "/tmp/noded-test-XXXXXX";
    struct node_process process = {.n_applications = 1};
    struct identity_config config;
    struct disk_blobs blobs = {.fd = -1};
    struct base_error error = {.code = 0};
    struct wire_envelope envelope = {.binary = {{1}}, .size = UINT64_C (1) << 47};
    struct identity_running running = {.installed = {.envelope = &envelope}};
    struct node_application app = {.process = &process, .running = &running};
    cr_assert_not_null (mkdtemp (directory));
    cr_assert_eq (root_make (&disk_system, directory, &process.root, NULL), 0);
    cr_assert_eq (identity_config_init (&config, directory), 0);
    process.config = &config;
    process.loop = bus_loop_new ();
    cr_assert_eq (disk_blobs_open (&disk_system, process.root.fd, "var/blobs", &blobs, NULL), 0);
    struct node_fetch_spec spec = {
        .loop = process.loop, .config = &config, .root = &process.root, .blobs = &blobs, .running = &running};
    node_kind_manager.ops->probe_space (&app, &envelope, &spec.probe_bytes, &spec.probe_files);
    struct node_fetch *fetch = node_fetch_new (&spec, on_ended, NULL);
    cr_expect_eq (node_fetch_start (fetch, &envelope, true, &error), -ENOSPC, "the download and six copies");
    cr_expect (strstr (error.text, "985162419535872"), "%s", error.text);
    (void) node_fetch_free (fetch);
    fetch = node_fetch_new (&spec, on_ended, NULL);
    cr_expect_eq (node_fetch_start (fetch, &envelope, false, &error), -ENOSPC, "existing files are copied");
    cr_expect (strstr (error.text, "985162419535872"), "%s", error.text);
    (void) node_fetch_free (fetch);
    (void) bus_loop_free (process.loop);
    identity_config_deinit (&config);
    disk_blobs_deinit (&blobs);
    root_deinit (&process.root);
    (void) disk_tree_remove (&disk_system, AT_FDCWD, directory, NULL);
}

/*  A download of SIZE bytes from a content peer that does not run yet. */
enum { SIZE = 20000, CHUNK = 4096 };
static uint8_t content[SIZE];
static char directory[64];
static struct root root;
static struct identity_config config;
static struct disk_blobs blobs;
static struct node_content *connection;
static struct node_content_user other;
static struct node_fetch *fetch;
static struct wire_envelope envelope;
static struct identity_running running = {.installed = {.envelope = &envelope}};
static struct base_error outcome;
static bool has_ended;
static unsigned other_count; /* chunks of the other user */

static void note_end (void *context, const struct base_error *error)
{
    (void) context;
    has_ended = true;
    outcome = error ? *error : (struct base_error){.code = 0};
    bus_loop_stop (loop);
}

static void other_chunk (void *context, const struct wire_chunk *chunk, const void *payload, size_t size)
{
    (void) context;
    (void) chunk;
    (void) payload;
    (void) size;
    other_count++;
}

static const struct node_content_ops other_ops = {.chunk = other_chunk};

static void download_begin (uint64_t away_ms, uint64_t answer_ms)
{
    rig_setup ();
    for (size_t i = 0; i < SIZE; i++)
        content[i] = (uint8_t) (i * 7);
    envelope = (struct wire_envelope){.binary = base_digest_of (content, SIZE), .size = SIZE};
    (void) snprintf (directory, sizeof directory, "/tmp/noded-test-XXXXXX");
    cr_assert_not_null (mkdtemp (directory));
    cr_assert_eq (root_make (&disk_system, directory, &root, NULL), 0);
    cr_assert_eq (identity_config_init (&config, directory), 0);
    (void) snprintf (config.endpoints.announce, BUS_ENDPOINT_SIZE, "%s", rig_ipc ("announce"));
    (void) snprintf (config.endpoints.control, BUS_ENDPOINT_SIZE, "%s", rig_ipc ("control"));
    (void) snprintf (config.endpoints.content, BUS_ENDPOINT_SIZE, "%s", rig_ipc ("content"));
    config.chunk = CHUNK;
    config.answer_ms = answer_ms;
    config.away_ms = away_ms;
    cr_assert_eq (disk_blobs_open (&disk_system, root.fd, "var/blobs", &blobs, NULL), 0);
    connection = node_content_new (loop, &config);
    /*  A blame check asks for the same bytes before. */
    const struct wire_get before = {.digest = envelope.binary, .length = CHUNK};
    node_content_join (connection, &other, &other_ops, NULL);
    node_content_get (&other, &before);
    struct node_fetch_spec spec = {.loop = loop,
                                   .config = &config,
                                   .content = connection,
                                   .root = &root,
                                   .blobs = &blobs,
                                   .running = &running};
    fetch = node_fetch_new (&spec, note_end, NULL);
    cr_assert_eq (node_fetch_start (fetch, &envelope, true, NULL), 0);
}

static void download_end (void)
{
    fetch = node_fetch_free (fetch);
    node_content_leave (&other);
    connection = node_content_free (connection);
    bus_timer_cancel (loop, deadline_timer);
    identity_config_deinit (&config);
    disk_blobs_deinit (&blobs);
    root_deinit (&root);
    (void) disk_tree_remove (&disk_system, AT_FDCWD, directory, NULL);
    rig_teardown ();
}

static void chunk_serve (void *context, struct bus_socket *socket, const struct bus_message *message)
{
    (void) context;
    cr_assert_eq (message->record, &wire_get_record);
    const struct wire_get *get = message->body;
    struct wire_chunk chunk = {.status = WIRE_STATUS_OK,
                               .digest = get->digest,
                               .offset = get->offset,
                               .length = get->length,
                               .size = SIZE};
    (void) bus_send_payload (socket, &message->peer, &wire_chunk_record, &chunk, content + get->offset,
                             get->length, NULL, NULL);
}

Test (fetch, a_content_peer_that_starts_long_after_the_answer_deadline_is_used)
{
    download_begin (15000, 20);
    rig_run_for (40 * config.answer_ms);
    cr_expect_not (has_ended, "%s", outcome.text);
    struct bus_socket_options options = {.on_message = chunk_serve, .quiet = true};
    struct bus_socket *peer = rig_socket (BUS_ROUTER, &options);
    rig_bind (peer, config.endpoints.content);
    rig_run ();
    cr_expect_eq (outcome.code, 0, "%s", outcome.text);
    cr_expect_eq (node_fetch_counts (fetch).downloaded, SIZE, "no request was kept and then sent twice");
    cr_expect_eq (other_count, 1, "each user gets the chunk that it asked for");
    (void) bus_socket_free (peer);
    download_end ();
}

Test (fetch, an_absent_content_peer_is_named_in_the_error)
{
    download_begin (1500, 3600 * 1000);
    rig_run ();
    cr_expect_eq (outcome.code, -ENOTCONN);
    cr_expect (strstr (outcome.text, config.endpoints.content), "%s", outcome.text);
    cr_expect_not_null (node_fetch_note (fetch));
    download_end ();
}
