/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/bad_replay.c - announces itself with the nonce of an earlier probe

    The first probe writes its nonce into a file and exits. Later probes use that nonce. The envelope gives
    the file's path in NODED_RECORD. */

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "identity/config.h"

int __real_identity_config_read (struct identity_config *config, const char *path,
                                 struct identity_config_faults *ret_faults, struct base_error *error);

int __wrap_identity_config_read (struct identity_config *config, const char *path,
                                 struct identity_config_faults *ret_faults, struct base_error *error)
{
    int rc = __real_identity_config_read (config, path, ret_faults, error);
    const char *record = getenv ("NODED_RECORD");
    if (rc || !config->nonce[0] || !record)
        return rc;
    int fd = open (record, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (read (fd, config->nonce, sizeof config->nonce) > 0)
        return 0;
    _exit (write (fd, config->nonce, sizeof config->nonce) > 0 ? 7 : 8);
}
