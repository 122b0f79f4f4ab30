/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bench/bare_download.c - the smallest possible verified download over ZeroMQ

    bin/bench compares noded's download with this one. A ROUTER sends pieces of a mapped file without copying.
    A DEALER keeps a window of requests, hashes the received data and writes it to a file, which is synced at
    the end. The sizes of piece and window are noded's defaults. There are no resends, no checks of received
    messages and no limits.

        bench-download serve PORT FILE          until its standard input ends
        bench-download fetch PORT SIZE FILE     prints the SHA-256

    The server prints "ready" after it is bound. */

#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

enum { PIECE = 256 * 1024, WINDOW = 8 };

static int error_print (const char *what)
{
    perror (what);
    return 1;
}

static void piece_keep (void *data, void *hint)
{
    (void) data;
    (void) hint;
}

static int file_serve (void *context, const char *port, const char *path)
{
    char endpoint[64];
    void *socket = zmq_socket (context, ZMQ_ROUTER);
    int fd = open (path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (!socket || fd < 0 || fstat (fd, &status))
        return error_print (path);
    uint8_t *base = mmap (NULL, (size_t) status.st_size, PROT_READ, MAP_SHARED, fd, 0);
    (void) snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.1:%s", port);
    if (base == MAP_FAILED || zmq_bind (socket, endpoint))
        return error_print (endpoint);
    printf ("ready\n");
    (void) fflush (stdout);
    for (;;) {
        zmq_pollitem_t items[] = {{socket, 0, ZMQ_POLLIN, 0}, {NULL, STDIN_FILENO, ZMQ_POLLIN, 0}};
        if (zmq_poll (items, 2, -1) < 0 || items[1].revents)
            return 0;
        uint8_t peer[64];
        uint64_t offset;
        int size = zmq_recv (socket, peer, sizeof peer, 0);
        if (size <= 0 || zmq_recv (socket, &offset, sizeof offset, 0) != sizeof offset ||
            offset > (uint64_t) status.st_size)
            return error_print ("receiving a request");
        size_t length = (size_t) status.st_size - offset;
        zmq_msg_t piece;
        (void) zmq_msg_init_data (&piece, base + offset, length < PIECE ? length : PIECE, piece_keep, NULL);
        if (zmq_send (socket, peer, (size_t) size, ZMQ_SNDMORE) < 0 || zmq_msg_send (&piece, socket, 0) < 0)
            return error_print ("sending a piece");
    }
}

static bool piece_request (void *socket, uint64_t *offset, uint64_t size)
{
    if (*offset >= size)
        return true;
    bool sent = zmq_send (socket, offset, sizeof *offset, 0) == sizeof *offset;
    *offset += PIECE;
    return sent;
}

static int file_fetch (void *context, const char *port, uint64_t size, const char *path)
{
    char endpoint[64];
    void *socket = zmq_socket (context, ZMQ_DEALER);
    int fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    (void) snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.1:%s", port);
    if (!socket || fd < 0 || zmq_connect (socket, endpoint))
        return error_print (path);
    struct sha256_ctx hash;
    sha256_init (&hash);
    uint64_t asked = 0, written = 0;
    for (unsigned i = 0; i < WINDOW; i++)
        if (!piece_request (socket, &asked, size))
            return error_print ("sending a request");
    while (written < size) {
        zmq_msg_t piece;
        (void) zmq_msg_init (&piece);
        if (zmq_msg_recv (&piece, socket, 0) < 0 || !piece_request (socket, &asked, size))
            return error_print ("receiving a piece");
        sha256_update (&hash, zmq_msg_size (&piece), zmq_msg_data (&piece));
        if (write (fd, zmq_msg_data (&piece), zmq_msg_size (&piece)) != (ssize_t) zmq_msg_size (&piece))
            return error_print (path);
        written += zmq_msg_size (&piece);
        (void) zmq_msg_close (&piece);
    }
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_digest (&hash, sizeof digest, digest);
    if (fsync (fd))
        return error_print (path);
    for (size_t i = 0; i < sizeof digest; i++)
        printf ("%02x", digest[i]);
    printf ("\n");
    return zmq_close (socket);
}

int main (int argc, char **argv)
{
    void *context = zmq_ctx_new ();
    if (context && argc == 4 && strcmp (argv[1], "serve") == 0)
        return file_serve (context, argv[2], argv[3]);
    if (context && argc == 5 && strcmp (argv[1], "fetch") == 0)
        return file_fetch (context, argv[2], strtoull (argv[3], NULL, 10), argv[4]);
    return 2;
}
