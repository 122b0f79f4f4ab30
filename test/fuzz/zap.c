/* SPDX-License-Identifier: MPL-2.0 */
/*  test/fuzz/zap.c - fuzz target for the reader of ZAP requests, and of User-Ids

    The input is a list of frames: a size of one byte, then the bytes; 255: 256 bytes follow. */

#include "test/fuzz/target.h"

#include "bus/zap.h"

enum { FRAMES_MOST = 16 };

static size_t frames_split (const uint8_t *data, size_t size, struct bus_zap_frame frames[FRAMES_MOST])
{
    size_t n = 0;
    while (size > 0 && n < FRAMES_MOST) {
        size_t wanted = data[0] == 255 ? 256 : data[0];
        data++;
        size--;
        frames[n++] = (struct bus_zap_frame){.data = data, .size = wanted < size ? wanted : size};
        data += frames[n - 1].size;
        size -= frames[n - 1].size;
    }
    return n;
}

static bool text_is_clean (const char *text, size_t size)
{
    size_t length = strnlen (text, size);
    for (size_t i = 0; i < length; i++)
        if (text[i] < ' ' || text[i] > '~')
            return false;
    return length < size;
}

static void sender_check (const struct bus_sender *sender)
{
    char user_id[BUS_USER_ID_TEXT], text[BUS_SENDER_TEXT];
    struct bus_sender back = bus_sender_of_user_id (bus_sender_user_id (sender, user_id));
    fuzz_assert (bus_sender_equal (&back, sender));
    fuzz_assert (back.gid == sender->gid && back.pid == sender->pid);
    fuzz_assert (strlen (bus_sender_format (sender, text)) < BUS_SENDER_TEXT);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    struct bus_zap_frame frames[FRAMES_MOST] = {{.size = 0}};
    struct bus_zap_request request;
    char text[128];
    size_t n = frames_split (data, size, frames), length = size < sizeof text - 1 ? size : sizeof text - 1;
    memset (&request, 0xee, sizeof request);
    if (bus_zap_request_read (frames, n, &request) == 0) {
        fuzz_assert (n == BUS_ZAP_FRAMES ||
                     (n == BUS_ZAP_FRAMES - 1 && request.sender.kind != BUS_SENDER_KEY));
        fuzz_assert (n < BUS_ZAP_FRAMES || request.sender.kind == BUS_SENDER_KEY);
        fuzz_assert (text_is_clean (request.domain, sizeof request.domain));
        fuzz_assert (text_is_clean (request.address, sizeof request.address));
        sender_check (&request.sender);
    } else {
        for (size_t i = 0; i < sizeof request; i++)
            fuzz_assert (((const uint8_t *) &request)[i] == 0xee);
    }
    memcpy (text, data, length);
    text[length] = '\0';
    struct bus_sender sender = bus_sender_of_user_id (text);
    sender_check (&sender);
    return 0;
}
