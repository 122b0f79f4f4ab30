/* SPDX-License-Identifier: MPL-2.0 */
/*  rehearsal/origin.c - the parent as the origin of the candidate */

#include "rehearsal/private.h"

#include <errno.h>
#include <string.h>

#include "base/time.h"

/*  Returns whether P may confirm itself. In the first hand-over of a full rehearsal it is kept from that. */
static bool confirming_allowed (const struct rehearsal *rehearsal)
{
    return rehearsal->phase == PHASE_AGAIN || rehearsal->phase == PHASE_CONFIRM ||
           rehearsal->phase == PHASE_REVERT ||
           (rehearsal->phase == PHASE_UPDATE && rehearsal->spec.depth < IDENTITY_DEPTH_MINTED);
}

static int on_hello (void *context, const struct bus_peer *peer, const struct wire_hello *hello,
                     struct wire_welcome *answer)
{
    (void) context;
    (void) peer;
    (void) hello;
    answer->status = WIRE_STATUS_OK;
    return 0;
}

static int on_ask (void *context, const struct bus_peer *peer, const struct wire_ask *ask,
                   struct wire_desired *answer)
{
    struct rehearsal *rehearsal = context;
    (void) peer;
    answer->application = strdup (ask->application);
    answer->status = WIRE_STATUS_NONE;
    bool heard = rehearsal->hint && ask->instance &&
                 strcmp (ask->instance, origin_instance (rehearsal->origin)) == 0 &&
                 ask->sequence >= rehearsal->hint;
    bool ordered = rehearsal->phase == PHASE_UPDATE || rehearsal->phase == PHASE_AGAIN ||
                   rehearsal->phase == PHASE_REVERT;
    if (!answer->application || !heard || !ordered)
        return answer->application ? 0 : -ENOMEM;
    const struct rehearsal_offer *offer = rehearsal_offer (rehearsal);
    rehearsal->asked = true;
    answer->status = WIRE_STATUS_OK;
    answer->epoch = rehearsal->order;
    answer->release = offer->release;
    answer->transaction = strdup (offer->transaction);
    answer->release_epoch = rehearsal->phase == PHASE_REVERT ? rehearsal->order - 1 : rehearsal->order;
    if (rehearsal->phase == PHASE_REVERT) {
        answer->revert_epoch = rehearsal->order;
        answer->revert_from = offer->release;
    }
    return answer->transaction ? 0 : -ENOMEM;
}

static int on_match (void *context, const struct bus_peer *peer, const struct wire_match *match,
                     struct wire_matched *answer)
{
    struct rehearsal *rehearsal = context;
    const struct rehearsal_offer *offer = rehearsal_offer (rehearsal);
    (void) peer;
    bool updating = strcmp (match->transaction, offer->transaction) == 0;
    answer->application = strdup (match->application);
    answer->transaction = strdup (match->transaction);
    answer->attempt = match->attempt;
    answer->release = match->release;
    if (!answer->application || !answer->transaction)
        return -ENOMEM;
    if (!updating && !confirming_allowed (rehearsal)) {
        answer->status = WIRE_STATUS_BUSY;
        return 0;
    }
    answer->status = WIRE_STATUS_NONE;
    if (!base_digest_equal (&match->release, &offer->release))
        return 0;
    answer->size = offer->document.size;
    answer->status = WIRE_STATUS_OK;
    rehearsal->matched = rehearsal->matched || updating;
    return 0;
}

