/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/bad_liar.c - announces the digest of another program than the running one */

#include "identity/self.h"

int __real_identity_self_load (const struct root *root, struct identity_self *ret_self,
                               struct base_error *error);

int __wrap_identity_self_load (const struct root *root, struct identity_self *ret_self,
                               struct base_error *error)
{
    int rc = __real_identity_self_load (root, ret_self, error);
    if (!rc)
        ret_self->running.binary.bytes[0] ^= 1;
    return rc;
}
