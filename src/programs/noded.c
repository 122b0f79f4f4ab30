/* SPDX-License-Identifier: MPL-2.0 */
/*  programs/noded.c - the node manager, and the commands on its host */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "base/version.h"
#include "bus/socket.h"
#include "node/host.h"
#include "node/host_trust.h"
#include "node/install.h"
#include "node/node.h"
#include "programs/program_options.h"
#include "root/check.h"

static const char about[] =
    "Manages this host's node: updates itself from a broker, and rolls back automatically.\n"
    "\n"
    "commands:\n"
    "  install     create a root, rehearse an update in it, and print how init starts it\n"
    "  run         the node manager; init starts DIR/stable/noded.sh, which runs it\n"
    "  status      show what runs, what a revert returns to, what failed last\n"
    "  why         show what was done here, and why\n"
    "  revert      return to the previous version, with or without broker or manager\n"
    "  quarantine  [list | clear [RELEASE]]: releases that are not tried again\n"
    "  verify      check the whole root offline\n"
    "  trust       pin FILE | show: the keys whose signed releases are accepted\n"
    "  keys        print a new CURVE key pair\n"
    "\n"
    "noded COMMAND --help describes a command.\n";

enum { EXIT_UNSYNCED = 5 }; /* besides the exit codes of all programs */

static const char exit_codes[] =
    "0 done; 1 failed, standard error shows why; 2 usage;\n"
    "5 (revert) done, but the disk did not confirm that it survives a power cut;\n"
    "75 another manager serves the root; 85, 86 (run) start stable again";

static enum program_exit error_print (const struct base_error *error, const char *command)
{
    base_assert (error && command);
    base_log_print (stderr, "noded %s: %s", command, *error->text ? error->text : "out of memory");
    return PROGRAM_FAILED;
}

/*  What a command does with its root. ROOT_READ: nothing that it does can change it. */
enum root_use { ROOT_READ, ROOT_CHANGE };

static enum program_exit root_open_named (const struct program_spec *spec, const char *path,
                                          enum root_use use, struct root *ret_root)
{
    base_assert (spec && ret_root && ret_root->fd < 0);
    struct base_error error = {.code = 0};
    if (!path) {
        const char *variable = getenv ("NODED_ROOT");
        if (!variable)
            return program_usage_error (spec, "--root DIR is missing");
        path = variable;
    }
    const char *command = spec->name + sizeof "noded";
    int r = root_open (use == ROOT_CHANGE ? &disk_system : &disk_read_only, path, ret_root, &error);
    if (r < 0)
        return error_print (&error, command);
    if (root_is_made (ret_root))
        return PROGRAM_GO;
    (void) base_error_set (&error, ROOT_E_NONE, "%s is not a root: noded install makes one", ret_root->path);
    root_deinit (ret_root);
    return error_print (&error, command);
}

static enum program_exit arguments_end (const struct program_spec *spec, int argc, char **argv, int first)
{
    base_assert (argv && first >= 1 && first <= argc);
    return first < argc ? program_usage_error (spec, "%s: this command takes no such argument", argv[first])
                        : PROGRAM_GO;
}

/*  The options of noded install. */
struct install_options {
    struct node_install install;
    bool no_rehearsal, systemd, repair;
    char host[65];
};

