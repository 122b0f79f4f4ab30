/* SPDX-License-Identifier: MPL-2.0 */
/*  client/trust_key.c - keys in files: public ones, and those that sign

    A secret is in memory only from opening its file until the key is freed. The buffer of a file has its whole size from
    the beginning, because a buffer that grows leaves copies behind. */

#include "client/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/random.h"
#include "base/text.h"
#include "disk/disk.h"
#include "trust/secret_file.h"

enum { PUBLIC_MOST = 16 * 1024 };

static void secret_buffer_deinit (struct base_buffer *buffer)
{
    if (buffer->data)
        explicit_bzero (buffer->data, buffer->capacity);
    base_buffer_deinit (buffer);
}

int client_file_read (const char *path, size_t most, struct base_buffer *buffer, struct base_error *error)
{
    base_assert (path && buffer && buffer->size == 0);
    base_cleanup (base_close_p) int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    if (fd < 0 || fstat (fd, &status) != 0)
        return base_error_errno (error, -errno, "cannot read %s", path);
    if (!S_ISREG (status.st_mode))
        return base_error_set (error, -EINVAL, "cannot read %s: it is not a regular file", path);
    if ((uint64_t) status.st_size > most)
        return base_error_set (error, -EFBIG, "cannot read %s: it has more than %zu bytes", path, most);
    if (base_buffer_reserve (buffer, (size_t) status.st_size + 1) < 0)
        return base_error_set (error, -ENOMEM, "out of memory");
    while (buffer->size < (size_t) status.st_size) {
        ssize_t count = read (fd, buffer->data + buffer->size, (size_t) status.st_size - buffer->size);
        if (count < 0)
            return base_error_errno (error, -errno, "cannot read %s", path);
        if (count == 0)
            break;
        buffer->size += (size_t) count;
    }
    buffer->data[buffer->size] = '\0';
    return 0;
}

/*  Fills in what is known of a public key. Takes json. */
static int public_fill (const char *name, json_t *json, noded_public *ret_public, struct base_error *error)
{
    base_cleanup (trust_key_deinit) struct trust_key key = {.kind = TRUST_KEY_UNUSABLE};
    struct base_digest keyid;
    noded_public made = {.json = NULL};
    int r = json ? trust_key_id (json, &keyid, error) : base_error_set (error, -ENOMEM, "out of memory");
    if (r == 0)
        r = trust_key_read (base_digest_format (&keyid, made.keyid), json, &key, error);
    if (r == 0 && key.kind == TRUST_KEY_UNUSABLE)
        r = base_error_set (error, TRUST_E_KEY, "the public key in %s cannot be used: %s", name, key.reason);
    if (r == 0) {
        const char *scheme = json_string_value (json_object_get (json, "scheme"));
        made.json = json_dumps (json, JSON_COMPACT | JSON_SORT_KEYS);
        r = !made.json || base_text_copy (made.scheme, sizeof made.scheme, scheme ? scheme : "") < 0
                ? base_error_set (error, -ENOMEM, "out of memory")
                : 0;
    }
    json_decref (json);
    if (r == 0)
        *ret_public = made;
    else
        free (made.json);
    return r;
}

static json_t *pem_key (const char *keytype, const char *scheme, const char *text)
{
    return json_pack ("{s:s, s:s, s:{s:s}}", "keytype", keytype, "scheme", scheme, "keyval", "public", text);
}

/*  A key file names its public key in clear. */
static int public_of_file (const char *name, const void *data, size_t size, noded_public *ret_public,
                           struct base_error *error)
{
    base_cleanup (trust_secret_file_deinit) struct trust_secret_file file = {.locked = false};
    int r = trust_secret_file_read (data, size, &file, error);
    if (r)
        return base_error_prefix (error, "%s", name);
    r = public_fill (name, trust_public_json (file.public), ret_public, error);
    if (r == 0) {
        ret_public->secret = true;
        ret_public->locked = file.locked;
    }
    return r;
}

int client_public_parse (const char *name, const char *text, size_t size, noded_public *ret_public,
                         struct base_error *error)
{
    base_assert (name && text && ret_public);
    if (base_text_begins (text, "noded-key "))
        return public_of_file (name, text, size, ret_public, error);
    if (base_text_begins (text, "-----BEGIN PUBLIC KEY-----")) {
        struct base_error why = {.code = 0};
        int r = public_fill (name, pem_key ("ecdsa", "ecdsa-sha2-nistp256", text), ret_public, &why);
        return r == TRUST_E_KEY
                   ? public_fill (name, pem_key ("rsa", "rsassa-pss-sha256", text), ret_public, error)
               : r ? base_error_set (error, r, "%s", why.text)
                   : 0;
    }
    json_t *json = json_loadb (text, size, JSON_REJECT_DUPLICATES, NULL);
    if (!json)
        return base_error_set (
            error, TRUST_E_KEY,
            "%s has no public key: it must be a key file of nodectl trust key make, a key in "
            "JSON as nodectl trust key show prints it, or PEM that begins with BEGIN PUBLIC KEY",
            name);
    return public_fill (name, json, ret_public, error);
}

int noded_public_read (const char *path, noded_public *ret_public, char *error, size_t error_size)
{
    base_cleanup (secret_buffer_deinit) struct base_buffer text = {.size = 0};
    struct base_error reason = {.code = 0};
    *ret_public = (noded_public){.json = NULL};
    int r = client_file_read (path, PUBLIC_MOST, &text, &reason);
    if (r == 0)
        r = client_public_parse (path, (const char *) text.data, text.size, ret_public, &reason);
    return client_trust_fail (r, &reason, error, error_size);
}

void noded_public_free (noded_public *key)
{
    if (!key)
        return;
    free (key->json);
    *key = (noded_public){.json = NULL};
}

