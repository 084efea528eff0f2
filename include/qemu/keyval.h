/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Option arguments of the form "value,key=value,flag,noflag": a list of pairs that remembers which
 * of them were used, so that the consumer can refuse the rest.
 */
#ifndef QEMU_KEYVAL_H
#define QEMU_KEYVAL_H

#include "qemu/osdep.h"
#include "qemu/error.h"

typedef struct KeyvalItem {
    char *key;
    char *value;
    bool used; /* set by the keyval_get functions */
} KeyvalItem;

typedef struct Keyval {
    GArray *items; /* of KeyvalItem, in the order given */
} Keyval;

/* Parses @str; ",," stands for a comma in a value. A first element without '=' becomes the value
 * of @implied_key (NULL: none). Elsewhere "flag" means flag=on and "noflag" means flag=off.
 * NULL with an error on a malformed string. The caller frees with keyval_free(). */
Keyval *keyval_parse(const char *str, const char *implied_key, Error **errp);
/* From a JSON object (as in -device '{"driver":...}'): numbers, strings and booleans; nested
 * objects and arrays become dotted keys ("host-nodes.0"). */
Keyval *keyval_parse_json(const char *str, Error **errp);
Keyval *keyval_new(void);
void keyval_free(Keyval *kv);
void keyval_add(Keyval *kv, const char *key, const char *value);

/* The last value given for @key, or NULL; borrowed until keyval_free(). Marks all of them used. */
const char *keyval_get(const Keyval *kv, const char *key);
bool keyval_has(const Keyval *kv, const char *key);
/* Typed: leave *result alone and return true when @key is absent; false with QEMU's error text when
 * the value does not parse. Sizes are bytes. */
bool keyval_get_bool(const Keyval *kv, const char *key, bool *result, Error **errp);
bool keyval_get_u64(const Keyval *kv, const char *key, uint64_t *result, Error **errp);
bool keyval_get_size(const Keyval *kv, const char *key, uint64_t default_unit, uint64_t *result,
                     Error **errp);
/* False with "Invalid parameter 'KEY'" when an item was never asked for. */
bool keyval_check_unused(const Keyval *kv, Error **errp);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Keyval, keyval_free)

#endif
