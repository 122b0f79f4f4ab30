/*  schema_reference: prints the tables of schemas/README.md; schema_reference --check FILE: compares them
   with those of the file

    In the file they stand between the lines BEGIN and END below; --write FILE puts them there. */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "wire/wire.h"

static const char begin[] = "<!-- begin: made by schema_reference -->\n";
static const char end[] = "<!-- end: made by schema_reference -->\n";

static int file_read (const char *path, struct base_buffer *buffer)
{
    base_cleanup (base_close_p) int fd = open (path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat (fd, &status) || base_buffer_reserve (buffer, (size_t) status.st_size + 1))
        return -1;
    ssize_t got = read (fd, buffer->data, (size_t) status.st_size);
    if (got != status.st_size)
        return -1;
    buffer->data[got] = '\0';
    buffer->size = (size_t) got;
    return 0;
}

static int file_write (const char *path, const struct base_buffer *buffer)
{
    base_cleanup (base_close_p) int fd = open (path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    return fd >= 0 && write (fd, buffer->data, buffer->size) == (ssize_t) buffer->size ? 0 : -1;
}

int main (int argc, char **argv)
{
    base_cleanup (base_buffer_deinit) struct base_buffer tables = {0}, file = {0}, wanted = {0};
    bool check = argc == 3 && strcmp (argv[1], "--check") == 0;
    bool write_it = argc == 3 && strcmp (argv[1], "--write") == 0;
    if (argc != 1 && !check && !write_it) {
        (void) fprintf (stderr, "usage: schema_reference [--check|--write FILE]\n");
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
    const char *from = strstr ((const char *) file.data, begin);
    const char *to = from ? strstr (from, end) : NULL;
    if (!to) {
        (void) fprintf (stderr, "%s has no place for the tables: %s", argv[2], begin);
        return 1;
    }
    size_t before = (size_t) (from - (const char *) file.data) + sizeof begin - 1;
    if (base_buffer_append (&wanted, file.data, before) || base_buffer_append (&wanted, "\n", 1) ||
        base_buffer_append (&wanted, tables.data, tables.size) || base_buffer_append (&wanted, "\n", 1) ||
        base_buffer_append_text (&wanted, to))
        return 1;
    if (write_it)
        return file_write (argv[2], &wanted) ? 1 : 0;
    if (wanted.size == file.size && memcmp (wanted.data, file.data, file.size) == 0)
        return 0;
    (void) fprintf (stderr, "%s does not tell what schemas/ says: run schema_reference --write %s\n", argv[2],
                    argv[2]);
    return 1;
}
