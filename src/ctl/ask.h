/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/ask.h - questions on the terminal: passphrases, and whether to go on */

#ifndef CTL_ASK_H
#define CTL_ASK_H

#include "ctl/ctl.h"

enum { CTL_PASSPHRASE_MOST = 1024 };

/*  Null value: all zero. Deinit wipes it. */
struct ctl_passphrase {
    char text[CTL_PASSPHRASE_MOST];
    size_t size;
};
void ctl_passphrase_deinit (struct ctl_passphrase *passphrase);

/*  Gets the passphrase of the key file name: from --passphrase-file, else from the terminal without showing it; twice if
    the key is new. Prints why it fails. */
enum ctl_exit ctl_passphrase_get (struct ctl *ctl, const char *name, bool is_new,
                                  struct ctl_passphrase *ret_passphrase);

/*  Asks whether to go on, unless --yes was given. Returns CTL_OK for yes; else CTL_FAILED, or CTL_USAGE if there is no
    terminal to ask on. */
enum ctl_exit ctl_confirm (struct ctl *ctl, const char *question);

#endif
