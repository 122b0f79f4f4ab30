/* SPDX-License-Identifier: MPL-2.0 */
/*  programs/nodectl.c - the operator's command */

#include "base/version.h"
#include "ctl/ctl.h"

int main (int argc, char **argv)
{
    return ctl_main (argc, argv, base_version);
}