static int on_report (void *context, const struct bus_peer *peer, const struct wire_report *report,
                      struct wire_noted *answer)
{
    struct rehearsal *rehearsal = context;
    const struct rehearsal_offer *offer = rehearsal_offer (rehearsal);
    (void) peer;
    answer->application = strdup (report->application->name);
    answer->step = strdup (report->step);
    answer->epoch = report->epoch;
    answer->attempt = report->attempt;
    answer->status = WIRE_STATUS_OK;
    if (!answer->application || !answer->step)
        return -ENOMEM;
    bool ours = report->transaction && strcmp (report->transaction, offer->transaction) == 0;
    bool updating = rehearsal->phase == PHASE_UPDATE || rehearsal->phase == PHASE_AGAIN;
    if (ours && updating &&
        (report->outcome == WIRE_OUTCOME_FAILED || report->outcome == WIRE_OUTCOME_REFUSED ||
         report->outcome == WIRE_OUTCOME_NOTHING)) {
        /* the cause may be a deadline of its own rehearsal, which is shorter: it would report that in its own
           words */
        rehearsal->result.end.late = base_time_boot_ms () - rehearsal->entered_ms >=
                                     identity_config_probe_step_ms (rehearsal->spec.config);
        rehearsal_fail (rehearsal, "it could not update: %s %s: %s", report->step,
                        wire_outcome_word (report->outcome),
                        report->reason ? report->reason : "it gave no reason");
    } else if (ours && rehearsal->phase == PHASE_CONFIRM && report->outcome == WIRE_OUTCOME_CONFIRMED &&
               base_digest_equal (&report->application->release, &offer->release)) {
        if (!base_digest_equal (&report->application->binary, &offer->envelope.binary))
            rehearsal_fail (rehearsal,
                            "the program that confirmed itself in its place is not the offered one");
        else if (!rehearsal_link_is (rehearsal, ROOT_PREVIOUS, rehearsal->spec.candidate) ||
                 !rehearsal_link_is (rehearsal, ROOT_BACK, NULL))
            return 0;
        else if (rehearsal->spec.depth < IDENTITY_DEPTH_MINTED)
            rehearsal_stop (rehearsal);
        else
            rehearsal_give_order (rehearsal, PHASE_REVERT);
    }
    return 0;
}

/*  A new subscriber that waits for a hint gets one now, not with the next timer. */
static void on_subscription (void *context, const char *topic, bool subscribed)
{
    struct rehearsal *rehearsal = context;
    char ring[ORIGIN_TOPIC_SIZE];
    bool wanted = rehearsal->phase == PHASE_CONFIRM || (rehearsal->order && !rehearsal->asked);
    if (!subscribed || !wanted || strcmp (topic, origin_ring_topic (rehearsal->spec.config->id, ring)) != 0)
        return;
    bus_timer_cancel (rehearsal->spec.loop, rehearsal->hint_timer);
    rehearsal_hint (rehearsal);
}

static int on_open (void *context, const struct base_digest *digest, int *ret_fd, uint64_t *ret_size,
                    bool *ret_immutable)
{
    struct rehearsal *rehearsal = context;
    *ret_immutable = false;
    return rehearsal_offer_open (rehearsal_offer (rehearsal), digest, ret_fd, ret_size);
}

static void refusal_log (struct rehearsal *rehearsal, const char *channel, const struct bus_refusal *refusal)
{
    char more_text[BUS_REFUSALS_TEXT];
    uint64_t more;
    if (bus_refusals_due (&rehearsal->refusals, base_time_boot_ms (), &more))
        base_log (BASE_LOG_WARNING, "rehearsal of %s: refused a message of the candidate on %s: %s%s",
                  rehearsal->spec.candidate, channel, refusal->text, bus_refusals_more (more, more_text));
}

static void on_refused (void *context, const char *channel, const struct bus_refusal *refusal)
{
    refusal_log (context, channel, refusal);
}

void rehearsal_on_refused (void *context, struct bus_socket *socket, const struct bus_refusal *refusal)
{
    (void) socket;
    refusal_log (context, "callback", refusal);
}

const struct origin_ops rehearsal_origin_ops = {.hello = on_hello,
                                                .ask = on_ask,
                                                .match = on_match,
                                                .report = on_report,
                                                .refused = on_refused,
                                                .subscription = on_subscription,
                                                .blob_open = on_open};