static enum program_exit install_parse (int argc, char **argv, struct install_options *wanted)
{
    base_assert (wanted && !wanted->install.root);
    struct node_install *install = &wanted->install;
    const struct program_option options[] = {
        {.name = "root",
         .kind = PROGRAM_TEXT,
         .argument = "DIR",
         .value = &install->root,
         .help = "the root to create"},
        {.name = "id",
         .kind = PROGRAM_TEXT,
         .argument = "ID",
         .value = &install->id,
         .help = "the node's id (the host name)"},
        {.name = "broker",
         .kind = PROGRAM_TEXT,
         .argument = "HOST[:PORT]",
         .value = &install->broker,
         .help = "where the broker is (port 7670)"},
        {.name = "content",
         .kind = PROGRAM_TEXT,
         .argument = "HOST[:PORT]",
         .value = &install->content,
         .help = "where the blobs are, if not at the broker (port 7672)"},
        {.name = "trust",
         .kind = PROGRAM_TEXT,
         .argument = "FILE",
         .value = &install->trust,
         .help = "root metadata to pin: only releases that it verifies are accepted"},
        {.name = "step",
         .kind = PROGRAM_SPAN,
         .argument = "SPAN",
         .value = &install->step_ms,
         .help = "deadline for each step of the rehearsal (30s)"},
        {.name = "no-rehearsal",
         .kind = PROGRAM_FLAG,
         .value = &wanted->no_rehearsal,
         .help = "do not test whether this program can be updated here"},
        {.name = "systemd", .kind = PROGRAM_FLAG, .value = &wanted->systemd, .help = "print a systemd unit"},
        {.name = "repair",
         .kind = PROGRAM_FLAG,
         .value = &wanted->repair,
         .help =
             "repair an existing root that does not start, with nothing running; keeps settings, keys and records"},
        {.name = NULL},
    };
    const struct program_spec spec = {
        .name = "noded install",
        .usage =
            "--root DIR --broker HOST[:PORT] [--id ID] [OPTION...]\n       noded install --repair --root DIR",
        .about =
            "Makes a root from this program and its shared libraries, and rehearses an update and "
            "a revert in it.\n"
            "With --repair: points stable to the newest undamaged version that was confirmed there, or, if there "
            "is none,\n"
            "to this program. Run it as the user that init starts noded as.\n",
        .options = options,
        .exits = exit_codes,
    };
    struct bus_settings *settings = NULL;
    struct base_error error = {.code = 0};
    int first;
    enum program_exit code = program_options_parse (&spec, argc, argv, &settings, &first);
    (void) bus_settings_free (settings);
    if (code == PROGRAM_GO)
        code = arguments_end (&spec, argc, argv, first);
    if (code != PROGRAM_GO)
        return code;
    if (wanted->repair && install->root && !install->broker && !wanted->systemd)
        return PROGRAM_GO;
    if (wanted->repair)
        return program_usage_error (&spec, "--repair takes only --root DIR");
    if (!install->root || !install->broker)
        return program_usage_error (&spec, "%s is missing",
                                    install->root ? "--broker HOST[:PORT]" : "--root DIR");
    if (!install->id && !gethostname (wanted->host, sizeof wanted->host - 1))
        install->id = wanted->host;
    if (!install->id)
        return program_usage_error (&spec, "--id ID is missing, and this host has no name");
    install->rehearse = !wanted->no_rehearsal;
    return node_install_check (install, &error) ? program_usage_error (&spec, "%s", error.text) : PROGRAM_GO;
}

static void install_print (const struct install_options *wanted, uint64_t took_ms)
{
    base_assert (wanted->install.root);
    base_cleanup (base_free_p) char *found = realpath (wanted->install.root, NULL);
    const char *path = found ? found : wanted->install.root;
    if (wanted->systemd) {
        base_cleanup (base_free_p) char *unit = node_install_unit (path);
        fputs (unit ? unit : "", stdout);
        return;
    }
    printf ("%s holds noded %s as node %s", path, base_version, wanted->install.id);
    if (took_ms)
        printf (", rehearsed in %llu ms", (unsigned long long) took_ms);
    printf ("\nconfigure init to start this, and to restart it whenever it ends: %s/stable/noded.sh\n"
            "for systemd: noded install --systemd prints a unit; for runit and s6: ln -s "
            "%s/stable/noded.sh SERVICE/run\n",
            path, path);
}

static void found_print (void *context, const char *text)
{
    base_assert (text);
    (void) context;
    base_log_print (stdout, "%s", text);
}

static int command_repair (const char *path)
{
    base_assert (path);
    struct base_error error = {.code = 0};
    (void) umask (umask (0) & ~(mode_t) S_IRWXU);
    int r = node_install_repair (path, found_print, NULL, &error);
    if (r != 0) {
        (void) error_print (&error, "install");
        return r == -EWOULDBLOCK ? PROGRAM_LOCKED : PROGRAM_FAILED;
    }
    printf ("start %s/stable/noded.sh; noded verify --root %s checks the whole root\n", path, path);
    return PROGRAM_OK;
}

static int command_install (int argc, char **argv)
{
    struct install_options wanted = {.systemd = false};
    enum program_exit code = install_parse (argc, argv, &wanted);
    if (code != PROGRAM_GO)
        return code;
    if (wanted.repair)
        return command_repair (wanted.install.root);
    if (wanted.no_rehearsal)
        fprintf (
            stderr,
            "noded install: NO REHEARSAL: it is unknown whether this program can be updated and reverted on "
            "this host.\n"
            "noded install: Its first update may fail. Omit --no-rehearsal to test it now.\n");
    struct base_error error = {.code = 0};
    char workspace[ROOT_NAME_SIZE];
    uint64_t took_ms;
    (void) umask (umask (0) & ~(mode_t) S_IRWXU); /* as in the launcher */
    if (node_install_run (&wanted.install, workspace, &took_ms, &error))
        return error_print (&error, "install");
    install_print (&wanted, took_ms);
    return PROGRAM_OK;
}

