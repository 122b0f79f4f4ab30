/* SPDX-License-Identifier: MPL-2.0 */
/*  transcript update|rehearsal FILE - prints a recording of recorder.so as the examples of schemas/

    update: what the node said to the broker over TCP. rehearsal: what the first process, the parent, received
    and sent on the sockets that it bound over ipc. Heartbeats are left out. Of the gets and chunks the first
    pair is printed. hello and welcome are only named: schemas/README.md has their example. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "wire/record.h"

enum { FRAMES_MOST = 5, LINE_BYTES = 40, PEERS_MOST = 32, PROCESSES_MOST = 64, XSUB = 10 };

struct frame {
    uint8_t *data;
    size_t size, shown;
};

struct message {
    long long ms;
    long pid;
    bool sent;
    int type;
    char endpoint[256];
    struct frame frames[FRAMES_MOST];
    int n;
};

struct transcript {
    bool is_rehearsal;
    long parent;
    long long started_ms;
    unsigned number, further; /* examples; gets that were left out */
    bool shown[256];          /* bytes of that type were printed */
    uint8_t peers[PEERS_MOST][8];
    unsigned n_peers;
};

static void message_deinit (struct message *message)
{
    for (int i = 0; i < message->n; i++)
        free (message->frames[i].data);
    message->n = 0;
}

static bool hex_read (const char *hex, struct frame *frame)
{
    size_t length = strcspn (hex, "\n");
    frame->shown = hex[0] == '-' ? 0 : length / 2;
    frame->data = calloc (1, frame->shown + 1);
    for (size_t i = 0; frame->data && i < frame->shown; i++) {
        const char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        frame->data[i] = (uint8_t) strtoul (digits, NULL, 16);
    }
    return frame->data != NULL;
}

static const char *channel_of (const struct message *message, const struct wire_record *record)
{
    if (message->type == XSUB || message->type == ZMQ_XPUB)
        return "announce";
    if (message->type == ZMQ_PULL)
        return "callback";
    return record == &wire_get_record || record == &wire_chunk_record ? "content" : "control";
}

static void hex_print (const char *name, const struct frame *prefix, const struct frame *map)
{
    (void) printf ("\n```hex %s\n", name);
    for (size_t i = 0; i < prefix->shown; i++)
        (void) printf ("%02x%c", (unsigned) prefix->data[i], i + 1 < prefix->shown ? ' ' : '\n');
    for (size_t i = 0; i < map->shown; i++)
        (void) printf ("%02x%c", (unsigned) map->data[i],
                       i % LINE_BYTES == LINE_BYTES - 1 || i + 1 == map->shown ? '\n' : ' ');
    (void) printf ("```\n");
}

/*  Breaks a line of JSON behind a comma, so that each is at most `most` long if it can be. */
static void json_print (const char *json, size_t most)
{
    while (strlen (json) > most) {
        size_t at = most, quotes = 0;
        while (at > 0 && !(json[at - 1] == ',' && json[at] == '"'))
            at--;
        for (size_t i = 0; i < at; i++)
            quotes += json[i] == '"' && (i == 0 || json[i - 1] != '\\');
        if (at == 0 || quotes % 2 == 1)
            break;
        (void) printf ("%.*s\n ", (int) at, json);
        json += at;
    }
    (void) printf ("%s\n", json);
}

/*  The number of the connection on control, by its routing id. */
static unsigned connection_of (struct transcript *transcript, const struct frame *id)
{
    size_t size = id->shown < 8 ? id->shown : 8;
    for (unsigned i = 0; i < transcript->n_peers; i++)
        if (memcmp (transcript->peers[i], id->data, size) == 0)
            return i + 1;
    if (transcript->n_peers == PEERS_MOST)
        return 0;
    memcpy (transcript->peers[transcript->n_peers], id->data, size);
    return ++transcript->n_peers;
}

static void way_print (struct transcript *transcript, const struct message *message,
                       const struct wire_record *record)
{
    const char *channel = channel_of (message, record);
    if (!transcript->is_rehearsal)
        (void) printf ("%s, %s", message->sent ? "node to broker" : "broker to node", channel);
    else if (strcmp (channel, "control") == 0)
        (void) printf ("%s, control, connection %u", message->sent ? "from the parent" : "to the parent",
                       connection_of (transcript, &message->frames[0]));
    else
        (void) printf ("%s, %s", message->sent ? "from the parent" : "to the parent", channel);
}

