/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Line editing; see the header. A key is a control character or an escape sequence; each has a row
 * in a table. Main loop. */
#include "qemu/osdep.h"
#include "readline.h"

typedef enum EscapeState { ESC_NONE, ESC_SEEN, ESC_CSI, ESC_SS3 } EscapeState;

struct Readline {
    const char *prompt;
    const ReadlineOps *ops;
    void *opaque;
    GString *line;
    size_t cursor;
    GPtrArray *history; /* of char *, oldest first */
    guint history_pos;  /* == history->len: the new line */
    EscapeState escape;
    unsigned param; /* number inside a CSI sequence */
};

Readline *readline_new(const char *prompt, const ReadlineOps *ops, void *opaque)
{
    Readline *rl = g_new0(Readline, 1);

    rl->prompt = prompt;
    rl->ops = ops;
    rl->opaque = opaque;
    rl->line = g_string_new(NULL);
    rl->history = g_ptr_array_new_with_free_func(g_free);
    return rl;
}

void readline_free(Readline *rl)
{
    if (rl) {
        g_string_free(rl->line, TRUE);
        g_ptr_array_free(rl->history, TRUE);
        g_free(rl);
    }
}

static void print(Readline *rl, const char *text)
{
    rl->ops->print(rl->opaque, text);
}

/* Draws the line from @from, where the terminal's cursor is, and puts the cursor in its place. */
static void redraw(Readline *rl, size_t from)
{
    GString *out = g_string_new(rl->line->str + from);

    g_string_append(out, "\033[K");
    if (rl->cursor < rl->line->len) {
        g_string_append_printf(out, "\033[%zuD", rl->line->len - rl->cursor);
    }
    print(rl, out->str);
    g_string_free(out, TRUE);
}

void readline_show(Readline *rl)
{
    print(rl, rl->prompt);
    if (rl->line->len) {
        redraw(rl, 0);
    }
}

void readline_reset(Readline *rl)
{
    g_string_truncate(rl->line, 0);
    rl->cursor = 0;
    rl->history_pos = rl->history->len;
    rl->escape = ESC_NONE;
}

/* Moves the cursor, on the terminal too. */
static void move_to(Readline *rl, size_t pos)
{
    g_autofree char *text = NULL;

    if (pos < rl->cursor) {
        text = g_strdup_printf("\033[%zuD", rl->cursor - pos);
    } else if (pos > rl->cursor) {
        text = g_strdup_printf("\033[%zuC", pos - rl->cursor);
    }
    if (text) {
        print(rl, text);
    }
    rl->cursor = pos;
}

static void insert(Readline *rl, const char *text)
{
    size_t len = strlen(text), from = rl->cursor;

    if (rl->line->len + len > READLINE_MAX_CHARS) {
        return;
    }
    g_string_insert(rl->line, (gssize)rl->cursor, text);
    rl->cursor += len;
    if (rl->cursor == rl->line->len) {
        print(rl, text);
    } else {
        redraw(rl, from);
    }
}

/* Erases [from, to) and leaves the cursor at @from. */
static void erase(Readline *rl, size_t from, size_t to)
{
    if (from < to) {
        move_to(rl, from);
        g_string_erase(rl->line, (gssize)from, (gssize)(to - from));
        redraw(rl, from);
    }
}

static void replace_line(Readline *rl, const char *text)
{
    move_to(rl, 0);
    g_string_assign(rl->line, text);
    rl->cursor = rl->line->len;
    redraw(rl, 0);
}

/* --- Keys ------------------------------------------------------------------------------------ */

static void key_home(Readline *rl)
{
    move_to(rl, 0);
}

static void key_end(Readline *rl)
{
    move_to(rl, rl->line->len);
}

static void key_left(Readline *rl)
{
    if (rl->cursor) {
        move_to(rl, rl->cursor - 1);
    }
}

static void key_right(Readline *rl)
{
    if (rl->cursor < rl->line->len) {
        move_to(rl, rl->cursor + 1);
    }
}

static void key_backspace(Readline *rl)
{
    if (rl->cursor) {
        erase(rl, rl->cursor - 1, rl->cursor);
    }
}

static void key_delete(Readline *rl)
{
    if (rl->cursor < rl->line->len) {
        erase(rl, rl->cursor, rl->cursor + 1);
    }
}

static void key_kill_to_end(Readline *rl)
{
    erase(rl, rl->cursor, rl->line->len);
}

static void key_kill_line(Readline *rl)
{
    erase(rl, 0, rl->cursor);
}

static void key_kill_word(Readline *rl)
{
    size_t from = rl->cursor;

    while (from && rl->line->str[from - 1] == ' ') {
        from--;
    }
    while (from && rl->line->str[from - 1] != ' ') {
        from--;
    }
    erase(rl, from, rl->cursor);
}

