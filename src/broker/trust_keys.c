/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/trust_keys.c - the online keys */

#include "broker/trust_keys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/directory.h"
#include "base/text.h"
#include "broker/errors.h"
#include "trust/secret_file.h"

#define KEYS "keys"

enum { NAME_SIZE = 64 };

static const enum trust_kind kinds[] = {TRUST_TIMESTAMP, TRUST_SNAPSHOT};

static const char *key_name (uint64_t generation, enum trust_kind kind, char name[NAME_SIZE])
{
    base_assert (generation > 0 && (kind == TRUST_TIMESTAMP || kind == TRUST_SNAPSHOT));
    (void) snprintf (name, NAME_SIZE, KEYS "/%" PRIu64 ".%s.key", generation, trust_kind_name (kind));
    return name;
}

static bool name_parse (const char *leaf, uint64_t *ret_generation, enum trust_kind *ret_kind)
{
    char digits[24], name[NAME_SIZE];
    size_t at = strcspn (leaf, ".");
    uint64_t generation;

    if (at == 0 || at >= sizeof digits)
        return false;
    memcpy (digits, leaf, at);
    digits[at] = '\0';
    if (base_text_parse_u64 (digits, UINT32_MAX, &generation) != 0 || generation == 0)
        return false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp (key_name (generation, kinds[i], name) + strlen (KEYS "/"), leaf) == 0) {
            *ret_generation = generation;
            *ret_kind = kinds[i];
            return true;
        }
    return false;
}

static void key_free_p (struct broker_trust_key **key)
{
    if (*key)
        trust_secret_deinit (&(*key)->secret);
    free (*key);
    *key = NULL;
}

static void secret_buffer_deinit (struct base_buffer *buffer)
{
    if (buffer->data)
        explicit_bzero (buffer->data, buffer->capacity);
    base_buffer_deinit (buffer);
}

/*  Returns 0, -ENOMEM, another -errno if the file cannot be read, or a code of trust/errors.h if it is damaged. */
static int key_read (const struct broker_trust_files *files, const char *name, struct broker_trust_key *key,
                     struct base_error *error)
{
    base_cleanup (secret_buffer_deinit) struct base_buffer buffer = {0};
    base_cleanup (trust_secret_file_deinit) struct trust_secret_file file = {.locked = false};
    int r = base_buffer_reserve (&buffer, TRUST_SECRET_FILE_MOST + 4096); /* does not move: it is wiped */
    if (r == 0)
        r = disk_file_read (files->disk, files->fd, name, TRUST_SECRET_FILE_MOST, &buffer);
    if (r < 0)
        return base_error_errno (error, r, "cannot read it");
    r = trust_secret_file_read (buffer.data, buffer.size, &file, error);
    if (r)
        return r;
    if (file.locked)
        return base_error_set (error, -EINVAL, "it is locked with a passphrase");
    return trust_secret_file_open (&file, NULL, 0, &key->secret, error);
}

static void key_insert (struct broker_trust_keys *keys, struct broker_trust_key *key)
{
    base_assert (keys->count < BROKER_TRUST_KEYS_MOST);
    size_t at = keys->count++;
    for (; at > 0 && keys->all[at - 1]->generation > key->generation; at--)
        keys->all[at] = keys->all[at - 1];
    keys->all[at] = key;
}

static int key_load (struct broker_trust_keys *keys, const struct broker_trust_files *files, const char *leaf,
                     struct base_error *error)
{
    base_cleanup (key_free_p) struct broker_trust_key *key = calloc (1, sizeof *key);
    struct base_error why = {.code = 0};
    char name[NAME_SIZE];

    if (!key)
        return base_error_errno (error, -ENOMEM, "cannot read the keys of " BROKER_TRUST_DIRECTORY);
    if (!name_parse (leaf, &key->generation, &key->kind))
        return 0;
    if (key->generation > keys->generation)
        keys->generation = key->generation;
    (void) key_name (key->generation, key->kind, name);
    int r = keys->count == BROKER_TRUST_KEYS_MOST ? base_error_set (&why, -E2BIG, "there are too many keys")
                                                  : key_read (files, name, key, &why);
    if (r == -ENOMEM)
        return base_error_set (error, r, "%s", why.text);
    if (r != 0)
        (void) snprintf (keys->damage, sizeof keys->damage,
                         "cannot use the key ROOT/" BROKER_TRUST_DIRECTORY
                         "/%s: %.100s: restore it from a backup",
                         name, why.text);
    else
        key_insert (keys, base_take (key));
    return 0;
}

