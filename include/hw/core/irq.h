/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An interrupt line: what its source calls when the level changes. BQL. */
#ifndef HW_CORE_IRQ_H
#define HW_CORE_IRQ_H

#include "qemu/osdep.h"

typedef void (*IRQHandler)(void *opaque, int n, int level);

/* Handler NULL: not connected, changes are ignored. Copied by value. */
typedef struct IRQLine {
    IRQHandler handler;
    void *opaque;
    int n;
} IRQLine;

static inline void irq_set(const IRQLine *line, int level)
{
    if (line->handler) {
        line->handler(line->opaque, line->n, level);
    }
}

static inline void irq_raise(const IRQLine *line)
{
    irq_set(line, 1);
}

static inline void irq_lower(const IRQLine *line)
{
    irq_set(line, 0);
}

/* An edge. */
static inline void irq_pulse(const IRQLine *line)
{
    irq_set(line, 1);
    irq_set(line, 0);
}

#endif
