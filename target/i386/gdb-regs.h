/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registers of an x86 CPU as gdb sees them: numbers, layout and the target description. */
#ifndef I386_GDB_REGS_H
#define I386_GDB_REGS_H

#include "target/i386/cpu.h"

/* Which registers a description lists. */
typedef struct X86GdbLayout {
    bool wide; /* x86-64: 16 registers of 64 bits; else i386 */
    bool avx;
} X86GdbLayout;

X86GdbLayout x86_gdb_layout(const X86CPU *cpu);
/* The XML text of target.xml; the caller frees. */
char *x86_gdb_description(const X86GdbLayout *layout);
unsigned x86_gdb_nr_registers(const X86GdbLayout *layout);
/* Bytes put into @buf (room for 16), 0: no such register. Registers must be in env. BQL. */
unsigned x86_gdb_read_register(const X86CPU *cpu, const X86GdbLayout *layout, unsigned reg,
                               uint8_t *buf);
/* Takes the register's size from @buf and puts it into env; 0 when @len is less, there is none of
 * that number, or (selectors) its descriptor cannot be loaded. BQL. */
unsigned x86_gdb_write_register(X86CPU *cpu, const X86GdbLayout *layout, unsigned reg,
                                const uint8_t *buf, size_t len);

#endif
