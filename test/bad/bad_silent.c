/*  test/bad/bad_silent.c - does all its work, and never says that it is ready */

#include "node/callback.h"

void __wrap_node_callback_ready (struct node_callback *callback)
{
    (void) callback;
}
