/* SPDX-License-Identifier: MPL-2.0 */
/*  test/break/break_5_metadata.c - a node manager that ends if its settings cannot be used */

#include <stdlib.h>

#include "base/log.h"
#include "node/settings.h"

enum node_settings __real_node_settings_load (struct node_config *config, struct base_error *ret_wrong);

enum node_settings __wrap_node_settings_load (struct node_config *config, struct base_error *ret_wrong)
{
    enum node_settings settings = __real_node_settings_load (config, ret_wrong);
    if (settings == NODE_SETTINGS_OWN)
        return settings;
    base_log (BASE_LOG_ERROR, "cannot run: %s", ret_wrong->text);
    exit (EXIT_FAILURE);
}
