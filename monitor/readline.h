/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Line editing on a terminal (ECMA-48 subset): movement, history, completion. Knows no monitor. */
#ifndef MONITOR_READLINE_H
#define MONITOR_READLINE_H

#include "qemu/osdep.h"

#define READLINE_MAX_CHARS   4095
#define READLINE_MAX_HISTORY 64

typedef struct ReadlineOps {
    void (*print)(void *opaque, const char *text);
    /* A line was entered; it may show the next prompt. */
    void (*line)(void *opaque, const char *line);
    /* Adds what the word that ends @start (the line up to the cursor) could become to @words, which
     * owns its strings; returns the length of the part of the word that is there. */
    size_t (*complete)(void *opaque, const char *start, GPtrArray *words);
} ReadlineOps;

typedef struct Readline Readline;

Readline *readline_new(const char *prompt, const ReadlineOps *ops, void *opaque);
void readline_free(Readline *rl);
/* Shows the prompt and what has been typed so far. */
void readline_show(Readline *rl);
/* Forgets what has been typed. */
void readline_reset(Readline *rl);
void readline_byte(Readline *rl, uint8_t c);

#endif
