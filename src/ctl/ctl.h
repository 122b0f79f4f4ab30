/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/ctl.h - nodectl, the operator's command

    nodectl reaches the broker only through noded/client.h. Results go to standard output; with --json
    nothing else is written there. Everything else goes to standard error. */

#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "noded/client.h"

/*  Exit codes, as listed by --help. A function of this type has printed why it failed. They are no errors: an int
    that a function returns is 0 or -errno. */
enum ctl_exit {
    CTL_OK = 0,        /* done */
    CTL_FAILED = 1,    /* failed or refused */
    CTL_USAGE = 2,     /* wrong arguments: nothing was done */
    CTL_TIMEOUT = 3,   /* the timeout passed before the end */
    CTL_UNREACHED = 4, /* the broker was not reached */
};

/*  The parsed options. Texts point into argv; lists are on the heap. */
struct ctl_options {
    uint64_t seen; /* bit 1 << CTL_OPTION_... for each option given */
    const char *broker, *config;
    uint64_t timeout_ms; /* 0: not given */
    bool json, all, no_wait, follow, nodes, force;
    const char *application; /* from --app; NULL: noded */
    const char *release;
    const char *version, *title;
    char **binaries, **args, **env, **files;
    uint64_t count; /* 0: not given */
    uint64_t wave;  /* 0: not given */
    const char *plan, *spec;
    const char *select;
    char **settings; /* of a rollout: NAME=VALUE; includes --select */
    const char *root;
    const char *role, *applications, *out, *address, *content; /* of a new key */
    char **keys, **add, **remove, **delegated;                 /* of signed releases */
    const char *signer, *public, *passphrase_file, *state, *trust_root, *last;
    bool no_passphrase, yes, downgrade;
    uint64_t threshold, valid; /* 0: not given */
};

/*  One run of nodectl. */
struct ctl {
    struct ctl_options options;
    int argc;
    char **argv;  /* the whole command line; the order of its words may have changed */
    char **words; /* after the command; point into argv */
    size_t n_words;
    const char *name; /* of the command */
    noded_client *client;
    FILE *out, *err;
    bool terminal;        /* out is a terminal */
    size_t width, height; /* of the terminal; 0: unknown, or no terminal */
};

/*  The whole program. version: printed by --version. Returns the exit code. */
int ctl_main (int argc, char **argv, const char *version);

/*  Makes ctl->client for the broker and the settings of the options: timeout_ms as in noded_client_new. Returns 0,
    or -errno with a sentence in error. */
int ctl_connect (struct ctl *ctl, uint64_t timeout_ms, char *error, size_t error_size);

/*  Prints the client's last error. Returns CTL_UNREACHED for r -ETIMEDOUT, else CTL_FAILED. */
enum ctl_exit ctl_fail (struct ctl *ctl, int r);

/*  Prints an error, one sentence, on err. Returns CTL_FAILED. */
__attribute__ ((format (printf, 2, 3))) enum ctl_exit ctl_error (struct ctl *ctl, const char *format, ...);

/*  Prints a usage error on err, and a line that points to --help. Returns CTL_USAGE. */
__attribute__ ((format (printf, 2, 3))) enum ctl_exit ctl_misused (struct ctl *ctl, const char *format, ...);

/*  Prints JSON and frees it; NULL: memory was out. Characters that a terminal would interpret are printed as
    \uXXXX. Returns an exit code. */
enum ctl_exit ctl_print_json (struct ctl *ctl, char *json);

/*  Prints the results of orders: a line a node, or JSON. Returns CTL_FAILED if one was refused. */
enum ctl_exit ctl_orders_print (struct ctl *ctl, const noded_orders *orders);

/*  Finds the full digest of a release from at least its first 6 digits. failures: a quarantine, which is
    searched before the broker's list. Prints why it fails. Returns an exit code. */
enum ctl_exit ctl_release_find (struct ctl *ctl, const char *name, const noded_failure *failures,
                                size_t n_failures, char ret_release[65]);

/*  Gets one node as a list of one item, which the caller frees. Prints an error if the broker does not know the
    node. Returns an exit code. */
enum ctl_exit ctl_node_find (struct ctl *ctl, const char *id, noded_nodes *ret_nodes);

/*  Gets the ids of the nodes that match --select; release them with ctl_ids_free_p. Prints an error if there
    are none. Returns an exit code. */
enum ctl_exit ctl_nodes_selected (struct ctl *ctl, char ***ret_ids);
void ctl_ids_free_p (char ***list);

/*  The commands. Each returns an exit code. */
enum ctl_exit ctl_publish (struct ctl *ctl);
enum ctl_exit ctl_releases (struct ctl *ctl);
enum ctl_exit ctl_withdraw (struct ctl *ctl);
enum ctl_exit ctl_update (struct ctl *ctl);
enum ctl_exit ctl_revert (struct ctl *ctl);
enum ctl_exit ctl_hold (struct ctl *ctl);
enum ctl_exit ctl_unhold (struct ctl *ctl);
enum ctl_exit ctl_cancel (struct ctl *ctl);
enum ctl_exit ctl_forget (struct ctl *ctl);
enum ctl_exit ctl_nodes (struct ctl *ctl);
enum ctl_exit ctl_status (struct ctl *ctl);
enum ctl_exit ctl_why (struct ctl *ctl);
enum ctl_exit ctl_quarantine (struct ctl *ctl);
enum ctl_exit ctl_events (struct ctl *ctl);
enum ctl_exit ctl_label (struct ctl *ctl);
enum ctl_exit ctl_backup (struct ctl *ctl);
enum ctl_exit ctl_completion (struct ctl *ctl);
enum ctl_exit ctl_keys_list (struct ctl *ctl);
enum ctl_exit ctl_keys_add (struct ctl *ctl);
enum ctl_exit ctl_keys_revoke (struct ctl *ctl);
enum ctl_exit ctl_trust_init (struct ctl *ctl);
enum ctl_exit ctl_trust_status (struct ctl *ctl);
enum ctl_exit ctl_trust_key (struct ctl *ctl);
enum ctl_exit ctl_trust_sign (struct ctl *ctl);
enum ctl_exit ctl_trust_publish (struct ctl *ctl);
enum ctl_exit ctl_trust_rotate (struct ctl *ctl);
enum ctl_exit ctl_trust_renew (struct ctl *ctl);
enum ctl_exit ctl_trust_delegate (struct ctl *ctl);
enum ctl_exit ctl_trust_undelegate (struct ctl *ctl);
enum ctl_exit ctl_rollout_plan (struct ctl *ctl);
enum ctl_exit ctl_rollout_start (struct ctl *ctl);
enum ctl_exit ctl_rollout_status (struct ctl *ctl);
enum ctl_exit ctl_rollout_list (struct ctl *ctl);
enum ctl_exit ctl_rollout_pause (struct ctl *ctl);
enum ctl_exit ctl_rollout_resume (struct ctl *ctl);
enum ctl_exit ctl_rollout_approve (struct ctl *ctl);
enum ctl_exit ctl_rollout_abort (struct ctl *ctl);
enum ctl_exit ctl_rollout_revert (struct ctl *ctl);
enum ctl_exit ctl_rollout_retry (struct ctl *ctl);

#endif
