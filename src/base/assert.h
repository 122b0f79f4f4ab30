/* SPDX-License-Identifier: MPL-2.0 */
/*  base/assert.h - our own invariants

    base_assert states what this code guarantees to itself: arguments, indices, states, ownership. It stays on
    in every build. If it fails, there is a bug in noded: the process logs file, line and expression, and
    aborts. Never use it on data from outside (files, messages, environment, a full disk): that is handled as an
    error. The expression must have no side effects.

    A pure machine has one function THING_machine_check (), which asserts what always holds for its state, and
    calls it after every step.

    A failed assertion ends a node manager or broker, which is then started again. The launcher has nobody
    above it that could do better, so it logs the failure and continues (start/assert.c). */

#ifndef BASE_ASSERT_H
#define BASE_ASSERT_H

#define base_assert(expression)                                                                              \
    (__builtin_expect (!!(expression), 1) ? (void) 0 : base_assert_failed (#expression, __FILE__, __LINE__))

/*  Tells clang's analyzer that nothing after a failed assertion needs to be examined. */
#ifdef __clang__
#define BASE_ASSERT_ENDS __attribute__ ((analyzer_noreturn))
#else
#define BASE_ASSERT_ENDS
#endif

/*  Logs and aborts. In an object of its own: a program that defines it itself is linked without that one. */
BASE_ASSERT_ENDS __attribute__ ((cold)) void base_assert_failed (const char *expression, const char *file,
                                                                 int line);

#endif