static void message_print (struct transcript *transcript, const struct message *message, int at,
                           const struct wire_record *record)
{
    const struct frame *prefix = &message->frames[at], *map = &message->frames[at + 1];
    base_cleanup (base_free_p) void *body = calloc (1, record->size);
    struct base_error error = {.code = 0};
    if (!body || wire_unpack (record, map->data, map->shown, body, &error) != 0) {
        (void) fprintf (stderr, "transcript: %s\n", error.text);
        return;
    }
    (void) printf ("\n**%u.** %lld ms, ", ++transcript->number, message->ms - transcript->started_ms);
    way_print (transcript, message, record);
    (void) printf (": `%s`", record->name);
    if (message->type == ZMQ_XPUB || message->type == XSUB)
        (void) printf (", topic `%.*s`", (int) message->frames[0].shown,
                       (const char *) message->frames[0].data);
    if (message->n > at + 2)
        (void) printf (", and a payload of %zu bytes", message->frames[at + 2].size);
    (void) printf ("\n");
    base_cleanup (base_free_p) char *json = wire_json (record, body, 0);
    if (json && record != &wire_hello_record && record != &wire_welcome_record) {
        bool bytes = !transcript->is_rehearsal || !transcript->shown[record->type];
        (void) printf ("\n```json%s%s\n", bytes ? " " : "", bytes ? record->name : "");
        json_print (json, 138);
        (void) printf ("```\n");
        if (bytes)
            hex_print (record->name, prefix, map);
        transcript->shown[record->type] = true;
    }
    wire_deinit (record, body);
}

static void message_take (struct transcript *transcript, const struct message *message)
{
    bool is_ipc = strncmp (message->endpoint, "ipc:", 4) == 0;
    bool is_server = message->type == ZMQ_ROUTER || message->type == ZMQ_XPUB || message->type == ZMQ_PULL;
    if (transcript->parent == 0)
        transcript->parent = message->pid;
    if (transcript->started_ms == 0)
        transcript->started_ms = message->ms;
    if (transcript->is_rehearsal ? !is_ipc || !is_server || message->pid != transcript->parent : is_ipc)
        return;
    int at = message->type == ZMQ_ROUTER || message->type == ZMQ_XPUB || message->type == XSUB;
    if (message->n == 1 && message->frames[0].shown > 1 && message->frames[0].data[0] <= 1) {
        (void) printf ("\n**%u.** %lld ms, announce: %s `%.*s`\n", ++transcript->number,
                       message->ms - transcript->started_ms,
                       message->frames[0].data[0] ? "subscription to" : "end of the subscription to",
                       (int) message->frames[0].shown - 1, (const char *) message->frames[0].data + 1);
        return;
    }
    const struct wire_record *record;
    if (message->n < at + 2 ||
        wire_prefix_read (message->frames[at].data, message->frames[at].shown, &record) != 0)
        return;
    if (record == &wire_heartbeat_record)
        return;
    if ((record == &wire_get_record || record == &wire_chunk_record) && transcript->shown[record->type]) {
        transcript->further += record == &wire_get_record;
        return;
    }
    if (record != &wire_get_record && record != &wire_chunk_record && transcript->further > 0) {
        (void) printf ("\n%u further `get`, each answered by a `chunk`.\n", transcript->further);
        transcript->further = 0;
    }
    message_print (transcript, message, at, record);
}

/*  The message of which a process sends or receives the next frame: processes write their lines in turns. */
static struct message *message_find (struct message *messages, long pid, bool sent)
{
    struct message *unused = NULL;
    for (size_t i = 0; i < PROCESSES_MOST; i++) {
        if (messages[i].n > 0 && messages[i].pid == pid && messages[i].sent == sent)
            return &messages[i];
        if (messages[i].n == 0)
            unused = &messages[i];
    }
    return unused;
}

static bool line_take (struct transcript *transcript, struct message *messages, const char *line)
{
    struct message read = {.n = 0};
    char way[8];
    int more = 0, end = 0;
    size_t size = 0;
    if (sscanf (line, "%lld %ld %7s %d %255s %d %zu %n", &read.ms, &read.pid, way, &read.type, read.endpoint,
                &more, &size, &end) != 7)
        return false;
    read.sent = strcmp (way, "send") == 0;
    struct message *message = message_find (messages, read.pid, read.sent);
    if (!message || message->n == FRAMES_MOST)
        return false;
    if (message->n == 0)
        *message = read;
    if (!hex_read (line + end, &message->frames[message->n]))
        return false;
    message->frames[message->n++].size = size;
    if (!more) {
        message_take (transcript, message);
        message_deinit (message);
    }
    return true;
}

int main (int argc, char **argv)
{
    static struct message messages[PROCESSES_MOST];
    if (argc != 3) {
        (void) fprintf (stderr, "usage: transcript update|rehearsal FILE\n");
        return 2;
    }
    struct transcript transcript = {.is_rehearsal = strcmp (argv[1], "rehearsal") == 0};
    FILE *file = fopen (argv[2], "re");
    base_cleanup (base_free_p) char *line = NULL;
    size_t capacity = 0;
    if (!file) {
        perror (argv[2]);
        return 1;
    }
    bool good = true;
    while (good && getline (&line, &capacity, file) > 0)
        good = line_take (&transcript, messages, line);
    (void) fclose (file);
    if (!good)
        (void) fprintf (stderr, "transcript: cannot read the line %.200s\n", line);
    return good ? 0 : 1;
}