static int command_run (int argc, char **argv)
{
    const char *root = NULL;
    char **labels = NULL;
    const struct program_option options[] = {
        {.name = "root",
         .kind = PROGRAM_TEXT,
         .argument = "DIR",
         .value = &root,
         .help = "the root (NODED_ROOT)"},
        {.name = "log", .kind = PROGRAM_LOG, .argument = "LEVEL", .help = "error, warning, info or debug"},
        {.name = "label",
         .kind = PROGRAM_LIST,
         .argument = "TEXT",
         .value = &labels,
         .help = "free text, shown in the list of processes"},
        {.name = NULL},
    };
    const struct program_spec spec = {
        .name = "noded run",
        .usage = "[--root DIR] [OPTION...]",
        .about = "Runs the node manager. It is started by the launcher in its workspace: start "
                 "DIR/stable/noded.sh.\n",
        .options = options,
        .exits = exit_codes,
    };
    struct bus_settings *settings = NULL;
    int first;
    enum program_exit code = program_options_parse (&spec, argc, argv, &settings, &first);
    (void) bus_settings_free (settings);
    if (code == PROGRAM_GO)
        code = arguments_end (&spec, argc, argv, first);
    base_list_free (labels);
    if (code != PROGRAM_GO)
        return code;
    root = root ? root : getenv ("NODED_ROOT");
    if (!root)
        return program_usage_error (
            &spec, "--root DIR is missing: start DIR/stable/noded.sh instead of this command");
    struct identity_config config;
    struct base_error error = {.code = 0};
    if (identity_config_init (&config, root))
        return PROGRAM_FAILED;
    enum identity_settings from = identity_settings_load (&config, &error);
    int status = node_run (&config, from, error.text);
    identity_config_deinit (&config);
    return status;
}

/*  The options of the commands that take only --root and --json. */
struct host_options {
    const char *root;
    bool json;
    int first;
};

static enum program_exit host_parse (struct program_spec *spec, int argc, char **argv, bool with_json,
                                     struct host_options *wanted)
{
    base_assert (spec && !spec->options);
    base_assert (wanted);
    const struct program_option options[] = {
        {.name = "root",
         .kind = PROGRAM_TEXT,
         .argument = "DIR",
         .value = &wanted->root,
         .help = "the root (NODED_ROOT)"},
        {.name = with_json ? "json" : NULL,
         .kind = PROGRAM_FLAG,
         .value = &wanted->json,
         .help = "print JSON"},
        {.name = NULL},
    };
    struct bus_settings *settings = NULL;
    spec->options = options;
    spec->exits = exit_codes;
    enum program_exit code = program_options_parse (spec, argc, argv, &settings, &wanted->first);
    (void) bus_settings_free (settings);
    spec->options = NULL;
    return code;
}

/*  For a command that takes no words: opens its root. */
static enum program_exit root_open_only (const struct program_spec *spec, int argc, char **argv,
                                         const struct host_options *given, enum root_use use,
                                         struct root *ret_root)
{
    base_assert (given->first >= 1);
    enum program_exit code = arguments_end (spec, argc, argv, given->first);
    return code == PROGRAM_GO ? root_open_named (spec, given->root, use, ret_root) : code;
}

static int command_status (int argc, char **argv)
{
    struct program_spec spec = {.name = "noded status",
                                .usage = "--root DIR [--json]",
                                .about =
                                    "Shows what runs, what a revert returns to, and what failed last.\n"};
    struct host_options wanted = {.json = false};
    base_cleanup (root_deinit) struct root root = {.fd = -1};
    struct base_error error = {.code = 0};
    enum program_exit code = host_parse (&spec, argc, argv, true, &wanted);
    if (code != PROGRAM_GO)
        return code;
    code = root_open_only (&spec, argc, argv, &wanted, ROOT_READ, &root);
    if (code != PROGRAM_GO)
        return code;
    return node_host_status (&root, wanted.json, &error) ? error_print (&error, "status") : PROGRAM_OK;
}

static int command_why (int argc, char **argv)
{
    struct program_spec spec = {.name = "noded why",
                                .usage = "--root DIR [--json]",
                                .about = "Shows what was done here and why, from the journal.\n"};
    struct host_options wanted = {.json = false};
    base_cleanup (root_deinit) struct root root = {.fd = -1};
    struct base_error error = {.code = 0};
    enum program_exit code = host_parse (&spec, argc, argv, true, &wanted);
    if (code != PROGRAM_GO)
        return code;
    code = root_open_only (&spec, argc, argv, &wanted, ROOT_READ, &root);
    if (code != PROGRAM_GO)
        return code;
    return node_host_why (&root, wanted.json, &error) ? error_print (&error, "why") : PROGRAM_OK;
}

