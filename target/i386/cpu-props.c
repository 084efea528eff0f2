/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPU properties by name: one table of features and other properties, sorted, and what reads and
 * writes a value through it. The error texts are QEMU 10's. Pure.
 */
#include "qemu/osdep.h"

#include "qemu/cutils.h"
#include "target/i386/cpu-internal.h"

enum {
    PROP_STATIC = 1 << 0,   /* in static expansion */
    PROP_MAX_ONLY = 1 << 1, /* only the types max and host */
    PROP_IS_ALIAS = 1 << 2,
};

struct X86CPUProp {
    const char *name;
    const char *type_name;
    uint8_t kind; /* X86PropKind */
    uint8_t flags;
    uint16_t offset;
    uint16_t size;
    FeatureWord word;
    uint64_t mask; /* feature bits, hv_features bit */
    uint64_t def, max;
};

#define S     PROP_STATIC
#define X     PROP_MAX_ONLY
#define ALIAS PROP_IS_ALIAS
#define FEATURE_PROP(n, w, m, f)                                                                   \
    {.name = n,                                                                                    \
     .type_name = "bool",                                                                          \
     .kind = X86_PROP_FEATURE,                                                                     \
     .flags = f,                                                                                   \
     .word = FEAT_##w,                                                                             \
     .mask = m},
#define HYPERV(n, b, f)                                                                            \
    {.name = n, .type_name = "bool", .kind = X86_PROP_HYPERV, .flags = f, .mask = 1ull << (b)},
#define PROP(n, k, field, d, m, t, f)                                                              \
    {.name = n,                                                                                    \
     .type_name = t,                                                                               \
     .kind = X86_PROP_##k,                                                                         \
     .flags = f,                                                                                   \
     .offset = offsetof(X86CPUConfig, field),                                                      \
     .size = sizeof(((X86CPUConfig *)0)->field),                                                   \
     .def = (uint64_t)(d),                                                                         \
     .max = m},

static const X86CPUProp cpu_props[] = {
#include "cpu-prop-table.inc"
};

#undef S
#undef X
#undef ALIAS
#undef FEATURE_PROP
#undef HYPERV
#undef PROP

/* Highest value of an unsigned kind. */
static uint64_t kind_max(X86PropKind kind)
{
    switch (kind) {
    case X86_PROP_UINT8:
        return UINT8_MAX;
    case X86_PROP_UINT16:
        return UINT16_MAX;
    case X86_PROP_UINT32:
        return UINT32_MAX;
    default:
        return UINT64_MAX;
    }
}

/* The C type a range error names. */
static const char *kind_c_type(X86PropKind kind)
{
    switch (kind) {
    case X86_PROP_UINT8:
        return "uint8_t";
    case X86_PROP_UINT16:
        return "uint16_t";
    case X86_PROP_UINT32:
        return "uint32_t";
    case X86_PROP_UINT64:
        return "uint64";
    case X86_PROP_INT32:
        return "int32_t";
    default:
        return "int64";
    }
}

static const char *const on_off_auto_names[] = {
    [X86_AUTO] = "auto",
    [X86_ON] = "on",
    [X86_OFF] = "off",
};

static void *prop_field(X86CPUConfig *cfg, const X86CPUProp *p)
{
    return (char *)cfg + p->offset;
}

/* Stores a number that fits the kind. */
static void prop_store(X86CPUConfig *cfg, const X86CPUProp *p, uint64_t v)
{
    void *field = prop_field(cfg, p);

    switch ((X86PropKind)p->kind) {
    case X86_PROP_BOOL:
        *(bool *)field = v;
        break;
    case X86_PROP_UINT8:
        *(uint8_t *)field = v;
        break;
    case X86_PROP_UINT16:
        *(uint16_t *)field = v;
        break;
    case X86_PROP_UINT32:
        *(uint32_t *)field = v;
        break;
    case X86_PROP_UINT64:
        *(uint64_t *)field = v;
        break;
    case X86_PROP_INT32:
        *(int32_t *)field = (int32_t)v;
        break;
    case X86_PROP_INT64:
        *(int64_t *)field = (int64_t)v;
        break;
    case X86_PROP_ON_OFF_AUTO:
        *(X86OnOffAuto *)field = v;
        break;
    case X86_PROP_FEATURE:
        cfg->features[p->word] = (cfg->features[p->word] & ~p->mask) | (v ? p->mask : 0);
        cfg->user_set[p->word] |= p->mask;
        break;
    case X86_PROP_HYPERV:
        cfg->hv_features = (cfg->hv_features & ~p->mask) | (v ? p->mask : 0);
        break;
    case X86_PROP_STRING:
        break;
    }
}

void x86_cpu_props_set_defaults(X86CPUConfig *cfg)
{
    for (unsigned i = 0; i < ARRAY_SIZE(cpu_props); i++) {
        const X86CPUProp *p = &cpu_props[i];

        if (p->kind != X86_PROP_FEATURE && p->kind != X86_PROP_HYPERV) {
            prop_store(cfg, p, p->def);
        }
    }
}

