/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/trust_log.h - the log of published releases: ROOT/trust/log

    A line for each leaf, in hexadecimal digits. The head in the signed timestamp says how many of them count: more are
    left by a publication that did not finish, and are replaced by the next one. Fewer, or others, mean that the file is
    damaged or older than the timestamp. Then proofs and publications are refused until the file is put back; what is
    published stays. */

#ifndef BROKER_TRUST_LOG_H
#define BROKER_TRUST_LOG_H

#include "broker/trust_files.h"
#include "trust/log.h"

enum { BROKER_TRUST_LOG_MOST = 1024 * 1024 /* leaves */ };

struct broker_trust_leaf {
    struct base_digest leaf;
    size_t index;
};

/*  Null value: all zero, the empty log. */
struct broker_trust_log {
    struct base_digest *leaves;
    size_t count;
    struct broker_trust_leaf *sorted; /* by digest */
    char damage[400];                 /* what is wrong, and what to do; "" */
};

/*  Reads the file. head: of the signed timestamp; NULL: there is none, every line counts. Returns 0, also for a damaged
    file, or -errno. */
int broker_trust_log_open (struct broker_trust_log *log, const struct broker_trust_files *files,
                           const struct trust_log_head *head, struct base_error *error);
void broker_trust_log_deinit (struct broker_trust_log *log);

struct trust_log_head broker_trust_log_head (const struct broker_trust_log *log);

/*  The place of a leaf; -1: it is not there. */
int64_t broker_trust_log_find (const struct broker_trust_log *log, const struct base_digest *leaf);

/*  Makes a longer log: a copy of log, and more. */
int broker_trust_log_extend (const struct broker_trust_log *log, const struct base_digest *more, size_t count,
                             struct broker_trust_log *ret_log, struct base_error *error);

/*  Makes the log durable. */
int broker_trust_log_write (const struct broker_trust_log *log, struct broker_trust_files *files,
                            struct base_error *error);

#endif
