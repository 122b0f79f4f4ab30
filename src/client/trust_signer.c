/* SPDX-License-Identifier: MPL-2.0 */
/*  client/trust_signer.c - a command that signs, for keys in tokens

    The command reads the bytes from a file in memory, so that it may read them when it likes. It inherits standard error
    and the terminal, for a PIN or a hint to touch the token. It is killed if it has not answered in time. */

#include "client/trust.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <fcntl.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/process.h"
#include "base/text.h"
#include "base/time.h"
#include "disk/disk.h"
#include "trust/hex.h"

enum { SIGNER_MS = 5 * 60 * 1000, ANSWER_MOST = 2 * TRUST_SIGNATURE_MOST + 64 };

/*  A file in memory at its beginning. */
static int input_make (const void *data, size_t size, int *ret_fd, struct base_error *error)
{
    base_cleanup (base_close_p) int fd = memfd_create ("to-sign", MFD_CLOEXEC);
    int r = fd < 0 ? -errno : disk_write_all (&disk_system, fd, data, size);
    if (r == 0 && lseek (fd, 0, SEEK_SET) != 0)
        r = -errno;
    if (r < 0)
        return base_error_errno (error, r, "cannot pass the bytes to sign");
    *ret_fd = base_take_fd (&fd);
    return 0;
}

/*  Waits until a descriptor is readable. Returns 0, -ETIMEDOUT or -errno. */
static int wait_readable (int fd, uint64_t deadline_ms)
{
    for (;;) {
        uint64_t now_ms = base_time_boot_ms ();
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        if (now_ms >= deadline_ms)
            return -ETIMEDOUT;
        int count = poll (&poll_fd, 1, (int) (deadline_ms - now_ms));
        if (count > 0)
            return 0;
        if (count < 0 && errno != EINTR)
            return -errno;
    }
}

static int answer_read (int fd, uint64_t deadline_ms, struct base_buffer *answer)
{
    base_assert (answer->capacity >= ANSWER_MOST);
    for (;;) {
        int r = wait_readable (fd, deadline_ms);
        if (r < 0)
            return r;
        ssize_t count = read (fd, answer->data + answer->size, ANSWER_MOST - answer->size);
        if (count < 0 && errno != EINTR)
            return -errno;
        if (count == 0)
            return 0;
        answer->size += count > 0 ? (size_t) count : 0;
        if (answer->size == ANSWER_MOST)
            return -E2BIG;
    }
}

static int signer_wait (struct base_process *process, int output, struct base_buffer *answer,
                        struct base_error *error)
{
    uint64_t deadline_ms = base_time_boot_ms () + SIGNER_MS;
    struct base_process_end end = {.exited = false};
    char text[64];
    int r = answer_read (output, deadline_ms, answer);
    if (r == 0)
        r = wait_readable (process->fd, deadline_ms);
    if (r == 0)
        r = base_process_wait (process, BASE_WAIT_FOR_END, &end);
    if (r == -ETIMEDOUT)
        return base_error_set (error, r, "the signer did not answer within %d minutes and was killed",
                               SIGNER_MS / 60000);
    if (r == -E2BIG)
        return base_error_set (error, TRUST_E_KEY,
                               "the signer printed more than a signature, and was killed");
    if (r < 0)
        return base_error_errno (error, r, "cannot read the answer of the signer");
    if (!end.exited || end.code != 0)
        return base_error_set (error, TRUST_E_KEY, "the signer %s",
                               base_process_end_format (&end, text, sizeof text));
    return 0;
}

/*  The answer is hexadecimal digits and white space at both ends. */
static int signature_read (const struct base_buffer *answer, uint8_t *ret_signature, size_t *ret_size,
                           struct base_error *error)
{
    char text[ANSWER_MOST + 1];
    size_t from = 0, until = answer->size;
    while (from < until && strchr (" \t\r\n", answer->data[from]))
        from++;
    while (until > from && strchr (" \t\r\n", answer->data[until - 1]))
        until--;
    memcpy (text, answer->data + from, until - from);
    text[until - from] = '\0';
    if (until == from || trust_hex_decode (text, TRUST_SIGNATURE_MOST, ret_signature, ret_size) != 0)
        return base_error_set (
            error, TRUST_E_KEY,
            "the signer must print a signature in hexadecimal digits, and nothing else, on "
            "standard output");
    return 0;
}

int client_signer_run (const char *command, const void *data, size_t size, uint8_t *ret_signature,
                       size_t *ret_size, struct base_error *error)
{
    base_assert (command && data && ret_signature && ret_size);
    base_cleanup (base_buffer_deinit) struct base_buffer answer = {.size = 0};
    base_cleanup (base_process_deinit) struct base_process process = BASE_PROCESS_NULL;
    base_cleanup (base_close_p) int input = -1;
    int ends[2];
    const char *const args[] = {"sh", "-c", command, NULL};
    int r = base_buffer_reserve (&answer, ANSWER_MOST);
    if (r == 0)
        r = input_make (data, size, &input, error);
    if (r < 0)
        return r;
    if (pipe2 (ends, O_CLOEXEC) != 0)
        return base_error_errno (error, -errno, "cannot make a pipe");
    const struct base_process_spec spec = {.program = "/bin/sh",
                                           .args = base_list_const (args),
                                           .death_signal = SIGKILL,
                                           .standard_fds = {input, ends[1], -1}};
    r = base_process_spawn (&spec, &process, error);
    (void) close (ends[1]);
    if (r == 0)
        r = signer_wait (&process, ends[0], &answer, error);
    (void) close (ends[0]);
    return r ? r : signature_read (&answer, ret_signature, ret_size, error);
}