static bool prop_exists(const X86CPUConfig *cfg, const X86CPUProp *p)
{
    return !(p->flags & PROP_MAX_ONLY) || !cfg || cfg->kind == X86_CPU_MAX ||
           cfg->kind == X86_CPU_HOST;
}

static int prop_compare(const void *name, const void *prop)
{
    return strcmp(name, ((const X86CPUProp *)prop)->name);
}

const X86CPUProp *x86_cpu_prop_find(const X86CPUConfig *cfg, const char *name)
{
    const X86CPUProp *p =
        bsearch(name, cpu_props, ARRAY_SIZE(cpu_props), sizeof(cpu_props[0]), prop_compare);

    return p && prop_exists(cfg, p) ? p : NULL;
}

X86PropKind x86_cpu_prop_kind(const X86CPUProp *p)
{
    return p->kind;
}

const char *x86_cpu_prop_type_name(const X86CPUProp *p)
{
    return p->type_name;
}

bool x86_cpu_prop_is_static(const X86CPUProp *p)
{
    return p->flags & PROP_STATIC;
}

bool x86_cpu_prop_is_alias(const X86CPUProp *p)
{
    return p->flags & PROP_IS_ALIAS;
}

void x86_cpu_prop_foreach(const X86CPUConfig *cfg,
                          void (*fn)(void *opaque, const char *name, const X86CPUProp *p),
                          void *opaque)
{
    for (unsigned i = 0; i < ARRAY_SIZE(cpu_props); i++) {
        if (prop_exists(cfg, &cpu_props[i])) {
            fn(opaque, cpu_props[i].name, &cpu_props[i]);
        }
    }
}

void x86_cpu_prop_get(const X86CPUConfig *cfg, const X86CPUProp *p, X86PropValue *v)
{
    const void *field = (const char *)cfg + p->offset;

    *v = (X86PropValue){.kind = p->kind};
    switch ((X86PropKind)p->kind) {
    case X86_PROP_FEATURE:
        v->b = (cfg->features[p->word] & p->mask) == p->mask;
        break;
    case X86_PROP_HYPERV:
        v->b = cfg->hv_features & p->mask;
        break;
    case X86_PROP_BOOL:
        v->b = *(const bool *)field;
        break;
    case X86_PROP_UINT8:
        v->u = *(const uint8_t *)field;
        break;
    case X86_PROP_UINT16:
        v->u = *(const uint16_t *)field;
        break;
    case X86_PROP_UINT32:
        v->u = *(const uint32_t *)field;
        break;
    case X86_PROP_UINT64:
        v->u = *(const uint64_t *)field;
        break;
    case X86_PROP_INT32:
        v->i = *(const int32_t *)field;
        break;
    case X86_PROP_INT64:
        v->i = *(const int64_t *)field;
        break;
    case X86_PROP_ON_OFF_AUTO:
        v->s = on_off_auto_names[*(const X86OnOffAuto *)field];
        break;
    case X86_PROP_STRING:
        v->s = field;
        break;
    }
}

/* ---- Writing --------------------------------------------------------------------------------- */

static bool store_string(X86CPUConfig *cfg, const X86CPUProp *p, const char *s, Error **errp)
{
    if (!strcmp(p->name, "vendor") && strlen(s) != sizeof(cfg->vendor) - 1) {
        error_setg(errp, "value of property 'vendor' must consist of exactly %zu characters",
                   sizeof(cfg->vendor) - 1);
        return false;
    }
    memset(prop_field(cfg, p), 0, p->size);
    g_strlcpy(prop_field(cfg, p), s, p->size);
    return true;
}

static bool store_on_off_auto(X86CPUConfig *cfg, const X86CPUProp *p, const char *shown,
                              const char *s, Error **errp)
{
    for (unsigned i = 0; i < ARRAY_SIZE(on_off_auto_names); i++) {
        if (!strcmp(s, on_off_auto_names[i])) {
            prop_store(cfg, p, i);
            return true;
        }
    }
    error_setg(errp, "Parameter '%s' does not accept value '%s'", shown, s);
    return false;
}

static bool store_unsigned(X86CPUConfig *cfg, const X86CPUProp *p, const char *shown, uint64_t v,
                           Error **errp)
{
    if (p->max && v > p->max) {
        error_setg(errp, "parameter '%s' can be at most %" PRIu64, p->name, p->max);
        return false;
    }
    if (v > kind_max(p->kind)) {
        error_setg(errp, "Parameter '%s' expects %s", shown, kind_c_type(p->kind));
        return false;
    }
    if (p->offset == offsetof(X86CPUConfig, lbr_fmt) && (v & ~(uint64_t)X86_LBR_FMT_MASK)) {
        error_setg(errp, "Property value for '%s' has bits outside mask '0x%x'", p->name,
                   X86_LBR_FMT_MASK);
        return false;
    }
    prop_store(cfg, p, v);
    return true;
}

