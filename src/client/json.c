/* SPDX-License-Identifier: MPL-2.0 */
/*  client/json.c - lists of records, and nodes in a form for people and scripts

    A node's record and its application's record become one flat object; see noded/client.h. */

#include "client/json.h"

#include <inttypes.h>

#include "base/cleanup.h"

void client_json_deinit (struct client_json *json)
{
    base_buffer_deinit (&json->text);
    *json = (struct client_json){.count = 0};
}

static void json_raw (struct client_json *json, const char *text)
{
    if (!json->failed && (!text || base_buffer_append_text (&json->text, text) != 0))
        json->failed = true;
}

static void json_item (struct client_json *json)
{
    json_raw (json, json->count++ ? ",\n  " : "[\n  ");
}

static void json_string (struct client_json *json, const char *text)
{
    json_raw (json, "\"");
    for (const unsigned char *at = (const unsigned char *) text; *at && !json->failed; at++) {
        int rc;
        if (*at == '"' || *at == '\\')
            rc = base_buffer_printf (&json->text, "\\%c", *at);
        else if (*at < 0x20 || *at == 0x7F)
            rc = base_buffer_printf (&json->text, "\\u%04x", *at);
        else
            rc = base_buffer_append (&json->text, at, 1);
        json->failed = rc != 0;
    }
    json_raw (json, "\"");
}

/*  before: "{" for the first key of an object, "," for later ones. */
static void json_key (struct client_json *json, const char *before, const char *key)
{
    json_raw (json, before);
    json_string (json, key);
    json_raw (json, ":");
}

static void json_text (struct client_json *json, const char *before, const char *key, const char *text)
{
    json_key (json, before, key);
    if (text)
        json_string (json, text);
    else
        json_raw (json, "null");
}

static void json_digest (struct client_json *json, const char *before, const char *key,
                         const struct base_digest *digest)
{
    char text[BASE_DIGEST_TEXT];
    bool absent = base_digest_is_null (digest);
    json_text (json, before, key, absent ? NULL : base_digest_format (digest, text));
}

static void json_uint (struct client_json *json, const char *key, uint64_t number)
{
    json_key (json, ",", key);
    if (!json->failed && base_buffer_printf (&json->text, "%" PRIu64, number) != 0)
        json->failed = true;
}

static void json_flag (struct client_json *json, const char *key, bool flag)
{
    json_key (json, ",", key);
    json_raw (json, flag ? "true" : "false");
}

static void json_message (struct client_json *json, const struct wire_record *record, const void *message)
{
    base_cleanup (base_free_p) char *text = wire_json (record, message, WIRE_JSON_COMPLETE);
    json_raw (json, text);
}

void client_json_record (struct client_json *json, const struct wire_record *record, const void *message)
{
    json_item (json);
    json_message (json, record, message);
}

static void json_previous (struct client_json *json, const struct wire_application *application)
{
    json_key (json, ",", "previous");
    if (!application->previous_version && base_digest_is_null (&application->previous_release)) {
        json_raw (json, "null");
        return;
    }
    json_text (json, "{", "version", application->previous_version);
    json_digest (json, ",", "release", &application->previous_release);
    json_raw (json, "}");
}

static void json_application (struct client_json *json, const struct wire_application *application)
{
    bool told = application->state != WIRE_STATE_NULL;
    json_text (json, ",", "state", told ? wire_state_word (application->state) : NULL);
    json_text (json, ",", "version", application->version);
    json_digest (json, ",", "release", &application->release);
    json_digest (json, ",", "binary", &application->binary);
    json_previous (json, application);
    json_uint (json, "epoch", application->epoch);
    json_uint (json, "seen_epoch", application->seen_epoch);
    json_text (json, ",", "transaction", application->transaction);
    json_uint (json, "done", application->done);
    json_uint (json, "total", application->total);
    json_text (json, ",", "retry", application->retry);
    json_text (json, ",", "damage", application->damage);
    json_key (json, ",", "last_error");
    if (application->last_error)
        json_message (json, &wire_failure_record, application->last_error);
    else
        json_raw (json, "null");
    json_key (json, ",", "quarantine");
    json_raw (json, "[");
    for (size_t i = 0; i < application->n_quarantine; i++) {
        json_raw (json, i ? "," : "");
        json_message (json, &wire_failure_record, &application->quarantine[i]);
    }
    json_raw (json, "]");
}

void client_json_node (struct client_json *json, const struct wire_node *node, const char *application)
{
    static const struct wire_application untold;
    const struct wire_application *told = node->application ? node->application : &untold;
    json_item (json);
    json_text (json, "{", "id", node->id);
    json_flag (json, "online", node->online);
    json_flag (json, "held", told->held);
    json_text (json, ",", "application", told->name ? told->name : application);
    json_application (json, told);
    json_text (json, ",", "platform", node->platform);
    json_text (json, ",", "place", node->place);
    json_text (json, ",", "software", node->software);
    json_text (json, ",", "last_seen", node->last_seen);
    json_uint (json, "revision", node->revision);
    json_uint (json, "desired_epoch", node->desired_epoch);
    json_text (json, ",", "desired_transaction", node->desired_transaction);
    bool ended = node->outcome != WIRE_OUTCOME_NULL;
    json_text (json, ",", "outcome", ended ? wire_outcome_word (node->outcome) : NULL);
    json_text (json, ",", "outcome_step", node->outcome_step);
    json_text (json, ",", "outcome_reason", node->outcome_reason);
    json_key (json, ",", "labels");
    json_raw (json, "[");
    for (size_t i = 0; i < node->n_labels; i++) {
        json_raw (json, i ? "," : "");
        json_message (json, &wire_label_record, &node->labels[i]);
    }
    json_raw (json, "]");
    json_text (json, ",", "kernel", node->kernel);
    json_uint (json, "restarts", node->restarts);
    json_uint (json, "journal_serial", node->journal_serial);
    json_digest (json, ",", "journal_head", &node->journal_head);
    json_text (json, ",", "journal_fault", node->journal_fault);
    json_text (json, ",", "rollout", node->rollout);
    json_uint (json, "wave", node->wave);
    json_raw (json, "}");
}

char *client_json_take (struct client_json *json)
{
    json_raw (json, json->count ? "\n]\n" : "[]\n");
    char *text = json->failed ? NULL : base_buffer_take_text (&json->text);
    client_json_deinit (json);
    return text;
}
