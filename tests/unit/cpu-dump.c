/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prints the CPU tables as JSON lines, for scripts/check-cpu-tables.py. Not a test. */
#include "qemu/osdep.h"

#include "target/i386/cpu-internal.h"

#include <json-c/json.h>

static void add(json_object *o, const char *key, json_object *v)
{
    json_object_object_add(o, key, v);
}

static json_object *str(const char *s)
{
    return s ? json_object_new_string(s) : NULL;
}

static json_object *feature(unsigned f)
{
    char buf[64];
    const char *name = x86_feature_name(f / 64, f % 64);

    if (name) {
        return str(name);
    }
    feature_word_format(f / 64, buf, sizeof(buf));
    g_strlcat(buf, " bit ", sizeof(buf));
    return str(g_strdup_printf("%s%u", buf, f % 64));
}

static json_object *cache(const X86CacheInfo *c)
{
    const unsigned v[] = {c->type,          c->level,           c->size,      c->line_size,
                          c->associativity, c->partitions,      c->sets,      c->lines_per_tag,
                          c->self_init,     c->no_invd_sharing, c->inclusive, c->complex_indexing,
                          c->share_level};
    json_object *a = json_object_new_array();

    for (unsigned i = 0; i < ARRAY_SIZE(v); i++) {
        json_object_array_add(a, json_object_new_int64(v[i]));
    }
    return a;
}

static json_object *caches(const X86CPUCaches *c)
{
    json_object *a;

    if (!c) {
        return NULL;
    }
    a = json_object_new_array();
    json_object_array_add(a, cache(&c->l1d));
    json_object_array_add(a, cache(&c->l1i));
    json_object_array_add(a, cache(&c->l2));
    json_object_array_add(a, cache(&c->l3));
    return a;
}

static json_object *version(const X86CPUVersionDefinition *v)
{
    json_object *o = json_object_new_object(), *props = json_object_new_array();

    add(o, "version", json_object_new_int(v->version));
    add(o, "alias", str(v->alias));
    add(o, "note", str(v->note));
    add(o, "caches", caches(v->caches));
    for (const X86CPUDelta *d = v->deltas; d && (d->prop || d->feature != X86_FEATURE_END); d++) {
        json_object *p = json_object_new_array();

        if (d->prop) {
            json_object_array_add(p, str(d->prop));
            json_object_array_add(p, d->string ? str(d->string)
                                               : json_object_new_int64((int64_t)d->number));
        } else {
            json_object_array_add(p, feature(d->feature));
            json_object_array_add(p, json_object_new_boolean(d->on));
        }
        json_object_array_add(props, p);
    }
    add(o, "props", props);
    return o;
}

static void dump_model(const X86CPUDefinition *def)
{
    json_object *o = json_object_new_object(), *list = json_object_new_array();
    json_object *versions = json_object_new_array();

    add(o, "name", str(def->name));
    add(o, "vendor", str(def->vendor));
    add(o, "family", json_object_new_int(def->family));
    add(o, "model", json_object_new_int(def->model));
    add(o, "stepping", json_object_new_int(def->stepping));
    add(o, "level", json_object_new_int64(def->level));
    add(o, "xlevel", json_object_new_int64(def->xlevel));
    add(o, "model_id", str(def->model_id));
    add(o, "caches", caches(def->caches));
    for (const uint16_t *f = def->features; *f != X86_FEATURE_END; f++) {
        json_object_array_add(list, feature(*f));
    }
    add(o, "features", list);
    for (const X86CPUVersionDefinition *v = def->versions; v->version; v++) {
        json_object_array_add(versions, version(v));
    }
    add(o, "versions", versions);
    puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
    json_object_put(o);
}

static void dump_word(FeatureWord w)
{
    json_object *o = json_object_new_object(), *bits = json_object_new_array();
    char word[64];

    feature_word_format(w, word, sizeof(word));
    add(o, "word", str(word));
    add(o, "tcg", json_object_new_uint64(feature_word_flagged(w, FEATURE_TCG)));
    add(o, "migratable", json_object_new_uint64(feature_word_flagged(w, FEATURE_MIGRATABLE)));
    add(o, "no_autoenable", json_object_new_uint64(feature_word_flagged(w, FEATURE_NO_AUTOENABLE)));
    for (unsigned bit = 0; bit < 64; bit++) {
        if (x86_feature_name(w, bit)) {
            json_object *b = json_object_new_array();

            json_object_array_add(b, json_object_new_int(bit));
            json_object_array_add(b, str(x86_feature_name(w, bit)));
            json_object_array_add(bits, b);
        }
    }
    add(o, "bits", bits);
    puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
    json_object_put(o);
}

static void dump_prop(void *opaque, const char *name, const X86CPUProp *p)
{
    json_object *o = json_object_new_object();

    add(o, "prop", str(name));
    add(o, "type", str(x86_cpu_prop_type_name(p)));
    add(o, "static", json_object_new_boolean(x86_cpu_prop_is_static(p)));
    add(o, "alias", json_object_new_boolean(x86_cpu_prop_is_alias(p)));
    puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
    json_object_put(o);
}

int main(void)
{
    for (unsigned w = 0; w < FEATURE_WORDS; w++) {
        dump_word(w);
    }
    for (unsigned i = 0; i < x86_nr_cpu_definitions; i++) {
        dump_model(x86_cpu_definitions[i]);
    }
    x86_cpu_prop_foreach(NULL, dump_prop, NULL);
    return 0;
}
