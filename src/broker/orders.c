/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/orders.c - the desired state of an application on a node */

#include "broker/orders.h"

#include <errno.h>
#include <stdarg.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/random.h"
#include "base/text.h"
#include "broker/errors.h"
#include "wire/envelope.h"
#include "wire/text.h"

/*  In an earlier run of the broker the clock may have been ahead by as much as this. */
#define CLOCK_AHEAD_MS (UINT64_C (24) * 3600 * 1000)

/*  An order under construction. */
struct making {
    struct records *records;
    const struct broker_order *order;
    struct records_application application;
    struct wire_order_result *ordered;
    struct base_error *error;
};

/*  Refuses the order; the answer has the reason. Returns BROKER_E_REFUSED or -ENOMEM. */
__attribute__ ((format (printf, 3, 4))) static int
order_refuse (struct making *making, enum wire_status status, const char *format, ...)
{
    va_list arguments;

    va_start (arguments, format);
    making->ordered->reason = wire_reason_v (format, arguments);
    va_end (arguments);
    making->ordered->status = status;
    base_assert (status != WIRE_STATUS_OK);
    return making->ordered->reason ? BROKER_E_REFUSED : -ENOMEM;
}

bool broker_order_held (const struct records_application *application)
{
    base_assert (application);
    const struct wire_application *reported = &application->reported;

    /* The node's own report counts, because it may have been held on its host. A report that is older than
       the last order does not count. */
    if (application->is_desired &&
        application->desired.hold_epoch > (application->is_reported ? reported->epoch : 0))
        return application->desired.held;
    return application->is_reported && reported->held;
}

static bool state_is_at_rest (enum wire_state state)
{
    return state == WIRE_STATE_NULL || state == WIRE_STATE_IDLE || state == WIRE_STATE_CONFIRMED ||
           state == WIRE_STATE_UNFIT;
}

bool broker_order_under_way (const struct records_application *application, bool online)
{
    base_assert (application);
    const struct wire_desired *desired = &application->desired;
    const struct wire_application *reported = &application->reported;

    if (!application->is_desired || desired->release_epoch == 0)
        return false;
    if (application->is_reported && online && !state_is_at_rest (reported->state) && reported->transaction &&
        desired->transaction && strcmp (reported->transaction, desired->transaction) == 0)
        return true;
    if (application->is_reported && reported->epoch >= desired->release_epoch)
        return false;
    /* The node has the order and retries it by itself. This must not block a newer order. */
    if (application->is_reported && reported->retry && reported->transaction && desired->transaction &&
        strcmp (reported->transaction, desired->transaction) == 0)
        return false;
    /* The end of an order on an offline node is not known. A newer order replaces one that the node has not
       seen, or that was cancelled. */
    if (!online && (!application->is_reported || reported->seen_epoch < desired->release_epoch))
        return false;
    if (!online && desired->cancel_epoch > desired->release_epoch)
        return false;
    return true;
}

bool broker_order_raise (struct records_application *application, struct wire_application *reported,
                         uint64_t now_ms)
{
    base_assert (application && reported);
    uint64_t most =
        now_ms + CLOCK_AHEAD_MS > application->epoch ? now_ms + CLOCK_AHEAD_MS : application->epoch;
    bool plausible = reported->epoch <= most && reported->seen_epoch <= most;

    if (reported->epoch > most)
        reported->epoch = 0;
    if (reported->seen_epoch > most)
        reported->seen_epoch = 0;
    if (reported->epoch > application->epoch)
        application->epoch = reported->epoch;
    if (reported->seen_epoch > application->epoch)
        application->epoch = reported->seen_epoch;
    return plausible;
}

/*  Finds the failure for which the release is quarantined on the node. Returns 0, -ENOENT or another -errno. */
static int quarantine_find (struct records *records, const struct records_application *application,
                            const struct base_digest *release, struct wire_failure *ret_failure,
                            struct base_error *error)
{
    const struct wire_application *reported = &application->reported;
    const struct wire_desired *desired = &application->desired;

    if (application->is_desired && desired->clear_epoch > reported->epoch &&
        (base_digest_is_null (&desired->clear_release) ||
         base_digest_equal (&desired->clear_release, release)))
        return -ENOENT;
    if (base_digest_is_null (&application->quarantine))
        return -ENOENT;
    return records_quarantine_find (records, application->node, application->name, release, ret_failure,
                                    error);
}

