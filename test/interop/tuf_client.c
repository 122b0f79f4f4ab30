/* SPDX-License-Identifier: MPL-2.0 */
/*  test/interop/tuf_client.c - room trust as a command over HTTP, for the tuf-conformance suite

        tuf-client --metadata-dir DIR init ROOT
        tuf-client --metadata-dir DIR --metadata-url URL refresh
        tuf-client --metadata-dir DIR --metadata-url URL --target-name NAME... --target-base-url URL --target-dir DIR download

    Carries out the actions of trust/refresh.h and trust/search.h with files and libcurl. Exit status: 0 or 1. */

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "trust/refresh.h"
#include "trust/search.h"

enum { NAMES_MOST = 64 };

struct client {
    const char *metadata_dir, *metadata_url, *target_url, *target_dir;
    const char *names[NAMES_MOST];
    size_t n_names;
    CURL *curl;
    struct trust_client trust;
};

/*  Reads a file of at most most bytes. Returns 0, -errno or -EFBIG. */
static int file_read (const char *path, size_t most, struct base_buffer *buffer)
{
    base_cleanup (base_close_p) int fd = open (path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    for (;;) {
        if (base_buffer_reserve (buffer, 65536))
            return -ENOMEM;
        ssize_t count = read (fd, buffer->data + buffer->size, 65536);
        if (count < 0)
            return -errno;
        if (count == 0)
            return 0;
        buffer->size += (size_t) count;
        if (buffer->size > most)
            return -EFBIG;
    }
}

static int file_write (const char *directory, const char *name, const void *data, size_t size)
{
    base_cleanup (base_free_p) char *path = base_text_printf ("%s/%s", directory, name);
    base_cleanup (base_free_p) char *draft = base_text_printf ("%s/.draft", directory);
    if (!path || !draft)
        return -ENOMEM;
    base_cleanup (base_close_p) int fd = open (draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return -errno;
    for (size_t done = 0; done < size;) {
        ssize_t count = write (fd, (const char *) data + done, size - done);
        if (count < 0)
            return -errno;
        done += (size_t) count;
    }
    return rename (draft, path) ? -errno : 0;
}

struct download {
    struct base_buffer bytes;
    size_t most;
    bool too_large;
};

static size_t download_take (char *data, size_t one, size_t count, void *user)
{
    struct download *download = user;
    if (count > download->most - download->bytes.size) {
        download->too_large = true;
        return 0;
    }
    return base_buffer_append (&download->bytes, data, one * count) ? 0 : count;
}

/*  Returns 0, -ENOENT (no such file), TRUST_E_TOO_LARGE or -EIO. */
static int url_fetch (CURL *curl, const char *url, struct download *download)
{
    long status = 0;
    curl_easy_reset (curl);
    curl_easy_setopt (curl, CURLOPT_URL, url);
    curl_easy_setopt (curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt (curl, CURLOPT_WRITEFUNCTION, download_take);
    curl_easy_setopt (curl, CURLOPT_WRITEDATA, download);
    CURLcode code = curl_easy_perform (curl);
    curl_easy_getinfo (curl, CURLINFO_RESPONSE_CODE, &status);
    if (download->too_large)
        return TRUST_E_TOO_LARGE;
    if (code != CURLE_OK)
        return -EIO;
    if (status == 404 || status == 403)
        return -ENOENT;
    return status == 200 ? 0 : -EIO;
}

/*  With one slash between. */
static char *url_below (const char *url, const char *name)
{
    size_t size = strlen (url);
    return base_text_printf ("%s%s%s", url, size && url[size - 1] == '/' ? "" : "/", name);
}

/*  The operations of refresh or search. */
struct owner {
    void *machine;
    void (*next) (const void *machine, struct trust_action *ret_action);
    void (*bytes) (void *machine, const void *data, size_t size);
    void (*absent) (void *machine);
    void (*done) (void *machine);
    void (*failed) (void *machine, int code, const char *reason);
};

#define OWNER(kind)                                                                                          \
    static void kind##_next (const void *machine, struct trust_action *ret_action)                           \
    {                                                                                                        \
        trust_##kind##_next (machine, ret_action);                                                           \
    }                                                                                                        \
    static void kind##_bytes (void *machine, const void *data, size_t size)                                  \
    {                                                                                                        \
        trust_##kind##_bytes (machine, data, size);                                                          \
    }                                                                                                        \
    static void kind##_absent (void *machine)                                                                \
    {                                                                                                        \
        trust_##kind##_absent (machine);                                                                     \
    }                                                                                                        \
    static void kind##_done (void *machine)                                                                  \
    {                                                                                                        \
        trust_##kind##_done (machine);                                                                       \
    }                                                                                                        \
    static void kind##_failed (void *machine, int code, const char *reason)                                  \
    {                                                                                                        \
        trust_##kind##_failed (machine, code, reason);                                                       \
    }                                                                                                        \
    static struct owner kind##_owner (struct trust_##kind *machine)                                          \
    {                                                                                                        \
        return (struct owner){                                                                               \
            machine, kind##_next, kind##_bytes, kind##_absent, kind##_done, kind##_failed};                  \
    }
OWNER (refresh)
OWNER (search)

static void action_load (struct client *client, const struct owner *owner, const struct trust_action *action)
{
    base_cleanup (base_buffer_deinit) struct base_buffer bytes = {0};
    base_cleanup (base_free_p) char *path = base_text_printf ("%s/%s", client->metadata_dir, action->file);
    if (path && file_read (path, action->most, &bytes) == 0)
        owner->bytes (owner->machine, bytes.data, bytes.size);
    else
        owner->absent (owner->machine);
}

static void action_fetch (struct client *client, const struct owner *owner, const struct trust_action *action)
{
    struct download download = {.most = action->most};
    base_cleanup (base_free_p) char *url = url_below (client->metadata_url, action->file);
    int r = url ? url_fetch (client->curl, url, &download) : -ENOMEM;
    if (r == 0)
        owner->bytes (owner->machine, download.bytes.data, download.bytes.size);
    else if (r == -ENOENT)
        owner->absent (owner->machine);
    else
        owner->failed (owner->machine, r, r > 0 ? "the file is too long" : "no answer");
    base_buffer_deinit (&download.bytes);
}

static void action_store (struct client *client, const struct owner *owner, const struct trust_action *action)
{
    int r = 0;
    if (action->kind == TRUST_STORE) {
        r = file_write (client->metadata_dir, action->file, action->data, action->size);
    } else {
        base_cleanup (base_free_p) char *path =
            base_text_printf ("%s/%s", client->metadata_dir, action->file);
        r = !path ? -ENOMEM : unlink (path) && errno != ENOENT ? -errno : 0;
    }
    if (r)
        owner->failed (owner->machine, r, strerror (-r));
    else
        owner->done (owner->machine);
}

static void owner_run (struct client *client, const struct owner *owner)
{
    for (;;) {
        struct trust_action action;
        owner->next (owner->machine, &action);
        if (action.kind == TRUST_DONE || action.kind == TRUST_FAILED)
            return;
        (void) fprintf (stderr, "%d %s\n", (int) action.kind, action.file);
        if (action.kind == TRUST_LOAD)
            action_load (client, owner, &action);
        else if (action.kind == TRUST_FETCH)
            action_fetch (client, owner, &action);
        else
            action_store (client, owner, &action);
    }
}

static int client_refresh (struct client *client)
{
    base_cleanup (base_buffer_deinit) struct base_buffer root = {0};
    base_cleanup (base_free_p) char *path = base_text_printf ("%s/root.json", client->metadata_dir);
    struct base_error error = {0};
    if (!path || file_read (path, TRUST_DOCUMENT_MOST, &root)) {
        (void) fprintf (stderr, "no root\n");
        return 1;
    }
    if (trust_client_init (&client->trust, NULL, (uint64_t) time (NULL), root.data, root.size, &error)) {
        (void) fprintf (stderr, "%s\n", error.text);
        return 1;
    }
    struct trust_refresh refresh;
    trust_refresh_init (&refresh, &client->trust);
    struct owner owner = refresh_owner (&refresh);
    owner_run (client, &owner);
    int r = refresh.state == TRUST_REFRESH_DONE ? 0 : 1;
    if (r)
        (void) fprintf (stderr, "%s: %s\n", trust_error_word (refresh.code), refresh.error.text);
    trust_refresh_deinit (&refresh);
    return r;
}

/*  Quotes all bytes but unreserved ones, and slashes if wanted. */
static char *text_quote (const char *text, bool slashes)
{
    struct base_buffer buffer = {0};
    for (; *text; text++) {
        bool plain = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
                     (*text >= '0' && *text <= '9') || strchr ("._-~", *text) || (*text == '/' && !slashes);
        if (base_buffer_printf (&buffer, plain ? "%c" : "%%%02X", (uint8_t) *text))
            break;
    }
    return base_buffer_take_text (&buffer);
}

static int target_fetch (struct client *client, const struct trust_target *target)
{
    base_cleanup (base_buffer_deinit) struct base_buffer location = {0}, cached = {0};
    struct base_error error = {0};
    base_cleanup (base_free_p) char *file = text_quote (target->path, true);
    base_cleanup (base_free_p) char *path =
        file ? base_text_printf ("%s/%s", client->target_dir, file) : NULL;
    if (!path)
        return 1;
    if (file_read (path, target->length, &cached) == 0 &&
        trust_target_check (target, cached.data, cached.size, NULL) == 0)
        return 0;
    if (trust_target_location (target, client->trust.root.consistent_snapshot, &location)) {
        (void) fprintf (stderr, "%s: no known hash\n", target->path);
        return 1;
    }
    base_cleanup (base_free_p) char *text = base_buffer_take_text (&location);
    base_cleanup (base_free_p) char *quoted = text ? text_quote (text, false) : NULL;
    base_cleanup (base_free_p) char *url = quoted ? url_below (client->target_url, quoted) : NULL;
    struct download download = {.most = target->length};
    int r = url ? url_fetch (client->curl, url, &download) : -ENOMEM;
    if (r == 0)
        r = trust_target_check (target, download.bytes.data, download.bytes.size, &error);
    if (r == 0)
        r = file_write (client->target_dir, file, download.bytes.data, download.bytes.size);
    if (r)
        (void) fprintf (stderr, "%s: %d %s\n", target->path, r, error.text);
    base_buffer_deinit (&download.bytes);
    return r ? 1 : 0;
}

static int client_download (struct client *client)
{
    int r = client_refresh (client);
    for (size_t i = 0; r == 0 && i < client->n_names; i++) {
        struct trust_search search;
        if (trust_search_init (&search, &client->trust, client->names[i], NULL))
            return 1;
        struct owner owner = search_owner (&search);
        owner_run (client, &owner);
        r = search.state == TRUST_SEARCH_DONE && search.target.path ? target_fetch (client, &search.target)
                                                                    : 1;
        if (!search.target.path)
            (void) fprintf (stderr, "%s: no such target; %s\n", client->names[i], search.error.text);
        trust_search_deinit (&search);
    }
    return r;
}

static int client_init (struct client *client, const char *root)
{
    base_cleanup (base_buffer_deinit) struct base_buffer bytes = {0};
    return file_read (root, TRUST_DOCUMENT_MOST, &bytes) ||
           file_write (client->metadata_dir, "root.json", bytes.data, bytes.size);
}

int main (int argc, char **argv)
{
    static const struct option options[] = {
        {"metadata-dir", required_argument, NULL, 'd'}, {"metadata-url", required_argument, NULL, 'u'},
        {"target-name", required_argument, NULL, 'n'},  {"target-base-url", required_argument, NULL, 'b'},
        {"target-dir", required_argument, NULL, 't'},   {0}};
    struct client client = {0};
    for (int option; (option = getopt_long (argc, argv, "", options, NULL)) != -1;)
        switch (option) {
        case 'd':
            client.metadata_dir = optarg;
            break;
        case 'u':
            client.metadata_url = optarg;
            break;
        case 'b':
            client.target_url = optarg;
            break;
        case 't':
            client.target_dir = optarg;
            break;
        case 'n':
            if (client.n_names == NAMES_MOST)
                return 1;
            client.names[client.n_names++] = optarg;
            break;
        default:
            return 1;
        }
    const char *command = optind < argc ? argv[optind] : "";
    client.curl = curl_easy_init ();
    int r = 1;
    if (client.curl && client.metadata_dir && strcmp (command, "init") == 0 && optind + 1 < argc)
        r = client_init (&client, argv[optind + 1]);
    else if (client.curl && client.metadata_dir && client.metadata_url && strcmp (command, "refresh") == 0)
        r = client_refresh (&client);
    else if (client.curl && client.metadata_dir && client.metadata_url && client.target_url &&
             client.target_dir && strcmp (command, "download") == 0)
        r = client_download (&client);
    trust_client_deinit (&client.trust);
    curl_easy_cleanup (client.curl);
    return r ? 1 : 0;
}
