/* SPDX-License-Identifier: MPL-2.0 */
/*  test/fuzz/elf.c - fuzz target for base/elf.h: the input is a program file

    The target reads the name of the interpreter and never executes anything. */

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/elf.h"
#include "test/fuzz/target.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    base_cleanup (base_close_p) int fd = memfd_create ("elf", MFD_CLOEXEC);
    fuzz_assert (fd >= 0 && write (fd, data, size) == (ssize_t) size);
    char platform[BASE_ELF_PLATFORM_SIZE];
    base_cleanup (base_free_p) char *interpreter = NULL;
    int rc = base_elf_platform (fd, platform, sizeof platform);
    fuzz_assert (rc == 0 || rc == -ENOEXEC || rc == -ENOTSUP);
    int found = base_elf_interpreter (fd, &interpreter);
    fuzz_assert (found == 0 || found == -ENOENT || found == -ENOEXEC || found == -ENOTSUP);
    fuzz_assert ((found == 0) == (interpreter != NULL));
    return 0;
}
