/* SPDX-License-Identifier: MPL-2.0 */
/*  test/lib/notify_listener.c - prints the messages that systemd would receive from a service

        usage: notify_listener SOCKET

    SOCKET is the NOTIFY_SOCKET of the service. Prints each line of a message as "PID LINE" until killed. */

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main (int argc, char **argv)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int one = 1, fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (argc != 2 || strlen (argv[1]) >= sizeof address.sun_path || fd < 0)
        return 2;
    memcpy (address.sun_path, argv[1], strlen (argv[1]) + 1);
    if (bind (fd, (struct sockaddr *) &address, sizeof address) ||
        setsockopt (fd, SOL_SOCKET, SO_PASSCRED, &one, sizeof one))
        return 1;
    (void) setvbuf (stdout, NULL, _IOLBF, 0);
    for (;;) {
        char text[4096];
        union {
            char bytes[CMSG_SPACE (sizeof (struct ucred))];
            struct cmsghdr align;
        } control;
        struct iovec part = {.iov_base = text, .iov_len = sizeof text - 1};
        struct msghdr message = {
            .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
        ssize_t length = recvmsg (fd, &message, 0);
        if (length < 0)
            return 1;
        text[length] = '\0';
        struct ucred sender = {.pid = 0};
        for (struct cmsghdr *header = CMSG_FIRSTHDR (&message); header;
             header = CMSG_NXTHDR (&message, header))
            if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_CREDENTIALS)
                memcpy (&sender, CMSG_DATA (header), sizeof sender);
        char *rest = text;
        for (char *line; (line = strsep (&rest, "\n"));)
            if (*line)
                printf ("%d %s\n", (int) sender.pid, line);
    }
}