bool broker_order_quarantined (struct records *records, const struct records_application *application,
                               const struct base_digest *release)
{
    base_cleanup (wire_failure_deinit) struct wire_failure failure = {.reason = NULL};

    return quarantine_find (records, application, release, &failure, NULL) == 0;
}

enum { NEWEST_FOUND = 1 /* ends the search */ };

struct newest {
    const char *platform;
    struct records_release found;
};

static int newest_take (void *context, const struct records_release *release)
{
    struct newest *newest = context;

    if (release->withdrawn || !wire_release_match (&release->document, newest->platform))
        return 0;
    int r = wire_copy (&wire_release_record, &release->document, &newest->found.document);
    if (r < 0)
        return r;
    newest->found.digest = release->digest;
    return NEWEST_FOUND;
}

int broker_order_newest (struct records *records, const char *application, const char *platform,
                         struct records_release *ret_release, struct base_error *error)
{
    base_assert (records && application && ret_release);
    struct newest newest = {.platform = platform};
    int r = records_releases (records, application, 0, newest_take, &newest, error);
    if (r < 0)
        return r;
    if (r != NEWEST_FOUND)
        return -ENOENT;
    *ret_release = newest.found;
    return 0;
}

/*  Finds the release to update to. Returns 0, -errno, or BROKER_E_REFUSED if there is none. */
static int release_choose (struct making *making, struct records_release *ret_release)
{
    const struct broker_order *order = making->order;
    base_cleanup (records_release_deinit) struct records_release release = {.serial = 0};
    char digest[BASE_DIGEST_TEXT];
    int r;

    if (!order->release || base_digest_is_null (order->release)) {
        r = broker_order_newest (making->records, order->application, order->platform, ret_release,
                                 making->error);
        if (r != -ENOENT)
            return r;
        return order_refuse (making, WIRE_STATUS_NONE,
                             "no release of %s for %s: publish one with nodectl publish", order->application,
                             order->platform);
    }
    r = records_release_get (making->records, order->release, &release, making->error);
    if (r < 0 && r != -ENOENT)
        return r;
    (void) base_digest_format (order->release, digest);
    if (r == -ENOENT && base_digest_equal (order->release, &making->application.reported.release))
        return order_refuse (making, WIRE_STATUS_NONE,
                             "release %s runs on the node, but was not published here: publish it first "
                             "with nodectl publish",
                             digest);
    if (r == -ENOENT)
        return order_refuse (making, WIRE_STATUS_NONE, "no release %s: nodectl releases lists them", digest);
    if (strcmp (release.document.application, order->application) != 0)
        return order_refuse (making, WIRE_STATUS_NONE, "release %s belongs to %s, not to %s", digest,
                             release.document.application, order->application);
    if (release.withdrawn)
        return order_refuse (making, WIRE_STATUS_GONE, "release %s was withdrawn: order another one", digest);
    if (!wire_release_match (&release.document, order->platform))
        return order_refuse (making, WIRE_STATUS_NONE,
                             "release %s does not support %s: publish it for that platform, too", digest,
                             order->platform);
    *ret_release = release;
    release = (struct records_release){.serial = 0};
    return 0;
}

/*  Gives the desired state its next epoch. Returns 0, -ENOMEM, or BROKER_E_REFUSED if no epoch is left. */
static int epoch_next (struct making *making, uint64_t *ret_epoch)
{
    base_assert (making->ordered->status != WIRE_STATUS_OK);
    struct records_application *application = &making->application;

    if (application->epoch >= WIRE_EPOCH_MOST - 1)
        return order_refuse (making, WIRE_STATUS_REFUSED,
                             "the node reports the highest possible epoch: install it again with another id");
    if (!application->is_desired) {
        application->desired.application = strdup (application->name);
        if (!application->desired.application)
            return -ENOMEM;
        application->is_desired = true;
    }
    application->epoch++;
    if (application->epoch < making->order->now_ms && making->order->now_ms < WIRE_EPOCH_MOST - 1)
        application->epoch = making->order->now_ms;
    application->desired.status = WIRE_STATUS_OK;
    application->desired.epoch = application->epoch;
    application->verb = making->order->verb;
    *ret_epoch = application->epoch;
    return 0;
}

