/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Line editing: what keys do to the line, and what the terminal shows in the end. */
#include "qemu/osdep.h"
#include "monitor/readline.h"

static GString *lines; /* entered, each with a newline */
static GString *output;

static void on_print(void *opaque, const char *text)
{
    g_string_append(output, text);
}

static void on_line(void *opaque, const char *line)
{
    g_string_append_printf(lines, "%s\n", line);
}

static size_t on_complete(void *opaque, const char *start, GPtrArray *words)
{
    static const char *const all[] = { "stop", "status", "system_reset" };

    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        if (g_str_has_prefix(all[i], start)) {
            g_ptr_array_add(words, g_strdup(all[i]));
        }
    }
    return strlen(start);
}

static const ReadlineOps ops = { on_print, on_line, on_complete };

/* What @keys enter. */
static const char *type(const char *keys)
{
    Readline *rl = readline_new("> ", &ops, NULL);

    g_string_truncate(lines, 0);
    g_string_truncate(output, 0);
    for (; *keys; keys++) {
        readline_byte(rl, (uint8_t)*keys);
    }
    readline_free(rl);
    return lines->str;
}

static void test_keys(void)
{
    static const struct {
        const char *keys, *line;
    } cases[] = {
        { "abc\r", "abc\n" },
        { "abc\n", "abc\n" },
        { "\r", "\n" },
        { "ab\bc\r", "ac\n" },
        { "ab\x7f" "c\r", "ac\n" },
        { "\b\b\x7fx\r", "x\n" },
        { "bc\001a\r", "abc\n" },
        { "bc\001a\005d\r", "abcd\n" },
        { "abd\x1b[Dc\r", "abcd\n" },
        { "abd\002c\006e\r", "abcde\n" },
        { "\x1b[D\x1b[C\x1b[D" "a\r", "a\n" },
        { "abxc\x1b[D\x1b[D\x1b[3~\r", "abc\n" },
        { "abc\001\004\r", "bc\n" },
        { "one two\027\r", "one \n" },
        { "one two  \027x\r", "one x\n" },
        { "abc\002\013\r", "ab\n" },
        { "abc\002\025\r", "c\n" },
        { "a\x1b[Hb\x1b[Fc\r", "bac\n" },
        { "a\x1bOHb\x1bOFc\r", "bac\n" },
        { "a\x1b[1~b\x1b[4~c\r", "bac\n" },
        { "a\x1b[1;5Zb\x1bxc\r", "abc\n" },
        { "a\x03\x1f" "b\r", "ab\n" },
        { "\xc3\xa4\r", "\xc3\xa4\n" },
        { "first\rsecond\r\x1b[A\x1b[A\r", "first\nsecond\nfirst\n" },
        { "first\r\x1b[A\x1b[A\x1b[B\x1b[Bx\r", "first\nx\n" },
        { "a\ra\rb\r\020\020\r", "a\na\nb\na\n" },
        { "sy\t\r", "system_reset \n" },
        { "st\t\to\t\r", "stop \n" },
        { "q\t\r", "q\n" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        g_assert_cmpstr(type(cases[i].keys), ==, cases[i].line);
    }
}

static void test_ambiguous_completion_lists(void)
{
    type("st\t");
    g_assert_nonnull(strstr(output->str, "stop"));
    g_assert_nonnull(strstr(output->str, "status"));
    g_assert_null(strstr(output->str, "system_reset"));
    g_assert_true(g_str_has_suffix(output->str, "> st\033[K"));
}

static void test_appending_just_echoes(void)
{
    type("abc");
    g_assert_cmpstr(output->str, ==, "abc");
}

static void test_line_length_is_limited(void)
{
    g_autofree char *keys = g_strnfill(READLINE_MAX_CHARS + 100, 'x');
    g_autofree char *all = g_strconcat(keys, "\r", NULL);

    g_assert_cmpuint(strlen(type(all)), ==, READLINE_MAX_CHARS + 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    lines = g_string_new(NULL);
    output = g_string_new(NULL);
    g_test_add_func("/readline/keys_edit_the_line", test_keys);
    g_test_add_func("/readline/ambiguous_completion_lists", test_ambiguous_completion_lists);
    g_test_add_func("/readline/appending_just_echoes", test_appending_just_echoes);
    g_test_add_func("/readline/length_is_limited", test_line_length_is_limited);
    return g_test_run();
}
