/* SPDX-License-Identifier: MPL-2.0 */
/*  schema_reference - keeps the documents of schemas/ true

        schema_reference                     prints the tables of all messages
        schema_reference --write FILE        puts them into FILE, between the lines BEGIN and END below
        schema_reference --check FILE MORE   compares them, and packs every example in the files MORE: a block
                                             ```json NAME must make the bytes of the block ```hex NAME behind it
                                             (behind a ';' stands a remark)
        schema_reference --repack FILE       writes the bytes of every example in FILE again, without remarks
        schema_reference --hex NAME          reads such JSON and prints the bytes, the prefix frame in a line of
                                             its own */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "wire/record.h"

enum { LINE_BYTES = 40 };

static const char begin[] = "<!-- begin: made by schema_reference -->\n";
static const char end[] = "<!-- end: made by schema_reference -->\n";

static int fd_read (int fd, struct base_buffer *buffer)
{
    for (;;) {
        if (base_buffer_reserve (buffer, 65536))
            return -1;
        ssize_t got = read (fd, buffer->data + buffer->size, 65535);
        if (got < 0)
            return -1;
        buffer->data[buffer->size + (size_t) got] = '\0';
        if (got == 0)
            return 0;
        buffer->size += (size_t) got;
    }
}

static int file_read (const char *path, struct base_buffer *buffer)
{
    base_cleanup (base_close_p) int fd = open (path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -1 : fd_read (fd, buffer);
}

static int file_write (const char *path, const struct base_buffer *buffer)
{
    base_cleanup (base_close_p) int fd = open (path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    return fd >= 0 && write (fd, buffer->data, buffer->size) == (ssize_t) buffer->size ? 0 : -1;
}

static const struct wire_record *record_named (const char *name, size_t size)
{
    for (size_t i = 0; wire_records[i]; i++)
        if (strlen (wire_records[i]->name) == size && memcmp (wire_records[i]->name, name, size) == 0)
            return wire_records[i];
    return NULL;
}

/*  JSON to the frames of a message, one behind the other. */
static int pack (const struct wire_record *record, const char *json, size_t size, struct base_buffer *bytes)
{
    struct base_error error = {.code = 0};
    uint8_t prefix[WIRE_PREFIX_SIZE];
    base_cleanup (base_free_p) void *message = calloc (1, record->size);
    wire_prefix (record, prefix);
    if (!message || (record->type && base_buffer_append (bytes, prefix, sizeof prefix)))
        return -1;
    int rc = wire_json_parse (record, json, size, message, &error);
    if (!rc)
        rc = wire_pack (record, message, bytes, &error);
    wire_deinit (record, message);
    if (rc)
        (void) fprintf (stderr, "%s: %s\n", record->name, error.text);
    return rc;
}

static int hex_value (char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*  Whether the hexadecimal text between from and to is the bytes. */
static bool hex_equal (const char *from, const char *to, const struct base_buffer *bytes)
{
    size_t count = 0;
    while (from < to) {
        if (*from == ';') {
            from += strcspn (from, "\n");
            continue;
        }
        int high = hex_value (*from++);
        if (high < 0)
            continue;
        int low = hex_value (*from++);
        if (low < 0 || count == bytes->size || bytes->data[count++] != (high << 4 | low))
            return false;
    }
    return count == bytes->size;
}

static void hex_write (const struct wire_record *record, const struct base_buffer *bytes,
                       struct base_buffer *text)
{
    size_t prefix = record->type ? WIRE_PREFIX_SIZE : 0;
    for (size_t i = 0; i < bytes->size; i++) {
        bool last = i + 1 == prefix || (i >= prefix && (i - prefix) % LINE_BYTES == LINE_BYTES - 1) ||
                    i + 1 == bytes->size;
        (void) base_buffer_printf (text, "%02x%c", (unsigned) bytes->data[i], last ? '\n' : ' ');
    }
}

/*  Packs every example. repacked: the text with the bytes that the JSON makes; NULL: compares them. */
static int examples_check (const char *text, struct base_buffer *repacked)
{
    unsigned count = 0;
    const char *from = text;
    while ((text = strstr (text, "\n```json "))) {
        const char *name = text + strlen ("\n```json ");
        size_t name_size = strcspn (name, "\n");
        const char *json = name + name_size;
        const char *json_end = strstr (json, "\n```\n");
        const char *hex = json_end ? strstr (json_end, "\n```hex ") : NULL;
        const char *hex_end = hex ? strstr (hex, "\n```\n") : NULL;
        const struct wire_record *record = record_named (name, name_size);
        base_cleanup (base_buffer_deinit) struct base_buffer bytes = {0};
        if (!record || !hex_end || strncmp (hex + strlen ("\n```hex "), name, name_size + 1) != 0) {
            (void) fprintf (stderr, "the example %.*s has no bytes, or its record is unknown\n",
                            (int) name_size, name);
            return 1;
        }
        const char *digits = hex + strlen ("\n```hex ") + name_size;
        if (pack (record, json, (size_t) (json_end - json), &bytes) ||
            (!repacked && !hex_equal (digits, hex_end, &bytes))) {
            (void) fprintf (stderr, "the bytes of the example %s do not match its JSON\n", record->name);
            return 1;
        }
        if (repacked) {
            (void) base_buffer_append (repacked, from, (size_t) (digits + 1 - from));
            hex_write (record, &bytes, repacked);
            from = hex_end + 1;
        }
        count++;
        text = hex_end;
    }
    if (count == 0)
        (void) fprintf (stderr, "no example was found\n");
    if (repacked)
        (void) base_buffer_append (repacked, from, strlen (from));
    return count == 0;
}

static int hex_print (const char *name)
{
    base_cleanup (base_buffer_deinit) struct base_buffer text = {0}, bytes = {0};
    const struct wire_record *record = record_named (name, strlen (name));
    if (!record || fd_read (STDIN_FILENO, &text) ||
        pack (record, (const char *) text.data, text.size, &bytes))
        return 1;
    base_cleanup (base_buffer_deinit) struct base_buffer lines = {0};
    hex_write (record, &bytes, &lines);
    (void) fwrite (lines.data, 1, lines.size, stdout);
    return 0;
}

/*  The file's text with the tables in their place. */
static int file_filled (const char *path, const char *text, const struct base_buffer *tables,
                        struct base_buffer *wanted)
{
    const char *from = strstr (text, begin);
    const char *to = from ? strstr (from, end) : NULL;
    if (!to) {
        (void) fprintf (stderr, "%s has no line for the tables: %s", path, begin);
        return 1;
    }
    return base_buffer_append (wanted, text, (size_t) (from - text) + sizeof begin - 1) ||
           base_buffer_append (wanted, "\n", 1) || base_buffer_append (wanted, tables->data, tables->size) ||
           base_buffer_append (wanted, "\n", 1) || base_buffer_append_text (wanted, to);
}

static int file_check_examples (const char *path, bool repack)
{
    base_cleanup (base_buffer_deinit) struct base_buffer file = {0}, repacked = {0};
    if (file_read (path, &file)) {
        perror (path);
        return 1;
    }
    int rc = examples_check ((const char *) file.data, repack ? &repacked : NULL);
    if (rc)
        (void) fprintf (stderr, "%s: see above\n", path);
    return rc ? rc : repack ? -file_write (path, &repacked) : 0;
}

int main (int argc, char **argv)
{
    base_cleanup (base_buffer_deinit) struct base_buffer tables = {0}, file = {0}, wanted = {0};
    bool check = argc >= 3 && strcmp (argv[1], "--check") == 0;
    bool write_it = argc == 3 && strcmp (argv[1], "--write") == 0;
    if (argc == 3 && strcmp (argv[1], "--hex") == 0)
        return hex_print (argv[2]);
    if (argc == 3 && strcmp (argv[1], "--repack") == 0)
        return file_check_examples (argv[2], true);
    if (argc != 1 && !check && !write_it) {
        (void) fprintf (stderr,
                        "usage: schema_reference [--check FILE [EXAMPLES...] | --write FILE | --repack FILE"
                        " | --hex NAME]\n");
        return 2;
    }
    if (wire_reference (&tables))
        return 1;
    if (argc == 1)
        return fwrite (tables.data, 1, tables.size, stdout) == tables.size ? 0 : 1;
    if (file_read (argv[2], &file)) {
        perror (argv[2]);
        return 1;
    }
    const char *text = (const char *) file.data;
    if (file_filled (argv[2], text, &tables, &wanted))
        return 1;
    if (write_it)
        return file_write (argv[2], &wanted) ? 1 : 0;
    if (wanted.size != file.size || memcmp (wanted.data, file.data, file.size) != 0) {
        (void) fprintf (stderr, "%s does not match schemas/: run schema_reference --write %s\n", argv[2],
                        argv[2]);
        return 1;
    }
    int rc = 0;
    for (int i = 3; i < argc; i++)
        rc |= file_check_examples (argv[i], false);
    return rc;
}
