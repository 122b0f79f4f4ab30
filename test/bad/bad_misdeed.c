/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/bad_misdeed.c - passes its whole rehearsal; in service it runs the shell command in MISDEED in
    its root. The command gets the workspaces to which .back and previous point as ONE and ZERO, unless they
    are set. The program exits with the command's status if that is not 0; else it crashes. */

#include <stdlib.h>
#include <unistd.h>

#include "base/process.h"
#include "base/text.h"
#include "node/node.h"
#include "root/root.h"

__typeof__ (node_run) __real_node_run, __wrap_node_run;

static void name_link (const struct root *root, const char *link, const char *variable)
{
    char name[ROOT_NAME_SIZE];
    if (root_link (root, link, name) == 0 && !getenv (variable))
        (void) setenv (variable, name, 1);
}

int __wrap_node_run (struct identity_config *config, enum identity_settings settings, const char *wrong)
{
    struct root root;
    const char *misdeed = getenv ("MISDEED");
    if (config->nonce[0] || !misdeed) /* as in bad_trial.c: in service */
        return __real_node_run (config, settings, wrong);
    if (root_open (&disk_system, config->root, &root, NULL) || chdir (root.path))
        abort ();
    name_link (&root, ROOT_BACK, "ONE");
    name_link (&root, ROOT_PREVIOUS, "ZERO");
    static const char shell[] = "/bin/sh";
    const char *const args[] = {shell, "-c", misdeed, NULL};
    const struct base_process_spec spec = {
        .program = shell, .args = base_list_const (args), .standard_fds = {-1, -1, -1}};
    struct base_process process = BASE_PROCESS_NULL;
    struct base_process_end end = {.exited = false};
    if (base_process_spawn (&spec, &process, NULL) || base_process_wait (&process, BASE_WAIT_FOR_END, &end))
        abort ();
    if (end.exited && end.code)
        exit (end.code);
    abort ();
}
