/*  noded/ready.h - how a program that a node manager started tells it that it is ready

    A manager that tries a version out starts it with the variable NODED_READY="ENDPOINT NONCE" in its
    environment. The version is ready once it has announced itself there, with that nonce, before the
    manager's deadline. What is announced beside the nonce is read from the running process, so that nothing
    else can be taken for it: its pid, the SHA-256 of its program (/proc/self/exe), its arguments and its
    environment as they arrived. A program in an interpreted language announces its interpreter.

    In another language: connect a PUSH socket to ENDPOINT and send one message, as schemas/README.md tells
    under "Ready". */

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

/*  Call it once the program can do its work, in the process that the manager started. It waits until the
    manager is there to take the message, at most timeout_ms (0: 5 seconds), and leaves no thread, socket or
    descriptor behind. The variable stays in the environment: where programs that this one starts are not to
    announce themselves, unset it afterwards.

    version: the program's, for people, at most 64 bytes; or NULL.

    Returns 1: announced. 0: nobody wants to know, and nothing was done. Or a negative errno, with a sentence
    in error (which may be NULL) that says what was tried, where, and what came of it:

        -ETIMEDOUT  nobody takes the message: the manager is gone, or has ended the trial
        -EINVAL     NODED_READY or version is not well-formed
        and those of reading /proc, of sockets, and -ENOMEM

    A program that could not announce itself goes on: a manager that waits for it will end it. */
int noded_ready (const char *version, uint64_t timeout_ms, char *error, size_t error_size);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif

#endif
