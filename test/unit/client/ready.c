/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/client/ready.c - a program that announces itself, and the manager that waits for it, in one
    process */

#include "../bus/rig.h"
#include "base/self.h"
#include "base/text.h"
#include "base/time.h"
#include "noded/ready.h"

TestSuite (ready, .init = rig_setup, .fini = rig_teardown, .timeout = 60);

static struct wire_ready heard;

static void on_message (void *context, struct bus_socket *socket, const struct bus_message *message)
{
    (void) context;
    (void) socket;
    cr_assert_eq (message->record, &wire_ready_record);
    cr_assert_eq (wire_copy (message->record, message->body, &heard), 0);
    bus_loop_stop (loop);
}

static void announcement_request (const char *endpoint, const char *nonce)
{
    char value[256];
    (void) snprintf (value, sizeof value, "%s %s", endpoint, nonce);
    cr_assert_eq (setenv ("NODED_READY", value, 1), 0);
}

/*  libzmq closes the descriptors of a socket in a thread of its own, some time after the socket was freed. */
static unsigned descriptors_count (void)
{
    unsigned count = 0;
    DIR *listing = opendir ("/proc/self/fd");
    while (readdir (listing))
        count++;
    (void) closedir (listing);
    return count;
}

Test (ready, nothing_is_done_without_a_request)
{
    char error[64] = "untouched";
    cr_assert_eq (unsetenv ("NODED_READY"), 0);
    cr_assert_eq (noded_ready ("1", 0, error, sizeof error), NODED_READY_UNEXPECTED);
    cr_assert_eq (setenv ("NODED_READY", "", 1), 0);
    cr_assert_eq (noded_ready ("1", 0, error, sizeof error), NODED_READY_UNEXPECTED);
    cr_assert_str_eq (error, "untouched");
}

Test (ready, the_running_program_is_announced)
{
    struct base_digest own;
    char **args;
    cr_assert_eq (base_self_digest (&own), 0);
    cr_assert_eq (base_self_args (&args), 0);
    struct bus_socket *socket =
        rig_socket (BUS_PULL, &(struct bus_socket_options){.on_message = on_message, .quiet = true});
    rig_bind (socket, rig_ipc ("callback"));
    announcement_request (rig_ipc ("callback"), "a-nonce");
    unsigned before = descriptors_count ();
    char error[512] = "";
    cr_assert_eq (noded_ready ("1.2.3", 0, error, sizeof error), NODED_READY_ANNOUNCED, "%s", error);
    rig_run ();
    cr_assert_str_eq (heard.nonce, "a-nonce");
    cr_assert_eq (heard.pid, (uint64_t) getpid ());
    cr_assert_str_eq (heard.version, "1.2.3");
    cr_assert (base_digest_equal (&heard.binary, &own));
    cr_assert_eq (heard.n_args, base_list_count (args));
    cr_assert_str_eq (heard.args[0], args[0]);
    bus_socket_free (socket);
    for (uint64_t until_ms = base_time_boot_ms () + load_deadline_ms (10000); descriptors_count () > before;)
        cr_assert_lt (base_time_boot_ms (), until_ms, "descriptors are still open");
    wire_ready_deinit (&heard);
    base_list_free (args);
}

Test (ready, the_version_is_optional)
{
    struct bus_socket *socket =
        rig_socket (BUS_PULL, &(struct bus_socket_options){.on_message = on_message, .quiet = true});
    rig_bind (socket, rig_ipc ("callback"));
    announcement_request (rig_ipc ("callback"), "n");
    cr_assert_eq (noded_ready (NULL, 0, NULL, 0), NODED_READY_ANNOUNCED);
    rig_run ();
    cr_assert_null (heard.version);
    bus_socket_free (socket);
    wire_ready_deinit (&heard);
}

Test (ready, a_missing_manager_is_reported_in_time)
{
    char error[512] = "";
    announcement_request (rig_ipc ("callback"), "n");
    uint64_t started = base_time_boot_ms ();
    cr_assert_eq (noded_ready ("1", 200, error, sizeof error), -ETIMEDOUT);
    cr_assert_lt (base_time_boot_ms () - started, load_deadline_ms (15000));
    cr_assert_not_null (strstr (error, "nothing listens at"), "%s", error);
    cr_assert_not_null (strstr (error, rig_ipc ("callback")), "%s", error);
}

Test (ready, malformed_values_are_reported_in_a_sentence)
{
    static const struct {
        const char *variable, *version, *sentence;
    } cases[] = {
        {"ipc:///tmp/x", "1", "NODED_READY: the value must have the form"},
        {" nonce", "1", "NODED_READY: the value must have the form"},
        {"ipc:///tmp/x ", "1", "NODED_READY: the value must have the form"},
        {"ipc:///tmp/x 0123456789012345678901234567890123456789012345678901234567890123456789", "1",
         "the nonce at most 64"},
        {"nowhere nonce", "1", "cannot connect to nowhere"},
        {"ipc:///tmp/x nonce", "\xff", "version"},
        {"ipc:///tmp/x nonce", "0123456789012345678901234567890123456789012345678901234567890123456789",
         "version"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char error[512] = "", small[8];
        cr_assert_eq (setenv ("NODED_READY", cases[i].variable, 1), 0);
        cr_assert_eq (noded_ready (cases[i].version, 200, error, sizeof error), -EINVAL, "%zu: %s", i, error);
        cr_assert_not_null (strstr (error, cases[i].sentence), "%zu: %s", i, error);
        cr_assert_eq (noded_ready (cases[i].version, 200, small, sizeof small), -EINVAL);
        cr_assert_eq (strlen (small), sizeof small - 1);
    }
}
