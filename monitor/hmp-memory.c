/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory, ports and values in the human monitor: x, xp, print, i, o, gva2gpa. Main loop, BQL. */
#include "qemu/osdep.h"
#include "hmp.h"
#include "hw/core/machine.h"
#include "target/i386/cpu.h"

#include <capstone/capstone.h>

#define MAX_DUMP_BYTES   (1 * MiB) /* of one command: its text is a dozen times that */
#define MAX_LINE_BYTES   16
#define MAX_INSN_BYTES   15
#define INSN_BYTES_SHOWN 8

/* Where a dump reads: guest physical memory, or linear addresses of a CPU. */
typedef struct Source {
    X86CPU *cpu; /* NULL: physical */
} Source;

/* How much of [addr, addr + len) can be read from its start. */
static size_t read_memory(const Source *src, uint64_t addr, uint8_t *buf, size_t len)
{
    for (size_t done = 0; done < len;) {
        uint64_t gpa = addr + done;
        size_t n = MIN(len - done, 4096 - (size_t)(gpa & 4095));

        if (src->cpu && !x86_cpu_translate(src->cpu, gpa, &gpa)) {
            return done;
        }
        if (!current_machine->memory ||
            !address_space_rw(current_machine->memory, gpa, buf + done, n, false)) {
            if (src->cpu || !current_machine->memory) {
                return done;
            }
            memset(buf + done, 0, n); /* nothing answers there: zeros, as ever */
        }
        done += n;
    }
    return len;
}

/* --- Values ---------------------------------------------------------------------------------- */

static void print_char(Monitor *mon, uint8_t c)
{
    static const char from[] = "\n\r\\'", to[] = "nr\\'";
    const char *escape = c ? strchr(from, c) : NULL;

    if (escape) {
        monitor_printf(mon, "'\\%c'", to[escape - from]);
    } else if (c >= 0x20 && c < 0x7f) {
        monitor_printf(mon, "'%c'", c);
    } else {
        monitor_printf(mon, "'\\x%02x'", c);
    }
}

static int64_t sign_extend(uint64_t value, int size)
{
    int shift = 64 - 8 * size;

    return (int64_t)(value << shift) >> shift;
}

/* A value in a column wide enough for any of its size. */
static void print_cell(Monitor *mon, char format, int size, uint64_t value)
{
    int bits = size * 8;

    switch (format) {
    case 'o':
        monitor_printf(mon, "%#*" PRIo64, (bits + 2) / 3, value);
        break;
    case 'u':
        monitor_printf(mon, "%*" PRIu64, (bits * 10 + 32) / 33, value);
        break;
    case 'd':
        monitor_printf(mon, "%*" PRId64, (bits * 10 + 32) / 33, sign_extend(value, size));
        break;
    case 'c':
        print_char(mon, (uint8_t)value);
        break;
    default:
        monitor_printf(mon, "0x%0*" PRIx64, size * 2, value);
        break;
    }
}

static void dump_values(Monitor *mon, const Source *src, const HmpArg *fmt, uint64_t addr)
{
    /* Characters are shown one by one, but counted in units of the size like everything else. */
    int cell = fmt->fmt.format == 'c' ? 1 : fmt->fmt.size;
    size_t line_bytes = fmt->fmt.size == 1 ? 8 : MAX_LINE_BYTES;
    uint64_t left = (uint64_t)fmt->fmt.count * fmt->fmt.size;

    if (left > MAX_DUMP_BYTES) {
        monitor_printf(mon, "at most %llu bytes can be shown at once\n", MAX_DUMP_BYTES);
        return;
    }
    while (left) {
        uint8_t line[MAX_LINE_BYTES] = { 0 };
        size_t len = MIN(left, line_bytes);

        monitor_printf(mon, "%016" PRIx64 ":", addr);
        if (read_memory(src, addr, line, len) < len) {
            monitor_puts(mon, " Cannot access memory\n");
            return;
        }
        for (size_t i = 0; i < len; i += cell) {
            uint64_t value = 0;

            memcpy(&value, line + i, cell);
            monitor_puts(mon, " ");
            print_cell(mon, fmt->fmt.format, cell, value);
        }
        monitor_puts(mon, "\n");
        addr += len;
        left -= len;
    }
}

/* --- Instructions ---------------------------------------------------------------------------- */

/* One instruction: address, bytes (eight a line), text. Returns its length. */
static size_t print_insn(Monitor *mon, const cs_insn *insn)
{
    GString *bytes = g_string_new(NULL);

    for (unsigned i = 0; i < insn->size; i++) {
        if (i && i % INSN_BYTES_SHOWN == 0) {
            g_string_append(bytes, "\n             ");
        }
        g_string_append_printf(bytes, "%02x ", insn->bytes[i]);
        if (i == MIN(insn->size, INSN_BYTES_SHOWN) - 1u) {
            for (unsigned pad = i + 1; pad < INSN_BYTES_SHOWN; pad++) {
                g_string_append(bytes, "   ");
            }
            g_string_append_printf(bytes, " %-8s %s", insn->mnemonic, insn->op_str);
        }
    }
    monitor_printf(mon, "0x%08" PRIx64 ":  %s\n", insn->address, bytes->str);
    g_string_free(bytes, TRUE);
    return insn->size;
}

