/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/client/publish.c - publishing a release from files to a broker in a thread */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "client/client.h"
#include "fake_broker.h"
#include "wire/envelope.h"

static struct fake_broker broker;
static noded_client *client;
static char directory[64];
static uint64_t reported_done, reported_total;

static bool release_store (struct fake_broker *fake, const struct fake_request *request, void *ret_answer)
{
    const struct wire_publish_release *asked = request->body;
    (void) fake;
    if (request->record == &wire_publish_release_record)
        ((struct wire_published *) ret_answer)->release = wire_release_digest (asked->release, NULL);
    return true;
}

static void setup (void)
{
    broker = (struct fake_broker){.answer = release_store};
    fake_start (&broker);
    client = fake_client (&broker, 20000);
    (void) snprintf (directory, sizeof directory, "/tmp/noded-publish-XXXXXX");
    cr_assert_not_null (mkdtemp (directory));
    cr_assert_eq (chdir (directory), 0);
}

static void teardown (void)
{
    noded_client_free (client);
    fake_end (&broker);
    DIR *entries = opendir (directory);
    for (struct dirent *entry; entries && (entry = readdir (entries));)
        (void) unlinkat (dirfd (entries), entry->d_name, 0);
    if (entries)
        closedir (entries);
    (void) rmdir ("sub");
    (void) rmdir (directory);
}

TestSuite (publish, .init = setup, .fini = teardown, .timeout = 60);

