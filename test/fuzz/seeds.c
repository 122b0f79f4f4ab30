/* SPDX-License-Identifier: MPL-2.0 */
/*  test/fuzz/seeds.c - writes the corpora of the fuzz targets

    Run `fuzz_seeds test/fuzz/corpus` after each change of schemas/, or of what room trust writes. */

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "test/lib/random_message.h"
#include "trust/log.h"
#include "trust/secret_file.h"
#include "test/lib/signed_metadata.h"
#include "test/unit/trust/vectors.h"
#include "trust/hex.h"
#include "trust/metadata.h"

static int seed_put (const char *top, const char *target, const char *name, const void *data, size_t size)
{
    base_cleanup (base_free_p) char *directory = base_text_printf ("%s/%s", top, target);
    base_cleanup (base_free_p) char *path = base_text_printf ("%s/%s/%s", top, target, name);
    if (!directory || !path || (mkdir (directory, 0755) && errno != EEXIST))
        return -1;
    base_cleanup (base_close_p) int fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    return fd >= 0 && write (fd, data, size) == (ssize_t) size ? 0 : -1;
}

static int put_record (const char *top, uint8_t index)
{
    const struct wire_record *record = wire_records[index];
    struct random random = {index};
    void *message = calloc (1, record->size);
    base_cleanup (base_buffer_deinit) struct base_buffer packed = {0}, framed = {0}, text = {0};
    if (!message)
        return -1;
    random_message (&random, record, message);
    base_cleanup (base_free_p) char *json = wire_json (record, message, index % 2 ? WIRE_JSON_PRETTY : 0);
    uint8_t prefix[WIRE_PREFIX_SIZE];
    wire_prefix (record, prefix);
    int rc = base_buffer_append (&packed, &index, 1) || wire_pack (record, message, &packed, NULL) ||
             base_buffer_append (&framed, prefix, sizeof prefix) ||
             base_buffer_append (&framed, packed.data + 1, packed.size - 1) || !json ||
             base_buffer_append (&text, &index, 1) || base_buffer_append_text (&text, json);
    wire_deinit (record, message);
    free (message);
    if (rc || seed_put (top, "unpack", record->name, packed.data, packed.size) ||
        seed_put (top, "json", record->name, text.data, text.size))
        return -1;
    return record->type ? seed_put (top, "prefix", record->name, framed.data, framed.size) : 0;
}

/*  Writes small ELF files that have everything that base/elf.c reads; a big-endian header; a script. */
static int put_elf (const char *top)
{
    struct {
        Elf64_Ehdr header;
        Elf64_Phdr segments[3];
        Elf64_Dyn dynamic[4];
        char strings[32];
        char interpreter[32];
    } wide = {
        .header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                   .e_type = ET_DYN,
                   .e_machine = EM_X86_64,
                   .e_phoff = sizeof (Elf64_Ehdr),
                   .e_phentsize = sizeof (Elf64_Phdr),
                   .e_phnum = 3},
        .segments = {{.p_type = PT_LOAD, .p_vaddr = 0x1000, .p_filesz = sizeof wide},
                     {.p_type = PT_DYNAMIC,
                      .p_offset = offsetof (__typeof__ (wide), dynamic),
                      .p_filesz = sizeof wide.dynamic},
                     {.p_type = PT_INTERP,
                      .p_offset = offsetof (__typeof__ (wide), interpreter),
                      .p_filesz = 32}},
        .dynamic = {{DT_STRTAB, {0x1000 + offsetof (__typeof__ (wide), strings)}},
                    {DT_STRSZ, {32}},
                    {DT_RPATH, {1}}},
        .strings = "\0$ORIGIN/files/lib",
        .interpreter = "/lib64/ld-linux-x86-64.so.2",
    };
    struct {
        Elf32_Ehdr header;
        Elf32_Phdr segments[3];
        Elf32_Dyn dynamic[4];
        char strings[32];
        char interpreter[32];
    } narrow = {
        .header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
                   .e_type = ET_EXEC,
                   .e_machine = EM_386,
                   .e_phoff = sizeof (Elf32_Ehdr),
                   .e_phentsize = sizeof (Elf32_Phdr),
                   .e_phnum = 3},
        .segments = {{.p_type = PT_LOAD, .p_vaddr = 0x1000, .p_filesz = sizeof narrow},
                     {.p_type = PT_DYNAMIC,
                      .p_offset = offsetof (__typeof__ (narrow), dynamic),
                      .p_filesz = sizeof narrow.dynamic},
                     {.p_type = PT_INTERP,
                      .p_offset = offsetof (__typeof__ (narrow), interpreter),
                      .p_filesz = 32}},
        .dynamic = {{DT_STRTAB, {0x1000 + offsetof (__typeof__ (narrow), strings)}},
                    {DT_STRSZ, {32}},
                    {DT_RPATH, {1}}},
        .strings = "\0$ORIGIN/files/lib:/opt",
        .interpreter = "/lib/ld-linux.so.2",
    };
    uint8_t big[sizeof (Elf64_Ehdr)] = {ELFMAG0,    ELFMAG1,     ELFMAG2,   ELFMAG3,
                                        ELFCLASS64, ELFDATA2MSB, EV_CURRENT};
    big[17] = ET_EXEC;
    big[19] = EM_S390;
    return seed_put (top, "elf", "wide", &wide, sizeof wide) ||
           seed_put (top, "elf", "narrow", &narrow, sizeof narrow) ||
           seed_put (top, "elf", "big", big, sizeof big) ||
           seed_put (top, "elf", "script", "#!/bin/sh\n", 10);
}

