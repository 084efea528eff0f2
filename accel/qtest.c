/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The accelerator "qtest": vCPUs exist and never run, so that devices, QMP and CPU models can be
 * tested without KVM. It supports every CPU feature, as nothing executes. */
#include "qemu/osdep.h"
#include "accel/accel-types.h"
#include "target/i386/cpu.h"

static bool qtest_init_machine(MachineState *ms, const Keyval *opts, Error **errp)
{
    return keyval_check_unused(opts, errp);
}

static bool qtest_vcpu_init(CPUState *cpu, Error **errp)
{
    cpu->state_valid = true;
    return true;
}

static bool qtest_vcpu_idle(CPUState *cpu)
{
    return true;
}

static void qtest_vcpu_exec(CPUState *cpu)
{
}

static bool qtest_get_state(CPUState *cpu, Error **errp)
{
    return true;
}

/* env is all there is. */
static bool qtest_put_state(CPUState *cpu, bool full, Error **errp)
{
    return true;
}

static void qtest_get_info(MachineState *ms, X86AccelInfo *info)
{
    *info = (X86AccelInfo){
        .name = "qtest", .kind = X86_ACCEL_TCG, .irqchip = X86_IRQCHIP_OFF, .phys_bits = 40,
    };
    memset(info->supported, 0xff, sizeof(info->supported));
}

static bool qtest_get_lapic_page(X86CPU *cpu, uint8_t page[1024], Error **errp)
{
    return false;
}

static const X86AccelOps qtest_x86_ops = {
    .get_info = qtest_get_info,
    .get_lapic_page = qtest_get_lapic_page,
};

const AccelOps qtest_accel_ops = {
    .name = "qtest",
    .type_name = "qtest-accel",
    .init_machine = qtest_init_machine,
    .vcpu_init = qtest_vcpu_init,
    .vcpu_idle = qtest_vcpu_idle,
    .vcpu_exec = qtest_vcpu_exec,
    .get_state = qtest_get_state,
    .put_state = qtest_put_state,
    .target_ops = &qtest_x86_ops,
};
