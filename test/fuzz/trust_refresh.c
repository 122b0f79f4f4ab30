/* SPDX-License-Identifier: MPL-2.0 */
/*  test/fuzz/trust_refresh.c - fuzz target for a refresh and a search

    The input is a list of answers: a kind, two bytes with a length, and so many bytes. The first is the trusted root. Each
    load, fetch, store and drop takes the next one; at the end all fail. What is stored must be what was fetched last. */

#include "test/fuzz/target.h"
#include "trust/refresh.h"
#include "trust/search.h"

enum answer_kind { ANSWER_BYTES, ANSWER_ABSENT, ANSWER_FAILED, ANSWER_KINDS };

struct answers {
    const uint8_t *at, *end;
    const uint8_t *data; /* of the last one */
    size_t size;
};

static enum answer_kind answer_take (struct answers *answers)
{
    if (answers->end - answers->at < 3)
        return ANSWER_FAILED;
    enum answer_kind kind = (enum answer_kind) (answers->at[0] % ANSWER_KINDS);
    size_t left = (size_t) (answers->end - answers->at) - 3;
    answers->size = (size_t) answers->at[1] << 8 | answers->at[2];
    if (answers->size > left)
        answers->size = left;
    answers->data = answers->at + 3;
    answers->at += 3 + answers->size;
    return kind;
}

/*  The file that was fetched last, and must be the next one stored. */
struct fetched {
    const uint8_t *data;
    size_t size;
};

#define ANSWER(machine, kind_)                                                                               \
    for (unsigned steps = 0;; steps++) {                                                                     \
        struct trust_action action;                                                                          \
        trust_##kind_##_next (machine, &action);                                                             \
        if (action.kind == TRUST_DONE || action.kind == TRUST_FAILED)                                        \
            break;                                                                                           \
        fuzz_assert (steps < 1000);                                                                          \
        fuzz_assert (!strchr (action.file, '/') && strlen (action.file) > 5);                                \
        enum answer_kind answer = answer_take (answers);                                                     \
        bool stores = action.kind == TRUST_STORE || action.kind == TRUST_DROP;                               \
        fuzz_assert (action.kind != TRUST_STORE || (fetched.data && action.size == fetched.size &&           \
                                                    memcmp (action.data, fetched.data, action.size) == 0));  \
        if (answer == ANSWER_FAILED || (answer == ANSWER_BYTES && !stores && answers->size > action.most))   \
            trust_##kind_##_failed (machine, -5, "the input says so");                                       \
        else if (stores)                                                                                     \
            trust_##kind_##_done (machine);                                                                  \
        else if (answer == ANSWER_ABSENT)                                                                    \
            trust_##kind_##_absent (machine);                                                                \
        else {                                                                                               \
            if (action.kind == TRUST_FETCH)                                                                  \
                fetched = (struct fetched){answers->data, answers->size};                                    \
            trust_##kind_##_bytes (machine, answers->data, answers->size);                                   \
        }                                                                                                    \
    }

static void search_run (struct trust_client *client, struct answers *answers, const char *path)
{
    struct trust_search search;
    struct fetched fetched = {0};
    fuzz_assert (trust_search_init (&search, client, path, NULL) == 0);
    ANSWER (&search, search)
    fuzz_assert (!search.target.path || strcmp (search.target.path, path) == 0);
    trust_search_deinit (&search);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    struct answers rest = {.at = data, .end = data + size}, *answers = &rest;
    struct trust_client client;
    struct trust_refresh refresh;
    struct fetched fetched = {0};
    struct base_error error = {0};
    struct trust_limits limits = trust_limits_default;
    limits.roots = 3;
    limits.roles = 4;
    if (answer_take (answers) != ANSWER_BYTES)
        return 0;
    int r = trust_client_init (&client, &limits, UINT64_C (1893456000), rest.data, rest.size, &error);
    fuzz_assert (r >= 0 && (r == 0) == (*error.text == 0));
    if (r)
        return 0;
    trust_refresh_init (&refresh, &client);
    ANSWER (&refresh, refresh)
    fuzz_assert ((refresh.state == TRUST_REFRESH_DONE) == (client.phase == TRUST_PHASE_READY) ||
                 refresh.code);
    if (refresh.state == TRUST_REFRESH_DONE) {
        search_run (&client, answers, "team/x");
        search_run (&client, answers, "app/one");
        search_run (&client, answers, "team/y");
    }
    trust_refresh_deinit (&refresh);
    trust_client_deinit (&client);
    return 0;
}
