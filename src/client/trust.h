/* SPDX-License-Identifier: MPL-2.0 */
/*  client/trust.h - shared by the files that sign and publish metadata

    Room trust judges and signs; these files read and write files, ask the broker, and keep what was verified. The codes
    of room trust never leave this room: client_trust_code makes errnos of them. */

#ifndef CLIENT_TRUST_H
#define CLIENT_TRUST_H

#include "noded/trust.h"

#include "client/client.h"
#include "trust/client.h"
#include "trust/draft_online.h"
#include "trust/draft_targets.h"

struct noded_signing_key {
    char keyid[BASE_DIGEST_TEXT];
    json_t *json;               /* the public key */
    struct trust_secret secret; /* null: command signs */
    char *command;
};

struct noded_metadata {
    char role[TRUST_NAME_TEXT];
    struct trust_draft draft;
    struct base_digest file;     /* of a published file: its SHA-256 */
    struct base_digest replaces; /* of a draft: the file that it continues; null: whatever is published */
};

/*  What a noded_trust_role points to. */
struct client_role_texts {
    char expires[TRUST_EXPIRES_TEXT];
    char **keyids, **applications;
};

/*  A publisher, and its file if there is one. */
struct client_role {
    noded_metadata *metadata;
    struct trust_targets targets; /* of a publisher; null otherwise */
    char problem[256];            /* empty: none */
};

struct noded_trust {
    char *directory;
    int fd;                    /* of the directory */
    struct trust_client chain; /* verified as if nothing were ever expired */
    noded_metadata *root, *targets;
    struct client_role *publishers; /* one for each delegation */
    size_t n_publishers;
    noded_trust_role *shown;         /* root, targets, snapshot, timestamp, publishers */
    struct client_role_texts *texts; /* one for each of them */
    size_t n_shown;
    char problem[BASE_ERROR_SIZE];
};

/*  Seconds since 1970, and some days later. */
uint64_t client_trust_now (void);
uint64_t client_trust_after (uint64_t now, unsigned days);

/*  The errno of a result of room trust: 0 and negative ones stay. */
int client_trust_code (int r);

/*  Copies the sentence for a function without a client, and returns client_trust_code (r). */
int client_trust_fail (int r, const struct base_error *reason, char *error, size_t size);

/*  The same for a function with a client. */
int client_trust_stop (noded_client *client, int r, const struct base_error *reason);

/*  trust_file.c: takes the draft, also if it fails. */
int client_metadata_new (const char *role, struct trust_draft *draft, noded_metadata **ret_metadata,
                         struct base_error *error);
int client_metadata_parse (const char *role, const void *data, size_t size, noded_metadata **ret_metadata,
                           struct base_error *error);
void client_metadata_free_p (noded_metadata **metadata);

/*  trust_signer.c: runs a command that signs. Writes at most TRUST_SIGNATURE_MOST bytes. */
int client_signer_run (const char *command, const void *data, size_t size, uint8_t *ret_signature,
                       size_t *ret_size, struct base_error *error);

/*  trust_key.c: a public key from its text. */
int client_public_parse (const char *name, const char *text, size_t size, noded_public *ret_public,
                         struct base_error *error);

/*  Reads a small file. */
int client_file_read (const char *path, size_t most, struct base_buffer *buffer, struct base_error *error);

/*  trust_transfer.c: a metadata file of the broker, in parts. version 0: the newest. Returns 0, -ENOENT if the broker has
    none, -EFBIG if it has more than most bytes, or another -errno, with client->error filled in. */
int client_metadata_fetch (noded_client *client, const char *role, uint64_t version, size_t most,
                           struct base_buffer *buffer);

/*  Sends a file in parts. */
int client_metadata_send (noded_client *client, const struct base_buffer *file);

/*  trust_state.c: opens the directory of a broker, and makes it if it is missing; locked until fd is closed. */
int client_state_open (const noded_client *client, const char *state, char **ret_directory, int *ret_fd,
                       struct base_error *error);
int client_state_read (int fd, const char *file, size_t most, struct base_buffer *buffer);
int client_state_write (int fd, const char *file, const void *data, size_t size, struct base_error *error);

/*  trust_log.c: the log in the timestamp has only grown since this host last saw it. Returns 0, TRUST_E_PROOF or -errno. */
int client_log_check (noded_client *client, int state, const struct base_buffer *timestamp,
                      struct base_error *error);

/*  Whether the log in the timestamp, which was just verified, contains a target. */
int client_log_includes (noded_client *client, int state, const struct trust_target *target,
                         struct base_error *error);

/*  trust_roles.c: fills trust->shown. Returns 0 or -ENOMEM. */
int client_roles_show (struct noded_trust *trust);
void client_roles_free (struct noded_trust *trust);

/*  The delegation of a publisher, and what was read of it; -1: there is none of this name. */
int client_publisher_find (const struct noded_trust *trust, const char *name);

void client_trust_free_p (noded_trust **trust);

#endif
