/* SPDX-License-Identifier: MPL-2.0 */
/*  test/break/break_5_metadata.c - a node manager that ends if its settings cannot be used */

#include <stdlib.h>

#include "base/log.h"
#include "identity/settings.h"

enum identity_settings __real_identity_settings_load (struct identity_config *config,
                                                      struct base_error *ret_wrong);

enum identity_settings __wrap_identity_settings_load (struct identity_config *config,
                                                      struct base_error *ret_wrong)
{
    enum identity_settings settings = __real_identity_settings_load (config, ret_wrong);
    if (settings == IDENTITY_SETTINGS_OWN)
        return settings;
    base_log (BASE_LOG_ERROR, "cannot run: %s", ret_wrong->text);
    exit (EXIT_FAILURE);
}