static bool store_signed(X86CPUConfig *cfg, const X86CPUProp *p, const char *shown, int64_t v,
                         Error **errp)
{
    if (p->max && v < 0) {
        error_setg(errp, "parameter '%s' can be at most %" PRIu64, p->name, p->max);
        return false;
    }
    if (p->kind == X86_PROP_INT32 && v != (int32_t)v) {
        error_setg(errp, "Parameter '%s' expects %s", shown, kind_c_type(p->kind));
        return false;
    }
    prop_store(cfg, p, (uint64_t)v);
    return true;
}

static bool set_number_str(X86CPUConfig *cfg, const X86CPUProp *p, const char *value, Error **errp)
{
    bool is_signed = p->kind == X86_PROP_INT32 || p->kind == X86_PROP_INT64;
    uint64_t u;
    int64_t i;

    if (is_signed) {
        if (qemu_strtoi64(value, NULL, 0, &i) < 0) {
            error_setg(errp, "Parameter '%s' expects int64", p->name);
            return false;
        }
        return store_signed(cfg, p, p->name, i, errp);
    }
    if (qemu_strtou64(value, NULL, 0, &u) == 0) {
        return store_unsigned(cfg, p, p->name, u, errp);
    }
    if (qemu_strtoi64(value, NULL, 0, &i) == 0 && p->kind != X86_PROP_UINT64) {
        return store_unsigned(cfg, p, p->name, (uint64_t)i, errp); /* negative: out of range */
    }
    error_setg(errp, "Parameter '%s' expects uint64", p->name);
    return false;
}

static const X86CPUProp *prop_for_write(const X86CPUConfig *cfg, const char *name, Error **errp)
{
    const X86CPUProp *p = x86_cpu_prop_find(cfg, name);

    if (!p) {
        error_setg(errp, "Property '%s%s.%s' not found", cfg->name, X86_CPU_TYPE_SUFFIX, name);
        return NULL;
    }
    if (cfg->realized) {
        error_setg(errp,
                   "Attempt to set property '%s' on anonymous device (type '%s%s') after it was "
                   "realized",
                   name, cfg->name, X86_CPU_TYPE_SUFFIX);
        return NULL;
    }
    return p;
}

bool x86_cpu_prop_set_str(X86CPUConfig *cfg, const char *name, const char *value, Error **errp)
{
    const X86CPUProp *p = prop_for_write(cfg, name, errp);
    bool b;

    if (!p) {
        return false;
    }
    switch ((X86PropKind)p->kind) {
    case X86_PROP_FEATURE:
    case X86_PROP_HYPERV:
    case X86_PROP_BOOL:
        if (!parse_bool(name, value, &b, errp)) {
            return false;
        }
        prop_store(cfg, p, b);
        return true;
    case X86_PROP_STRING:
        return store_string(cfg, p, value, errp);
    case X86_PROP_ON_OFF_AUTO:
        return store_on_off_auto(cfg, p, name, value, errp);
    default:
        return set_number_str(cfg, p, value, errp);
    }
}

static bool wrong_type(const char *shown, const char *expected, Error **errp)
{
    error_setg(errp, "Invalid parameter type for '%s', expected: %s", shown, expected);
    return false;
}

static bool set_number(X86CPUConfig *cfg, const X86CPUProp *p, const char *shown,
                       const X86PropValue *v, Error **errp)
{
    if (p->kind == X86_PROP_INT32 || p->kind == X86_PROP_INT64) {
        return v->kind == X86_PROP_INT64 ? store_signed(cfg, p, shown, v->i, errp)
                                         : wrong_type(shown, "integer", errp);
    }
    if (v->kind == X86_PROP_INT64) { /* a negative number is taken for a huge one */
        return store_unsigned(cfg, p, shown, (uint64_t)v->i, errp);
    }
    if (v->kind == X86_PROP_UINT64) {
        return store_unsigned(cfg, p, shown, v->u, errp);
    }
    error_setg(errp, "Parameter '%s' expects uint64", shown);
    return false;
}

bool x86_cpu_prop_set(X86CPUConfig *cfg, const char *name, const char *shown, const X86PropValue *v,
                      Error **errp)
{
    const X86CPUProp *p = prop_for_write(cfg, name, errp);

    if (!p) {
        return false;
    }
    switch ((X86PropKind)p->kind) {
    case X86_PROP_FEATURE:
    case X86_PROP_HYPERV:
    case X86_PROP_BOOL:
        if (v->kind != X86_PROP_BOOL) {
            return wrong_type(shown, "boolean", errp);
        }
        prop_store(cfg, p, v->b);
        return true;
    case X86_PROP_STRING:
        return v->kind == X86_PROP_STRING ? store_string(cfg, p, v->s, errp)
                                          : wrong_type(shown, "string", errp);
    case X86_PROP_ON_OFF_AUTO:
        return v->kind == X86_PROP_STRING ? store_on_off_auto(cfg, p, shown, v->s, errp)
                                          : wrong_type(shown, "string", errp);
    default:
        return set_number(cfg, p, shown, v, errp);
    }
}
