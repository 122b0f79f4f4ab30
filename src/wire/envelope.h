/* SPDX-License-Identifier: MPL-2.0 */
/*  wire/envelope.h - rules of envelopes and releases beyond their schema; pure */

#ifndef WIRE_ENVELOPE_H
#define WIRE_ENVELOPE_H

#include "wire/wire.h"

/*  Application names: 1 to 64 letters, digits, '.', '_', '-', the first a letter or digit. Node ids may
    have ':' too. */
bool wire_application_is_valid (const char *name);
bool wire_node_is_valid (const char *id);

/*  A path for files/: relative, no empty part, no '.', no '..', no control character, at most 255 bytes. */
bool wire_path_is_valid (const char *path);

/*  Checks names, platform form, paths (valid, no two equal, none below another's file), env entries
    (NAME=VALUE with a NAME), and that the packed form leaves room in a frame. Returns 0, or WIRE_E_MALFORMED
    with the error filled in. */
int wire_envelope_check (const struct wire_envelope *envelope, struct base_error *error);

/*  Checks every envelope, that their application and version are the release's, and that no two are for the
    same platform. */
int wire_release_check (const struct wire_release *release, struct base_error *error);

/*  Appends the release document: the packed release, its envelopes in the order of their platforms. Returns 0,
    -ENOMEM, or a WIRE_E_ code. */
int wire_release_pack (const struct wire_release *release, struct base_buffer *buffer,
                       struct base_error *error);

/*  Reads a release document; it passes wire_release_check. Returns 0, -ENOMEM or a WIRE_E_ code. */
int wire_release_unpack (const void *data, size_t size, struct wire_release *ret_release,
                         struct base_error *error);

/*  The name of a release: SHA-256 of its document. ret_size (may be NULL): size of the document in bytes. The
    digest is null if the release violates its schema. */
struct base_digest wire_release_digest (const struct wire_release *release, uint64_t *ret_size);

/*  The same for a release of one envelope. */
struct base_digest wire_envelope_release_digest (const struct wire_envelope *envelope);

/*  Appends the release document of the release that has this envelope alone. Returns as wire_release_pack. */
int wire_envelope_pack_release (const struct wire_envelope *envelope, struct base_buffer *buffer,
                                struct base_error *error);

/*  The envelope that fits a platform: the one with an equal platform, else the one without a platform. NULL:
    none fits. */
const struct wire_envelope *wire_release_match (const struct wire_release *release, const char *platform);

bool wire_envelope_equal (const struct wire_envelope *a, const struct wire_envelope *b);

#endif
