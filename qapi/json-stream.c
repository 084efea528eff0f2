/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Incremental JSON parser (RFC 8259 plus single quotes): a lexer that feeds a builder. Bounded in
 * depth, tokens and bytes; error texts as QMP clients know them. Any thread, one stream a thread.
 *
 *   bytes -> lex_char() -> token -> build_token() -> value or error
 *
 * A mistake in the grammar is reported once, where the brackets balance. A byte no token can have
 * is reported at once; what follows up to a bracket or control character is then skipped.
 */
#include "qemu/osdep.h"
#include "qapi/json-stream.h"

#include <math.h>

typedef enum LexState {
    LEX_START,
    LEX_RECOVERY,
    LEX_STRING,
    LEX_STRING_ESCAPE,
    LEX_KEYWORD,
    LEX_MINUS,    /* number: after '-' */
    LEX_ZERO,     /* a leading 0, which is a whole integer part */
    LEX_INTEGER,
    LEX_POINT,    /* after '.' */
    LEX_FRACTION,
    LEX_E,        /* after 'e' */
    LEX_E_SIGN,
    LEX_EXPONENT,
} LexState;

typedef enum TokenKind {
    TOKEN_PUNCT, /* the character itself */
    TOKEN_STRING,
    TOKEN_KEYWORD,
    TOKEN_NUMBER,
} TokenKind;

typedef enum BuildState {
    BUILD_VALUE,         /* a value */
    BUILD_FIRST_ELEMENT, /* after '[': a value or ']' */
    BUILD_ARRAY_SEP,     /* ',' or ']' */
    BUILD_FIRST_KEY,     /* after '{': a key or '}' */
    BUILD_KEY,
    BUILD_COLON,
    BUILD_OBJECT_SEP,    /* ',' or '}' */
} BuildState;

typedef struct Level {
    json_object *container;
    char *key; /* object: of the value to come */
} Level;

struct JsonStream {
    LexState lex;
    char quote;
    GString *token;

    BuildState build;
    GArray *levels; /* of Level */
    char *error;    /* first grammar mistake of this value; nothing is built any more */
    int braces, brackets;
    unsigned tokens;
    size_t token_bytes;
};

JsonStream *json_stream_new(void)
{
    JsonStream *s = g_new0(JsonStream, 1);

    s->token = g_string_new(NULL);
    s->levels = g_array_new(FALSE, FALSE, sizeof(Level));
    return s;
}

/* Drops the value under construction. */
static void reset_builder(JsonStream *s)
{
    for (guint i = 0; i < s->levels->len; i++) {
        Level *level = &g_array_index(s->levels, Level, i);

        /* The outermost container owns the others. */
        if (i == 0) {
            json_object_put(level->container);
        }
        g_free(level->key);
    }
    g_array_set_size(s->levels, 0);
    g_clear_pointer(&s->error, g_free);
    s->build = BUILD_VALUE;
    s->braces = s->brackets = 0;
    s->tokens = 0;
    s->token_bytes = 0;
}

void json_stream_reset(JsonStream *s)
{
    reset_builder(s);
    s->lex = LEX_START;
    /* A huge token must not stay allocated for the rest of the session. */
    g_string_free(s->token, TRUE);
    s->token = g_string_new(NULL);
}

void json_stream_free(JsonStream *s)
{
    if (s) {
        reset_builder(s);
        g_array_free(s->levels, TRUE);
        g_string_free(s->token, TRUE);
        g_free(s);
    }
}

static void G_GNUC_PRINTF(2, 3) grammar_error(JsonStream *s, const char *fmt, ...)
{
    va_list ap;

    if (!s->error) {
        va_start(ap, fmt);
        s->error = g_strdup_vprintf(fmt, ap);
        va_end(ap);
    }
}

/* --- Tokens to values ------------------------------------------------------------------------ */

/* Four hex digits at @p, or -1. */
static int hex4(const char *p, const char *end)
{
    int value = 0;

    if (end - p < 4) {
        return -1;
    }
    for (int i = 0; i < 4; i++) {
        if (!g_ascii_isxdigit(p[i])) {
            return -1;
        }
        value = value * 16 + g_ascii_xdigit_value(p[i]);
    }
    return value;
}

