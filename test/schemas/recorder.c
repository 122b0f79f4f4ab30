/* SPDX-License-Identifier: MPL-2.0 */
/*  recorder.so - preloaded into a program: appends every frame that it sends or receives through libzmq to the
    file NODED_RECORDING names

    A line a frame: "MILLISECONDS PID send|recv TYPE ENDPOINT MORE SIZE HEX"; TYPE: libzmq's number of the
    socket's type; HEX: at most the first 64 KiB of the frame, "-" if it is empty. */

#include <dlfcn.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

enum { SHOWN_MOST = 65536 };

static int recording_fd (void)
{
    static int fd = -2;
    const char *path = getenv ("NODED_RECORDING");
    if (fd == -2)
        fd = path ? open (path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666) : -1;
    return fd;
}

static void frame_record (const char *way, void *socket, const uint8_t *data, size_t size, bool more)
{
    static char line[2 * SHOWN_MOST + 512];
    int fd = recording_fd (), type = -1;
    char endpoint[256] = "";
    size_t type_size = sizeof type, endpoint_size = sizeof endpoint;
    struct timespec now;
    if (fd < 0 || zmq_getsockopt (socket, ZMQ_TYPE, &type, &type_size) < 0 || type == ZMQ_PAIR)
        return;
    (void) zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, endpoint, &endpoint_size);
    (void) clock_gettime (CLOCK_MONOTONIC, &now);
    int length = snprintf (line, sizeof line, "%lld %d %s %d %s %d %zu ",
                           (long long) now.tv_sec * 1000 + now.tv_nsec / 1000000, (int) getpid (), way, type,
                           *endpoint ? endpoint : "-", more, size);
    for (size_t i = 0; i < size && i < SHOWN_MOST; i++)
        length += snprintf (line + length, 3, "%02x", (unsigned) data[i]);
    if (size == 0)
        line[length++] = '-';
    line[length++] = '\n';
    ssize_t ignored = write (fd, line, (size_t) length);
    (void) ignored;
}

static void *real (const char *name)
{
    return dlsym (RTLD_NEXT, name);
}

int zmq_msg_send (zmq_msg_t *frame, void *socket, int flags)
{
    static int (*next) (zmq_msg_t *, void *, int);
    if (!next)
        *(void **) &next = real ("zmq_msg_send");
    /*  Sending empties the frame. */
    size_t size = zmq_msg_size (frame);
    uint8_t *copy = malloc (size + 1);
    if (copy && size)
        memcpy (copy, zmq_msg_data (frame), size);
    int r = next (frame, socket, flags);
    if (copy && r >= 0)
        frame_record ("send", socket, copy, size, flags & ZMQ_SNDMORE);
    free (copy);
    return r;
}

int zmq_send (void *socket, const void *data, size_t size, int flags)
{
    static int (*next) (void *, const void *, size_t, int);
    if (!next)
        *(void **) &next = real ("zmq_send");
    int r = next (socket, data, size, flags);
    if (r >= 0)
        frame_record ("send", socket, data, size, flags & ZMQ_SNDMORE);
    return r;
}

int zmq_msg_recv (zmq_msg_t *frame, void *socket, int flags)
{
    static int (*next) (zmq_msg_t *, void *, int);
    if (!next)
        *(void **) &next = real ("zmq_msg_recv");
    int r = next (frame, socket, flags);
    if (r >= 0)
        frame_record ("recv", socket, zmq_msg_data (frame), zmq_msg_size (frame), zmq_msg_more (frame));
    return r;
}
