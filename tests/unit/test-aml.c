/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The AML writer against byte sequences worked out from ACPI 6.5 chapters 6.4 and 20. */
#include "qemu/osdep.h"
#include "hw/i386/aml.h"

static void check(Aml *a, const char *hex)
{
    g_autoptr(GString) got = g_string_new(NULL);

    for (guint i = 0; i < a->len; i++) {
        g_string_append_printf(got, "%s%02x", i ? " " : "", a->data[i]);
    }
    g_assert_cmpstr(got->str, ==, hex);
    g_byte_array_set_size(a, 0);
}

static void test_integers_take_the_shortest_form(void)
{
    g_autoptr(GByteArray) a = g_byte_array_new();

    aml_int(a, 0);
    check(a, "00");
    aml_int(a, 1);
    check(a, "01");
    aml_int(a, 0xff);
    check(a, "0a ff");
    aml_int(a, 0x100);
    check(a, "0b 00 01");
    aml_int(a, 0x10000);
    check(a, "0c 00 00 01 00");
    aml_int(a, 0x100000000ull);
    check(a, "0e 00 00 00 00 01 00 00 00");
}

static void test_name_strings(void)
{
    g_autoptr(GByteArray) a = g_byte_array_new();

    aml_namestring(a, "_SB");
    check(a, "5f 53 42 5f");
    aml_namestring(a, "\\");
    check(a, "5c 00");
    aml_namestring(a, "\\_SB.PCI0");
    check(a, "5c 2e 5f 53 42 5f 50 43 49 30");
    aml_namestring(a, "^^A");
    check(a, "5e 5e 41 5f 5f 5f");
    aml_namestring(a, "A.B.C");
    check(a, "2f 03 41 5f 5f 5f 42 5f 5f 5f 43 5f 5f 5f");
}

static void test_eisa_id(void)
{
    g_autoptr(GByteArray) a = g_byte_array_new();

    aml_eisaid(a, "PNP0A03"); /* the example of section 19.3.4 */
    check(a, "0c 41 d0 0a 03");
}

static void test_uuid_byte_order(void)
{
    g_autoptr(GByteArray) a = g_byte_array_new();

    aml_uuid(a, "33db4d5b-1ff7-401c-9657-7441c03dd766");
    check(a, "11 13 0a 10 5b 4d db 33 f7 1f 1c 40 96 57 74 41 c0 3d d7 66");
}

static void test_device_and_method(void)
{
    g_autoptr(GByteArray) a = g_byte_array_new();
    size_t dev = aml_begin_device(a, "DEV");

    aml_method_return_int(a, "_STA", 0xf);
    aml_end(a, dev);
    check(a, "5b 82 0f 44 45 56 5f 14 09 5f 53 54 41 00 a4 0a 0f");
}

/* The package length of a scope with @body bytes after its name of 4. */
static void check_scope_length(unsigned body, const char *encoding)
{
    g_autoptr(GByteArray) a = g_byte_array_new();
    g_autofree uint8_t *zeroes = g_malloc0(body);
    g_autoptr(GString) got = g_string_new(NULL);
    size_t scope = aml_begin_scope(a, "_SB"), bytes;

    aml_raw(a, zeroes, body);
    aml_end(a, scope);
    bytes = a->len - 1 - 4 - body;
    for (size_t i = 0; i < bytes; i++) {
        g_string_append_printf(got, "%02x", a->data[1 + i]);
    }
    g_assert_cmpstr(got->str, ==, encoding);
}

static void test_package_length_grows_with_its_content(void)
{
    check_scope_length(58, "3f");               /* 1 + 4 + 58 = 63 */
    check_scope_length(59, "4104");             /* 2 + 4 + 59 = 65 */
    check_scope_length(4089, "4fff");           /* 2 + 4 + 4089 = 4095 */
    check_scope_length(4090, "810001");         /* 3 + 4 + 4090 = 4097 */
    check_scope_length(0x100000, "c8000001");   /* 4 + 4 + 2^20 */
}

static void test_nested_lengths(void)
{
    g_autoptr(GByteArray) a = g_byte_array_new();
    size_t outer = aml_begin_package(a, 2), inner = aml_begin_package(a, 1);

    aml_int(a, 5);
    aml_end(a, inner);
    aml_string(a, "x");
    aml_end(a, outer);
    check(a, "12 0a 02 12 04 01 0a 05 0d 78 00");
}

static void test_resource_template(void)
{
    g_autoptr(GByteArray) a = g_byte_array_new();
    size_t res = aml_begin_resources(a, "_CRS");

    aml_res_io(a, 0x3f8, 8);
    aml_res_irq(a, 4);
    aml_end_resources(a, res);
    check(a, "08 5f 43 52 53 11 11 0b 0d 00 47 01 f8 03 f8 03 01 08 22 10 00 79 00");
}

static void test_address_space_descriptors(void)
{
    g_autoptr(GByteArray) a = g_byte_array_new();

    aml_res_bus(a, 0, 0xff);
    check(a, "88 0d 00 02 0c 00 00 00 00 00 ff 00 00 00 00 01");
    aml_res_dword_memory(a, true, 0xa0000, 0xbffff);
    check(a, "87 17 00 00 0c 03 00 00 00 00 00 00 0a 00 ff ff 0b 00 00 00 00 00 00 00 02 00");
    aml_res_qword_memory(a, false, 1ull << 32, (1ull << 32) + 0xfff);
    check(a, "8a 2b 00 00 0c 01 00 00 00 00 00 00 00 00 00 00 00 00 01 00 00 00 ff 0f 00 00 01 00 "
             "00 00 00 00 00 00 00 00 00 00 00 10 00 00 00 00 00 00");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/aml/integer/shortest_form", test_integers_take_the_shortest_form);
    g_test_add_func("/aml/name/strings", test_name_strings);
    g_test_add_func("/aml/data/eisa_id", test_eisa_id);
    g_test_add_func("/aml/data/uuid_byte_order", test_uuid_byte_order);
    g_test_add_func("/aml/term/device_and_method", test_device_and_method);
    g_test_add_func("/aml/length/grows_with_content", test_package_length_grows_with_its_content);
    g_test_add_func("/aml/length/nested", test_nested_lengths);
    g_test_add_func("/aml/resources/template", test_resource_template);
    g_test_add_func("/aml/resources/address_space", test_address_space_descriptors);
    return g_test_run();
}