/* Reads "uXXXX" (or a surrogate pair of them) at *pp, behind the backslash. */
static bool unescape_unicode(JsonStream *s, const char **pp, const char *end, GString *out)
{
    const char *p = *pp + 1;
    int unit = hex4(p, end), low;

    *pp = p + 4;
    if (unit >= 0xd800 && unit < 0xdc00 && end - p >= 10 && p[4] == '\\' && p[5] == 'u') {
        low = hex4(p + 6, end);
        if (low >= 0xdc00 && low < 0xe000) {
            *pp = p + 10;
            g_string_append_unichar(out, 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
            return true;
        }
    }
    if (unit < 0 || (unit >= 0xd800 && unit < 0xe000)) {
        grammar_error(s, "\\u%.*s is not a valid Unicode character", (int)MIN(4, end - p), p);
        return false;
    }
    if (unit) {
        g_string_append_unichar(out, unit);
    } else {
        /* C strings hold a NUL only in this overlong form. */
        g_string_append(out, "\xc0\x80");
    }
    return true;
}

/* The contents of a quoted string token, or NULL with the error recorded. */
static GString *unescape(JsonStream *s, const GString *token)
{
    static const char from[] = "\"'\\/bfnrt", to[] = "\"'\\/\b\f\n\r\t";
    const char *p = token->str + 1, *end = token->str + token->len - 1;
    GString *out;

    if (!g_utf8_validate_len(p, end - p, NULL)) {
        grammar_error(s, "invalid UTF-8 sequence in string");
        return NULL;
    }
    out = g_string_sized_new(end - p);
    while (p < end) {
        const char *backslash = memchr(p, '\\', end - p);
        const char *known;

        g_string_append_len(out, p, (backslash ? backslash : end) - p);
        if (!backslash) {
            break;
        }
        p = backslash + 1;
        known = strchr(from, *p);
        if (known) {
            g_string_append_c(out, to[known - from]);
            p++;
        } else if (*p != 'u') {
            grammar_error(s, "invalid escape sequence in string");
        } else {
            unescape_unicode(s, &p, end, out);
        }
        if (s->error) {
            g_string_free(out, TRUE);
            return NULL;
        }
    }
    return out;
}

static json_object *number_value(JsonStream *s, const char *text)
{
    bool integer = !strpbrk(text, ".e");
    double number;

    if (integer) {
        errno = 0;
        if (*text == '-') {
            int64_t i = g_ascii_strtoll(text, NULL, 10);

            if (!errno) {
                return json_object_new_int64(i);
            }
        } else {
            uint64_t u = g_ascii_strtoull(text, NULL, 10);

            if (!errno) {
                return u > INT64_MAX ? json_object_new_uint64(u) : json_object_new_int64(u);
            }
        }
    }
    number = g_ascii_strtod(text, NULL);
    if (!isfinite(number)) {
        grammar_error(s, "number out of range");
        return NULL;
    }
    return json_object_new_double(number);
}

static json_object *keyword_value(JsonStream *s, const char *text)
{
    if (!strcmp(text, "true") || !strcmp(text, "false")) {
        return json_object_new_boolean(*text == 't');
    }
    if (strcmp(text, "null")) {
        grammar_error(s, "invalid keyword '%s'", text);
    }
    return NULL;
}

static json_object *scalar_value(JsonStream *s, TokenKind kind)
{
    json_object *value = NULL;
    GString *text;

    switch (kind) {
    case TOKEN_NUMBER:
        return number_value(s, s->token->str);
    case TOKEN_KEYWORD:
        return keyword_value(s, s->token->str);
    default:
        text = unescape(s, s->token);
        if (text) {
            value = json_object_new_string_len(text->str, (int)text->len);
            g_string_free(text, TRUE);
        }
        return value;
    }
}

/* --- Builder --------------------------------------------------------------------------------- */

static Level *top(JsonStream *s)
{
    return s->levels->len ? &g_array_index(s->levels, Level, s->levels->len - 1) : NULL;
}

/* What comes after a value inside the innermost container. */
static void after_value(JsonStream *s)
{
    s->build = json_object_is_type(top(s)->container, json_type_array) ? BUILD_ARRAY_SEP
                                                                         : BUILD_OBJECT_SEP;
}

static void attach(Level *level, json_object *value)
{
    if (json_object_is_type(level->container, json_type_array)) {
        json_object_array_add(level->container, value);
    } else {
        json_object_object_add(level->container, level->key, value);
        g_clear_pointer(&level->key, g_free);
    }
}

/* A complete scalar; at the top it is the whole value. */
static bool add_scalar(JsonStream *s, TokenKind kind, json_object **result)
{
    json_object *value = scalar_value(s, kind);

    if (s->error || !top(s)) {
        *result = value;
        return true;
    }
    attach(top(s), value);
    after_value(s);
    return false;
}

static void open_container(JsonStream *s, char bracket)
{
    bool array = bracket == '[';
    Level level = { array ? json_object_new_array_ext(4) : json_object_new_object(), NULL };

    if (top(s)) {
        attach(top(s), level.container);
    }
    g_array_append_val(s->levels, level);
    s->build = array ? BUILD_FIRST_ELEMENT : BUILD_FIRST_KEY;
}

/* True when the outermost container is closed: *result is the value. */
static bool close_container(JsonStream *s, json_object **result)
{
    json_object *container = top(s)->container;

    g_array_set_size(s->levels, s->levels->len - 1);
    if (top(s)) {
        after_value(s);
        return false;
    }
    *result = container;
    return true;
}

static void add_key(JsonStream *s, TokenKind kind, char punct)
{
    GString *key;

    if (kind == TOKEN_PUNCT && punct != '{' && punct != '[') {
        grammar_error(s, "expecting value");
    } else if (kind != TOKEN_STRING) {
        if (kind == TOKEN_KEYWORD) {
            json_object_put(keyword_value(s, s->token->str)); /* may be no keyword at all */
        }
        grammar_error(s, "key is not a string in object");
    } else if ((key = unescape(s, s->token))) {
        if (json_object_object_get_ex(top(s)->container, key->str, NULL)) {
            grammar_error(s, "duplicate key");
        }
        top(s)->key = g_string_free(key, FALSE);
        s->build = BUILD_COLON;
    }
}

static bool expect(JsonStream *s, bool ok, BuildState next, const char *complaint)
{
    if (ok) {
        s->build = next;
    } else {
        grammar_error(s, "%s", complaint);
    }
    return false;
}

/* One token through the grammar. True when a value is complete (*result) unless s->error. */
static bool build_token(JsonStream *s, TokenKind kind, char punct, json_object **result)
{
    switch (s->build) {
    case BUILD_FIRST_ELEMENT:
        if (punct == ']') {
            return close_container(s, result);
        }
        /* fall through */
    case BUILD_VALUE:
        if (punct == '{' || punct == '[') {
            open_container(s, punct);
            return false;
        }
        if (punct) {
            grammar_error(s, "expecting value");
            return false;
        }
        return add_scalar(s, kind, result);
    case BUILD_ARRAY_SEP:
        if (punct == ']') {
            return close_container(s, result);
        }
        return expect(s, punct == ',', BUILD_VALUE, "expected separator in list");
    case BUILD_FIRST_KEY:
        if (punct == '}') {
            return close_container(s, result);
        }
        /* fall through */
    case BUILD_KEY:
        add_key(s, kind, punct);
        return false;
    case BUILD_COLON:
        return expect(s, punct == ':', BUILD_VALUE, "missing : in object pair");
    case BUILD_OBJECT_SEP:
        if (punct == '}') {
            return close_container(s, result);
        }
        return expect(s, punct == ',', BUILD_KEY, "expected separator in dict");
    }
    return false;
}

static const char *limit_exceeded(const JsonStream *s)
{
    if (s->token_bytes > JSON_STREAM_MAX_BYTES) {
        return "JSON token size limit exceeded";
    }
    if (s->tokens > JSON_STREAM_MAX_TOKENS) {
        return "JSON token count limit exceeded";
    }
    if (s->braces + s->brackets > JSON_STREAM_MAX_DEPTH) {
        return "JSON nesting depth limit exceeded";
    }
    return NULL;
}

/* Takes the finished token; MORE unless it completes a value or shows a mistake of a complete one.
 * */
static JsonStreamResult emit_token(JsonStream *s, TokenKind kind, char punct, json_object **value,
                                   Error **errp)
{
    const char *limit;
    bool done = false;

    s->tokens++;
    s->token_bytes += MAX(1, s->token->len);
    s->braces += punct == '{' ? 1 : punct == '}' ? -1 : 0;
    s->brackets += punct == '[' ? 1 : punct == ']' ? -1 : 0;
    limit = limit_exceeded(s);
    if (limit) {
        error_setg(errp, "%s", limit);
        json_stream_reset(s);
        return JSON_STREAM_ERROR;
    }
    if (!s->error) {
        done = build_token(s, kind, punct, value);
    }
    s->lex = LEX_START;
    g_string_truncate(s->token, 0);
    if (s->error) {
        if (s->braces > 0 || s->brackets > 0) {
            if (s->braces >= 0 && s->brackets >= 0) {
                return JSON_STREAM_MORE;
            }
        }
        error_setg(errp, "JSON parse error, %s", s->error);
        reset_builder(s);
        return JSON_STREAM_ERROR;
    }
    if (done) {
        reset_builder(s);
        return JSON_STREAM_VALUE;
    }
    return JSON_STREAM_MORE;
}

/* --- Lexer ----------------------------------------------------------------------------------- */

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The state after number character @c, or LEX_START when the number ends before it, or
 * LEX_RECOVERY when it must not end there. */
static LexState lex_number(LexState state, char c)
{
    bool digit = g_ascii_isdigit(c);

    switch (state) {
    case LEX_MINUS:
        return c == '0' ? LEX_ZERO : digit ? LEX_INTEGER : LEX_RECOVERY;
    case LEX_ZERO:
        return c == '.' ? LEX_POINT : (c | 0x20) == 'e' ? LEX_E : digit ? LEX_RECOVERY : LEX_START;
    case LEX_INTEGER:
        return digit ? state : c == '.' ? LEX_POINT : (c | 0x20) == 'e' ? LEX_E : LEX_START;
    case LEX_POINT:
        return digit ? LEX_FRACTION : LEX_RECOVERY;
    case LEX_FRACTION:
        return digit ? state : (c | 0x20) == 'e' ? LEX_E : LEX_START;
    case LEX_E:
        return c == '+' || c == '-' ? LEX_E_SIGN : digit ? LEX_EXPONENT : LEX_RECOVERY;
    case LEX_E_SIGN:
        return digit ? LEX_EXPONENT : LEX_RECOVERY;
    default:
        return digit ? LEX_EXPONENT : LEX_START;
    }
}

/* A character no token can have at this place. */
static JsonStreamResult lex_error(JsonStream *s, Error **errp)
{
    g_autofree char *text = g_utf8_make_valid(s->token->str, (gssize)MIN(s->token->len, 1024));

    error_setg(errp, "JSON parse error, stray '%s'", text);
    json_stream_reset(s);
    s->lex = LEX_RECOVERY;
    return JSON_STREAM_ERROR;
}

static LexState lex_first(JsonStream *s, char c)
{
    if (c == '"' || c == '\'') {
        s->quote = c;
        return LEX_STRING;
    }
    if (c == '-') {
        return LEX_MINUS;
    }
    if (g_ascii_isdigit(c)) {
        return c == '0' ? LEX_ZERO : LEX_INTEGER;
    }
    return g_ascii_islower(c) ? LEX_KEYWORD : LEX_RECOVERY;
}

static JsonStreamResult lex_start(JsonStream *s, char c, json_object **value, Error **errp)
{
    if (is_blank(c)) {
        return JSON_STREAM_MORE;
    }
    if (c && strchr("{}[],:", c)) {
        return emit_token(s, TOKEN_PUNCT, c, value, errp);
    }
    g_string_append_c(s->token, c);
    s->lex = lex_first(s, c);
    return s->lex == LEX_RECOVERY ? lex_error(s, errp) : JSON_STREAM_MORE;
}

static JsonStreamResult lex_string(JsonStream *s, char c, json_object **value, Error **errp)
{
    g_string_append_c(s->token, c);
    if ((uint8_t)c < 0x20 || (uint8_t)c >= 0xfe) {
        return lex_error(s, errp);
    }
    if (s->lex == LEX_STRING_ESCAPE) {
        s->lex = LEX_STRING;
    } else if (c == '\\') {
        s->lex = LEX_STRING_ESCAPE;
    } else if (c == s->quote) {
        return emit_token(s, TOKEN_STRING, 0, value, errp);
    }
    return JSON_STREAM_MORE;
}

/* A character of a keyword or number. *again: the token ended before it. */
static JsonStreamResult lex_word(JsonStream *s, char c, bool *again, json_object **value,
                                 Error **errp)
{
    TokenKind kind = s->lex == LEX_KEYWORD ? TOKEN_KEYWORD : TOKEN_NUMBER;
    LexState next = kind == TOKEN_NUMBER ? lex_number(s->lex, c)
                    : g_ascii_islower(c) ? LEX_KEYWORD
                                         : LEX_START;

    if (next == LEX_START) {
        *again = true;
        return emit_token(s, kind, 0, value, errp);
    }
    g_string_append_c(s->token, c);
    s->lex = next;
    return next == LEX_RECOVERY ? lex_error(s, errp) : JSON_STREAM_MORE;
}

static JsonStreamResult lex_char(JsonStream *s, char c, bool *again, json_object **value,
                                 Error **errp)
{
    if (s->token->len > JSON_STREAM_MAX_BYTES) {
        error_setg(errp, "JSON token size limit exceeded");
        json_stream_reset(s);
        s->lex = LEX_RECOVERY;
        return JSON_STREAM_ERROR;
    }
    switch (s->lex) {
    case LEX_START:
        return lex_start(s, c, value, errp);
    case LEX_RECOVERY:
        if ((uint8_t)c < 0x20 || (uint8_t)c >= 0xfe || strchr("{}[]", c)) {
            s->lex = LEX_START;
            *again = true;
        }
        return JSON_STREAM_MORE;
    case LEX_STRING:
    case LEX_STRING_ESCAPE:
        return lex_string(s, c, value, errp);
    default:
        return lex_word(s, c, again, value, errp);
    }
}

JsonStreamResult json_stream_feed(JsonStream *s, const char *buf, size_t len, size_t *used,
                                  json_object **value, Error **errp)
{
    JsonStreamResult result = JSON_STREAM_MORE;
    size_t i = 0;

    *value = NULL;
    while (i < len && result == JSON_STREAM_MORE) {
        bool again = false;

        result = lex_char(s, buf[i], &again, value, errp);
        i += !again;
    }
    *used = i;
    return result;
}

bool json_parse_text(const char *text, json_object **value, Error **errp)
{
    g_autoptr(JsonStream) s = json_stream_new();
    size_t len = strlen(text), used = 0, pos;
    JsonStreamResult result = json_stream_feed(s, text, len, &pos, value, errp);

    if (result == JSON_STREAM_MORE) {
        /* A blank ends a number or keyword. */
        result = json_stream_feed(s, " ", 1, &used, value, errp);
    }
    if (result == JSON_STREAM_MORE) {
        error_setg(errp, "JSON parse error, premature end of text");
    }
    if (result != JSON_STREAM_VALUE) {
        return false;
    }
    while (pos < len && is_blank(text[pos])) {
        pos++;
    }
    if (pos < len) {
        json_object_put(*value);
        *value = NULL;
        error_setg(errp, "JSON parse error, text after the value");
        return false;
    }
    return true;
}
