/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/commands.c - the table of commands, and the search in it */

#include "ctl/commands.h"
#include "ctl/signing.h"

#include <string.h>

#include "base/assert.h"

const struct ctl_command ctl_command_table[] = {
    {"publish", "APP --version V --binary [OS/ARCH=]FILE... [--key FILE] [OPTION...]",
     "upload a release and print its digest\n"
     "\n"
     "APP is noded for the node manager itself. A blob that the broker has is not uploaded again;\n"
     "publishing the same release again changes nothing. If the program looks for shared libraries\n"
     "in $ORIGIN/files/lib, they are copied from this host. If the name of a --file has a colon,\n"
     "give SRC:DEST: it is split at the last colon.\n"
     "\n"
     "With --key or --signer the release is also signed, and is published only when both are stored:\n"
     "see nodectl trust init. The difference to what was signed before is printed first.\n",
     CTL_BIT (VERSION) | CTL_BIT (BINARY) | CTL_BIT (TITLE) | CTL_BIT (ARG) | CTL_BIT (ENV) | CTL_BIT (FILE) |
         CTL_BITS_KEYS | CTL_BITS_PLACE | CTL_BIT (VALID) | CTL_BIT (OUT) | CTL_BIT (ALLOW_DOWNGRADE),
     1, 1, ctl_publish, CTL_ASKS, "."},
    {"releases", "[--app APP]", "list the releases, newest first\n", CTL_BIT (APP), 0, 0, ctl_releases,
     CTL_ASKS, "."},
    {"withdraw", "RELEASE",
     "never offer a release again\n"
     "\n"
     "Nodes that run it keep it. Blobs that are not needed any more are removed.\n",
     0, 1, 1, ctl_withdraw, CTL_ASKS, "r."},
    {"update", "NODE...|--all [--app APP] [--release RELEASE] [--timeout SPAN] [--no-wait]",
     "update nodes to a release, and follow each to its end\n"
     "\n"
     "Exits with 0 only if every node has confirmed the release, or runs it already. An offline\n"
     "node carries out the order when it connects. --timeout (default: 15m) stops following; the\n"
     "updates continue.\n"
     "\n"
     "--all starts a rollout: same as nodectl rollout start, with the same options.\n",
     CTL_BIT (APP) | CTL_BIT (ALL) | CTL_BIT (RELEASE) | CTL_BIT (NO_WAIT) | CTL_BIT (PLAN) | CTL_BITS_SPEC,
     0, SIZE_MAX, ctl_update, CTL_FOLLOWS, "n"},
    {"rollout plan", "[--release RELEASE] [--select SELECTOR] [OPTION...]",
     "show what a rollout would do; change nothing\n"
     "\n"
     "Shows the nodes of each wave, which nodes are skipped and why, the cost, and a hash of the plan.\n",
     CTL_BIT (APP) | CTL_BIT (RELEASE) | CTL_BIT (NODES) | CTL_BITS_SPEC, 0, 0, ctl_rollout_plan, CTL_ASKS,
     "."},
    {"rollout start", "[--plan HASH] [--release RELEASE] [--select SELECTOR] [OPTION...]",
     "update many nodes in waves, and follow the rollout to its end\n"
     "\n"
     "Exits with 0 only if the rollout is done. --timeout (default: none) or an interrupt stops\n"
     "following; the rollout continues.\n",
     CTL_BIT (APP) | CTL_BIT (RELEASE) | CTL_BIT (PLAN) | CTL_BIT (NO_WAIT) | CTL_BITS_SPEC, 0, 0,
     ctl_rollout_start, CTL_FOLLOWS, "."},
    {"rollout status", "[ROLLOUT] [--follow] [--nodes]",
     "show the state of a rollout, and what it waits for\n"
     "\n"
     "Without ROLLOUT: the newest one under way, else the newest. ROLLOUT is an id or its first\n"
     "digits. With --follow the exit code is that of rollout start.\n",
     CTL_BIT (FOLLOW) | CTL_BIT (NODES), 0, 1, ctl_rollout_status, CTL_FOLLOWS, "o."},
    {"rollout list", "", "list the rollouts, newest first\n", 0, 0, 0, ctl_rollout_list, CTL_ASKS, "."},
    {"rollout pause", "[ROLLOUT]",
     "start no more nodes until the rollout is resumed\n"
     "\n"
     "Nodes that are under way continue. Without ROLLOUT: the only one that has not ended.\n",
     0, 0, 1, ctl_rollout_pause, CTL_ASKS, "o."},
    {"rollout resume", "[ROLLOUT]",
     "continue after a pause or a halt\n"
     "\n"
     "After a halt, earlier failures do not count any more. If no node of the wave was updated, its\n"
     "nodes are tried again first: the next wave starts only after one is updated.\n",
     0, 0, 1, ctl_rollout_resume, CTL_ASKS, "o."},
    {"rollout approve", "[ROLLOUT] [--wave N]",
     "start the wave that waits for approval\n"
     "\n"
     "If the rollout halted with no node of its wave updated: skip that wave.\n",
     CTL_BIT (WAVE), 0, 1, ctl_rollout_approve, CTL_ASKS, "o."},
    {"rollout abort", "[ROLLOUT]",
     "end the rollout; updated nodes keep the release\n"
     "\n"
     "Updates that have not switched yet are cancelled.\n",
     0, 0, 1, ctl_rollout_abort, CTL_ASKS, "o."},
    {"rollout revert", "[ROLLOUT] [--no-wait] [--timeout SPAN]",
     "end the rollout, revert updated nodes, and follow that to its end\n"
     "\n"
     "All nodes are reverted at the same time, without download. To revert a rollout that is done,\n"
     "name it. Exits with 0 only if every node is reverted.\n",
     CTL_BIT (NO_WAIT), 0, 1, ctl_rollout_revert, CTL_FOLLOWS, "o."},
    {"rollout retry", "[ROLLOUT] [NODE...]",
     "try nodes again that failed or were skipped\n"
     "\n"
     "Without nodes: all that can be tried again. Without ROLLOUT: the one that has not ended.\n",
     0, 0, SIZE_MAX, ctl_rollout_retry, CTL_ASKS, "on"},
    {"revert", "NODE...|--all [--app APP] [--timeout SPAN] [--no-wait]",
     "revert nodes to their previous version, and hold them there\n"
     "\n"
     "Needs no download. The nodes accept no update until unhold. --timeout: as in update.\n",
     CTL_BIT (APP) | CTL_BIT (ALL) | CTL_BIT (NO_WAIT), 0, SIZE_MAX, ctl_revert, CTL_FOLLOWS, "n"},
    {"hold", "NODE...|--all [--app APP]", "keep the version of nodes until unhold\n",
     CTL_BIT (APP) | CTL_BIT (ALL), 0, SIZE_MAX, ctl_hold, CTL_ASKS, "n"},
    {"unhold", "NODE...|--all [--app APP]", "end a hold\n", CTL_BIT (APP) | CTL_BIT (ALL), 0, SIZE_MAX,
     ctl_unhold, CTL_ASKS, "n"},
    {"cancel", "NODE...|--all [--app APP]", "cancel updates that have not switched yet\n",
     CTL_BIT (APP) | CTL_BIT (ALL), 0, SIZE_MAX, ctl_cancel, CTL_ASKS, "n"},
    {"forget", "NODE...|--select SELECTOR",
     "remove nodes from the broker's records\n"
     "\n"
     "A node that is online is not removed. With --select: all nodes that match.\n",
     CTL_BIT (SELECT), 0, SIZE_MAX, ctl_forget, CTL_ASKS, "n"},
    {"label", "NODE [NAME=VALUE...] [NAME-...]",
     "set, remove or list labels of a node\n"
     "\n"
     "A label set here overrides the one in the node's node.zpl. NAME- removes it; then the node's own\n"
     "label is used again. With --select instead of NODE: all nodes that match.\n",
     CTL_BIT (SELECT), 0, SIZE_MAX, ctl_label, CTL_ASKS, "n."},
    {"nodes", "[NODE...|--select SELECTOR] [--app APP]", "list the nodes\n", CTL_BIT (APP) | CTL_BIT (SELECT),
     0, SIZE_MAX, ctl_nodes, CTL_ASKS, "n"},
    {"status", "NODE [--app APP] | --broker",
     "show the state of a node in detail, or of the broker itself\n"
     "\n"
     "--broker without a value shows the broker: since when it runs, what it has, and how many\n"
     "messages it refused and connections it ended, by reason. The counts begin when it starts.\n",
     CTL_BIT (APP) | CTL_BIT (ITSELF), 0, 1, ctl_status, CTL_ASKS, "n."},
    {"why", "NODE|ROLLOUT [--app APP]",
     "show why a node runs its version, or why a rollout is in its state\n", CTL_BIT (APP), 1, 1, ctl_why,
     CTL_ASKS, "e."},
    {"quarantine", "list NODE | clear NODE [RELEASE] [--app APP]",
     "list or clear releases that a node does not try again\n"
     "\n"
     "clear orders the node to remove one of them, or all, from its quarantine.\n",
     CTL_BIT (APP), 2, 3, ctl_quarantine, CTL_ASKS, "qnr."},
    {"events", "[--count N] [--timeout SPAN]",
     "print events, one a line, until interrupted\n"
     "\n"
     "With --timeout it ends after that time, with exit code 3 if fewer than --count events were\n"
     "received.\n",
     CTL_BIT (COUNT), 0, 0, ctl_events, CTL_FOLLOWS, "."},
    {"backup", "FILE [--force]",
     "copy the broker's records into a file\n"
     "\n"
     "The broker keeps running. noded-broker --restore FILE restores them. The blobs of releases are\n"
     "not included. Also prints one hash over the last journal lines of all nodes. Keep it\n"
     "elsewhere: a broker whose history was changed computes another hash.\n",
     CTL_BIT (FORCE), 1, 1, ctl_backup, CTL_ASKS, "."},
    {"keys list", "[NAME]",
     "list the keys: whose they are, and what they may do\n"
     "\n"
     "Needs the role admin. With NAME: only the keys of this node, program or person.\n",
     0, 0, 1, ctl_keys_list, CTL_ASKS, "n."},
    {"keys add",
     "NAME --role ROLE [--applications A,B] --out FILE [--address HOST[:PORT]] [--content HOST[:PORT]]",
     "make a key for a node, a program or a person, and admit it\n"
     "\n"
     "Needs the role admin. On the broker's host: sudo nodectl keys add NAME … --root ROOT. The pair is\n"
     "made here. FILE gets it with the broker's key and address, readable by you alone: for a node it is\n"
     "a node.zpl, for a content peer the settings of noded-content, else those of nodectl. The broker gets\n"
     "the public half only. Add the key of a content peer first, with --content: the files of later keys\n"
     "have its address and public key.\n"
     "\n"
     "  node       speaks for the node NAME\n"
     "  content    a content peer apart from the broker\n"
     "  observer   reads\n"
     "  deployer   reads, orders nodes, steers rollouts, sets labels\n"
     "  publisher  publishes releases of the applications of --applications\n"
     "  admin      everything\n",
     CTL_BIT (ROLE) | CTL_BIT (APPLICATIONS) | CTL_BIT (OUT) | CTL_BIT (ADDRESS) | CTL_BIT (CONTENT), 1, 1,
     ctl_keys_add, CTL_ASKS, "n."},
    {"keys revoke", "FINGERPRINT|NAME",
     "refuse a key at once and for ever, and end its connections\n"
     "\n"
     "Needs the role admin. FINGERPRINT: at least its first 6 digits. NAME: all active keys of the name.\n"
     "A revoked key never comes back: make a new one with keys add.\n",
     0, 1, 1, ctl_keys_revoke, CTL_ASKS, "n."},
    {"trust init", "DIR [--passphrase-file FILE|--no-passphrase] [OPTION...]",
     "begin with signed releases: make a key, root and targets, and publish them\n"
     "\n"
     "For small fleets: one key signs root and targets, for five years. Writes DIR/operator.key,\n"
     "DIR/root.json and DIR/targets.json. With --key or --signer that key is used, and none is made.\n"
     "Prints what to do next. Further keys: nodectl trust rotate.\n",
     CTL_BITS_KEYS | CTL_BIT (NO_PASSPHRASE) | CTL_BIT (VALID) | CTL_BIT (STATE), 1, 1, ctl_trust_init,
     CTL_ASKS, "."},
    {"trust status", "[--trust-root FILE]",
     "verify the signed metadata of the broker, and show roles, keys and expiries\n"
     "\n"
     "Warns 90 days before a file expires. Exits with 1 if something is expired or not trusted.\n",
     CTL_BITS_PLACE, 0, 0, ctl_trust_status, CTL_ASKS, "."},
    {"trust key", "make FILE [--passphrase-file FILE|--no-passphrase] | show FILE",
     "make a key that signs, or print the public key of a file\n"
     "\n"
     "make writes a new file with mode 0600 and prints the id of the key. show prints the public key\n"
     "as JSON, for --add and --public of others.\n",
     CTL_BIT (PASSPHRASE_FILE) | CTL_BIT (NO_PASSPHRASE), 2, 2, ctl_trust_key, CTL_ALONE, "k."},
    {"trust sign", "FILE --key FILE [--role NAME] [--last FILE]",
     "add a signature to a metadata file that somebody made\n"
     "\n"
     "Shows what differs from the published file, and asks. --last compares with a file instead, and\n"
     "needs no broker. --role names the publisher whose file it is.\n",
     CTL_BITS_KEYS | CTL_BITS_PLACE | CTL_BIT (YES) | CTL_BIT (ROLE) | CTL_BIT (LAST), 1, 1, ctl_trust_sign,
     CTL_ASKS, "."},
    {"trust publish", "FILE... [--role NAME]",
     "publish signed metadata files as one set\n"
     "\n"
     "Shows what differs from the published files, and asks. Files that need further signatures are\n"
     "not published.\n",
     CTL_BITS_PLACE | CTL_BIT (YES) | CTL_BIT (ROLE), 1, SIZE_MAX, ctl_trust_publish, CTL_ASKS, "."},
    {"trust rotate", "root|targets|online --key FILE... [--add FILE] [--remove KEY] [--threshold N]",
     "change the keys of a role, or renew its expiry\n"
     "\n"
     "The keys before and after the change sign: give all of them with --key. Without --add, --remove\n"
     "and --threshold only the expiry changes. online: the broker makes new keys of its own; this also\n"
     "ends what somebody did with the old ones. If keys are missing, the file is written, to be\n"
     "signed with nodectl trust sign.\n",
     CTL_BITS_SIGNING | CTL_BIT (ADD) | CTL_BIT (REMOVE) | CTL_BIT (THRESHOLD), 1, 1, ctl_trust_rotate,
     CTL_ASKS, "t."},
    {"trust renew", "targets|PUBLISHER --key FILE",
     "sign targets, or the file of a publisher, with another expiry\n", CTL_BITS_SIGNING, 1, 1,
     ctl_trust_renew, CTL_ASKS, "."},
    {"trust delegate", "NAME --application APP... --add FILE... [--threshold N] --key FILE",
     "let a publisher sign releases of some applications\n"
     "\n"
     "--add is the public key of the publisher, --key the key of targets. The publisher signs with\n"
     "nodectl publish --key. A publisher of this name is replaced.\n",
     CTL_BITS_SIGNING | CTL_BIT (APPLICATION) | CTL_BIT (ADD) | CTL_BIT (THRESHOLD), 1, 1, ctl_trust_delegate,
     CTL_ASKS, "."},
    {"trust undelegate", "NAME --key FILE",
     "end a delegation: nodes install no release any more that only this publisher signed\n",
     CTL_BITS_SIGNING, 1, 1, ctl_trust_undelegate, CTL_ASKS, "."},
    {"completion", "bash|zsh|fish",
     "print a completion script for the shell\n"
     "\n"
     "For bash: eval \"$(nodectl completion bash)\" in ~/.bashrc; for zsh the same with zsh, after\n"
     "compinit; for fish: nodectl completion fish > ~/.config/fish/completions/nodectl.fish. Nodes,\n"
     "releases and rollouts come from the broker if it answers within a second.\n",
     0, 1, SIZE_MAX, ctl_completion, CTL_ALONE, "s."},
    {.name = NULL},
};

bool ctl_command_is_family (const char *word)
{
    base_assert (word);
    size_t length = strlen (word);
    for (const struct ctl_command *command = ctl_command_table; command->name; command++)
        if (strncmp (command->name, word, length) == 0 && command->name[length] == ' ')
            return true;
    return false;
}

const struct ctl_command *ctl_command_find (const char *word, const char *next, int *ret_words)
{
    base_assert (word && ret_words);
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
