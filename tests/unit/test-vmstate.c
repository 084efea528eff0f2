/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Device state by tables: what is saved comes back, and nothing else gets in. */
#include "qemu/osdep.h"
#include "migration/vmstate.h"

typedef struct Inner {
    uint16_t word;
    bool flag;
} Inner;

typedef struct Sample {
    uint8_t index;
    uint32_t reg;
    uint64_t rte[3];
    int64_t deadline_ns;
    bool on[2];
    uint8_t ram[5];
    Inner one, many[2];
    uint8_t *area;
    uint32_t area_len;
    uint32_t young;     /* since version 2 */
    uint32_t extra;     /* in a subsection */
    unsigned derived;   /* by post_load */
} Sample;

static bool extra_needed(const void *opaque)
{
    return ((const Sample *)opaque)->extra;
}

static void sample_pre_load(void *opaque)
{
    Sample *s = opaque;

    s->young = 7;
    s->extra = 0;
}

static bool sample_post_load(void *opaque, uint32_t version, Error **errp)
{
    Sample *s = opaque;

    if (s->reg > 100 && s->index == 0) {
        error_setg(errp, "sample: reg %u without an index", s->reg);
        return false;
    }
    s->derived = s->reg + version;
    return true;
}

static const VMStateField inner_fields[] = {
    VMSTATE_UINT_MAX(Inner, word, 999),
    VMSTATE_BOOL(Inner, flag),
    VMSTATE_END,
};
static const VMStateDescription inner = { "inner", .version = 1, .fields = inner_fields };

static const VMStateField extra_fields[] = { VMSTATE_UINT(Sample, extra), VMSTATE_END };
static const VMStateDescription extra = {
    "extra", .version = 1, .fields = extra_fields, .needed = extra_needed,
};

static const VMStateField sample_fields[] = {
    VMSTATE_UINT_MAX(Sample, index, 3),
    VMSTATE_UINT(Sample, reg),
    VMSTATE_UINT_ARRAY(Sample, rte),
    VMSTATE_SINT(Sample, deadline_ns),
    VMSTATE_BOOL_ARRAY(Sample, on),
    VMSTATE_BYTES(Sample, ram),
    VMSTATE_STRUCT(Sample, one, &inner),
    VMSTATE_STRUCT_ARRAY(Sample, many, &inner),
    VMSTATE_BUFFER(Sample, area, area_len),
    { VMS_MEMBER(Sample, young), .kind = VMS_UINT, .size = 4, .count = 1, .since = 2 },
    VMSTATE_END,
};
static const VMStateDescription *const sample_subsections[] = { &extra, NULL };
static const VMStateDescription sample = {
    "sample", .version = 2, .fields = sample_fields, .subsections = sample_subsections,
    .pre_load = sample_pre_load, .post_load = sample_post_load,
};

enum { AREA_BYTES = 4 };

static Sample *new_sample(void)
{
    Sample *s = g_new0(Sample, 1);

    s->area = g_malloc0(AREA_BYTES);
    s->area_len = AREA_BYTES;
    return s;
}

static Sample *full_sample(void)
{
    Sample *s = new_sample();

    *s = (Sample){ .index = 2, .reg = 0x12345678, .rte = { 1, UINT64_MAX, 3 }, .deadline_ns = -5,
                   .on = { true, false }, .ram = "abcd", .one = { 999, true },
                   .many = { { 1, false }, { 2, true } }, .area = s->area, .area_len = AREA_BYTES,
                   .young = 9, .extra = 4 };
    memcpy(s->area, "wxyz", AREA_BYTES);
    return s;
}

static void free_sample(Sample *s)
{
    g_free(s->area);
    g_free(s);
}

static GByteArray *saved(Sample *s)
{
    GByteArray *out = g_byte_array_new();

    vmstate_save(&sample, s, out);
    return out;
}