static void show_history(Readline *rl, guint pos)
{
    rl->history_pos = pos;
    replace_line(rl, pos < rl->history->len ? g_ptr_array_index(rl->history, pos) : "");
}

static void key_up(Readline *rl)
{
    if (rl->history_pos > 0) {
        show_history(rl, rl->history_pos - 1);
    }
}

static void key_down(Readline *rl)
{
    if (rl->history_pos < rl->history->len) {
        show_history(rl, rl->history_pos + 1);
    }
}

static void remember(Readline *rl, const char *line)
{
    const char *last = rl->history->len
                       ? g_ptr_array_index(rl->history, rl->history->len - 1) : "";

    if (*line && strcmp(line, last)) {
        if (rl->history->len == READLINE_MAX_HISTORY) {
            g_ptr_array_remove_index(rl->history, 0);
        }
        g_ptr_array_add(rl->history, g_strdup(line));
    }
}

static void key_enter(Readline *rl)
{
    g_autofree char *line = g_strdup(rl->line->str);

    remember(rl, line);
    readline_reset(rl);
    print(rl, "\n");
    rl->ops->line(rl->opaque, line);
}

/* Length of what all words have in common. */
static size_t common_prefix(const GPtrArray *words)
{
    const char *first = g_ptr_array_index(words, 0);
    size_t len = strlen(first);

    for (guint i = 1; i < words->len; i++) {
        const char *word = g_ptr_array_index(words, i);
        size_t same = 0;

        while (same < len && word[same] == first[same]) {
            same++;
        }
        len = same;
    }
    return len;
}

static void list_words(Readline *rl, const GPtrArray *words)
{
    print(rl, "\n");
    for (guint i = 0; i < words->len; i++) {
        g_autofree char *cell = g_strdup_printf("%-20s%s", (char *)g_ptr_array_index(words, i),
                                                i % 4 == 3 || i + 1 == words->len ? "\n" : " ");
        print(rl, cell);
    }
    readline_show(rl);
}

static void key_tab(Readline *rl)
{
    g_autofree char *start = g_strndup(rl->line->str, rl->cursor);
    GPtrArray *words = g_ptr_array_new_with_free_func(g_free);
    size_t typed = rl->ops->complete(rl->opaque, start, words);

    if (words->len) {
        const char *first = g_ptr_array_index(words, 0);
        size_t common = common_prefix(words);

        if (common > typed) {
            g_autofree char *more = g_strndup(first + typed, common - typed);

            insert(rl, more);
        }
        if (words->len == 1) {
            insert(rl, " ");
        } else if (common == typed) {
            list_words(rl, words);
        }
    }
    g_ptr_array_free(words, TRUE);
}

typedef void KeyFn(Readline *rl);

static KeyFn *const control_keys[0x20] = {
    [0x01] = key_home,      [0x02] = key_left,  [0x04] = key_delete, [0x05] = key_end,
    [0x06] = key_right,     [0x08] = key_backspace, [0x09] = key_tab, [0x0a] = key_enter,
    [0x0b] = key_kill_to_end, [0x0d] = key_enter, [0x0e] = key_down, [0x10] = key_up,
    [0x15] = key_kill_line, [0x17] = key_kill_word,
};

static const struct {
    char final;
    unsigned param; /* for '~' */
    KeyFn *fn;
} escape_keys[] = {
    { 'A', 0, key_up },   { 'B', 0, key_down }, { 'C', 0, key_right },  { 'D', 0, key_left },
    { 'H', 0, key_home }, { 'F', 0, key_end },  { '~', 1, key_home },   { '~', 3, key_delete },
    { '~', 4, key_end },  { '~', 7, key_home }, { '~', 8, key_end },
};

static void escape_byte(Readline *rl, uint8_t c)
{
    if (rl->escape == ESC_SEEN) {
        rl->escape = c == '[' ? ESC_CSI : c == 'O' ? ESC_SS3 : ESC_NONE;
        rl->param = 0;
        return;
    }
    if (g_ascii_isdigit(c)) {
        rl->param = rl->param * 10 % 1000 + c - '0';
        return;
    }
    if (c == ';') {
        return;
    }
    rl->escape = ESC_NONE;
    for (size_t i = 0; i < ARRAY_SIZE(escape_keys); i++) {
        if (escape_keys[i].final == c && (c != '~' || escape_keys[i].param == rl->param)) {
            escape_keys[i].fn(rl);
            return;
        }
    }
}

void readline_byte(Readline *rl, uint8_t c)
{
    const char text[] = { (char)c, '\0' };

    if (rl->escape != ESC_NONE) {
        escape_byte(rl, c);
    } else if (c == 0x1b) {
        rl->escape = ESC_SEEN;
    } else if (c == 0x7f) {
        key_backspace(rl);
    } else if (c >= 0x20) {
        insert(rl, text);
    } else if (control_keys[c]) {
        control_keys[c](rl);
    }
}