/* Returns the length, 0 at the end of readable memory. */
static size_t disassemble_one(Monitor *mon, csh cs, const Source *src, uint64_t addr)
{
    uint8_t buf[MAX_INSN_BYTES];
    size_t len = read_memory(src, addr, buf, sizeof(buf));
    cs_insn *insn = NULL;

    if (len == 0) {
        monitor_printf(mon, "0x%08" PRIx64 ": unable to read memory\n", addr);
        return 0;
    }
    if (cs_disasm(cs, buf, len, addr, 1, &insn) == 1) {
        len = print_insn(mon, insn);
        cs_free(insn, 1);
        return len;
    }
    monitor_printf(mon, "0x%08" PRIx64 ":  %02x                       .byte    0x%02x\n", addr,
                   buf[0], buf[0]);
    return 1;
}

static void disassemble(Monitor *mon, const Source *src, X86CPU *cpu, int count, uint64_t addr)
{
    int bits = cpu ? x86_cpu_code_bits(cpu) : 64;
    cs_mode mode = bits == 16 ? CS_MODE_16 : bits == 32 ? CS_MODE_32 : CS_MODE_64;
    csh cs;

    if ((uint64_t)count * MAX_INSN_BYTES > MAX_DUMP_BYTES) {
        monitor_printf(mon, "at most %llu bytes can be shown at once\n", MAX_DUMP_BYTES);
        return;
    }
    if (cs_open(CS_ARCH_X86, mode, &cs) != CS_ERR_OK) {
        monitor_puts(mon, "the disassembler does not work\n");
        return;
    }
    cs_option(cs, CS_OPT_SYNTAX, CS_OPT_SYNTAX_ATT);
    while (count-- > 0) {
        size_t len = disassemble_one(mon, cs, src, addr);

        if (len == 0) {
            break;
        }
        addr += len;
    }
    cs_close(&cs);
}

/* --- Commands -------------------------------------------------------------------------------- */

static void dump(Monitor *mon, const Source *src, X86CPU *cpu, const HmpArg *args)
{
    if (args[0].fmt.format == 'i') {
        disassemble(mon, src, cpu, args[0].fmt.count, (uint64_t)args[1].i);
    } else {
        dump_values(mon, src, &args[0], (uint64_t)args[1].i);
    }
}

void hmp_x(Monitor *mon, const HmpArg *args)
{
    CPUState *cs = hmp_cpu(mon);
    Source src = { 0 };

    if (cs) {
        cpu_synchronize_state(cs);
        src.cpu = X86_CPU(cs);
        dump(mon, &src, src.cpu, args);
    }
}

void hmp_xp(Monitor *mon, const HmpArg *args)
{
    CPUState *cs = cpus_count() ? hmp_cpu(mon) : NULL;
    Source src = { NULL };

    if (cs) {
        cpu_synchronize_state(cs);
    }
    dump(mon, &src, cs ? X86_CPU(cs) : NULL, args);
}

void hmp_print(Monitor *mon, const HmpArg *args)
{
    uint64_t value = (uint64_t)args[1].i;

    switch (args[0].fmt.format) {
    case 'o':
        monitor_printf(mon, "%#" PRIo64, value);
        break;
    case 'u':
        monitor_printf(mon, "%" PRIu64, value);
        break;
    case 'd':
        monitor_printf(mon, "%" PRId64, (int64_t)value);
        break;
    case 'c':
        print_char(mon, (uint8_t)value);
        break;
    default:
        monitor_printf(mon, "%#" PRIx64, value);
        break;
    }
    monitor_puts(mon, "\n");
}

static bool has_io(Monitor *mon)
{
    if (!current_machine->io) {
        monitor_puts(mon, "this machine has no I/O ports\n");
    }
    return current_machine->io != NULL;
}

static int port_size(const HmpArg *arg, char *suffix)
{
    int size = MIN(arg->fmt.size, 4);

    *suffix = size == 1 ? 'b' : size == 2 ? 'w' : 'l';
    return size;
}

void hmp_io_read(Monitor *mon, const HmpArg *args)
{
    unsigned port = (unsigned)args[1].i & 0xffff;
    char suffix;
    int size = port_size(&args[0], &suffix);

    if (has_io(mon)) {
        uint64_t value = address_space_ld(current_machine->io, port, size);

        monitor_printf(mon, "port%c[0x%04x] = 0x%0*" PRIx64 "\n", suffix, port, size * 2, value);
    }
}

void hmp_io_write(Monitor *mon, const HmpArg *args)
{
    char suffix;
    int size = port_size(&args[0], &suffix);

    if (has_io(mon)) {
        address_space_st(current_machine->io, args[1].i & 0xffff, (uint64_t)args[2].i, size);
    }
}

void hmp_gva2gpa(Monitor *mon, const HmpArg *args)
{
    CPUState *cs = hmp_cpu(mon);
    uint64_t gpa;

    if (!cs) {
        return;
    }
    cpu_synchronize_state(cs);
    if (x86_cpu_translate(X86_CPU(cs), (uint64_t)args[0].i, &gpa)) {
        monitor_printf(mon, "gpa: %#" PRIx64 "\n", gpa);
    } else {
        monitor_puts(mon, "Unmapped\n");
    }
}
