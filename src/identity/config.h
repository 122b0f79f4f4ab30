/* SPDX-License-Identifier: MPL-2.0 */
/*  identity/config.h - the settings of a node manager, from node.zpl in its root

    The node manager of a probe reads the same file in its scratch root. There the endpoints, callback, nonce,
    deadlines, soak and depth differ. */

#ifndef IDENTITY_CONFIG_H
#define IDENTITY_CONFIG_H

#include "bus/endpoint.h"
#include "bus/socket.h"
#include "root/root.h"
#include "wire/wire.h"

enum { IDENTITY_DEPTH_SERVICE = -1, IDENTITY_DEPTH_MINTED = 2, IDENTITY_LABELS_MOST = 32 };
enum { IDENTITY_TAGS_MOST = 32, IDENTITY_TAG_SIZE_MOST = 64 };

/*  How long a state of the update procedure may last, in milliseconds; none is 0. */
struct identity_limits {
    uint64_t matching_ms, fetching_ms, staging_ms, probing_ms, switching_ms;
    uint64_t unfit_ms; /* the first pause before an order that found this host unfit is tried again */
};

struct identity_config {
    char *root; /* absolute path */
    char id[65];
    struct bus_endpoints endpoints; /* of the origin */
    char **tags;
    struct wire_label *labels; /* sorted by name */
    size_t n_labels;
    struct bus_keys keys;
    bool has_keys;
    bool restart_by_init;   /* leave restarting to init instead of the launcher */
    unsigned keep;          /* workspaces */
    uint64_t soak_ms;       /* on trial, after all checks have passed */
    uint64_t ask_ms;        /* between two unprompted asks: from this to twice this */
    uint64_t resend_ms;     /* before a request without an answer is sent again */
    uint64_t answer_ms;     /* limit for the answer to a get */
    uint64_t away_ms;       /* limit for a download without a connection to its content peer */
    uint32_t chunk, window; /* bytes */
    struct identity_limits limits;
    struct root_limits trial;
    uint64_t scrub_ms;          /* stable and previous are verified within this period; 0: never */
    uint64_t rehearsal_step_ms; /* deadline of each step of a rehearsal */
    int depth;                  /* IDENTITY_DEPTH_SERVICE; in a probe: number of rehearsal levels below it */
    char callback[BUS_ENDPOINT_SIZE]; /* of a probe's parent; empty in service */
    char nonce[65];
};

/*  Sets every member to its default and copies root. Returns 0 or -ENOMEM. */
int identity_config_init (struct identity_config *config, const char *root);
void identity_config_deinit (struct identity_config *config);

/*  What this version cannot use of a settings file. The file may have been written for another version. */
struct identity_config_faults {
    char **texts;   /* a sentence per unusable value, with file, key and accepted values; essential first */
    char **ignored; /* one sentence for each unknown key */
    bool id, origin, keys; /* essential settings that are missing or unusable; having no keys is no fault */
};
void identity_config_faults_deinit (struct identity_config_faults *faults);

/*  Reads the file at path, or ROOT/node.zpl if path is NULL, over the defaults. A value that cannot be used
    keeps its default and is a fault. An unknown key is a fault, too. An unknown name below curve/, or an
    incomplete set of keys, makes all keys unusable. The caller frees ret_faults. Returns 0, or -errno if
    nothing of the file can be used. */
int identity_config_read (struct identity_config *config, const char *path,
                          struct identity_config_faults *ret_faults, struct base_error *error);

/*  The same, but every value must be usable; unknown keys are ignored. Returns 0, or -errno with file, key
    and accepted values in the error. */
int identity_config_load (struct identity_config *config, const char *path, struct base_error *error);

/*  Sets one value by its key in the file, such as "node/id". Returns 0, or -EINVAL with a sentence. */
int identity_config_set (struct identity_config *config, const char *key, const char *value,
                         struct base_error *error);

/*  Returns the value of a label, or NULL. */
const char *identity_config_label (const struct identity_config *config, const char *name);

/*  Returns the deadline of one step of the rehearsal that a probe runs itself. */
uint64_t identity_config_probe_step_ms (const struct identity_config *config);

/*  Returns the node.zpl of a probe whose parent runs with config. settings has what differs for each probe.
    The id and the deadlines derive from config. The caller frees the text. */
struct node_probe_settings {
    struct bus_endpoints endpoints;
    const char *callback, *nonce;
    int depth;
};
char *identity_config_probe_file (const struct identity_config *config,
                                  const struct node_probe_settings *settings);

/*  Returns the essential settings as a file: id, endpoints, keys. The caller frees the text. NULL: out of
    memory. */
char *identity_config_essential_file (const struct identity_config *config);

/*  Returns the node.zpl that `noded install` writes. content: an endpoint, or NULL. The caller frees the
    text. */
char *identity_config_install_file (const char *id, const char *broker, const char *content);

#endif
