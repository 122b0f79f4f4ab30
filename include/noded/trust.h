/* SPDX-License-Identifier: MPL-2.0 */
/*  noded/trust.h - signed releases, from the side of those who sign

    A broker serves metadata in the form of TUF 1.0.34. root lists the keys of all roles; targets lists the releases, and
    delegates applications to publishers; both are signed here. snapshot and timestamp are signed by the broker.

    A program reads the metadata, verifies it from a root that is pinned on this host, changes a copy of a file, shows the
    difference to a person, signs it, and publishes it:

        noded_trust_read → noded_trust_targets_next → noded_metadata_difference → noded_metadata_sign →
        noded_client_publish_metadata

    noded_client_publish_signed does all of it for one release.

    Functions return 0 or a negative errno, as in noded/client.h, and further NODED_E_UNTRUSTED, NODED_E_PASSPHRASE and
    NODED_E_CHANGED. The sentence is in noded_client_error; functions without a client write it to error (which may be
    NULL). Secrets are wiped when they are freed; a program that opens a key should forbid core dumps. */

#ifndef NODED_TRUST_H
#define NODED_TRUST_H

#include "noded/client.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

enum { NODED_TRUST_DAYS = 1825 /* five years: how long files are valid if nothing else is said */ };

/*  A public key. Free it with noded_public_free. */
typedef struct noded_public {
    char keyid[65];  /* the digest that names it */
    char scheme[32]; /* ed25519, ecdsa-sha2-nistp256 or rsassa-pss-sha256 */
    char *json;      /* the key as metadata lists it */
    bool secret;     /* it was read from a key file, which has the secret, too */
    bool locked;     /* ... which needs a passphrase */
} noded_public;

/*  Reads a public key: from a key file (its secret is not read), from the JSON that noded_public.json has, or from PEM
    ("BEGIN PUBLIC KEY"). */
int noded_public_read (const char *path, noded_public *ret_public, char *error, size_t error_size);
void noded_public_free (noded_public *key);

/*  A key that signs. It is used by one thread at a time. */
typedef struct noded_signing_key noded_signing_key;

/*  Makes a new key in a new file with mode 0600. passphrase NULL: only the mode protects it. An existing file is never
    replaced (-EEXIST). */
int noded_signing_key_make (const char *path, const void *passphrase, size_t size, noded_public *ret_public,
                            char *error, size_t error_size);

/*  Opens a key file. The passphrase is only used if the file is locked. NODED_E_PASSPHRASE: it is missing or wrong. */
int noded_signing_key_open (const char *path, const void *passphrase, size_t size,
                            noded_signing_key **ret_key, char *error, size_t error_size);

/*  A key in a token: command is run by /bin/sh for each signature. It gets the bytes to sign on standard input, and
    prints the signature in hexadecimal digits within five minutes. public_path: its public key. */
int noded_signing_key_signer (const char *command, const char *public_path, noded_signing_key **ret_key,
                              char *error, size_t error_size);
const char *noded_signing_key_id (const noded_signing_key *key);
void noded_signing_key_free (noded_signing_key *key);

/*  A metadata file: published, or in the making. */
typedef struct noded_metadata noded_metadata;

/*  Reads a file of root or targets, with the signatures that it has. Nothing is verified. role: the name of a publisher
    whose file it is; NULL: root or targets, as the file says. */
int noded_metadata_read (const char *path, const char *role, noded_metadata **ret_metadata, char *error,
                         size_t error_size);
void noded_metadata_free (noded_metadata *metadata);

/*  "root", "targets", or the name of a publisher; valid while the file lives. */
const char *noded_metadata_role (const noded_metadata *metadata);
uint64_t noded_metadata_version (const noded_metadata *metadata);

/*  The file; the caller frees it with free (). NULL if memory is exhausted. */
char *noded_metadata_text (const noded_metadata *metadata);

/*  What differs between two files of a role, a line each, for people; before NULL: everything is new. Text from the files
    may contain any character: escape it before it reaches a terminal. "": nothing. The caller frees it; NULL if memory is
    exhausted. */
char *noded_metadata_difference (const noded_metadata *before, const noded_metadata *after);

/*  Says that a file continues a published one (NULL: it is the first): it is then only published in its place. */
void noded_metadata_follow (noded_metadata *metadata, const noded_metadata *published);

/*  Adds a signature. Any key may sign; see noded_metadata_missing. */
int noded_metadata_sign (noded_metadata *metadata, noded_signing_key *key, char *error, size_t error_size);

/*  Whether enough keys signed. above: of a root: the root before it (NULL: it is the first); of targets: the root; of a
    publisher's file: the targets. *ret_missing is a sentence that the caller frees; NULL: nothing is missing. */
int noded_metadata_missing (const noded_metadata *metadata, const noded_metadata *above, char **ret_missing,
                            char *error, size_t error_size);

/*  Adds a publisher to targets, or replaces the one of this name. applications: names, in which * and ? stand for any
    characters, and any one. */
typedef struct noded_publisher {
    const char *name;
    const char *const *applications;
    size_t n_applications;
    const noded_public *keys;
    size_t n_keys;
    uint64_t threshold; /* how many of the keys must sign; 0: one */
} noded_publisher;
int noded_metadata_delegate (noded_metadata *targets, const noded_publisher *publisher, char *error,
                             size_t error_size);
int noded_metadata_undelegate (noded_metadata *targets, const char *name, char *error, size_t error_size);

/*  Removes a release from targets, or from a publisher's file. release: 64 hexadecimal digits. */
int noded_metadata_remove (noded_metadata *targets, const char *application, const char *release, char *error,
                           size_t error_size);

/*  Where this host keeps the newest metadata that it has verified. All NULL: a directory for each broker below
    $XDG_STATE_HOME/noded/trust, or ~/.local/state/noded/trust. */
