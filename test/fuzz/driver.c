/* SPDX-License-Identifier: MPL-2.0 */
/*  test/fuzz/driver.c - a main without libFuzzer: runs a target on its corpus, then on mutations

        fuzz_NAME [--rounds N] [--seed N] FILE|DIRECTORY...

    The current input is kept in ./fuzz_NAME.last while it runs, also after a crash. `fuzz_NAME --rounds 0
    fuzz_NAME.last` repeats it. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

enum { INPUT_MOST = 128 * 1024, SEEDS_MOST = 1024 };

struct input {
    size_t size;
    uint8_t *data;
};

struct fuzz {
    struct input seeds[SEEDS_MOST];
    size_t count;
    uint64_t state;
    uint8_t *last; /* mapping of the file with the current input */
    int last_fd;
};

static uint64_t fuzz_next (struct fuzz *fuzz)
{
    uint64_t z = fuzz->state += UINT64_C (0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C (0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C (0x94d049bb133111eb);
    return z ^ z >> 31;
}

static size_t fuzz_below (struct fuzz *fuzz, size_t bound)
{
    return bound ? (size_t) (fuzz_next (fuzz) % bound) : 0;
}

static int fuzz_run (struct fuzz *fuzz, const uint8_t *data, size_t size)
{
    memcpy (fuzz->last, data, size);
    if (ftruncate (fuzz->last_fd, (off_t) size))
        return -errno;
    /*  A copy of exactly this size: a sanitizer then detects a read past its end. */
    uint8_t *exact = malloc (size ? size : 1);
    if (!exact)
        return -ENOMEM;
    memcpy (exact, data, size);
    (void) LLVMFuzzerTestOneInput (exact, size);
    free (exact);
    return ftruncate (fuzz->last_fd, INPUT_MOST) ? -errno : 0;
}

static int seed_add (struct fuzz *fuzz, const char *path)
{
    int fd = open (path, O_RDONLY | O_CLOEXEC);
    uint8_t *data = malloc (INPUT_MOST);
    ssize_t size = fd >= 0 && data ? read (fd, data, INPUT_MOST) : -1;
    if (fd >= 0)
        (void) close (fd);
    if (size < 0 || fuzz->count == SEEDS_MOST) {
        (void) fprintf (stderr, "cannot read %s\n", path);
        free (data);
        return -1;
    }
    fuzz->seeds[fuzz->count++] = (struct input){(size_t) size, data};
    return 0;
}

static int by_name (const struct dirent **a, const struct dirent **b)
{
    return strcmp ((*a)->d_name, (*b)->d_name);
}

static int seeds_add (struct fuzz *fuzz, const char *path)
{
    struct dirent **entries = NULL;
    int count = scandir (path, &entries, NULL, by_name);
    if (count < 0)
        return seed_add (fuzz, path);
    int rc = 0;
    for (int i = 0; i < count; i++) {
        char *name =
            entries[i]->d_name[0] == '.' ? NULL : base_text_printf ("%s/%s", path, entries[i]->d_name);
        if (name && !rc)
            rc = seed_add (fuzz, name);
        free (name);
        free (entries[i]);
    }
    free (entries);
    return rc;
}

static size_t mutate_once (struct fuzz *fuzz, uint8_t *data, size_t size)
{
    static const uint8_t special[] = {0x00, 0x01, 0x7f, 0x80, 0x81, 0x90, 0xc0, 0xc1, 0xc6, 0xc9,
                                      0xdb, 0xdd, 0xdf, 0xff, '"',  '{',  '[',  '\\', ',',  '0'};
    size_t at = fuzz_below (fuzz, size);
    switch (fuzz_below (fuzz, 8)) {
    case 0:
        if (size)
            data[at] ^= (uint8_t) (1 << fuzz_below (fuzz, 8));
        return size;
    case 1:
        if (size)
            data[at] = special[fuzz_below (fuzz, sizeof special)];
        return size;
    case 2:
        return at;
    case 3: /* repeat one byte */
        for (size_t i = 0, count = 1 + fuzz_below (fuzz, 8); i < count && at + i < size; i++)
            data[at + i] = data[at];
        return size;
    case 4: { /* remove bytes */
        size_t count = fuzz_below (fuzz, size - at < 16 ? size - at + 1 : 16);
        memmove (data + at, data + at + count, size - at - count);
        return size - count;
    }
    case 5: { /* insert bytes */
        size_t count = 1 + fuzz_below (fuzz, 16);
        if (size + count > INPUT_MOST)
            return size;
        memmove (data + at + count, data + at, size - at);
        for (size_t i = 0; i < count; i++)
            data[at + i] = (uint8_t) fuzz_next (fuzz);
        return size + count;
    }
    case 6: { /* repeat a part, once or many times */
        size_t count = fuzz_below (fuzz, size - at < 64 ? size - at + 1 : 64);
        for (size_t times = 1 + (fuzz_below (fuzz, 4) ? 0 : fuzz_below (fuzz, 200)); times; times--) {
            if (size + count > INPUT_MOST)
                break;
            memmove (data + at + count, data + at, size - at);
            size += count;
        }
        return size;
    }
    default: { /* append the end of another input */
        const struct input *other = &fuzz->seeds[fuzz_below (fuzz, fuzz->count)];
        size_t from = fuzz_below (fuzz, other->size);
        size_t count = other->size - from;
        if (at + count > INPUT_MOST)
            return size;
        if (count)
            memcpy (data + at, other->data + from, count);
        return at + count;
    }
    }
}

static int fuzz_all (struct fuzz *fuzz, uint64_t rounds, uint64_t seed)
{
    static uint8_t data[INPUT_MOST];
    for (size_t i = 0; i < fuzz->count; i++)
        if (fuzz_run (fuzz, fuzz->seeds[i].data, fuzz->seeds[i].size))
            return -1;
    for (uint64_t round = 0; round < rounds; round++) {
        fuzz->state = seed + round;
        const struct input *input = &fuzz->seeds[fuzz_below (fuzz, fuzz->count)];
        size_t size = input->size;
        memcpy (data, input->data, size);
        for (size_t times = 1 + fuzz_below (fuzz, 6); times; times--)
            size = mutate_once (fuzz, data, size);
        if (fuzz_run (fuzz, data, size))
            return -1;
    }
    return 0;
}

int main (int argc, char **argv)
{
    static struct fuzz fuzz;
    uint64_t rounds = 20000, seed = 1;
    const char *name = strrchr (argv[0], '/') ? strrchr (argv[0], '/') + 1 : argv[0];
    for (int i = 1; i < argc; i++) {
        uint64_t *number = strcmp (argv[i], "--rounds") == 0 ? &rounds
                           : strcmp (argv[i], "--seed") == 0 ? &seed
                                                             : NULL;
        if (number ? ++i == argc || base_text_parse_u64 (argv[i], UINT64_MAX, number)
                   : seeds_add (&fuzz, argv[i])) {
            (void) fprintf (stderr, "usage: %s [--rounds N] [--seed N] FILE|DIRECTORY...\n", name);
            return 2;
        }
    }
    if (fuzz.count == 0) {
        (void) fprintf (stderr, "%s: no corpus\n", name);
        return 2;
    }

    char *last = base_text_printf ("%s.last", name);
    fuzz.last_fd = last ? open (last, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : -1;
    if (fuzz.last_fd < 0 || ftruncate (fuzz.last_fd, INPUT_MOST))
        return 2;
    fuzz.last = mmap (NULL, INPUT_MOST, PROT_READ | PROT_WRITE, MAP_SHARED, fuzz.last_fd, 0);
    if (fuzz.last == MAP_FAILED || fuzz_all (&fuzz, rounds, seed)) {
        (void) fprintf (stderr, "%s: %s\n", name, strerror (errno));
        return 2;
    }
    (void) unlink (last);
    free (last);
    for (size_t i = 0; i < fuzz.count; i++)
        free (fuzz.seeds[i].data);
    (void) printf ("%s: %zu files and %llu mutations from seed %llu\n", name, fuzz.count,
                   (unsigned long long) rounds, (unsigned long long) seed);
    return 0;
}
