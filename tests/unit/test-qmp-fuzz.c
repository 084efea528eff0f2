/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/fuzz/fuzz-qmp.c on a fixed series of damaged requests: it must neither crash nor answer
 * with something that is not JSON. */
#include "qemu/osdep.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const seeds[] = {
    "{\"execute\": \"test-none\", \"id\": [1, {\"a\": null}]}",
    "{\"execute\":\"test-text\",\"arguments\":{\"colour\":\"dark-green\"}}",
    "{'execute':'test-all','arguments':{'b':true,'i':-1,'u8':255,'u64':18446744073709551615}}",
    "{\"execute\":\"test-all\",\"arguments\":{\"n\":1.5e-3,\"s\":\"\\u00e4\\ud83d\\ude00\\n\","
    "\"any\":[{},[],\"\"]}}",
    "{\"execute\":\"test-all\",\"arguments\":{\"p\":{\"x\":1,\"y\":-128},\"shapes\":"
    "[{\"colour\":\"red\",\"radius\":5},{\"colour\":\"dark-green\",\"text\":\"\"}]}}",
    "{\"execute\":\"test-all\",\"arguments\":{\"alt\":{\"x\":1},\"ints\":[1,2,3]}}"
    "{\"execute\":\"test-all\",\"arguments\":{\"tree\":{\"leaves\":[{},{\"leaves\":[]}]}}}",
};

/* Pieces that matter to the parser. */
static const char *const pieces[] = {
    "{", "}", "[", "]", ",", ":", "\"", "'", "\\", "\\u", "\\ud800", "\xff", "\xc0\x80", "\xed\xa0",
    "null", "true", "-", "0", "1e999", "9223372036854775808", ".", "\n", "\x01", "execute", "id",
};

/* Damages @text at a few places. */
static void damage(GString *text, GRand *rand)
{
    int times = g_rand_int_range(rand, 1, 6);

    while (times--) {
        gsize at = (gsize)g_rand_int_range(rand, 0, (gint)text->len + 1);
        const char *piece = pieces[g_rand_int_range(rand, 0, ARRAY_SIZE(pieces))];

        switch (g_rand_int_range(rand, 0, 3)) {
        case 0:
            if (at < text->len) {
                text->str[at] ^= (char)(1u << g_rand_int_range(rand, 0, 8));
            }
            break;
        case 1:
            g_string_erase(text, (gssize)at, (gssize)MIN(text->len - at, 5));
            break;
        default:
            g_string_insert(text, (gssize)at, piece);
            break;
        }
    }
}

static void test_damaged_requests(void)
{
    GRand *rand = g_rand_new_with_seed(1);

    for (int i = 0; i < 60000; i++) {
        GString *text = g_string_new(seeds[i % ARRAY_SIZE(seeds)]);

        damage(text, rand);
        g_string_prepend_c(text, (char)g_rand_int(rand));
        LLVMFuzzerTestOneInput((const uint8_t *)text->str, text->len);
        g_string_free(text, TRUE);
    }
    g_rand_free(rand);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qmp/fuzz/damaged_requests_get_json_answers", test_damaged_requests);
    return g_test_run();
}