static void make_file (const char *name, const void *data, size_t size, mode_t mode)
{
    int fd = open (name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    cr_assert_geq (fd, 0);
    cr_assert_eq (write (fd, data, size), (ssize_t) size);
    close (fd);
}

static void note_progress (void *context, uint64_t done, uint64_t total)
{
    (void) context;
    cr_expect_geq (done, reported_done, "progress never decreases");
    reported_done = done;
    reported_total = total;
}

static void expect_sentence (const char *piece)
{
    cr_expect_not_null (strstr (noded_client_error (client), piece), "%s is not in: %s", piece,
                        noded_client_error (client));
}

static const struct wire_release *release_published (void)
{
    cr_assert_geq (broker.n_requests, 1);
    return FAKE_REQUEST (&broker, broker.n_requests - 1, publish_release)->release;
}

Test (publish, a_release_arrives_complete_and_under_its_digest)
{
    enum { BIG = 3 * 1024 * 1024 + 17 };
    base_cleanup (base_free_p) uint8_t *big = malloc (BIG);
    for (size_t i = 0; i < BIG; i++)
        big[i] = (uint8_t) (i * 7 + i / 251);
    make_file ("program", big, BIG, 0755);
    make_file ("extra", "x\n", 2, 0644);
    make_file ("tool", "#!/bin/sh\n", 10, 0755);
    const noded_binary binary = {.path = "program"};
    const noded_file files[] = {{"extra", "etc/extra.conf"}, {"./tool", NULL}};
    static const char *const args[] = {"--name", "a b\n\"$\xFF"};
    static const char *const env[] = {"A.B=1", "EMPTY="};
    const noded_publish publish = {.application = "app",
                                   .version = "1.0",
                                   .title = "An app",
                                   .binaries = &binary,
                                   .n_binaries = 1,
                                   .files = files,
                                   .n_files = 2,
                                   .args = args,
                                   .n_args = 2,
                                   .env = env,
                                   .n_env = 2,
                                   .progress = note_progress};
    char release[65];
    cr_assert_eq (noded_client_publish (client, &publish, release), 0, "%s", noded_client_error (client));
    cr_expect_eq (strlen (release), 64);
    const struct wire_release *got = release_published ();
    uint64_t size = 0;
    (void) wire_release_digest (got, &size);
    cr_expect_eq (reported_done, BIG + 12 + size, "the files and the release document");
    cr_expect_eq (reported_total, BIG + 12 + size);
    cr_assert_eq (broker.n_blobs, 4);
    for (size_t i = 0; i < 4; i++)
        cr_expect (broker.blobs[i].complete);
    cr_assert_eq (got->n_envelopes, 1);
    const struct wire_envelope *envelope = &got->envelopes[0];
    cr_expect_null (envelope->platform, "a program that is not an ELF file fits every platform");
    cr_expect_eq (envelope->size, BIG);
    cr_assert_eq (envelope->n_files, 2);
    cr_expect_str_eq (envelope->files[0].path, "etc/extra.conf");
    cr_expect_not (envelope->files[0].executable);
    cr_expect_str_eq (envelope->files[1].path, "tool");
    cr_expect (envelope->files[1].executable);
    cr_expect_str_eq (envelope->args[1], args[1]);
    cr_expect_str_eq (envelope->env[0], "A.B=1");
    struct base_digest digest = wire_release_digest (got, NULL);
    char text[BASE_DIGEST_TEXT];
    cr_expect_str_eq (release, base_digest_format (&digest, text));
}

Test (publish, the_platform_is_read_from_an_elf_program)
{
    const noded_binary binary = {.path = "/proc/self/exe"};
    const noded_publish publish = {
        .application = "app", .version = "1", .binaries = &binary, .n_binaries = 1};
    char release[65];
    cr_assert_eq (noded_client_publish (client, &publish, release), 0, "%s", noded_client_error (client));
    cr_assert_not_null (release_published ()->envelopes[0].platform);
    cr_expect_eq (strncmp (release_published ()->envelopes[0].platform, "linux/", 6), 0);
}

Test (publish, envelopes_are_sorted_by_platform_and_equal_files_are_uploaded_once)
{
    make_file ("a", "same", 4, 0755);
    make_file ("b", "same", 4, 0755);
    const noded_binary binaries[] = {{"linux/riscv64", "a"}, {"linux/amd64", "b"}};
    const noded_publish publish = {.application = "app",
                                   .version = "1",
                                   .binaries = binaries,
                                   .n_binaries = 2,
                                   .progress = note_progress};
    char release[65];
    cr_assert_eq (noded_client_publish (client, &publish, release), 0, "%s", noded_client_error (client));
    uint64_t size = 0;
    (void) wire_release_digest (release_published (), &size);
    cr_expect_eq (reported_total, 4 + size, "of %zu bytes", (size_t) reported_total);
    cr_expect_eq (broker.n_blobs, 2, "the program, once, and the release document");
    cr_assert_eq (release_published ()->n_envelopes, 2);
    cr_expect_str_eq (release_published ()->envelopes[0].platform, "linux/amd64");
}

Test (publish, an_invalid_release_is_reported_before_anything_is_sent)
{
    make_file ("program", "p", 1, 0755);
    make_file ("empty", "", 0, 0755);
    cr_assert_eq (mkdir ("sub", 0755), 0);
    const noded_binary good = {.path = "program"}, missing = {.path = "no-such-file"},
                       empty = {.path = "empty"}, folder = {.path = "sub"};
    const noded_binary twice[] = {{"linux/amd64", "program"}, {"linux/amd64", "program"}};
    const noded_file above = {"program", "../etc/passwd"}, same[] = {{"program", "x"}, {"empty", "x"}};
    static const char *const no_name[] = {"=1"}, *const no_value[] = {"A"},
                             *const doubled[] = {"A=1", "AB=1", "A=2"},
                             *const reserved[] = {"NODED_ROOT=/elsewhere"};
    static const noded_file deep = {"program",
                                    "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/21/22/23/24/25/26/27/"
                                    "28/29/30/31/32/33"};
    const struct {
        noded_publish publish;
        int code;
        const char *sentence;
    } cases[] = {
        {{.application = "app", .version = "1", .binaries = &missing, .n_binaries = 1},
         -ENOENT,
         "no-such-file"},
        {{.application = "app", .version = "1", .binaries = &empty, .n_binaries = 1}, -EINVAL, "it is empty"},
        {{.application = "app", .version = "1", .binaries = &folder, .n_binaries = 1},
         -EINVAL,
         "a directory"},
        {{.application = "app", .version = "1"}, -EINVAL, "no program"},
        {{.application = "../app", .version = "1", .binaries = &good, .n_binaries = 1}, -EINVAL, "name"},
        {{.application = "app", .version = "", .binaries = &good, .n_binaries = 1}, -EINVAL, "version"},
        {{.application = "app", .version = "1", .binaries = twice, .n_binaries = 2}, -EINVAL, "linux/amd64"},
        {{.application = "app",
          .version = "1",
          .binaries = &good,
          .n_binaries = 1,
          .files = &above,
          .n_files = 1},
         -EINVAL,
         "../etc/passwd"},
        {{.application = "app",
          .version = "1",
          .binaries = &good,
          .n_binaries = 1,
          .files = same,
          .n_files = 2},
         -EINVAL,
         "repeated"},
        {{.application = "app",
          .version = "1",
          .binaries = &good,
          .n_binaries = 1,
          .env = no_name,
          .n_env = 1},
         -EINVAL,
         "NAME=VALUE"},
        {{.application = "app",
          .version = "1",
          .binaries = &good,
          .n_binaries = 1,
          .env = no_value,
          .n_env = 1},
         -EINVAL,
         "NAME=VALUE"},
        {{.application = "app",
          .version = "1",
          .binaries = &good,
          .n_binaries = 1,
          .env = doubled,
          .n_env = 3},
         -EINVAL,
         "given twice"},
        {{.application = "app",
          .version = "1",
          .binaries = &good,
          .n_binaries = 1,
          .env = reserved,
          .n_env = 1},
         -EINVAL,
         "NODED_ROOT is set by the launcher"},
        {{.application = "app",
          .version = "1",
          .binaries = &good,
          .n_binaries = 1,
          .files = &deep,
          .n_files = 1},
         -EINVAL,
         "32 parts"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char release[65];
        cr_expect_eq (noded_client_publish (client, &cases[i].publish, release), cases[i].code,
                      "case %zu: %s", i, noded_client_error (client));
        expect_sentence (cases[i].sentence);
    }
    cr_expect_eq (broker.n_requests, 0);
    cr_expect_eq (broker.n_blobs, 0);
}

/*  The sparse file has 1 TiB: reading it takes longer than the test may. */
Test (publish, a_file_that_no_peer_accepts_is_reported_before_it_is_read)
{
    char path[] = "/tmp/huge.XXXXXX";
    const noded_binary huge = {.path = path, .platform = "linux/amd64"};
    const noded_publish publish = {.application = "app", .version = "1", .binaries = &huge, .n_binaries = 1};
    struct client_release made = CLIENT_RELEASE_NULL;
    struct base_error error = {.code = 0};
    int fd = mkstemp (path);
    cr_assert_geq (fd, 0);
    cr_assert_eq (ftruncate (fd, (off_t) 1 << 40), 0);
    cr_expect_eq (client_release_make (&publish, &made, &error), -EFBIG);
    cr_expect (strstr (error.text, "accepts at most"), "%s", error.text);
    (void) unlink (path);
    (void) close (fd);
}

Test (publish, a_peer_that_cannot_accept_an_upload_ends_it_with_a_reason)
{
    make_file ("program", "p", 1, 0755);
    broker.taken_status = WIRE_STATUS_FAILED;
    const noded_binary binary = {.path = "program"};
    const noded_publish publish = {
        .application = "app", .version = "1", .binaries = &binary, .n_binaries = 1};
    char release[65];
    cr_expect_eq (noded_client_publish (client, &publish, release), -EIO);
    expect_sentence ("cannot upload program to ipc://");
    expect_sentence ("the disk is full");
    cr_expect_eq (broker.n_requests, 0, "a release without its blobs is not published");
}

Test (publish, an_upload_to_a_silent_content_peer_ends_at_the_deadline)
{
    make_file ("program", "p", 1, 0755);
    broker.puts_to_lose = 1000;
    noded_client *hasty = fake_client (&broker, 300);
    const noded_binary binary = {.path = "program"};
    const noded_publish publish = {
        .application = "app", .version = "1", .binaries = &binary, .n_binaries = 1};
    char release[65];
    cr_expect_eq (noded_client_publish (hasty, &publish, release), -ETIMEDOUT);
    cr_expect_not_null (strstr (noded_client_error (hasty), "no answer from ipc://"));
    noded_client_free (hasty);
}

static bool release_store_wrongly (struct fake_broker *fake, const struct fake_request *request,
                                   void *ret_answer)
{
    (void) fake;
    (void) request;
    ((struct wire_published *) ret_answer)->release.bytes[0] = 1;
    return true;
}

Test (publish, a_release_stored_under_another_digest_is_an_error)
{
    make_file ("program", "p", 1, 0755);
    broker.answer = release_store_wrongly;
    const noded_binary binary = {.path = "program"};
    const noded_publish publish = {
        .application = "app", .version = "1", .binaries = &binary, .n_binaries = 1};
    char release[65];
    cr_expect_eq (noded_client_publish (client, &publish, release), -EPROTO);
}
