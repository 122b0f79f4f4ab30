/*  ctl/ctl.h - the operator's command

    nodectl asks only through noded/client.h. What is wanted goes to standard output, and with --json
    nothing else does; everything else goes to standard error. */

#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "noded/client.h"

/*  Exit codes, as --help tells them. */
enum ctl_exit {
    CTL_OK = 0,
    CTL_FAILED = 1,
    CTL_USAGE = 2,
    CTL_TIMEOUT = 3,
    CTL_UNREACHED = 4,
};

/*  What the command line said; texts point into argv, lists are on the heap. */
struct ctl_options {
    uint64_t seen; /* bit 1 << CTL_OPTION_... of every option that was given */
    const char *broker, *config;
    uint64_t timeout_ms; /* 0: not given */
    bool json, all, no_wait, follow, nodes, force;
    const char *application; /* of --app; NULL: noded */
    const char *release;
    const char *version, *title;
    char **binaries, **args, **env, **files;
    uint64_t count; /* 0: not given */
    uint64_t wave;  /* 0: not given */
    const char *plan, *spec;
    const char *select;
    char **settings; /* of a rollout: NAME=VALUE, --select among them */
};

/*  One run of nodectl. */
struct ctl {
    struct ctl_options options;
    char **words; /* behind the command; point into argv */
    size_t n_words;
    const char *name; /* of the command */
    noded_client *client;
    FILE *out, *err;
    bool terminal;        /* out is one */
    size_t width, height; /* of the terminal; 0: not known, or none */
};

/*  The whole program; version is told by --version. Returns the exit code. */
int ctl_main (int argc, char **argv, const char *version);

/*  Tells what the client said went wrong, and which exit code that is. */
int ctl_fail (struct ctl *ctl, int rc);

/*  Tells a failure in a sentence. Returns CTL_FAILED. */
__attribute__ ((format (printf, 2, 3))) int ctl_tell (struct ctl *ctl, const char *format, ...);

/*  Tells a mistake in how nodectl was called. Returns CTL_USAGE. */
__attribute__ ((format (printf, 2, 3))) int ctl_misused (struct ctl *ctl, const char *format, ...);

/*  Prints the client's JSON and frees it; prints a value and an end of line; or reads JSON and frees it. What a
    terminal would act upon is printed as \uXXXX. All return an exit code. */
int ctl_print_json (struct ctl *ctl, char *json);
int ctl_print_value (struct ctl *ctl, const json_t *value);
int ctl_read_json (struct ctl *ctl, char *text, json_t **ret_json);

/*  A value of an object for people: "" where it is absent or of another kind. Borrowed. */
const char *ctl_json_text (const json_t *object, const char *key);
uint64_t ctl_json_uint (const json_t *object, const char *key);
bool ctl_json_flag (const json_t *object, const char *key);

/*  Releases json; for cleanup attributes. */
void ctl_json_free_p (json_t **json);

/*  The full digest of a release that is named by at least 6 digits. candidates: an array of objects with
    release, version and application that is looked at first, or NULL. Returns an exit code. */
int ctl_release_find (struct ctl *ctl, const char *name, const json_t *candidates, char ret_release[65]);

/*  One node's object; told where the broker does not know it. Returns an exit code. */
int ctl_node_find (struct ctl *ctl, const char *id, json_t **ret_node);

/*  The ids of the nodes that --select fits, for ctl_ids_free_p; told where there are none. Returns an exit
    code. */
int ctl_nodes_selected (struct ctl *ctl, char ***ret_ids);
void ctl_ids_free_p (char ***list);

/*  The commands. Each returns an exit code. */
int ctl_publish (struct ctl *ctl);
int ctl_releases (struct ctl *ctl);
int ctl_withdraw (struct ctl *ctl);
int ctl_update (struct ctl *ctl);
int ctl_revert (struct ctl *ctl);
int ctl_hold (struct ctl *ctl);
int ctl_unhold (struct ctl *ctl);
int ctl_cancel (struct ctl *ctl);
int ctl_forget (struct ctl *ctl);
int ctl_nodes (struct ctl *ctl);
int ctl_status (struct ctl *ctl);
int ctl_why (struct ctl *ctl);
int ctl_quarantine (struct ctl *ctl);
int ctl_events (struct ctl *ctl);
int ctl_label (struct ctl *ctl);
int ctl_backup (struct ctl *ctl);
int ctl_completion (struct ctl *ctl);
int ctl_rollout_plan (struct ctl *ctl);
int ctl_rollout_start (struct ctl *ctl);
int ctl_rollout_status (struct ctl *ctl);
int ctl_rollout_list (struct ctl *ctl);
int ctl_rollout_pause (struct ctl *ctl);
int ctl_rollout_resume (struct ctl *ctl);
int ctl_rollout_approve (struct ctl *ctl);
int ctl_rollout_abort (struct ctl *ctl);
int ctl_rollout_revert (struct ctl *ctl);
int ctl_rollout_retry (struct ctl *ctl);

#endif