/* Loads and expects the error. */
static void refused(Sample *s, uint32_t version, const uint8_t *data, size_t len, const char *text)
{
    Error *err = NULL;

    g_assert_false(vmstate_load(&sample, s, version, data, len, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, text);
    error_free(err);
}

/* ---- Requirements ---------------------------------------------------------------------------- */

static void test_every_kind_comes_back(void)
{
    Sample *a = full_sample(), *b = new_sample();
    g_autoptr(GByteArray) bytes = saved(a);

    g_assert_true(vmstate_load(&sample, b, 2, bytes->data, bytes->len, NULL));
    g_assert_cmpuint(b->derived, ==, 0x12345678 + 2);
    g_assert_cmpmem(b->area, AREA_BYTES, "wxyz", AREA_BYTES);
    g_assert_cmpint(b->deadline_ns, ==, -5);
    g_assert_cmpuint(b->many[1].word, ==, 2);
    g_assert_cmpuint(b->extra, ==, 4);
    b->derived = a->derived;
    g_free(b->area);
    b->area = a->area;
    g_assert_cmpmem(a, sizeof(*a), b, sizeof(*b));
    g_free(b);
    free_sample(a);
}

static void test_integers_are_big_endian(void)
{
    Sample *s = full_sample();
    g_autoptr(GByteArray) bytes = saved(s);
    static const uint8_t head[] = { 2, 0x12, 0x34, 0x56, 0x78, 0, 0, 0, 0, 0, 0, 0, 1 };

    g_assert_cmpmem(bytes->data, sizeof(head), head, sizeof(head));
    free_sample(s);
}

static void test_subsection_only_when_needed(void)
{
    Sample *s = full_sample();
    g_autoptr(GByteArray) with = saved(s), without = NULL;

    s->extra = 0;
    without = saved(s);
    g_assert_cmpuint(with->len - without->len, ==, 1 + 5 + 4 + 4 + 4);
    s->extra = 99;
    g_assert_true(vmstate_load(&sample, s, 2, without->data, without->len, NULL));
    g_assert_cmpuint(s->extra, ==, 0);
    free_sample(s);
}

static void test_older_version_lacks_younger_members(void)
{
    Sample *s = full_sample();
    g_autoptr(GByteArray) bytes = NULL;

    s->extra = 0;
    bytes = saved(s);
    g_byte_array_remove_range(bytes, bytes->len - 5, 4); /* young */
    g_assert_true(vmstate_load(&sample, s, 1, bytes->data, bytes->len, NULL));
    g_assert_cmpuint(s->young, ==, 7);
    free_sample(s);
}

static void test_other_versions_are_refused(void)
{
    Sample *s = full_sample();
    g_autoptr(GByteArray) bytes = saved(s);

    refused(s, 3, bytes->data, bytes->len, "sample: version 3 is not supported (1 to 2 are)");
    refused(s, 0, bytes->data, bytes->len, "sample: version 0 is not supported (1 to 2 are)");
    free_sample(s);
}

static void test_errors_name_the_member(void)
{
    Sample *s = full_sample();
    g_autoptr(GByteArray) b = saved(s);
    size_t one = 1 + 4 + 24 + 8, many = one + 2 + 5 + 3;

    b->data[0] = 4;
    refused(s, 2, b->data, b->len, "sample/index: 4 is more than 3");
    b->data[0] = 2;
    b->data[one + 1] = 2;
    refused(s, 2, b->data, b->len, "sample/on[1]: 2 is more than 1");
    b->data[one + 1] = 0;
    b->data[many + 3] = 4;
    refused(s, 2, b->data, b->len, "sample/many[1]/word: 1026 is more than 999");
    b->data[many + 3] = 0;
    b->data[many + 6 + 3] = 5;
    refused(s, 2, b->data, b->len, "sample/area: 5 bytes, here it has 4");
    b->data[many + 6 + 3] = 4;
    b->data[b->len - 17] = 'E';
    refused(s, 2, b->data, b->len, "sample: unknown subsection 'Extra'");
    b->data[b->len - 17] = 'e';
    refused(s, 2, b->data, b->len - 1, "sample/extra: 1 bytes are missing");
    free_sample(s);
}

static void test_refused_data_changes_nothing(void)
{
    Sample *a = full_sample(), *b = new_sample();
    g_autoptr(GByteArray) bytes = saved(a);
    g_autofree Sample *before = g_memdup2(b, sizeof(*b));

    for (size_t len = 0; len < bytes->len; len++) {
        g_assert_false(vmstate_load(&sample, b, 2, bytes->data, len, NULL));
        g_assert_cmpmem(b, sizeof(*b), before, sizeof(*b));
    }
    g_byte_array_append(bytes, (const uint8_t *)"", 1);
    refused(b, 2, bytes->data, bytes->len, "sample: 1 bytes too many");
    g_assert_cmpmem(b, sizeof(*b), before, sizeof(*b));
    free_sample(a);
    free_sample(b);
}

/* Members in range that do not go together: the device's own rule says so. */
static void test_post_load_may_refuse(void)
{
    Sample *s = full_sample();
    g_autoptr(GByteArray) bytes = saved(s);

    bytes->data[0] = 0;
    refused(s, 2, bytes->data, bytes->len, "sample: reg 305419896 without an index");
    free_sample(s);
}

/* Under the sanitizers: every flipped bit is read within bounds, and what is accepted saves again
 * to the same bytes. */
static void test_flipped_bits_are_harmless(void)
{
    Sample *a = full_sample();
    g_autoptr(GByteArray) bytes = saved(a);

    for (size_t bit = 0; bit < bytes->len * 8; bit++) {
        g_autofree uint8_t *exact = g_memdup2(bytes->data, bytes->len);
        Sample *b = new_sample();

        exact[bit / 8] ^= 1 << bit % 8;
        if (vmstate_load(&sample, b, 2, exact, bytes->len, NULL)) {
            g_autoptr(GByteArray) again = saved(b);

            if (b->extra) {
                g_assert_cmpmem(again->data, again->len, exact, bytes->len);
            }
        }
        free_sample(b);
    }
    free_sample(a);
}

static void test_description_lists_every_member(void)
{
    g_autoptr(GString) text = g_string_new(NULL);

    vmstate_describe(&sample, text);
    g_assert_cmpstr(text->str, ==,
                    "sample version 2 minimum 1\n"
                    "  index uint8 max 3\n"
                    "  reg uint32\n"
                    "  rte uint64[3]\n"
                    "  deadline_ns int64\n"
                    "  on bool[2]\n"
                    "  ram bytes[5]\n"
                    "  one struct\n"
                    "    inner version 1 minimum 1\n"
                    "      word uint16 max 999\n"
                    "      flag bool\n"
                    "  many struct[2]\n"
                    "    inner version 1 minimum 1\n"
                    "      word uint16 max 999\n"
                    "      flag bool\n"
                    "  area buffer\n"
                    "  young uint32 since 2\n"
                    "  subsection\n"
                    "    extra version 1 minimum 1\n"
                    "      extra uint32\n");
}

#define T(name, function) g_test_add_func("/vmstate/" name, function)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    T("save/every_kind_comes_back", test_every_kind_comes_back);
    T("save/integers_are_big_endian", test_integers_are_big_endian);
    T("save/subsection_only_when_needed", test_subsection_only_when_needed);
    T("load/older_version_lacks_younger_members", test_older_version_lacks_younger_members);
    T("load/other_versions_are_refused", test_other_versions_are_refused);
    T("load/errors_name_the_member", test_errors_name_the_member);
    T("load/refused_data_changes_nothing", test_refused_data_changes_nothing);
    T("load/post_load_may_refuse", test_post_load_may_refuse);
    T("load/flipped_bits_are_harmless", test_flipped_bits_are_harmless);
    T("describe/lists_every_member", test_description_lists_every_member);
    return g_test_run();
}
