/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/zap_request.c - reads a ZAP request; pure

    libzmq makes these requests, but any socket of the process may send one. */

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "bus/zap.h"

static bool frame_is (const struct bus_zap_frame *frame, const char *text)
{
    return frame->size == strlen (text) && memcmp (frame->data, text, frame->size) == 0;
}

/*  Copies printable ASCII. Returns false if the frame has anything else, or too much of it. */
static bool frame_copy (const struct bus_zap_frame *frame, char *text, size_t size)
{
    if (frame->size >= size)
        return false;
    const uint8_t *data = frame->data;
    for (size_t i = 0; i < frame->size; i++) {
        if (data[i] < ' ' || data[i] > '~')
            return false;
        text[i] = (char) data[i];
    }
    text[frame->size] = '\0';
    return true;
}

int bus_zap_request_read (const struct bus_zap_frame *frames, size_t n_frames,
                          struct bus_zap_request *ret_request)
{
    base_assert (ret_request && (frames || n_frames == 0));
    struct bus_zap_request request = {.domain = ""};
    if (n_frames < BUS_ZAP_CREDENTIALS || n_frames > BUS_ZAP_FRAMES)
        return -EINVAL;
    for (size_t i = 0; i < n_frames; i++)
        if (frames[i].size > BUS_ZAP_FIELD_MOST)
            return -EINVAL;
    if (!frame_is (&frames[BUS_ZAP_VERSION], "1.0") ||
        !frame_copy (&frames[BUS_ZAP_DOMAIN], request.domain, sizeof request.domain) ||
        !frame_copy (&frames[BUS_ZAP_ADDRESS], request.address, sizeof request.address))
        return -EINVAL;
    if (frame_is (&frames[BUS_ZAP_MECHANISM], "NULL") && n_frames == BUS_ZAP_CREDENTIALS)
        request.sender = bus_sender_of_address (request.address);
    else if (frame_is (&frames[BUS_ZAP_MECHANISM], "CURVE") && n_frames == BUS_ZAP_FRAMES &&
             frames[BUS_ZAP_CREDENTIALS].size == BUS_KEY_BYTES) {
        memcpy (request.key, frames[BUS_ZAP_CREDENTIALS].data, BUS_KEY_BYTES);
        request.sender = (struct bus_sender){.kind = BUS_SENDER_KEY, .key = bus_fingerprint (request.key)};
    } else
        return -EINVAL;
    *ret_request = request;
    return 0;
}