static int put_zap (const char *top)
{
    static const char curve[] = "\x03"
                                "1.0\x01"
                                "1\x0fnoded/control/1\x08"
                                "10.0.0.1\x00\x05"
                                "CURVE\x20"
                                "0123456789abcdef0123456789abcdef";
    static const char local[] = "\x03"
                                "1.0\x01"
                                "1\x0fnoded/control/1\x10localhost:0:0:42\x00\x04NULL";
    static const char remote[] = "\x03"
                                 "1.0\x01"
                                 "1\x0fnoded/control/1\x08"
                                 "10.0.0.1\x00\x04NULL";
    static const char key[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    return seed_put (top, "zap", "curve", curve, sizeof curve - 1) ||
           seed_put (top, "zap", "local", local, sizeof local - 1) ||
           seed_put (top, "zap", "remote", remote, sizeof remote - 1) ||
           seed_put (top, "zap", "user-key", key, sizeof key - 1) ||
           seed_put (top, "zap", "user-local", "1000:100:4711", 13);
}

/*  A key file with and without a passphrase: whole, and without its check. */
static int put_secret_file (const char *top, bool locked)
{
    static const uint8_t seed[TRUST_SEED_BYTES] = {1}, salt[TRUST_SALT_BYTES] = {2},
                         nonce[TRUST_NONCE_BYTES] = {3};
    static const struct trust_secret_cost cost = {.operations = 1, .memory = 8192};
    struct trust_secret secret = {0};
    struct trust_secret_file file = {0};
    base_cleanup (base_buffer_deinit) struct base_buffer text = {0};
    trust_secret_init (&secret, seed);
    if (!locked)
        trust_secret_file_plain (&file, &secret);
    else if (trust_secret_file_lock (&file, &secret, &cost, salt, nonce, "passphrase", 10, NULL))
        return -1;
    if (base_buffer_append (&text, "\0", 1) || trust_secret_file_write (&file, &text) ||
        seed_put (top, "trust_secret_file", locked ? "locked" : "plain", text.data, text.size))
        return -1;
    text.data[0] = 1;
    size_t check = sizeof "check: \n" - 1 + 2 * (size_t) BASE_DIGEST_BYTES;
    return seed_put (top, "trust_secret_file", locked ? "locked-unchecked" : "plain-unchecked", text.data,
                     text.size - check);
}

static int put_text (const char *top, const char *target, const char *name, const char *text)
{
    return seed_put (top, target, name, text, strlen (text));
}

static int put_custom (const char *top)
{
    static const char custom[] = "{\"application\":\"web\",\"platforms\":[\"*\",\"linux/amd64\"],"
                                 "\"release-counter\":7,\"version\":\"1.2\"}",
                      digest[] = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";
    base_cleanup (base_free_p) char *target =
        base_text_printf ("{\"custom\":%s,\"hashes\":{\"sha256\":\"%s\"},\"length\":1,\"path\":\"web/%s\"}",
                          custom, digest, digest);
    base_cleanup (base_free_p) char *log =
        base_text_printf ("{\"log\":{\"root\":\"%s\",\"size\":12}}", digest);
    return !target || !log || put_text (top, "trust_custom", "custom", custom) ||
           put_text (top, "trust_custom", "target", target) || put_text (top, "trust_custom", "log", log);
}

static int put_proof (const char *top, const char *name, uint8_t kind, uint64_t first, uint64_t second,
                      const struct trust_merkle_proof *proof)
{
    base_cleanup (base_buffer_deinit) struct base_buffer bytes = {0};
    uint8_t head[17] = {kind};
    for (unsigned i = 0; i < 8; i++) {
        head[8 - i] = (uint8_t) (first >> 8 * i);
        head[16 - i] = (uint8_t) (second >> 8 * i);
    }
    return base_buffer_append (&bytes, head, sizeof head) || trust_merkle_proof_write (proof, &bytes)
               ? -1
               : seed_put (top, "trust_merkle_proof", name, bytes.data, bytes.size);
}

/*  Of the log that the target knows, too. */
static int put_proofs (const char *top)
{
    struct base_digest leaves[80];
    struct trust_merkle merkle = {0};
    struct trust_merkle_proof proof;
    base_cleanup (base_buffer_deinit) struct base_buffer frontier = {0};
    for (unsigned i = 0; i < 80; i++) {
        leaves[i] = trust_merkle_leaf (&i, sizeof i);
        trust_merkle_append (&merkle, &leaves[i]);
    }
    trust_merkle_prove_inclusion (leaves, 77, 42, &proof);
    int r = put_proof (top, "inclusion", 2, 42, 77, &proof);
    trust_merkle_prove_inclusion (leaves, 64, 0, &proof);
    r = r || put_proof (top, "inclusion-first", 0, 0, 64, &proof);
    trust_merkle_prove_consistency (leaves, 77, 42, &proof);
    r = r || put_proof (top, "consistency", 3, 42, 77, &proof);
    trust_merkle_prove_consistency (leaves, 80, 64, &proof);
    r = r || put_proof (top, "consistency-power", 1, 64, 80, &proof);
    proof.count = 0;
    r = r || put_proof (top, "consistency-empty", 1, 0, 80, &proof);
    return r || trust_merkle_write (&merkle, &frontier) ||
           seed_put (top, "trust_merkle_proof", "frontier", frontier.data, frontier.size);
}

/*  ---- room trust ---- */

struct trust_seed {
    char *root, *next_root, *timestamp, *snapshot, *targets, *team;
};

static json_t *seed_root (json_int_t version, unsigned timestamp_key)
{
    json_t *keys = json_object (), *roles = json_object ();
    for (unsigned kind = 0; kind < TRUST_KINDS; kind++) {
        unsigned numbers[] = {kind == TRUST_TIMESTAMP ? timestamp_key : kind + 1, 0};
        keys_add (keys, numbers);
        json_object_set_new (roles, trust_kind_name ((enum trust_kind) kind), role_of (numbers, 1));
    }
    return json_pack ("{s:s,s:s,s:I,s:s,s:b,s:o,s:o}", "_type", "root", "spec_version", "1.0.34", "version",
                      version, "expires", LATER, "consistent_snapshot", 1, "keys", keys, "roles", roles);
}

static char *seed_sign (json_t *content, unsigned number)
{
    char *text = file_sign (content, (unsigned[]){number, 0});
    json_decref (content);
    return text;
}

static struct trust_seed trust_seed_make (void)
{
    struct trust_seed seed = {0};
    json_t *targets = targets_content (1), *team = targets_content (1);
    json_object_set_new (json_object_get (targets, "targets"), "app/one", target_of ("one"));
    json_object_set_new (json_object_get (team, "targets"), "team/x", target_of ("x"));
    delegate (targets, "team", (unsigned[]){20, 0}, 1, "team/*");
    seed.root = seed_sign (seed_root (1, 2), 1);
    seed.next_root = seed_sign (seed_root (2, 12), 1);
    seed.targets = seed_sign (targets, 4);
    seed.team = seed_sign (team, 20);
    seed.snapshot = seed_sign (json_pack ("{s:s,s:s,s:i,s:s,s:{s:{s:i},s:{s:i}}}", "_type", "snapshot",
                                          "spec_version", "1.0.34", "version", 1, "expires", LATER, "meta",
                                          "targets.json", "version", 1, "team.json", "version", 1),
                               3);
    char hex[BASE_DIGEST_TEXT];
    struct base_digest digest = base_digest_of (seed.snapshot, strlen (seed.snapshot));
    seed.timestamp = seed_sign (
        json_pack ("{s:s,s:s,s:i,s:s,s:{s:{s:i,s:i,s:{s:s}}}}", "_type", "timestamp", "spec_version",
                   "1.0.34", "version", 1, "expires", LATER, "meta", "snapshot.json", "version", 1, "length",
                   (int) strlen (seed.snapshot), "hashes", "sha256", base_digest_format (&digest, hex)),
        2);
    return seed;
}

/*  An answer of the target trust_refresh; text NULL: absent. */
static int answer_add (struct base_buffer *buffer, const char *text)
{
    size_t size = text ? strlen (text) : 0;
    uint8_t head[3] = {text ? 0 : 1, (uint8_t) (size >> 8), (uint8_t) size};
    return base_buffer_append (buffer, head, sizeof head) ||
           base_buffer_append (buffer, text ? text : "", size);
}

static int put_answers (const char *top, const char *name, const char *const *answers, size_t count)
{
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    for (size_t i = 0; i < count; i++)
        if (answer_add (&buffer, answers[i]))
            return -1;
    return seed_put (top, "trust_refresh", name, buffer.data, buffer.size);
}

static int put_key (const char *top, const char *name, uint8_t kind, const char *public,
                    const char *signature)
{
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    uint8_t bytes[TRUST_SIGNATURE_MOST];
    size_t length = strlen (public), size = 0;
    uint8_t head[3] = {kind, (uint8_t) (length >> 8), (uint8_t) length};
    return trust_hex_decode (signature, sizeof bytes, bytes, &size) ||
           base_buffer_append (&buffer, head, sizeof head) || base_buffer_append_text (&buffer, public) ||
           base_buffer_append (&buffer, bytes, size) ||
           seed_put (top, "trust_key", name, buffer.data, buffer.size);
}

/*  The bytes in the PEM text of a key. */
static int put_der (const char *top, const char *name, const char *pem)
{
    base_cleanup (base_buffer_deinit) struct base_buffer text = {0}, der = {0};
    const char *at = strchr (pem, '\n'), *end = strstr (pem, "-----END");
    for (; at < end; at++)
        if (*at != '\n' && base_buffer_append (&text, at, 1))
            return -1;
    base_cleanup (base_free_p) char *base64 = base_buffer_take_text (&text);
    return !base64 || base_buffer_append (&der, "\x03", 1) || base_base64_decode (base64, &der) ||
           seed_put (top, "trust_key", name, der.data, der.size);
}

static int put_keys (const char *top)
{
    base_cleanup (signer_deinit) struct signer signer = signer_of (1);
    base_cleanup (base_free_p) char *signature = signer_sign (&signer, "sample", 6);
    return put_key (top, "ed25519", 0, signer.hex, signature) ||
           put_key (top, "p256", 1, p256_pem, p256_signature) ||
           put_key (top, "rsa", 2, rsa_pem, rsa_salt_32) ||
           put_key (top, "rsa-longest", 2, rsa_pem, rsa_salt_longest) ||
           put_der (top, "p256-der", p256_pem) || put_der (top, "rsa-der", rsa_pem) ||
           put_der (top, "p384-der", p384_pem);
}

static int put_trust (const char *top)
{
    struct trust_seed seed = trust_seed_make ();
    const char *const files[][2] = {{"root", seed.root},
                                    {"timestamp", seed.timestamp},
                                    {"snapshot", seed.snapshot},
                                    {"targets", seed.targets},
                                    {"team", seed.team}};
    const char *const fresh[] = {seed.root,    NULL, NULL, seed.timestamp, "", NULL, seed.snapshot, "", NULL,
                                 seed.targets, "",   NULL, seed.team,      ""};
    const char *const stored[] = {seed.root,     NULL,         seed.timestamp, seed.timestamp,
                                  seed.snapshot, seed.targets, seed.team};
    const char *const rotated[] = {seed.root, seed.next_root, "", "", "", NULL, seed.timestamp};
    int r = put_keys (top) || put_answers (top, "fresh", fresh, sizeof fresh / sizeof *fresh) ||
            put_answers (top, "stored", stored, sizeof stored / sizeof *stored) ||
            put_answers (top, "rotated", rotated, sizeof rotated / sizeof *rotated);
    for (size_t i = 0; r == 0 && i < sizeof files / sizeof *files; i++)
        r = seed_put (top, "trust_document", files[i][0], files[i][1], strlen (files[i][1]));
    free (seed.root);
    free (seed.next_root);
    free (seed.timestamp);
    free (seed.snapshot);
    free (seed.targets);
    free (seed.team);
    return r ? -1 : 0;
}

int main (int argc, char **argv)
{
    if (argc != 2) {
        (void) fprintf (stderr, "usage: fuzz_seeds DIRECTORY\n");
        return 2;
    }
    int rc = put_elf (argv[1]) || put_zap (argv[1]) || put_trust (argv[1]) ||
             put_secret_file (argv[1], true) || put_secret_file (argv[1], false) || put_custom (argv[1]) ||
             put_proofs (argv[1]);
    for (uint8_t i = 0; !rc && wire_records[i]; i++)
        rc = put_record (argv[1], i);
    if (rc)
        perror ("fuzz_seeds");
    return rc ? 1 : 0;
}
