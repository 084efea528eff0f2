/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -smp and the property tables of objects: results and QEMU's error texts. */
#include "qemu/osdep.h"
#include "hw/core/machine.h"

static const MachineBoard board = { .family = "test", .dies = true };
const MachineVersion machine_versions[] = {
    { .name = "test-1.0", .alias = "test", .board = &board, .max_cpus = 288, .is_default = true },
    { .name = NULL },
};

typedef struct Thing {
    Object object;
    bool flag;
    uint8_t byte;
    int32_t number;
    char *text;
    int colour;
} Thing;

static const char *const colours[] = { "red", "green", NULL };
static const Property thing_props[] = {
    DEFINE_PROP(PROP_BOOL, Thing, flag, "flag", .default_val = true),
    DEFINE_PROP(PROP_UINT8, Thing, byte, "byte", .default_val = 7, .min = 1, .max = 100),
    DEFINE_PROP(PROP_INT32, Thing, number, "number"),
    DEFINE_PROP(PROP_STRING, Thing, text, "text", .default_str = "hello"),
    DEFINE_PROP(PROP_ENUM, Thing, colour, "colour", .enum_names = colours, .default_str = "green"),
    DEFINE_PROP_END,
};
static const ObjectType type_thing = {
    .name = "thing", .instance_size = sizeof(Thing), .props = thing_props,
};
const ObjectType *const object_types[] = { &type_thing, NULL };
void (*const object_type_families[])(ObjectTypeFn *fn, void *opaque) = { NULL };

static void test_smp_strings(void)
{
    static const struct {
        const char *arg;
        unsigned cpus, max, sockets, dies, cores, threads;
        const char *error;
    } rows[] = {
        { NULL, 1, 1, 1, 1, 1, 1, NULL },
        { "4", 4, 4, 1, 1, 4, 1, NULL },
        { "cpus=4,sockets=2,threads=2", 4, 4, 2, 1, 1, 2, NULL },
        { "8,cores=2,threads=2", 8, 8, 2, 1, 2, 2, NULL },
        { "sockets=2,dies=2,cores=2", 8, 8, 2, 2, 2, 1, NULL },
        { "2,maxcpus=8", 2, 8, 1, 1, 8, 1, NULL },
        { "0", 0, 0, 0, 0, 0, 0,
          "Invalid CPU topology: CPU topology parameters must be greater than zero" },
        { "4,sockets=3,cores=1,threads=1", 0, 0, 0, 0, 0, 0,
          "Invalid CPU topology: product of the hierarchy must match maxcpus: "
          "sockets (3) * dies (1) * cores (1) * threads (1) != maxcpus (4)" },
        { "8,maxcpus=4", 0, 0, 0, 0, 0, 0,
          "Invalid CPU topology: maxcpus must be equal to or greater than smp: "
          "sockets (1) * dies (1) * cores (4) * threads (1) == maxcpus (4) < smp_cpus (8)" },
        { "289", 0, 0, 0, 0, 0, 0,
          "Invalid SMP CPUs 289. The max CPUs supported by machine 'test-1.0' is 288" },
        { "books=2", 0, 0, 0, 0, 0, 0,
          "books > 1 not supported by this machine's CPU topology" },
        { "99999999999999999999", 0, 0, 0, 0, 0, 0,
          "Parameter 'smp.cpus' expects integer" },
        { "x", 0, 0, 0, 0, 0, 0, "Parameter 'smp.cpus' expects integer" },
        { "4,color=2", 0, 0, 0, 0, 0, 0, "Parameter 'smp.color' is unexpected" },
        /* products that are 0 modulo 2^32 and 2^64 */
        { "2,dies=32768,sockets=32768,threads=4", 0, 0, 0, 0, 0, 0,
          "Invalid CPU topology: product of the hierarchy must match maxcpus: "
          "sockets (32768) * dies (32768) * cores (0) * threads (4) != maxcpus (2)" },
        { "sockets=65535,dies=65535,cores=65535,threads=65535", 0, 0, 0, 0, 0, 0,
          "Invalid SMP CPUs 4294967295. The max CPUs supported by machine 'test-1.0' is 288" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autoptr(Error) err = NULL;
        CpuTopology t;
        bool ok = machine_parse_smp(machine_find("test"), rows[i].arg, &t, &err);

        g_test_message("-smp %s", rows[i].arg);
        if (rows[i].error) {
            g_assert_false(ok);
            g_assert_cmpstr(error_get_pretty(err), ==, rows[i].error);
            continue;
        }
        g_assert_true(ok);
        g_assert_cmpuint(t.cpus, ==, rows[i].cpus);
        g_assert_cmpuint(t.max_cpus, ==, rows[i].max);
        g_assert_cmpuint(t.sockets, ==, rows[i].sockets);
        g_assert_cmpuint(t.dies, ==, rows[i].dies);
        g_assert_cmpuint(t.cores, ==, rows[i].cores);
        g_assert_cmpuint(t.threads, ==, rows[i].threads);
    }
}

static void test_property_texts(void)
{
    static const struct {
        const char *name, *value, *error;
    } rows[] = {
        { "flag", "off", NULL },
        { "flag", "maybe", "Parameter 'flag' expects 'on' or 'off'" },
        { "byte", "0x20", NULL },
        { "byte", "101", "Property thing.byte doesn't take value 101" },
        { "byte", "256", "Property thing.byte doesn't take value 256" },
        { "byte", "-1", "Parameter 'byte' expects uint8" },
        { "byte", "x", "Parameter 'byte' expects uint8" },
        { "number", "-5", NULL },
        { "number", "4294967296", "Property thing.number doesn't take value 4294967296" },
        { "colour", "blue", "Parameter 'colour' does not accept value 'blue'" },
        { "size", "1", "Property 'thing.size' not found" },
    };
    Object *obj = object_new(&type_thing, &error_abort);
    Thing *t = (Thing *)obj;

    g_assert_true(t->flag);
    g_assert_cmpuint(t->byte, ==, 7);
    g_assert_cmpstr(t->text, ==, "hello");
    g_assert_cmpint(t->colour, ==, 1);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autoptr(Error) err = NULL;
        bool ok = object_set_prop_str(obj, rows[i].name, rows[i].value, &err);

        g_assert_cmpint(ok, ==, !rows[i].error);
        if (!ok) {
            g_assert_cmpstr(error_get_pretty(err), ==, rows[i].error);
        }
    }
    g_assert_false(t->flag);
    g_assert_cmpuint(t->byte, ==, 0x20);
    g_assert_cmpint(t->number, ==, -5);
    object_free(obj);
}