static int ordered_set (struct making *making, uint64_t epoch, const char *transaction,
                        const struct base_digest *release, const char *version)
{
    struct wire_order_result *ordered = making->ordered;

    ordered->status = WIRE_STATUS_OK;
    ordered->epoch = epoch;
    if (release)
        ordered->release = *release;
    if (transaction && !(ordered->transaction = strdup (transaction)))
        return -ENOMEM;
    if (version && !(ordered->version = strdup (version)))
        return -ENOMEM;
    return 0;
}

static int update_set (struct making *making, const struct records_release *release, uint64_t *ret_epoch)
{
    struct wire_desired *desired = &making->application.desired;
    char transaction[2 + 16 + 1] = "t-";
    int r = epoch_next (making, ret_epoch);
    if (r)
        return r;
    (void) base_random_hex (transaction + 2, 8);
    if (wire_text_set (&desired->transaction, transaction) != 0)
        return -ENOMEM;
    desired->release = release->digest;
    desired->release_epoch = *ret_epoch;
    return ordered_set (making, *ret_epoch, transaction, &release->digest, release->document.version);
}

static int update_make (struct making *making, uint64_t *ret_epoch)
{
    base_cleanup (records_release_deinit) struct records_release release = {.serial = 0};
    struct records_application *application = &making->application;
    const struct wire_desired *desired = &application->desired;
    base_cleanup (wire_failure_deinit) struct wire_failure failure = {.reason = NULL};
    int r = release_choose (making, &release);
    if (r)
        return r;
    if (broker_order_under_way (application, making->order->online)) {
        if (base_digest_equal (&desired->release, &release.digest) &&
            desired->cancel_epoch < desired->release_epoch)
            return ordered_set (making, desired->release_epoch, desired->transaction, &release.digest,
                                release.document.version);
        return order_refuse (making, WIRE_STATUS_BUSY,
                             "update in progress (%s): wait for its end, or nodectl cancel %s",
                             desired->transaction ? desired->transaction : "?", making->order->node);
    }
    if (broker_order_held (application))
        return order_refuse (making, WIRE_STATUS_REFUSED, "held: run nodectl unhold %s first",
                             making->order->node);
    r = quarantine_find (making->records, application, &release.digest, &failure, making->error);
    if (r != 0 && r != -ENOENT)
        return r;
    if (r == 0)
        return order_refuse (making, WIRE_STATUS_REFUSED,
                             "quarantined because it failed in %s (%.300s): nodectl quarantine clear %s",
                             failure.step, failure.reason, making->order->node);
    return update_set (making, &release, ret_epoch);
}

static int revert_make (struct making *making, uint64_t *ret_epoch)
{
    struct wire_desired *desired = &making->application.desired;
    const struct wire_application *reported = &making->application.reported;
    const struct base_digest *from = making->order->release ? making->order->release : &reported->release;
    bool runs = base_digest_equal (from, &reported->release);
    int r;

    if (!making->application.is_reported ||
        (runs && !reported->previous_version && base_digest_is_null (&reported->previous_release)))
        return order_refuse (making, WIRE_STATUS_NONE, "the node has no previous version to revert to");
    if (desired->revert_epoch > reported->epoch && base_digest_equal (&desired->revert_from, from) &&
        (making->order->no_hold || desired->hold_epoch >= desired->revert_epoch))
        return ordered_set (making, desired->revert_epoch, NULL, &reported->previous_release,
                            reported->previous_version);
    r = epoch_next (making, ret_epoch);
    if (r)
        return r;
    desired->revert_epoch = *ret_epoch;
    desired->revert_from = *from;
    if (!making->order->no_hold) {
        desired->hold_epoch = *ret_epoch;
        desired->held = true;
    }
    return ordered_set (making, *ret_epoch, NULL, &reported->previous_release, reported->previous_version);
}

static int hold_make (struct making *making, uint64_t *ret_epoch)
{
    struct wire_desired *desired = &making->application.desired;
    int r = epoch_next (making, ret_epoch);
    if (r)
        return r;
    desired->hold_epoch = *ret_epoch;
    desired->held = making->order->verb == WIRE_ORDER_HOLD;
    return ordered_set (making, *ret_epoch, NULL, NULL, NULL);
}

static bool state_has_switched (enum wire_state state)
{
    return state == WIRE_STATE_SWITCHING || state == WIRE_STATE_RESTARTING || state == WIRE_STATE_TRIAL ||
           state == WIRE_STATE_CONFIRMED;
}

