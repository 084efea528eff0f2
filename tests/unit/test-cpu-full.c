/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Full expansion of every CPU model against the replies of QEMU 7.2, for what static expansion does
 * not have (that: test-cpu-models.c). */
#include "qemu/osdep.h"

#include "cpu-test-util.h"
#include "target/i386/cpu-qmp.h"

/* Where 10.2, our base, differs from 7.2. */
static const struct {
    const char *model, *prop; /* model NULL: all */
    const char *value;        /* ours; NULL: there is no such property any more */
    const char *reason;
} differences[] = {
    { NULL, "kvm-no-smi-migration", NULL, "removed with the machine types that needed it" },
    { "max", "pmu", "false", "the software CPU has no performance counters; 7.2 claimed it had" },
    { "host", "pmu", "false", "the same: without KVM it is expanded like max" },
    { "486", "legacy-cache", "false", "has the caches of its processor since 10.2" },
    { "486-v1", "legacy-cache", "false", "the same" },
    { "pentium", "legacy-cache", "false", "the same" },
    { "pentium-v1", "legacy-cache", "false", "the same" },
    { "pentium2", "legacy-cache", "false", "the same" },
    { "pentium2-v1", "legacy-cache", "false", "the same" },
    { "pentium3", "legacy-cache", "false", "the same" },
    { "pentium3-v1", "legacy-cache", "false", "the same" },
};

static const char *allowed(const char *model, const char *prop, const char *ours)
{
    for (unsigned i = 0; i < ARRAY_SIZE(differences); i++) {
        if ((!differences[i].model || !strcmp(differences[i].model, model)) &&
            !strcmp(differences[i].prop, prop) && !g_strcmp0(differences[i].value, ours)) {
            return differences[i].reason;
        }
    }
    return NULL;
}

/* "NAME=VALUE" items into @props, the later one wins. */
static void add_items(GHashTable *props, char **items)
{
    for (char **item = items; *item; item++) {
        char *eq = strchr(*item, '=');

        g_assert_nonnull(eq);
        g_hash_table_insert(props, g_strndup(*item, (gsize)(eq - *item)), g_strdup(eq + 1));
    }
}

static unsigned check_model(const X86CPUContext *ctx, const char *model, GHashTable *expected)
{
    json_object *reply =
        x86_query_cpu_model_expansion(ctx, X86_EXPANSION_FULL, model, NULL, &error_abort);
    json_object *m = json_object_object_get(reply, "model");
    json_object *props = json_object_object_get(m, "props");
    GHashTableIter it;
    gpointer name, value;
    unsigned bad = 0;

    g_assert_cmpstr(json_object_get_string(json_object_object_get(m, "name")), ==, model);
    g_hash_table_iter_init(&it, expected);
    while (g_hash_table_iter_next(&it, &name, &value)) {
        json_object *got;
        const char *ours = NULL;

        if (json_object_object_get_ex(props, name, &got)) {
            ours = json_object_to_json_string_ext(got, JSON_C_TO_STRING_NOSLASHESCAPE);
        }
        if (g_strcmp0(ours, value) && !allowed(model, name, ours)) {
            g_test_message("%s: %s is %s, in QEMU 7.2 %s", model, (char *)name,
                           ours ? ours : "not there", (char *)value);
            bad++;
        }
    }
    json_object_put(reply);
    return bad;
}

static void test_golden(void)
{
    g_auto(GStrv) lines = test_data_lines("qemu-7.2-tcg-full.txt"), usual = NULL;
    unsigned bad = 0, models = 0;
    X86AccelInfo info;
    X86CPUContext ctx;

    test_accel_tcg_7_2(&info);
    ctx = test_context(&info, 7, 2, NULL);
    for (char **l = lines; *l; l++) {
        g_auto(GStrv) words = g_strsplit(*l, " ", -1);
        g_autoptr(GHashTable) expected = NULL;

        if (!words[0]) {
            continue;
        }
        if (!strcmp(words[0], "usual")) {
            usual = g_strdupv(words);
            continue;
        }
        expected = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        add_items(expected, usual + 1);
        add_items(expected, words + 1);
        g_assert_cmpuint(g_hash_table_size(expected), >=, 103);
        bad += check_model(&ctx, words[0], expected);
        models++;
    }
    g_assert_cmpuint(models, ==, 132);
    g_assert_cmpuint(bad, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cpu/expansion/full_props_equal_those_of_qemu_7_2", test_golden);
    return g_test_run();
}