static void test_global_applies_when_an_object_is_made(void)
{
    g_autoptr(Error) err = NULL;
    Object *obj;

    global_property_add("thing", "byte", "9", true);
    obj = object_new(&type_thing, &error_abort);
    g_assert_cmpuint(((Thing *)obj)->byte, ==, 9);
    object_free(obj);
    global_property_add("thing", "byte", "900", true);
    g_assert_null(object_new(&type_thing, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "can't apply global thing.byte=900: "
                                               "Property thing.byte doesn't take value 900");
}

static void test_paths_follow_the_tree(void)
{
    static const ObjectType type_node = { .name = "node", .instance_size = sizeof(Object) };
    Object *root = object_new(&type_node, &error_abort);
    Object *a = object_new(&type_node, &error_abort);
    Object *b = object_new(&type_node, &error_abort);
    g_autofree char *path = NULL;

    object_add_child(root, "machine", a);
    object_add_child(a, "device[0]", b);
    path = object_get_path(b);
    g_assert_cmpstr(path, ==, "/machine/device[0]");
    g_assert_true(object_resolve_path(root, path) == b);
    g_assert_null(object_resolve_path(root, "/machine/device[1]"));
    object_unparent(b);
    g_assert_null(object_resolve_path(root, path));
    object_free(b);
    object_free(root);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/smp/strings_give_qemus_topology_or_text", test_smp_strings);
    g_test_add_func("/object/properties_refuse_with_qemus_text", test_property_texts);
    g_test_add_func("/object/paths_follow_the_tree", test_paths_follow_the_tree);
    g_test_add_func("/object/global_applies_when_made", test_global_applies_when_an_object_is_made);
    return g_test_run();
}