typedef struct noded_trust_place {
    const char *state; /* this directory instead; made if it is missing */
    const char *root;  /* a file with a root that is known to be genuine, to pin if none is pinned yet */
} noded_trust_place;

/*  Pins a root: metadata of the broker is trusted if the chain of roots that begins with it leads there. -EEXIST:
    another one is pinned. */
int noded_trust_pin (noded_client *client, const noded_trust_place *place, const noded_metadata *root);

/*  The verified metadata of a broker. */
typedef struct noded_trust noded_trust;

/*  Reads the metadata of the broker, and verifies it as a node does: from the pinned root on, never older than what was
    seen before, and with a log of releases that has only grown. What it has verified is kept. Expired files are read,
    too. If only roots can be verified, the result has those, and a problem.

    NODED_E_NONE: no root is pinned. */
int noded_trust_read (noded_client *client, const noded_trust_place *place, noded_trust **ret_trust);
void noded_trust_free (noded_trust *trust);

/*  Why there is nothing but roots, or why what is there must not be continued; NULL: everything is as it should be. */
const char *noded_trust_problem (const noded_trust *trust);

/*  The directory in which it is kept. */
const char *noded_trust_directory (const noded_trust *trust);

/*  The newest verified file of root, targets, or a publisher; NULL: there is none. Borrowed. */
const noded_metadata *noded_trust_file (const noded_trust *trust, const char *role);

/*  A role, as the verified metadata has it. */
typedef struct noded_trust_role {
    const char *name;    /* root, targets, snapshot, timestamp, or the name of a publisher */
    uint64_t version;    /* of its file; 0: there is none */
    const char *expires; /* "2031-01-31T00:00:00Z"; NULL: there is no file */
    uint64_t expires_s;  /* the same in seconds since 1970 */
    uint64_t threshold;  /* how many keys must sign */
    const char *const *keyids;
    size_t n_keyids;
    uint64_t releases;               /* that its file lists */
    const char *const *applications; /* of a publisher: what it may publish */
    size_t n_applications;
    const char *problem; /* why its file is not trusted; NULL: it is */
} noded_trust_role;

/*  root, targets, snapshot, timestamp, then the publishers in the order of the targets. Borrowed. */
const noded_trust_role *noded_trust_roles (const noded_trust *trust, size_t *ret_count);

/*  The same as JSON; the caller frees it. NULL if memory is exhausted. */
char *noded_trust_json (const noded_trust *trust);

/*  What the broker says about itself; nothing of it is verified. Free it with noded_trust_state_free. */
typedef struct noded_trust_state {
    bool published; /* a root is published */
    char **faults;  /* what is missing, damaged or expired, and what to do; ends with NULL */
} noded_trust_state;
int noded_client_trust (noded_client *client, noded_trust_state *ret_state);
void noded_trust_state_free (noded_trust_state *state);

/*  The first root and targets of a broker that has none: key signs both, and the broker's own keys the rest. Neither is
    signed yet. days: how long they are valid. -EEXIST: the broker has a root already. */
int noded_client_trust_first (noded_client *client, const noded_public *key, unsigned days,
                              noded_metadata **ret_root, noded_metadata **ret_targets);

/*  How the keys of a role change. */
typedef struct noded_keys_change {
    const noded_public *add;
    size_t n_add;
    const char *const *remove; /* keyids */
    size_t n_remove;
    uint64_t threshold; /* 0: as before */
} noded_keys_change;

/*  The next root. role: "root" or "targets", whose keys change; change NULL: nothing but the expiry. */
int noded_trust_root_next (const noded_trust *trust, const char *role, const noded_keys_change *change,
                           unsigned days, noded_metadata **ret_root, char *error, size_t error_size);

/*  The same with new keys of the broker, which it makes. */
int noded_client_online_next (noded_client *client, const noded_trust *trust, unsigned days,
                              noded_metadata **ret_root);

/*  The next file of targets, or of a publisher, with the same content. days 0: the expiry stays, unless it is less than
    90 days ahead. */
int noded_trust_targets_next (const noded_trust *trust, const char *role, unsigned days,
                              noded_metadata **ret_targets, char *error, size_t error_size);

/*  Publishes a signed root: the first, or the next one. */
int noded_client_publish_root (noded_client *client, const noded_metadata *root);

/*  Publishes signed targets, files of publishers, or both, as one set. NODED_E_CHANGED: one of them continues a file that
    is no longer the published one: read the metadata again. */
int noded_client_publish_metadata (noded_client *client, const noded_metadata *const *files, size_t count);

/*  How a release is signed. */
typedef struct noded_signing {
    noded_trust_place place;
    noded_signing_key *const *keys;
    size_t n_keys;
    unsigned days; /* as in noded_trust_targets_next */
    bool
        downgrade; /* a release that is signed already gets the highest release-counter: nodes accept it although they
                       ran newer ones */
    /*  Called with the difference that is about to be signed, as of noded_metadata_difference; or NULL. */
    void (*show) (void *context, const char *role, const char *difference);
    void *context;
} noded_signing;

/*  Uploads and stores a release as noded_client_publish does, then signs the metadata that lists it and publishes that.
    If somebody else publishes meanwhile, it is signed again. Returns 0 when both are stored and verified.

    On failure ret_release is "" if the release was not stored; else it is stored, nodes do not install it yet, and the
    same call continues. *ret_unfinished (NULL unless it needs further signatures, and the error says which): the signed
    file, which the caller frees. */
int noded_client_publish_signed (noded_client *client, const noded_publish *publish,
                                 const noded_signing *signing, char ret_release[65],
                                 noded_metadata **ret_unfinished);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif

#endif
