/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/zap.h - the check of clients during their handshake (ZAP); private to this room */

#ifndef BUS_ZAP_H
#define BUS_ZAP_H

#include "bus/admission.h"
#include "bus/loop.h"

struct bus_zap;

/*  Starts to answer the context's requests, on a thread of its own. If that thread ends before the context
    does, *ret_zap's descriptor becomes readable: nobody may be served any more. Returns 0 or -errno. */
int bus_zap_new (void *zmq, struct bus_zap **ret_zap);
int bus_zap_fd (const struct bus_zap *zap);

/*  The context must have been shut down: that ends the thread. Returns NULL. */
struct bus_zap *bus_zap_free (struct bus_zap *zap);

/*  Makes a domain for a server socket, whose clients the admission decides on, and returns its name. Returns
    0, -ENOMEM, or -ENOTRECOVERABLE: the thread has ended. */
enum { BUS_DOMAIN_SIZE = 32 };
int bus_zap_serve (struct bus_zap *zap, struct bus_admission *admission, enum bus_channel channel,
                   char ret_domain[BUS_DOMAIN_SIZE]);

/*  Forgets a domain: its server admits no further client. */
void bus_zap_forget (struct bus_zap *zap, const char *domain);

/*  The frames of a request, without its empty delimiter (https://rfc.zeromq.org/spec/27/). With CURVE the
    credentials are the client's public key; with NULL there are none. */
enum {
    BUS_ZAP_VERSION,
    BUS_ZAP_ID,
    BUS_ZAP_DOMAIN,
    BUS_ZAP_ADDRESS,
    BUS_ZAP_ROUTING_ID,
    BUS_ZAP_MECHANISM,
    BUS_ZAP_CREDENTIALS,
    BUS_ZAP_FRAMES
};
enum { BUS_ZAP_FIELD_MOST = 255 };
struct bus_zap_frame {
    const void *data;
    size_t size;
};

struct bus_zap_request {
    char domain[BUS_DOMAIN_SIZE];
    char address[BUS_ADDRESS_SIZE];
    /*  With CURVE the key; with NULL the local user, or unknown if the address is not one of ipc. */
    struct bus_sender sender;
    uint8_t key[BUS_KEY_BYTES]; /* CURVE */
};

/*  Reads a request. Returns 0, or -EINVAL: refuse it. */
int bus_zap_request_read (const struct bus_zap_frame *frames, size_t n_frames,
                          struct bus_zap_request *ret_request);

/*  Whether the table admits the request to the channel. Counts it, and notes an unknown key. */
bool bus_admission_ask (struct bus_admission *admission, const struct bus_zap_request *request,
                        enum bus_channel channel);

/*  A sender as the text of a User-Id, and back: the fingerprint in hexadecimal, or UID:GID:PID. Any other text
    or NULL is an unknown sender, and an unknown sender is "". */
enum { BUS_USER_ID_TEXT = BASE_DIGEST_TEXT };
const char *bus_sender_user_id (const struct bus_sender *sender, char text[BUS_USER_ID_TEXT]);
struct bus_sender bus_sender_of_user_id (const char *text);

/*  The sender in the address of a peer over ipc, "localhost:UID:GID:PID". libzmq appends the numbers that the
    kernel reports of the peer. Any other address: unknown. */
struct bus_sender bus_sender_of_address (const char *address);

#endif