static int command_revert (int argc, char **argv)
{
    struct program_spec spec = {
        .name = "noded revert",
        .usage = "--root DIR",
        .about = "Reverts to the previous version and holds it. Needs no broker, no network, no running "
                 "manager and no space.\n"
                 "A running manager reverts, too. nodectl unhold NODE releases the hold.\n"};
    struct host_options wanted = {.json = false};
    base_cleanup (root_deinit) struct root root = {.fd = -1};
    struct base_error error = {.code = 0};
    char name[ROOT_NAME_SIZE];
    bool running = false, held = false;
    enum program_exit code = host_parse (&spec, argc, argv, false, &wanted);
    if (code != PROGRAM_GO)
        return code;
    code = root_open_only (&spec, argc, argv, &wanted, ROOT_CHANGE, &root);
    if (code != PROGRAM_GO)
        return code;
    int r = node_host_revert (&root, name, &running, &held, &error);
    if (r == ROOT_E_NONE && !*error.text)
        (void) base_error_set (&error, r, "%s has no previous version to revert to", root.path);
    if (r != 0 && r != ROOT_E_UNSYNCED)
        return error_print (&error, "revert");
    if (!held)
        fprintf (stderr, "noded revert: cannot store the hold (is the disk full?): the broker may "
                         "order the next update\n");
    printf ("stable is %s now%s%s\n", name, held ? ", and held" : "",
            running ? "; the running manager was notified"
                    : "; no manager runs, the next start uses that version");
    if (r == 0)
        return PROGRAM_OK;
    (void) error_print (&error, "revert");
    return EXIT_UNSYNCED;
}

static int command_quarantine (int argc, char **argv)
{
    struct program_spec spec = {
        .name = "noded quarantine",
        .usage = "--root DIR [list [--json] | clear [RELEASE]]",
        .about = "Lists the releases that failed here and are not tried again, or clears them.\n"};
    struct host_options wanted = {.json = false};
    base_cleanup (root_deinit) struct root root = {.fd = -1};
    struct base_error error = {.code = 0};
    enum program_exit code = host_parse (&spec, argc, argv, true, &wanted);
    if (code != PROGRAM_GO)
        return code;
    const char *verb = wanted.first < argc ? argv[wanted.first] : NULL;
    const char *release = verb && wanted.first + 1 < argc ? argv[wanted.first + 1] : NULL;
    bool list = !verb || strcmp (verb, "list") == 0;
    if ((!list && strcmp (verb, "clear") != 0) || (list && release) || argc - wanted.first > 2)
        return program_usage_error (&spec, "list, or clear [RELEASE], is expected");
    code = root_open_named (&spec, wanted.root, list ? ROOT_READ : ROOT_CHANGE, &root);
    if (code != PROGRAM_GO)
        return code;
    if (list)
        return node_host_quarantine_list (&root, wanted.json, &error) ? error_print (&error, "quarantine")
                                                                      : PROGRAM_OK;
    unsigned count = 0;
    if (node_host_quarantine_clear (&root, release, &count, &error))
        return error_print (&error, "quarantine");
    printf ("%u releases cleared\n", count);
    return PROGRAM_OK;
}

static int command_verify (int argc, char **argv)
{
    struct program_spec spec = {
        .name = "noded verify",
        .usage = "--root DIR",
        .about = "Checks the whole root offline: links, workspaces against their manifests, records.\n"};
    struct host_options wanted = {.json = false};
    base_cleanup (root_deinit) struct root root = {.fd = -1};
    enum program_exit code = host_parse (&spec, argc, argv, false, &wanted);
    if (code != PROGRAM_GO)
        return code;
    code = root_open_only (&spec, argc, argv, &wanted, ROOT_READ, &root);
    if (code != PROGRAM_GO)
        return code;
    struct base_error error = {.code = 0};
    int r = root_check (&root, found_print, NULL);
    bool untrusted = node_host_trust_verify (&root, found_print, NULL);
    int settings = identity_settings_check (root.path, &error);
    if (settings != 0)
        found_print (NULL, error.text);
    if (r < 0)
        fprintf (stderr, "noded verify: cannot check %s: %s\n", root.path, strerror (-r));
    if (r != 0 || settings != 0 || untrusted)
        return PROGRAM_FAILED;
    printf ("nothing is wrong with %s\n", root.path);
    return PROGRAM_OK;
}

