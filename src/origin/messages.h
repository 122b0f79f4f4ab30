/* SPDX-License-Identifier: MPL-2.0 */
/*  origin/messages.h - what an origin does with each type of message; private to this room

    One table, in messages.c: a row a type. The bus has decoded the message and checked it against its schema
    when it arrives here. A new message of control or content needs its schema, an operation in struct
    origin_ops, and a row. */

#ifndef ORIGIN_MESSAGES_H
#define ORIGIN_MESSAGES_H

#include "origin/state.h"

enum origin_channel { ORIGIN_CONTROL, ORIGIN_CONTENT };

/*  Hands the message to the owner's operation, and sends the answer. Returns whether the channel has such a
    message; nothing is done with others. */
bool origin_message_handle (struct origin *origin, enum origin_channel channel,
                            const struct bus_message *message);

#endif
