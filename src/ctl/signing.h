/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/signing.h - what the commands that sign share */

#ifndef CTL_SIGNING_H
#define CTL_SIGNING_H

#include "ctl/ask.h"
#include "ctl/options.h"
#include "noded/trust.h"

/*  Options of commands that sign: which keys, and where the verified metadata is kept. */
#define CTL_BITS_KEYS (CTL_BIT (KEY) | CTL_BIT (SIGNER) | CTL_BIT (PUBLIC) | CTL_BIT (PASSPHRASE_FILE))
#define CTL_BITS_PLACE (CTL_BIT (STATE) | CTL_BIT (TRUST_ROOT))
#define CTL_BITS_SIGNING (CTL_BITS_KEYS | CTL_BITS_PLACE | CTL_BIT (YES) | CTL_BIT (VALID) | CTL_BIT (OUT))

/*  Keys of --key and --signer. Null value: all zero. */
struct ctl_keys {
    noded_signing_key **items;
    size_t count;
};
void ctl_keys_deinit (struct ctl_keys *keys);

/*  Opens them; asks for passphrases. Forbids core dumps and tracing of this process first. */
enum ctl_exit ctl_keys_open (struct ctl *ctl, struct ctl_keys *ret_keys);

/*  Makes a key file, with a passphrase unless --no-passphrase was given, and opens it. ret_key may be NULL. */
enum ctl_exit ctl_key_make (struct ctl *ctl, const char *path, noded_public *ret_public,
                            noded_signing_key **ret_key);

/*  Forbids core dumps and tracing of this process. */
void ctl_secrets_protect (void);

noded_trust_place ctl_trust_place (const struct ctl *ctl);
unsigned ctl_trust_days (const struct ctl *ctl);

/*  Reads and verifies the broker's metadata. whole: it is an error if there is a problem. */
enum ctl_exit ctl_trust_get (struct ctl *ctl, bool whole, noded_trust **ret_trust);
void ctl_trust_free_p (noded_trust **trust);
void ctl_metadata_free_p (noded_metadata **metadata);

/*  Prints the difference on standard error, escaped. */
void ctl_difference_put (struct ctl *ctl, const char *difference);

/*  Prints what differs. */
enum ctl_exit ctl_difference_show (struct ctl *ctl, const noded_metadata *before,
                                   const noded_metadata *after);

/*  Adds the signatures of all keys. */
enum ctl_exit ctl_metadata_sign (struct ctl *ctl, noded_metadata *metadata, const struct ctl_keys *keys);

/*  Whether enough keys signed; the sentence that says what is missing is on the heap, or NULL. */
enum ctl_exit ctl_metadata_missing (struct ctl *ctl, const noded_metadata *metadata,
                                    const noded_metadata *above, char **ret_missing);

/*  Writes a file of metadata. is_new: it must not exist. */
enum ctl_exit ctl_metadata_write (struct ctl *ctl, const noded_metadata *metadata, const char *path,
                                  bool is_new);

/*  A file that needs further signatures: writes it to --out, else to VERSION.ROLE.json here, and prints how to go on.
    Returns CTL_FAILED. */
enum ctl_exit ctl_metadata_unfinished (struct ctl *ctl, const noded_metadata *metadata, const char *missing);

/*  The command line, quoted for a shell; on the heap, or NULL. */
char *ctl_command_line (const struct ctl *ctl);

#endif
