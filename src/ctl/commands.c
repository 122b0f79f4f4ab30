#include "ctl/commands.h"

#include <string.h>

const struct ctl_command ctl_command_table[] = {
    {"publish", "APP --version V --binary [OS/ARCH=]FILE... [OPTION...]",
     "upload a release and print its digest\n"
     "\n"
     "APP is noded for the node manager itself. The same content is uploaded once; publishing the\n"
     "same release again changes nothing. Shared libraries of a program that looks for them in\n"
     "$ORIGIN/files/lib are gathered from this host. A source of --file that has a colon in its\n"
     "name needs its destination: SRC:DEST is divided at the last colon.\n",
     CTL_BIT (VERSION) | CTL_BIT (BINARY) | CTL_BIT (TITLE) | CTL_BIT (ARG) | CTL_BIT (ENV) | CTL_BIT (FILE),
     1, 1, ctl_publish, CTL_ASKS, "."},
    {"releases", "[--app APP]", "list the releases, newest first\n", CTL_BIT (APP), 0, 0, ctl_releases,
     CTL_ASKS, "."},
    {"withdraw", "RELEASE",
     "never offer a release again\n"
     "\n"
     "Nodes that run it go on running it. Contents that nobody needs any more are removed.\n",
     0, 1, 1, ctl_withdraw, CTL_ASKS, "r."},
    {"update", "NODE...|--all [--app APP] [--release RELEASE] [--timeout SPAN] [--no-wait]",
     "bring nodes to a release, and follow each to its end\n"
     "\n"
     "Exits with 0 only if every node has confirmed the release, or runs it already. An offline\n"
     "node carries the order out when it comes. --timeout (default: 15m) ends the following, not\n"
     "the updates.\n"
     "\n"
     "--all makes a rollout: it is nodectl rollout start, and takes what that takes.\n",
     CTL_BIT (APP) | CTL_BIT (ALL) | CTL_BIT (RELEASE) | CTL_BIT (NO_WAIT) | CTL_BIT (PLAN) | CTL_BITS_SPEC,
     0, SIZE_MAX, ctl_update, CTL_FOLLOWS, "n"},
    {"rollout plan", "[--release RELEASE] [--select SELECTOR] [OPTION...]",
     "show what a rollout would do, and do nothing\n"
     "\n"
     "Which nodes in which wave, who is left out and why, what it costs, and the hash of all that.\n",
     CTL_BIT (APP) | CTL_BIT (RELEASE) | CTL_BIT (NODES) | CTL_BITS_SPEC, 0, 0, ctl_rollout_plan, CTL_ASKS,
     "."},
    {"rollout start", "[--plan HASH] [--release RELEASE] [--select SELECTOR] [OPTION...]",
     "bring a release to many nodes in waves, and follow it to its end\n"
     "\n"
     "Exits with 0 only if it is done. --timeout (default: none) ends the following, not the\n"
     "rollout; so does an interrupt.\n",
     CTL_BIT (APP) | CTL_BIT (RELEASE) | CTL_BIT (PLAN) | CTL_BIT (NO_WAIT) | CTL_BITS_SPEC, 0, 0,
     ctl_rollout_start, CTL_FOLLOWS, "."},
    {"rollout status", "[ROLLOUT] [--follow] [--nodes]",
     "show how a rollout stands, and what it waits for\n"
     "\n"
     "Without ROLLOUT: the newest that is not over, else the newest. A rollout is named by its id\n"
     "or the beginning of it. With --follow the exit code tells how it ended, as that of start does.\n",
     CTL_BIT (FOLLOW) | CTL_BIT (NODES), 0, 1, ctl_rollout_status, CTL_FOLLOWS, "o."},
    {"rollout list", "", "list the rollouts, newest first\n", 0, 0, 0, ctl_rollout_list, CTL_ASKS, "."},
    {"rollout pause", "[ROLLOUT]",
     "begin with no more nodes until it is resumed\n"
     "\n"
     "Nodes that are under way go on. ROLLOUT may be left away where only one is not over.\n",
     0, 0, 1, ctl_rollout_pause, CTL_ASKS, "o."},
    {"rollout resume", "[ROLLOUT]",
     "go on after a pause or a halt\n"
     "\n"
     "After a halt, what was bad until now does not count any more. Where no node of the wave came\n"
     "through, they are tried again first: the next wave is not begun without one.\n",
     0, 0, 1, ctl_rollout_resume, CTL_ASKS, "o."},
    {"rollout approve", "[ROLLOUT] [--wave N]",
     "let the wave that waits for it begin\n"
     "\n"
     "Of a rollout that halted with no node of its wave updated: go on without that wave.\n",
     CTL_BIT (WAVE), 0, 1, ctl_rollout_approve, CTL_ASKS, "o."},
    {"rollout abort", "[ROLLOUT]",
     "end it; what was updated stays\n"
     "\n"
     "Updates that have not switched yet are cancelled.\n",
     0, 0, 1, ctl_rollout_abort, CTL_ASKS, "o."},
    {"rollout revert", "[ROLLOUT] [--no-wait] [--timeout SPAN]",
     "end it, bring back what was updated, and follow that to its end\n"
     "\n"
     "All at the same time, and without any download. A rollout that is done can be reverted, too:\n"
     "then it has to be named. Exits with 0 only if every node is back.\n",
     CTL_BIT (NO_WAIT), 0, 1, ctl_rollout_revert, CTL_FOLLOWS, "o."},
    {"rollout retry", "[ROLLOUT] [NODE...]",
     "begin again with nodes that failed or were left out\n"
     "\n"
     "Without nodes: with all that can be tried again. Without ROLLOUT: the one that is not over.\n",
     0, 0, SIZE_MAX, ctl_rollout_retry, CTL_ASKS, "on"},
    {"revert", "NODE...|--all [--app APP] [--timeout SPAN] [--no-wait]",
     "bring nodes back to their previous version, and hold them there\n"
     "\n"
     "Needs no download. The nodes take no update until unhold. --timeout: as in update.\n",
     CTL_BIT (APP) | CTL_BIT (ALL) | CTL_BIT (NO_WAIT), 0, SIZE_MAX, ctl_revert, CTL_FOLLOWS, "n"},
    {"hold", "NODE...|--all [--app APP]", "keep nodes as they are, whatever is ordered\n",
     CTL_BIT (APP) | CTL_BIT (ALL), 0, SIZE_MAX, ctl_hold, CTL_ASKS, "n"},
    {"unhold", "NODE...|--all [--app APP]", "end a hold\n", CTL_BIT (APP) | CTL_BIT (ALL), 0, SIZE_MAX,
     ctl_unhold, CTL_ASKS, "n"},
    {"cancel", "NODE...|--all [--app APP]", "end updates that have not switched yet\n",
     CTL_BIT (APP) | CTL_BIT (ALL), 0, SIZE_MAX, ctl_cancel, CTL_ASKS, "n"},
    {"forget", "NODE...|--select SELECTOR",
     "remove nodes from the broker's records\n"
     "\n"
     "A node that is online is not removed. With --select: all that it fits.\n",
     CTL_BIT (SELECT), 0, SIZE_MAX, ctl_forget, CTL_ASKS, "n"},
    {"label", "NODE [NAME=VALUE...] [NAME-...]",
     "set labels of a node, remove them, or list what it has\n"
     "\n"
     "What is set here goes before what the node has in its own node.zpl; NAME- removes it, and the\n"
     "node's own counts again. With --select instead of NODE: of all nodes that it fits.\n",
     CTL_BIT (SELECT), 0, SIZE_MAX, ctl_label, CTL_ASKS, "n."},
    {"nodes", "[NODE...|--select SELECTOR] [--app APP]", "list the nodes\n", CTL_BIT (APP) | CTL_BIT (SELECT),
     0, SIZE_MAX, ctl_nodes, CTL_ASKS, "n"},
    {"status", "NODE [--app APP]", "show all about a node\n", CTL_BIT (APP), 1, 1, ctl_status, CTL_ASKS,
     "n."},
    {"why", "NODE|ROLLOUT [--app APP]",
     "tell how a node came to the version that it runs, or a rollout to where it stands\n", CTL_BIT (APP), 1,
     1, ctl_why, CTL_ASKS, "e."},
    {"quarantine", "list NODE | clear NODE [RELEASE] [--app APP]",
     "the releases that a node does not try again\n"
     "\n"
     "clear orders the node to forget one of them, or all.\n",
     CTL_BIT (APP), 2, 3, ctl_quarantine, CTL_ASKS, "qnr."},
    {"events", "[--count N] [--timeout SPAN]",
     "print what happens, a line an event, until interrupted\n"
     "\n"
     "With --timeout it ends after that time: with 3 where --count events have not come.\n",
     CTL_BIT (COUNT), 0, 0, ctl_events, CTL_FOLLOWS, "."},
    {"backup", "FILE [--force]",
     "copy the broker's records into a file\n"
     "\n"
     "While it runs. noded-broker --restore FILE begins with them; the contents of releases are not\n"
     "in it. Also shows what the heads of the nodes' journals have been merged into, so that it can be\n"
     "kept elsewhere: a broker whose history was changed comes to another one.\n",
     CTL_BIT (FORCE), 1, 1, ctl_backup, CTL_ASKS, "."},
    {"completion", "bash|zsh|fish",
     "print what lets a shell complete nodectl's words\n"
     "\n"
     "For bash: eval \"$(nodectl completion bash)\" in ~/.bashrc; for zsh the same with zsh, behind\n"
     "compinit; for fish: nodectl completion fish > ~/.config/fish/completions/nodectl.fish. Nodes,\n"
     "releases and rollouts come from the broker, where it answers within a second.\n",
     0, 1, SIZE_MAX, ctl_completion, CTL_ALONE, "s."},
    {.name = NULL},
};

bool ctl_command_is_family (const char *word)
{
    size_t length = strlen (word);
    for (const struct ctl_command *command = ctl_command_table; command->name; command++)
        if (strncmp (command->name, word, length) == 0 && command->name[length] == ' ')
            return true;
    return false;
}

const struct ctl_command *ctl_command_find (const char *word, const char *next, int *ret_words)
{
    bool family = ctl_command_is_family (word);
    size_t length = strlen (word);
    if (family && !next)
        return NULL;
    for (const struct ctl_command *command = ctl_command_table; command->name; command++) {
        bool same = !family ? strcmp (command->name, word) == 0
                            : strncmp (command->name, word, length) == 0 && command->name[length] == ' ' &&
                                  strcmp (command->name + length + 1, next) == 0;
        if (!same)
            continue;
        *ret_words = family ? 2 : 1;
        return command;
    }
    return NULL;
}
