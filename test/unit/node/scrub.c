/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/node/scrub.c - the workspaces of stable and previous are read once in each period

    Damage is reported before the workspace is needed. */

#include "node/scrub.h"

#include <signal.h>

#include "base/text.h"
#include "node/application.h"
#include "test/fault/scratch.h"

#define RUNNING "2026-01-02T00:00:00.000000000Z"
#define BEFORE "2026-01-01T00:00:00.000000000Z"
#define LATER "2026-01-03T00:00:00.000000000Z"

static struct identity_config config;
static struct node_process process;
static struct node_application app;
static char text[NODE_SCRUB_TEXT];
static bool wanted;
static const char *words;

static void set_up (void)
{
    scratch_begin ();
    cr_assert_eq (identity_config_init (&config, scratch_path), 0);
    cr_assert_eq (identity_config_set (&config, "node/scrub", "20ms", NULL), 0);
    cr_assert_eq (root_make (&disk_system, scratch_path, &process.root, NULL), 0);
    free (scratch_shell ("for w in " RUNNING " " BEFORE " " LATER "; do mkdir $w; echo $w > $w/noded; "
                         "echo lib > $w/lib.so; (cd $w && sha256sum lib.so noded > manifest); done; "
                         "ln -s " RUNNING " stable; ln -s " BEFORE " previous",
                         NULL));
    process.config = &config;
    process.loop = bus_loop_new ();
    app = (struct node_application){.name = "noded", .process = &process, .root = &process.root};
    cr_assert_not_null (process.loop);
    update_procedure_init (&app.procedure);
    node_scrub_begin (&app);
}

static void tear_down (void)
{
    node_scrub_end (&app);
    (void) bus_loop_free (process.loop);
    root_deinit (&process.root);
    identity_config_deinit (&config);
    scratch_end ();
}

TestSuite (scrub, .init = set_up, .fini = tear_down, .timeout = 60);

static void scrub_look (void *context)
{
    bool found = node_scrub_read (&process.root, text);
    (void) context;
    if (scratch_exists ("var/scrub") && found == wanted && (!found || strstr (text, words)))
        bus_loop_stop (process.loop);
    else
        (void) bus_timer_start (process.loop, 5, scrub_look, NULL);
}

/*  Runs the loop until damage is reported with this text; NULL: until no damage is reported. */
static void scrub_wait (const char *said)
{
    wanted = said;
    words = said;
    scrub_look (NULL);
    cr_assert_eq (bus_loop_run (process.loop), 0);
}

Test (scrub, damage_in_either_is_reported_until_it_is_repaired)
{
    scrub_wait (NULL);
    scratch_write_text (BEFORE "/lib.so", "lic\n");
    scrub_wait ("previous is damaged (" BEFORE ": lib.so does not match the manifest)");
    scratch_write_text (RUNNING "/lib.so", "lic\n");
    scrub_wait ("stable is damaged");
    cr_expect (strstr (text, "previous is damaged"), "%s", text);
    scratch_write_text (RUNNING "/lib.so", "lib\n");
    scratch_write_text (BEFORE "/lib.so", "lib\n");
    scrub_wait (NULL);
    char *journal = scratch_read ("var/journal");
    cr_expect (journal && strstr (journal, "\"step\":\"scrub\"") && strstr (journal, "is undamaged again"),
               "%s", journal);
    free (journal);
}

Test (scrub, damage_is_kept_over_a_restart_and_dropped_with_another_version)
{
    scratch_write_text (BEFORE "/noded", "other\n");
    scrub_wait ("previous is damaged");
    node_scrub_end (&app);
    node_scrub_begin (&app);
    cr_expect (node_scrub_describe (&app, text));
    free (scratch_shell ("ln -sfn " LATER " previous", NULL));
    cr_expect_not (node_scrub_describe (&app, text), "%s", text);
    cr_expect_not (node_scrub_read (&process.root, text), "%s", text);
    scrub_wait (NULL);
}

Test (scrub, an_earlier_verification_does_not_hide_damage)
{
    scratch_write_text ("var/verified", "a list in which that file is whole\n");
    scratch_write_text (BEFORE "/noded", "other\n");
    scrub_wait ("previous is damaged");
    cr_expect_not (scratch_exists ("var/verified"));
    free (scratch_shell ("rm " BEFORE "/noded; mkfifo " BEFORE "/noded", NULL));
    scrub_wait ("neither file nor directory");
}

static void on_stop (void *context)
{
    (void) context;
    bus_loop_stop (process.loop);
}

Test (scrub, an_end_during_a_round_does_not_wait_for_its_pause)
{
    char *size = scratch_shell ("truncate -s 1G " BEFORE "/lib.so; echo done", NULL);
    free (size);
    free (scratch_shell ("rm -f var/scrub", NULL));
    struct timespec before, after;
    (void) bus_timer_start (process.loop, 60, on_stop, NULL);
    cr_assert_eq (bus_loop_run (process.loop), 0);
    (void) clock_gettime (CLOCK_MONOTONIC, &before);
    node_scrub_end (&app); /* 1 GB would take 100 s */
    (void) clock_gettime (CLOCK_MONOTONIC, &after);
    cr_expect_lt (after.tv_sec - before.tv_sec, 30);
    cr_expect_null (app.scrub);
}

Test (scrub, an_unusable_record_does_not_stop_the_scrub)
{
    static const char *const changes[] = {
        "rm -rf var/scrub; mkdir var/scrub", "rm -rf var/scrub; mkfifo var/scrub",
        "rm -rf var/scrub; head -c 100 /dev/urandom >var/scrub",
        "rm -rf var/scrub; ln -s /dev/zero var/scrub",
        "rm -rf var/scrub; printf 'previous %s\\nstable\\nat x\\nboot' \"$BEFORE\" >var/scrub"};
    cr_assert_eq (setenv ("BEFORE", BEFORE, 1), 0);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        node_scrub_end (&app);
        free (scratch_shell (changes[i], NULL));
        scratch_write_text (BEFORE "/noded", "other\n");
        node_scrub_begin (&app);
        scrub_wait ("previous is damaged");
        scratch_write_text (BEFORE "/noded", BEFORE "\n");
        scrub_wait (NULL);
    }
}
