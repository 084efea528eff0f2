/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Multiboot command line (multiboot specification 0.6.96, 3.3), cut into words in place. */
#include <stdbool.h>
#include <stddef.h>
#include "cmdline.h"
#include "layout.h"
#include "memory.h"

#define INFO_HAS_CMDLINE 4
#define MAX_BYTES        512
#define MAX_WORDS        32

static char text[MAX_BYTES];
static const char *words[MAX_WORDS];
static unsigned nr_words;

void cmdline_init(uint32_t magic, uint32_t info_gpa)
{
    const uint32_t *info = (const uint32_t *)(uintptr_t)info_gpa;
    const char *src;
    bool in_word = false;

    if (magic != MULTIBOOT_LOADER_MAGIC || !(info[0] & INFO_HAS_CMDLINE)) {
        return;
    }
    src = (const char *)(uintptr_t)info[4];
    for (unsigned i = 0; i < MAX_BYTES - 1 && src[i]; i++) {
        bool space = src[i] == ' ' || src[i] == '\t' || src[i] == '\n';

        text[i] = space ? 0 : src[i];
        if (!space && !in_word && nr_words < MAX_WORDS) {
            words[nr_words++] = &text[i];
        }
        in_word = !space;
    }
}

const char *cmdline_get(const char *key, const char *def)
{
    size_t len = strlen(key);
    const char *val = def;

    for (unsigned i = 0; i < nr_words; i++) {
        if (strlen(words[i]) > len && memcmp(words[i], key, len) == 0 && words[i][len] == '=') {
            val = words[i] + len + 1;
        }
    }
    return val;
}

static int digit(char c, unsigned base)
{
    int d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

    return d < (int)base ? d : -1;
}

uint32_t cmdline_get_u32(const char *key, uint32_t def)
{
    const char *s = cmdline_get(key, "");
    unsigned base = 10;
    uint64_t val = 0;

    if (s[0] == '0' && s[1] == 'x') {
        base = 16;
        s += 2;
    }
    if (!*s) {
        return def;
    }
    for (; *s; s++) {
        int d = digit(*s, base);

        if (d < 0 || val > UINT32_MAX / base) {
            return def;
        }
        val = val * base + (unsigned)d;
    }
    return (uint32_t)val;
}
