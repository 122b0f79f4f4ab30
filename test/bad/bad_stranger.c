/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/bad_stranger.c - announces itself with a nonce that was never given out */

#include "identity/config.h"

int __real_identity_config_read (struct identity_config *config, const char *path,
                                 struct identity_config_faults *ret_faults, struct base_error *error);

int __wrap_identity_config_read (struct identity_config *config, const char *path,
                                 struct identity_config_faults *ret_faults, struct base_error *error)
{
    int rc = __real_identity_config_read (config, path, ret_faults, error);
    if (!rc && config->nonce[0])
        config->nonce[0] = config->nonce[0] == '0' ? '1' : '0';
    return rc;
}