int broker_trust_keys_open (struct broker_trust_keys *keys, const struct broker_trust_files *files,
                            struct base_error *error)
{
    base_assert (keys && files);
    *keys = (struct broker_trust_keys){.count = 0};
    if (files->fd < 0)
        return 0;
    base_cleanup (base_directory_close_p) DIR *directory =
        base_directory_list (openat (files->fd, KEYS, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    const struct dirent *entry;

    if (!directory)
        return errno == ENOENT
                   ? 0
                   : base_error_errno (error, -errno, "cannot list " BROKER_TRUST_DIRECTORY "/" KEYS);
    for (errno = 0; (entry = readdir (directory)); errno = 0) {
        int r = key_load (keys, files, entry->d_name, error);
        if (r < 0) {
            broker_trust_keys_deinit (keys);
            return r;
        }
    }
    if (errno == 0)
        return 0;
    int r = base_error_errno (error, -errno, "cannot list " BROKER_TRUST_DIRECTORY "/" KEYS);
    broker_trust_keys_deinit (keys);
    return r;
}

void broker_trust_keys_deinit (struct broker_trust_keys *keys)
{
    base_assert (keys && keys->count <= BROKER_TRUST_KEYS_MOST);
    for (size_t i = 0; i < keys->count; i++)
        key_free_p (&keys->all[i]);
    *keys = (struct broker_trust_keys){.count = 0};
}

static int key_write (struct broker_trust_files *files, const struct broker_trust_key *key,
                      struct base_error *error)
{
    base_cleanup (secret_buffer_deinit) struct base_buffer buffer = {0};
    base_cleanup (trust_secret_file_deinit) struct trust_secret_file file = {.locked = false};
    char name[NAME_SIZE];

    trust_secret_file_plain (&file, &key->secret);
    int r = base_buffer_reserve (&buffer, TRUST_SECRET_FILE_MOST);
    if (r == 0)
        r = trust_secret_file_write (&file, &buffer);
    if (r < 0)
        return base_error_errno (error, r, "cannot make a key");
    return disk_file_write (files->disk, files->fd, key_name (key->generation, key->kind, name), 0600,
                            buffer.data, buffer.size, error);
}

int broker_trust_keys_make (struct broker_trust_keys *keys, struct broker_trust_files *files,
                            const uint8_t seeds[2 * TRUST_SEED_BYTES], struct base_error *error)
{
    base_assert (keys && files && seeds && keys->generation < UINT32_MAX);
    base_cleanup (key_free_p) struct broker_trust_key *one = calloc (1, sizeof *one);
    base_cleanup (key_free_p) struct broker_trust_key *other = calloc (1, sizeof *other);
    uint64_t generation = keys->generation + 1;

    if (!one || !other)
        return base_error_errno (error, -ENOMEM, "cannot make keys");
    if (keys->count + 2 > BROKER_TRUST_KEYS_MOST)
        return base_error_set (error, BROKER_E_REFUSED,
                               "there are %zu keys in ROOT/" BROKER_TRUST_DIRECTORY "/" KEYS
                               ": move away those that no root lists, and start the broker again",
                               keys->count);
    one->kind = TRUST_TIMESTAMP;
    other->kind = TRUST_SNAPSHOT;
    one->generation = other->generation = generation;
    trust_secret_init (&one->secret, seeds);
    trust_secret_init (&other->secret, seeds + TRUST_SEED_BYTES);
    int r = broker_trust_files_make (files, KEYS, error);
    if (r == 0)
        r = key_write (files, one, error);
    if (r == 0)
        r = key_write (files, other, error);
    if (r < 0)
        return r;
    keys->generation = generation;
    key_insert (keys, base_take (one));
    key_insert (keys, base_take (other));
    return 0;
}

bool broker_trust_key_is_listed (const struct broker_trust_key *key, const struct trust_root *root)
{
    base_assert (key && root);
    const struct trust_role *role = &root->roles[key->kind];
    const struct trust_key *listed = trust_keys_find (&root->keys, &key->secret.keyid);

    if (!listed || listed->kind != TRUST_KEY_ED25519)
        return false;
    for (size_t i = 0; i < role->n_keyids; i++)
        if (base_digest_equal (&role->keyids[i], &key->secret.keyid))
            return true;
    return false;
}

const struct broker_trust_key *broker_trust_keys_find (const struct broker_trust_keys *keys,
                                                       const struct trust_root *root, enum trust_kind kind)
{
    base_assert (keys && root && (kind == TRUST_TIMESTAMP || kind == TRUST_SNAPSHOT));
    for (size_t i = keys->count; i-- > 0;)
        if (keys->all[i]->kind == kind && broker_trust_key_is_listed (keys->all[i], root))
            return keys->all[i];
    return NULL;
}