static int trust_pin (const struct root *root, const char *file)
{
    bool running = false, changed = false;
    struct base_error error = {.code = 0};
    (void) umask (umask (0) & ~(mode_t) S_IRWXU); /* as in the launcher */
    if (node_host_trust_pin (root, file, &running, &changed, &error) != 0)
        return error_print (&error, "trust");
    printf ("%s %s%s\n", root->path,
            changed ? "accepts only releases that this root verifies" : "has this root pinned already",
            !changed  ? ""
            : running ? "; the running manager reads it at its next update"
                      : "; no manager runs, the next one reads it");
    return PROGRAM_OK;
}

static int command_trust (int argc, char **argv)
{
    struct program_spec spec = {
        .name = "noded trust",
        .usage = "--root DIR (pin FILE | show)",
        .about =
            "pin: from now on, only releases are accepted that the signed metadata of this root (a TUF root.json) "
            "verifies.\n"
            "Needs no broker and no running manager; a running one is not restarted, because it reads the pinned "
            "root at each update.\n"
            "Another pinned root begins again: its metadata is fetched, and the release-counters are forgotten.\n"
            "show: what is pinned, what was received since, and why the last release was refused.\n"};
    struct host_options wanted = {.json = false};
    base_cleanup (root_deinit) struct root root = {.fd = -1};
    struct base_error error = {.code = 0};
    enum program_exit code = host_parse (&spec, argc, argv, false, &wanted);
    if (code != PROGRAM_GO)
        return code;
    const char *verb = wanted.first < argc ? argv[wanted.first] : "";
    bool pin = strcmp (verb, "pin") == 0;
    if ((!pin && strcmp (verb, "show") != 0) || argc - wanted.first != (pin ? 2 : 1))
        return program_usage_error (&spec, "pin FILE, or show, is expected");
    code = root_open_named (&spec, wanted.root, pin ? ROOT_CHANGE : ROOT_READ, &root);
    if (code != PROGRAM_GO)
        return code;
    if (pin)
        return trust_pin (&root, argv[wanted.first + 1]);
    int r = node_host_trust_show (&root, &error);
    return r == 0 || r == ROOT_E_NONE ? PROGRAM_OK : error_print (&error, "trust");
}

static int command_keys (int argc, char **argv)
{
    static const struct program_option options[] = {{.name = NULL}};
    const struct program_spec spec = {.name = "noded keys",
                                      .usage = "",
                                      .about =
                                          "Prints a new CURVE key pair as a section of a settings file.\n",
                                      .options = options,
                                      .exits = exit_codes};
    struct bus_settings *settings = NULL;
    int first;
    char public_key[41], secret_key[41];
    enum program_exit code = program_options_parse (&spec, argc, argv, &settings, &first);
    (void) bus_settings_free (settings);
    if (code == PROGRAM_GO)
        code = arguments_end (&spec, argc, argv, first);
    if (code != PROGRAM_GO)
        return code;
    if (bus_keys_make (public_key, secret_key)) {
        fprintf (stderr, "noded keys: this libzmq was built without CURVE\n");
        return PROGRAM_FAILED;
    }
    printf ("curve\n    public-key = \"%s\"\n    secret-key = \"%s\"\n", public_key, secret_key);
    return PROGRAM_OK;
}

int main (int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*main) (int argc, char **argv);
    } commands[] = {
        {"install", command_install}, {"run", command_run},       {"status", command_status},
        {"why", command_why},         {"revert", command_revert}, {"quarantine", command_quarantine},
        {"verify", command_verify},   {"trust", command_trust},   {"keys", command_keys}};
    static const struct program_option none[] = {{.name = NULL}};
    const struct program_spec spec = {.name = "noded",
                                      .usage = "COMMAND [OPTION...]",
                                      .about = about,
                                      .options = none,
                                      .exits = exit_codes,
                                      .stop_at_word = true};
    for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++)
        if (strcmp (argv[1], commands[i].name) == 0)
            return commands[i].main (argc - 1, argv + 1);
    struct bus_settings *settings = NULL;
    int first;
    enum program_exit code = program_options_parse (&spec, argc, argv, &settings, &first);
    (void) bus_settings_free (settings);
    if (code != PROGRAM_GO)
        return code;
    return argc > 1 ? program_usage_error (&spec, "%s: no such command: noded --help lists them", argv[1])
                    : program_usage_error (&spec, "a command is expected, such as noded install");
}
