/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/zap.c - which keys are admitted to CURVE servers (ZAP, https://rfc.zeromq.org/spec/27/)

    libzmq admits every key to a CURVE server while nothing answers at inproc://zeromq.zap.01. So the handler
    is bound before the first server socket exists, and lives as long as the context. Each server socket has a
    domain of its own with its own keys. Every request is refused unless it is well-formed and asks about a
    key that its domain allows. */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <zmq.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "bus/private.h"

enum {
    KEY_BYTES = 32,
    KEY_TEXT = 41,
    FIELD_MOST = 255,
    THREAD_STACK = 256 * 1024,
};

struct domain {
    struct domain *next;
    char name[BUS_DOMAIN_SIZE];
    size_t n_keys;
    uint8_t keys[][KEY_BYTES];
};

struct bus_zap {
    void *socket; /* used by the thread alone, once that runs */
    pthread_t thread;
    pthread_mutex_t lock; /* over domains */
    struct domain *domains;
    unsigned serial;
};

/*  The frames of a request, in their order. */
enum { VERSION, REQUEST, DOMAIN_NAME, ADDRESS, IDENTITY, MECHANISM, CREDENTIALS, N_FRAMES };

struct field {
    size_t size;
    uint8_t data[FIELD_MOST + 1];
};

static bool field_is (const struct field *field, const char *text)
{
    return field->size == strlen (text) && memcmp (field->data, text, field->size) == 0;
}

static bool key_is_allowed (struct bus_zap *zap, const struct field *fields)
{
    if (!field_is (&fields[VERSION], "1.0") || !field_is (&fields[MECHANISM], "CURVE") ||
        fields[CREDENTIALS].size != KEY_BYTES)
        return false;

    bool allowed = false;
    (void) pthread_mutex_lock (&zap->lock);
    for (const struct domain *domain = zap->domains; domain; domain = domain->next) {
        if (!field_is (&fields[DOMAIN_NAME], domain->name))
            continue;
        for (size_t i = 0; i < domain->n_keys && !allowed; i++)
            allowed = memcmp (domain->keys[i], fields[CREDENTIALS].data, KEY_BYTES) == 0;
    }
    (void) pthread_mutex_unlock (&zap->lock);
    return allowed;
}

/*  Reads one request. Returns 1, 0 if its form is wrong, or -1 if the context ends. */
static int request_receive (void *socket, struct field fields[N_FRAMES])
{
    int n = 0, well_formed = 1;
    zmq_msg_t frame;
    bool more = true;
    while (more) {
        (void) zmq_msg_init (&frame);
        if (zmq_msg_recv (&frame, socket, 0) < 0) {
            if (errno == EINTR)
                continue;
            return -1;
        }
        size_t size = zmq_msg_size (&frame);
        if (n < N_FRAMES && size <= FIELD_MOST) {
            fields[n].size = size;
            memcpy (fields[n].data, zmq_msg_data (&frame), size);
        } else
            well_formed = 0;
        n++;
        more = zmq_msg_more (&frame);
        (void) zmq_msg_close (&frame);
    }
    return n == N_FRAMES ? well_formed : 0;
}

static void request_answer (void *socket, const struct field *request, const char *status, const char *text,
                            const char *user)
{
    (void) zmq_send (socket, "1.0", 3, ZMQ_SNDMORE);
    (void) zmq_send (socket, request->data, request->size, ZMQ_SNDMORE);
    (void) zmq_send (socket, status, strlen (status), ZMQ_SNDMORE);
    (void) zmq_send (socket, text, strlen (text), ZMQ_SNDMORE);
    (void) zmq_send (socket, user, strlen (user), ZMQ_SNDMORE);
    (void) zmq_send (socket, "", 0, 0);
}

static void *requests_serve (void *context)
{
    base_assert (context);
    struct bus_zap *zap = context;
    for (;;) {
        struct field fields[N_FRAMES] = {0};
        int r = request_receive (zap->socket, fields);
        if (r < 0)
            break;
        char user[KEY_TEXT] = "";
        if (r > 0 && key_is_allowed (zap, fields)) {
            (void) zmq_z85_encode (user, fields[CREDENTIALS].data, KEY_BYTES);
            request_answer (zap->socket, &fields[REQUEST], "200", "OK", user);
        } else
            request_answer (zap->socket, &fields[REQUEST], "400", "key not allowed", user);
    }
    (void) zmq_close (zap->socket);
    return NULL;
}

static int thread_start (struct bus_zap *zap)
{
    pthread_attr_t attributes;
    int r = pthread_attr_init (&attributes);
    if (r != 0)
        return -r;
    (void) pthread_attr_setstacksize (&attributes, THREAD_STACK);

    /*  The thread takes no signals: they are for the loop's thread alone. */
    sigset_t all, before;
    (void) sigfillset (&all);
    (void) pthread_sigmask (SIG_SETMASK, &all, &before);
    r = pthread_create (&zap->thread, &attributes, requests_serve, zap);
    (void) pthread_sigmask (SIG_SETMASK, &before, NULL);
    (void) pthread_attr_destroy (&attributes);
    return -r;
}

int bus_zap_new (void *zmq, struct bus_zap **ret_zap)
{
    base_assert (zmq && ret_zap);
    base_cleanup (base_free_p) struct bus_zap *zap = calloc (1, sizeof *zap);
    if (!zap)
        return -ENOMEM;
    zap->socket = zmq_socket (zmq, ZMQ_REP);
    if (!zap->socket)
        return -errno;
    int r = pthread_mutex_init (&zap->lock, NULL);
    if (r != 0) {
        (void) zmq_close (zap->socket);
        return -r;
    }

    int linger = 0;
    (void) zmq_setsockopt (zap->socket, ZMQ_LINGER, &linger, sizeof linger);
    r = zmq_bind (zap->socket, "inproc://zeromq.zap.01") < 0 ? -errno : thread_start (zap);
    if (r < 0) {
        (void) zmq_close (zap->socket);
        (void) pthread_mutex_destroy (&zap->lock);
        return r;
    }
    *ret_zap = base_take (zap);
    return 0;
}

static void domains_free (struct domain *domains)
{
    while (domains) {
        struct domain *domain = domains;
        domains = domain->next;
        free (domain);
    }
}

struct bus_zap *bus_zap_free (struct bus_zap *zap)
{
    if (!zap)
        return NULL;
    (void) pthread_join (zap->thread, NULL);
    (void) pthread_mutex_destroy (&zap->lock);
    domains_free (zap->domains);
    free (zap);
    return NULL;
}

static int domain_new (char *const *allowed, struct domain **ret_domain)
{
    size_t n_keys = base_list_count (allowed);
    base_cleanup (base_free_p) struct domain *domain = calloc (1, sizeof *domain + n_keys * KEY_BYTES);
    if (!domain)
        return -ENOMEM;
    for (size_t i = 0; i < n_keys; i++)
        if (strlen (allowed[i]) != KEY_TEXT - 1 || !zmq_z85_decode (domain->keys[i], allowed[i]))
            return -EINVAL;
    domain->n_keys = n_keys;
    *ret_domain = base_take (domain);
    return 0;
}

int bus_zap_replace (struct bus_zap *zap, char *const *allowed)
{
    base_assert (zap);
    struct domain *made = NULL, **last = &made;
    int r = 0;
    (void) pthread_mutex_lock (&zap->lock);
    for (const struct domain *old = zap->domains; old && r == 0; old = old->next) {
        r = domain_new (allowed, last);
        if (r != 0)
            break;
        memcpy ((*last)->name, old->name, sizeof old->name);
        last = &(*last)->next;
    }
    if (r == 0) {
        struct domain *old = zap->domains;
        zap->domains = made;
        made = old;
    }
    (void) pthread_mutex_unlock (&zap->lock);
    domains_free (made);
    return r;
}

int bus_zap_allow (struct bus_zap *zap, char *const *allowed, char ret_domain[BUS_DOMAIN_SIZE])
{
    base_assert (zap && ret_domain);
    base_cleanup (base_free_p) struct domain *domain = NULL;
    int r = domain_new (allowed, &domain);
    if (r != 0)
        return r;

    (void) pthread_mutex_lock (&zap->lock);
    (void) snprintf (domain->name, sizeof domain->name, "noded/%u", ++zap->serial);
    (void) snprintf (ret_domain, BUS_DOMAIN_SIZE, "%s", domain->name);
    domain->next = zap->domains;
    zap->domains = base_take (domain);
    (void) pthread_mutex_unlock (&zap->lock);
    return 0;
}

void bus_zap_forget (struct bus_zap *zap, const char *domain)
{
    base_assert (zap && domain);
    (void) pthread_mutex_lock (&zap->lock);
    for (struct domain **link = &zap->domains; *link; link = &(*link)->next)
        if (strcmp ((*link)->name, domain) == 0) {
            struct domain *gone = *link;
            *link = gone->next;
            free (gone);
            break;
        }
    (void) pthread_mutex_unlock (&zap->lock);
}
