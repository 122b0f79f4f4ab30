/*  node/config.h - the settings of a node manager, from node.zpl in its root

    A probe's node manager reads the same file; its own differs in endpoints, callback, nonce, deadlines,
    soak and depth. */

#ifndef NODE_CONFIG_H
#define NODE_CONFIG_H

#include "bus/endpoint.h"
#include "bus/socket.h"
#include "root/root.h"
#include "update/procedure.h"
#include "wire/wire.h"

enum { NODE_DEPTH_SERVICE = -1, NODE_DEPTH_MINTED = 2, NODE_LABELS_MOST = 32 };
enum { NODE_TAGS_MOST = 32, NODE_TAG_SIZE_MOST = 64 };

struct node_config {
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
    uint64_t soak_ms;       /* on trial, after everything has been shown */
    uint64_t ask_ms;        /* asking unprompted: from this to twice this */
    uint64_t resend_ms;     /* a request without an answer */
    uint64_t answer_ms;     /* a get without an answer */
    uint64_t away_ms;       /* a download without a connection to its content peer */
    uint32_t chunk, window; /* bytes */
    struct update_limits limits;
    struct root_limits trial;
    uint64_t scrub_ms;          /* stable and previous are read within this; 0: never */
    uint64_t rehearsal_step_ms; /* for each step of a rehearsal */
    int depth; /* NODE_DEPTH_SERVICE; of a probe: how many levels of rehearsal are below it */
    char callback[BUS_ENDPOINT_SIZE]; /* of a probe's parent; empty in service */
    char nonce[65];
};

/*  Everything at its default; root is copied. Returns 0 or -ENOMEM. */
int node_config_init (struct node_config *config, const char *root);
void node_config_deinit (struct node_config *config);

/*  What this version could not use of a file; it may have been written for another one. */
struct node_config_faults {
    char **texts;   /* values: a sentence each, with file, key and accepted ones; the essential ones first */
    char **ignored; /* keys that this version does not know: a sentence each */
    bool id, origin, keys; /* essential: not there in a form that can be used, and not set */
};
void node_config_faults_deinit (struct node_config_faults *faults);

/*  Reads ROOT/node.zpl over the defaults, or the file named, as far as it can be used: a value that cannot keeps
    its default and is a fault, and so is a key that is not known. A name below curve/ that is not known, and keys
    that are not all there, make all keys unusable. Returns 0, or -errno where nothing of the file can be used. */
int node_config_read (struct node_config *config, const char *path, struct node_config_faults *ret_faults,
                      struct base_error *error);

/*  The same, where every value has to be usable; keys that are not known are ignored. Returns 0 or -errno with
    file, key and accepted values in the error. */
int node_config_load (struct node_config *config, const char *path, struct base_error *error);

/*  One value, as in the file: "node/id". Returns 0, or -EINVAL with a sentence. */
int node_config_set (struct node_config *config, const char *key, const char *value,
                     struct base_error *error);

/*  The value of a label, or NULL. */
const char *node_config_label (const struct node_config *config, const char *name);

/*  The deadline of a step of the rehearsal that a probe carries out in its turn. */
uint64_t node_config_probe_step_ms (const struct node_config *config);

/*  The node.zpl of a probe below config: what differs is given; what does not is taken over. On the heap
    for the caller. */
struct node_probe_settings {
    struct bus_endpoints endpoints;
    const char *callback, *nonce;
    int depth;
};
char *node_config_probe_file (const struct node_config *config, const struct node_probe_settings *settings);

/*  The essential ones as a file: id, endpoints, keys. On the heap for the caller; NULL where memory is out. */
char *node_config_essential_file (const struct node_config *config);

/*  The node.zpl that `noded install` writes; content is an endpoint, or NULL. */
char *node_config_install_file (const char *id, const char *broker, const char *content);

#endif
