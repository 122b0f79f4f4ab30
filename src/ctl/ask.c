/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/ask.c - questions on the terminal: passphrases, and whether to go on

    A passphrase is read byte by byte with echo and signals off, so that an interrupt cannot leave the terminal without
    echo. It never passes through a buffer of stdio, which nobody would wipe. */

#include "ctl/ask.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "ctl/text.h"

void ctl_passphrase_deinit (struct ctl_passphrase *passphrase)
{
    explicit_bzero (passphrase, sizeof *passphrase);
}

enum { KEY_INTERRUPT = 3, KEY_END = 4, KEY_BACKSPACE = 8, KEY_KILL_LINE = 21, KEY_DELETE = 127 };

/*  Reads a line. Returns 0, -EINTR if it was interrupted, -E2BIG or -errno. */
static int line_read (int fd, struct ctl_passphrase *passphrase)
{
    char byte = 0;
    passphrase->size = 0;
    for (;;) {
        ssize_t count = read (fd, &byte, 1);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -errno;
        if (count == 0 || byte == '\n' || byte == '\r' || (byte == KEY_END && passphrase->size == 0))
            return 0;
        if (byte == KEY_INTERRUPT)
            return -EINTR;
        if (byte == KEY_KILL_LINE)
            passphrase->size = 0;
        else if (byte == KEY_BACKSPACE || byte == KEY_DELETE)
            passphrase->size -= passphrase->size > 0;
        else if (passphrase->size == sizeof passphrase->text)
            return -E2BIG;
        else
            passphrase->text[passphrase->size++] = byte;
    }
}

/*  Asks on the terminal. */
static int terminal_read (int fd, const char *prompt, const char *name, struct ctl_passphrase *passphrase)
{
    struct termios before, hidden;
    if (tcgetattr (fd, &before) != 0)
        return -errno;
    hidden = before;
    hidden.c_lflag &= ~(tcflag_t) (ECHO | ICANON | ISIG);
    hidden.c_cc[VMIN] = 1;
    hidden.c_cc[VTIME] = 0;
    if (tcsetattr (fd, TCSAFLUSH, &hidden) != 0)
        return -errno;
    (void) dprintf (fd, "%s ", prompt);
    FILE *stream = fdopen (dup (fd), "w");
    if (stream) {
        ctl_text_put (stream, name);
        (void) fputs (": ", stream);
        (void) fclose (stream);
    }
    int r = line_read (fd, passphrase);
    (void) dprintf (fd, "\n");
    (void) tcsetattr (fd, TCSAFLUSH, &before);
    return r;
}

static enum ctl_exit passphrase_check (struct ctl *ctl, const char *name, int r,
                                       const struct ctl_passphrase *passphrase)
{
    if (r == -EINTR)
        return ctl_error (ctl, "interrupted: no passphrase of %s", name);
    if (r == -E2BIG)
        return ctl_error (ctl, "the passphrase of %s has more than %d bytes", name, CTL_PASSPHRASE_MOST);
    if (r < 0)
        return ctl_error (ctl, "cannot read the passphrase of %s: %s", name, strerror (-r));
    if (passphrase->size == 0)
        return ctl_error (ctl, "the passphrase of %s is empty", name);
    return CTL_OK;
}

static enum ctl_exit passphrase_file (struct ctl *ctl, struct ctl_passphrase *passphrase)
{
    const char *path = ctl->options.passphrase_file;
    base_cleanup (base_close_p) int fd = open (path, O_RDONLY | O_CLOEXEC);
    return passphrase_check (ctl, path, fd < 0 ? -errno : line_read (fd, passphrase), passphrase);
}

static enum ctl_exit passphrase_ask (struct ctl *ctl, int fd, const char *name, bool is_new,
                                     struct ctl_passphrase *passphrase)
{
    base_cleanup (ctl_passphrase_deinit) struct ctl_passphrase again = {.size = 0};
    int r = terminal_read (fd, is_new ? "new passphrase of" : "passphrase of", name, passphrase);
    enum ctl_exit code = passphrase_check (ctl, name, r, passphrase);
    if (code != CTL_OK || !is_new)
        return code;
    r = terminal_read (fd, "the same passphrase again, of", name, &again);
    code = passphrase_check (ctl, name, r, &again);
    if (code == CTL_OK &&
        (again.size != passphrase->size || memcmp (again.text, passphrase->text, again.size) != 0))
        return ctl_error (ctl, "the two passphrases differ: nothing was made");
    return code;
}

enum ctl_exit ctl_passphrase_get (struct ctl *ctl, const char *name, bool is_new,
                                  struct ctl_passphrase *ret_passphrase)
{
    base_assert (name && ret_passphrase);
    if (ctl->options.passphrase_file)
        return passphrase_file (ctl, ret_passphrase);
    base_cleanup (base_close_p) int fd = open ("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return ctl_misused (ctl,
                            "%s needs a passphrase, and there is no terminal: give --passphrase-file FILE%s",
                            name, is_new ? ", or --no-passphrase for a key that only its mode protects" : "");
    return passphrase_ask (ctl, fd, name, is_new, ret_passphrase);
}

enum ctl_exit ctl_confirm (struct ctl *ctl, const char *question)
{
    base_assert (question);
    if (ctl->options.yes)
        return CTL_OK;
    base_cleanup (base_close_p) int fd = open ("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return ctl_misused (
            ctl, "there is no terminal to ask \"%s\": look at the difference above, and give --yes",
            question);
    char answer[16];
    (void) fflush (ctl->err);
    (void) dprintf (fd, "%s [y/N] ", question);
    ssize_t size = read (fd, answer, sizeof answer - 1);
    answer[size > 0 ? size : 0] = '\0';
    answer[strcspn (answer, "\r\n")] = '\0';
    if (strcmp (answer, "y") == 0 || strcmp (answer, "yes") == 0)
        return CTL_OK;
    return ctl_error (ctl, "nothing was signed or published");
}