static int cancel_make (struct making *making, uint64_t *ret_epoch)
{
    struct wire_desired *desired = &making->application.desired;
    const struct wire_application *reported = &making->application.reported;
    int r;

    /* An order that an offline node has not seen is not under way, but can be cancelled. */
    if (desired->release_epoch <= reported->epoch &&
        !broker_order_under_way (&making->application, making->order->online))
        return order_refuse (making, WIRE_STATUS_NONE, "no update is under way");
    if (desired->cancel_epoch > desired->release_epoch && desired->cancel_epoch > reported->epoch)
        return ordered_set (making, desired->cancel_epoch, desired->transaction, NULL, NULL);
    if (making->order->online && state_has_switched (reported->state) && reported->transaction &&
        desired->transaction && strcmp (reported->transaction, desired->transaction) == 0)
        return order_refuse (making, WIRE_STATUS_REFUSED,
                             "too late: the update has switched and is in %s; to undo it: nodectl revert %s",
                             wire_state_word (reported->state), making->order->node);
    r = epoch_next (making, ret_epoch);
    if (r)
        return r;
    desired->cancel_epoch = *ret_epoch;
    return ordered_set (making, *ret_epoch, desired->transaction, NULL, NULL);
}

static int clear_make (struct making *making, uint64_t *ret_epoch)
{
    struct wire_desired *desired = &making->application.desired;
    int r = epoch_next (making, ret_epoch);
    if (r)
        return r;
    desired->clear_epoch = *ret_epoch;
    desired->clear_release =
        making->order->release ? *making->order->release : (struct base_digest){.bytes = {0}};
    return ordered_set (making, *ret_epoch, NULL, NULL, NULL);
}

static int making_run (struct making *making, uint64_t *ret_epoch)
{
    switch (making->order->verb) {
    case WIRE_ORDER_UPDATE:
        return update_make (making, ret_epoch);
    case WIRE_ORDER_REVERT:
        return revert_make (making, ret_epoch);
    case WIRE_ORDER_HOLD:
    case WIRE_ORDER_UNHOLD:
        return hold_make (making, ret_epoch);
    case WIRE_ORDER_CANCEL:
        return cancel_make (making, ret_epoch);
    case WIRE_ORDER_CLEAR:
        return clear_make (making, ret_epoch);
    default:
        return order_refuse (making, WIRE_STATUS_INVALID, "unknown order");
    }
}

static void ordered_free_p (struct wire_order_result **ordered)
{
    if (*ordered)
        wire_order_result_deinit (*ordered);
}

/*  Makes an order for an application that the node has. *ret_epoch: of a new order; untouched if none was
    made. Returns 0 or -errno; a refusal is in making->ordered. */
static int making_finish (struct making *making, uint64_t *ret_epoch)
{
    uint64_t epoch = 0;
    int r = making_run (making, &epoch);
    if (r)
        return r == BROKER_E_REFUSED ? 0 : r;
    if (epoch == 0)
        return 0;
    r = records_application_put (making->records, &making->application, making->error);
    if (r < 0)
        return r;
    *ret_epoch = epoch;
    return 0;
}

int broker_order_make (struct records *records, const struct broker_order *order,
                       struct wire_order_result *ret_ordered, uint64_t *ret_epoch, struct base_error *error)
{
    base_assert (records && order && ret_ordered && ret_epoch);
    base_assert (order->node && order->application);
    struct wire_order_result ordered = {.epoch = 0};
    base_cleanup (ordered_free_p) struct wire_order_result *owned = &ordered;
    struct making making = {.records = records, .order = order, .ordered = &ordered, .error = error};
    uint64_t epoch = 0;
    int r = records_application_get (records, order->node, order->application, &making.application, error);

    if (r < 0 && r != -ENOENT)
        return r;
    ordered.node = strdup (order->node);
    if (!ordered.node)
        r = -ENOMEM;
    else if (r == 0)
        r = making_finish (&making, &epoch);
    else
        r = order_refuse (&making, WIRE_STATUS_NONE, "the node has no application %s", order->application);
    records_application_deinit (&making.application);
    if (r < 0)
        return r == -ENOMEM ? base_error_errno (error, r, "cannot make an order") : r;
    *ret_ordered = ordered;
    *ret_epoch = epoch;
    owned = NULL;
    return 0;
}

int broker_order_desired (const struct records_application *application, struct wire_desired *ret_desired)
{
    base_assert (application && ret_desired);
    if (application->is_desired)
        return wire_copy (&wire_desired_record, &application->desired, ret_desired);
    ret_desired->status = WIRE_STATUS_NONE;
    return 0;
}
