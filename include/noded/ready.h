/* SPDX-License-Identifier: MPL-2.0 */
/*  noded/ready.h - how a program announces to the node manager that started it that it is ready

    A manager that tries out a version starts it with the variable NODED_READY="ENDPOINT NONCE" in its
    environment. The version is ready once it has announced itself at that endpoint, with that nonce, before
    the manager's deadline. The rest of the announcement is read from the running process, so that it cannot
    describe another one: its pid, the SHA-256 of its program (/proc/self/exe), its arguments and its
    environment as they arrived. A program in an interpreted language announces its interpreter.

    In another language: connect a PUSH socket to ENDPOINT and send one message, as described in
    schemas/PROTOCOL-REHEARSAL.md under "Ready". */

#ifndef NODED_READY_H
#define NODED_READY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/*  Results of noded_ready that are no errors. */
enum noded_readiness {
    NODED_READY_UNEXPECTED = 0, /* "unexpected": no announcement is expected, and nothing was done */
    NODED_READY_ANNOUNCED = 1   /* "announced": the manager has received the announcement */
};

/*  Call it once the program can do its work, in the process that the manager started. It waits until the
    manager can receive the message, at most timeout_ms (0: 5 seconds), and leaves no thread, socket or
    descriptor behind. The variable stays in the environment: unset it afterwards if programs that this one
    starts must not announce themselves.

    version: the program's, for people, at most 64 bytes; or NULL.

    Returns an enum noded_readiness; or a negative errno, with a sentence in error (which may be NULL) that says
    what was tried, where, and what the result was:

        -ETIMEDOUT  nothing receives the message: the manager is gone, or has ended the trial
        -EINVAL     NODED_READY or version is not well-formed
        and those of reading /proc, of sockets, and -ENOMEM

    If this fails, a program continues: a manager that waits for the announcement will end it. */
int noded_ready (const char *version, uint64_t timeout_ms, char *error, size_t error_size);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif

#endif
