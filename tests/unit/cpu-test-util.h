/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the CPU configuration tests share: golden files, a sink for messages, accelerators. */
#ifndef TESTS_CPU_TEST_UTIL_H
#define TESTS_CPU_TEST_UTIL_H

#include "target/i386/cpu-config.h"

/* The lines of tests/data/cpu/@name without comments. Free with g_strfreev(). */
char **test_data_lines(const char *name);

/* Collects messages as lines "warning: TEXT", "error: TEXT" and the lines of the hint. */
typedef struct TestReport {
    X86CPUReport report;
    GString *text;
} TestReport;

void test_report_init(TestReport *r);
void test_report_fini(TestReport *r);

/* TCG of QEMU 7.2, from the golden file: expansion is compared with QEMU's data, not our table. */
void test_accel_tcg_7_2(X86AccelInfo *info);
/* Our own software CPU on a machine with an I/O APIC of version @ioapic. */
void test_accel_tcg(X86AccelInfo *info, unsigned ioapic);
/* A KVM that supports every feature, with what CHECK_EXTENSION says on both file descriptors. */
void test_accel_kvm(X86AccelInfo *info, X86IrqchipMode irqchip, unsigned ioapic,
                    uint32_t api_system, uint32_t api_vm);

/* A context of machine version @major.@minor. */
X86CPUContext test_context(const X86AccelInfo *info, unsigned major, unsigned minor,
                           TestReport *report);

/* Realizes -cpu @str. On failure returns false and the message in *error (free it). */
bool test_realize(X86CPUConfig *cfg, const char *str, X86CPUContext *ctx, char **error);

#endif