/*  Locks a new key with a passphrase, and appends its file. */
static int key_write (const struct trust_secret *secret, const void *passphrase, size_t size,
                      struct base_buffer *buffer, struct base_error *error)
{
    base_cleanup (trust_secret_file_deinit) struct trust_secret_file file = {.locked = false};
    uint8_t salt[TRUST_SALT_BYTES], nonce[TRUST_NONCE_BYTES];
    if (!passphrase) {
        trust_secret_file_plain (&file, secret);
        return trust_secret_file_write (&file, buffer);
    }
    if (size == 0 || size > TRUST_PASSPHRASE_MOST)
        return base_error_set (error, TRUST_E_PASSPHRASE, "a passphrase has 1 to %d bytes, not %zu",
                               TRUST_PASSPHRASE_MOST, size);
    base_random_bytes (salt, sizeof salt);
    base_random_bytes (nonce, sizeof nonce);
    int r = trust_secret_file_lock (&file, secret, &trust_secret_cost_default, salt, nonce, passphrase, size,
                                    error);
    return r ? r : trust_secret_file_write (&file, buffer);
}

/*  Makes a new file durably. A file that cannot be completed is removed again. */
static int key_store (const char *path, const struct base_buffer *text, struct base_error *error)
{
    const struct disk *disk = &disk_system;
    base_cleanup (base_close_p) int fd = disk->ops->openat (
        disk->context, AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno == EEXIST)
        return base_error_set (
            error, -EEXIST,
            "cannot make the key %s: the file exists, and a key is never overwritten; choose "
            "another name",
            path);
    if (fd < 0)
        return base_error_errno (error, -errno, "cannot make the key %s", path);
    int r = disk_write_all (disk, fd, text->data, text->size);
    if (r == 0 && disk->ops->fsync (disk->context, fd) != 0)
        r = -errno;
    if (r == 0)
        return 0;
    (void) disk_unlink (disk, AT_FDCWD, path);
    return base_error_errno (error, r, "cannot make the key %s", path);
}

int noded_signing_key_make (const char *path, const void *passphrase, size_t size, noded_public *ret_public,
                            char *error, size_t error_size)
{
    base_cleanup (secret_buffer_deinit) struct base_buffer text = {.size = 0};
    base_cleanup (trust_secret_deinit) struct trust_secret secret = {.keyid = {{0}}};
    struct base_error reason = {.code = 0};
    uint8_t seed[TRUST_SEED_BYTES];
    *ret_public = (noded_public){.json = NULL};
    base_random_bytes (seed, sizeof seed);
    trust_secret_init (&secret, seed);
    explicit_bzero (seed, sizeof seed);
    int r = key_write (&secret, passphrase, size, &text, &reason);
    if (r == 0)
        r = key_store (path, &text, &reason);
    if (r == 0)
        r = public_of_file (path, text.data, text.size, ret_public, &reason);
    return client_trust_fail (r, &reason, error, error_size);
}

static void key_free_p (noded_signing_key **key)
{
    noded_signing_key_free (*key);
}

void noded_signing_key_free (noded_signing_key *key)
{
    if (!key)
        return;
    trust_secret_deinit (&key->secret);
    json_decref (key->json);
    free (key->command);
    explicit_bzero (key, sizeof *key);
    free (key);
}

const char *noded_signing_key_id (const noded_signing_key *key)
{
    return key->keyid;
}

static int key_open (const char *path, const void *passphrase, size_t size, noded_signing_key *key,
                     struct base_error *error)
{
    base_cleanup (secret_buffer_deinit) struct base_buffer text = {.size = 0};
    base_cleanup (trust_secret_file_deinit) struct trust_secret_file file = {.locked = false};
    int r = client_file_read (path, PUBLIC_MOST, &text, error);
    if (r < 0)
        return r;
    r = trust_secret_file_read (text.data, text.size, &file, error);
    if (r == 0)
        r = trust_secret_file_open (&file, passphrase, size, &key->secret, error);
    if (r)
        return base_error_prefix (error, "cannot open the key %s", path);
    (void) base_digest_format (&key->secret.keyid, key->keyid);
    key->json = trust_public_json (trust_secret_public (&key->secret));
    return key->json ? 0 : base_error_set (error, -ENOMEM, "out of memory");
}

int noded_signing_key_open (const char *path, const void *passphrase, size_t size,
                            noded_signing_key **ret_key, char *error, size_t error_size)
{
    base_cleanup (key_free_p) noded_signing_key *key = calloc (1, sizeof *key);
    struct base_error reason = {.code = 0};
    int r = key ? key_open (path, passphrase, size, key, &reason)
                : base_error_set (&reason, -ENOMEM, "out of memory");
    *ret_key = r == 0 ? base_take (key) : NULL;
    return client_trust_fail (r, &reason, error, error_size);
}

int noded_signing_key_signer (const char *command, const char *public_path, noded_signing_key **ret_key,
                              char *error, size_t error_size)
{
    base_cleanup (key_free_p) noded_signing_key *key = calloc (1, sizeof *key);
    base_cleanup (noded_public_free) noded_public public = {.json = NULL};
    struct base_error reason = {.code = 0};
    *ret_key = NULL;
    int r = noded_public_read (public_path, &public, error, error_size);
    if (r < 0)
        return r;
    if (key)
        key->json = json_loads (public.json, 0, NULL);
    if (!key || !key->json || !(key->command = strdup (command)))
        return client_trust_fail (base_error_set (&reason, -ENOMEM, "out of memory"), &reason, error,
                                  error_size);
    memcpy (key->keyid, public.keyid, sizeof key->keyid);
    *ret_key = base_take (key);
    return 0;
}
