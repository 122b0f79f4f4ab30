/* SPDX-License-Identifier: MPL-2.0 */
/*  root/outcome.c - writes and reads the launcher's notes */

#include "root/outcome.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "root/outcome_file.h"
#include "root/verified.h"

static const char *const cause_words[] = {
    [ROOT_CAUSE_NONE] = "none",
    [ROOT_CAUSE_CRASHED] = "crashed",
    [ROOT_CAUSE_HUNG] = "hung",
    [ROOT_CAUSE_UNCONFIRMED] = "unconfirmed",
    [ROOT_CAUSE_DAMAGED] = "damaged",
    [ROOT_CAUSE_CORRUPT] = "corrupt",
    [ROOT_CAUSE_INTERRUPTED] = "interrupted",
    [ROOT_CAUSE_LOST] = "lost",
    [ROOT_CAUSE_STOPPED] = "stopped",
};

enum { N_WORDS = sizeof cause_words / sizeof *cause_words };

const char *root_cause_word (enum root_cause cause)
{
    return (unsigned) cause < N_WORDS ? cause_words[cause] : "unknown";
}

static const char *const judged_words[] = {
    [ROOT_JUDGED_NONE] = "none",
    [ROOT_JUDGED_PENDING] = "pending",
    [ROOT_JUDGED_GUILTY] = "guilty",
    [ROOT_JUDGED_INNOCENT] = "innocent",
};

enum { N_JUDGED = sizeof judged_words / sizeof *judged_words };

size_t root_outcome_format (const struct root_outcome *outcome, char *text, size_t size)
{
    base_assert (outcome);
    base_assert ((unsigned) outcome->judged < N_JUDGED);
    base_assert (text && size > 0);
    char note[256], time[BASE_TIME_TEXT], release[BASE_DIGEST_TEXT];
    (void) base_text_copy (note, sizeof note, outcome->text);
    for (char *at = note; *at; at++)
        if ((unsigned char) *at < ' ')
            *at = ' ';
    int length = snprintf (text, size, "workspace %s\ncause %s\ntext %s\ntime %s\n", outcome->workspace,
                           root_cause_word (outcome->cause), note,
                           *outcome->time ? outcome->time : base_time_format (base_time_real_ns (), time));
    if (!base_digest_is_null (&outcome->release))
        length += snprintf (text + length, size - (size_t) length, "release %s\n",
                            base_digest_format (&outcome->release, release));
    if (outcome->judged != ROOT_JUDGED_NONE)
        length +=
            snprintf (text + length, size - (size_t) length, "judged %s\n", judged_words[outcome->judged]);
    return (size_t) length;
}

static int note_put (const struct root *root, const char *path, const void *text, size_t size,
                     struct base_error *error)
{
    int r = disk_file_write (root->disk, root->fd, path, 0644, text, size, error);
    if (r != -ENOENT)
        return r;
    r = disk_directory_make (root->disk, root->fd, ROOT_VAR, 0700, error);
    if (r < 0)
        return r;
    return disk_file_write (root->disk, root->fd, path, 0644, text, size, error);
}

static int note_write (const struct root *root, const char *path, const struct root_outcome *outcome,
                       struct base_error *error)
{
    char text[ROOT_NOTE_MOST];
    size_t length = root_outcome_format (outcome, text, sizeof text);
    int r = note_put (root, path, text, length, error);
    return root_verified_make_room (root, r) ? note_put (root, path, text, length, error) : r;
}

/*  Returns whether the note is complete: a workspace and a known cause. */
static bool outcome_parse (char *text, struct root_outcome *ret_outcome)
{
    struct root_outcome outcome = {0};
    char *rest = text;
    for (char *line; (line = strsep (&rest, "\n"));) {
        char *value = strchr (line, ' ');
        if (!value)
            continue;
        *value++ = '\0';
        if (strcmp (line, "workspace") == 0 && root_name_is_valid (value))
            (void) base_text_copy (outcome.workspace, sizeof outcome.workspace, value);
        else if (strcmp (line, "text") == 0)
            (void) snprintf (outcome.text, sizeof outcome.text, "%s", value);
        else if (strcmp (line, "time") == 0)
            (void) base_text_copy (outcome.time, sizeof outcome.time, value);
        else if (strcmp (line, "release") == 0)
            (void) base_digest_parse (value, &outcome.release);
        else if (strcmp (line, "cause") == 0) {
            for (unsigned i = 1; i < N_WORDS; i++)
                if (strcmp (value, cause_words[i]) == 0)
                    outcome.cause = (enum root_cause) i;
        } else if (strcmp (line, "judged") == 0)
            for (unsigned i = 1; i < N_JUDGED; i++)
                if (strcmp (value, judged_words[i]) == 0)
                    outcome.judged = (enum root_judged) i;
    }
    *ret_outcome = outcome;
    return outcome.workspace[0] && outcome.cause != ROOT_CAUSE_NONE;
}

int root_outcome_read_file (const struct root *root, const char *path, struct root_outcome *ret_outcome)
{
    base_assert (root_is_open (root));
    base_assert (path);
    base_assert (ret_outcome);
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    int r = disk_file_read (root->disk, root->fd, path, ROOT_NOTE_MOST, &buffer);
    if (r == -ENOENT)
        return ROOT_E_NONE;
    if (r && r != -EFBIG && r != -EISDIR && r != -EINVAL)
        return r;
    struct root_outcome outcome;
    base_cleanup (base_free_p) char *text = r ? NULL : base_buffer_take_text (&buffer);
    if (r == 0 && !text)
        return -ENOMEM;
    if (!text || !outcome_parse (text, &outcome))
        return ROOT_E_DAMAGED;
    *ret_outcome = outcome;
    return 0;
}

/*  Reads a note in var/. A damaged one is set aside. */
static int note_read (const struct root *root, const char *path, struct root_outcome *ret_outcome)
{
    int r = root_outcome_read_file (root, path, ret_outcome);
    if (r != ROOT_E_DAMAGED)
        return r;
    char aside[64];
    (void) snprintf (aside, sizeof aside, "%s.damaged", path);
    (void) disk_tree_remove (root->disk, root->fd, aside, NULL);
    (void) disk_rename (root->disk, root->fd, path, aside, NULL);
    return r;
}

static int note_remove (const struct root *root, const char *path)
{
    int r = disk_unlink (root->disk, root->fd, path);
    return r == -ENOENT ? 0 : r;
}

int root_outcome_write (const struct root *root, const struct root_outcome *outcome, struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (outcome);
    return note_write (root, ROOT_OUTCOME, outcome, error);
}

int root_outcome_read (const struct root *root, struct root_outcome *ret_outcome)
{
    base_assert (root_is_open (root));
    base_assert (ret_outcome);
    return note_read (root, ROOT_OUTCOME, ret_outcome);
}

int root_outcome_remove (const struct root *root)
{
    base_assert (root_is_open (root));
    return note_remove (root, ROOT_OUTCOME);
}

int root_repaired_write (const struct root *root, const struct root_outcome *outcome,
                         struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (outcome);
    return note_write (root, ROOT_REPAIRED, outcome, error);
}

int root_repaired_read (const struct root *root, struct root_outcome *ret_outcome)
{
    base_assert (root_is_open (root));
    base_assert (ret_outcome);
    return note_read (root, ROOT_REPAIRED, ret_outcome);
}

int root_repaired_remove (const struct root *root)
{
    base_assert (root_is_open (root));
    return note_remove (root, ROOT_REPAIRED);
}
