/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From key=value options to the schema's types. */
#ifndef QAPI_KEYVAL_OPTS_H
#define QAPI_KEYVAL_OPTS_H

#include "qapi/visit.h"
#include "qemu/keyval.h"

/* Options as text to the schema's type: "a.b=c" pairs become nested objects, and strings become the
 * numbers and booleans that @type wants. NULL with an error; qapi_free() frees. */
void *qapi_from_keyval(const QapiType *type, const Keyval *kv, Error **errp);

#endif
