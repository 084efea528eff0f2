/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Suppress EOI Broadcast: from what the CPU configuration asks for and what the host can do to the
 * machine's policy (docs/system/x2apic-seoib.rst, the state table). Pure.
 */
#include "qemu/osdep.h"

#include "target/i386/cpu-internal.h"

enum { IOAPIC_VERSION_EOIR = 0x20 }; /* from this version on an I/O APIC has an EOI register */

#define HINT_KERNEL                                                                                \
    "Linux 7.0, 6.18.17 or a later stable kernel is needed; use x2apic-seoib=off or an older "     \
    "CPU model version to silence this\n"
#define HINT_OFF "use a newer kernel (7.0, 6.18.17) or kernel-irqchip=on\n"

/* clang-format off */
static const struct {
    const char *text, *hint;
} seoib_texts[X86_SEOIB_TEXTS] = {
    [X86_SEOIB_TEXT_NONE] = { "", NULL },
    [X86_SEOIB_W1] = { "KVM on this host cannot honour Suppress EOI Broadcast: CPU feature "
                       "x2apic-seoib is filtered out", HINT_KERNEL },
    [X86_SEOIB_W2] = { "x2apic-seoib=off has no effect: KVM on this host always advertises "
                       "Suppress EOI Broadcast with kernel-irqchip=split", HINT_OFF },
    [X86_SEOIB_W3] = { "x2apic-seoib needs I/O APIC version 0x20, this machine has version 0x11: "
                       "feature filtered out",
                       "remove ioapic.version=0x11 or use a machine type newer than 2.7\n" },
    [X86_SEOIB_W4] = { "x2apic-seoib needs a userspace I/O APIC: feature filtered out with "
                       "kernel-irqchip=on", "use -machine kernel-irqchip=split\n" },
    [X86_SEOIB_W5] = { "CPU feature x2apic-seoib needs x2apic, which this CPU does not have: "
                       "feature filtered out", NULL },
    [X86_SEOIB_E1] = { "KVM does not support the requested CPU feature x2apic-seoib", HINT_KERNEL },
    [X86_SEOIB_E2] = { "KVM cannot hide Suppress EOI Broadcast from the guest (x2apic-seoib=off "
                       "with kernel-irqchip=split)", HINT_OFF },
    [X86_SEOIB_E3] = { "x2apic-seoib=on cannot be combined with I/O APIC version 0x11: it has no "
                       "EOI register and level-triggered interrupts would never be re-enabled",
                       "set ioapic.version=0x20 or x2apic-seoib=off\n" },
    [X86_SEOIB_E4] = { "x2apic-seoib=on requires kernel-irqchip=split", NULL },
};

/* What enforce says in place of a warning; W5 has no other text. */
static const X86SeoibText enforced_text[X86_SEOIB_TEXTS] = {
    [X86_SEOIB_W1] = X86_SEOIB_E1,
    [X86_SEOIB_W2] = X86_SEOIB_E2,
    [X86_SEOIB_W3] = X86_SEOIB_E3,
    [X86_SEOIB_W4] = X86_SEOIB_E4,
    [X86_SEOIB_W5] = X86_SEOIB_W5,
    [X86_SEOIB_E3] = X86_SEOIB_E3,
};
/* clang-format on */

const char *x86_seoib_text(X86SeoibText t, const char **hint)
{
    assert(t < X86_SEOIB_TEXTS);
    *hint = seoib_texts[t].hint;
    return seoib_texts[t].text;
}

const char *x86_seoib_request_name(X86SeoibRequest r)
{
    switch (r) {
    case X86_SEOIB_UNSET:
        return "unset";
    case X86_SEOIB_OFF:
        return "off";
    default:
        return "on";
    }
}

static bool is_on(X86SeoibRequest r)
{
    return r == X86_SEOIB_ON_AUTO || r == X86_SEOIB_ON_MODEL || r == X86_SEOIB_ON_EXPLICIT;
}

/* The kernel knows the flags at all. A full irqchip hides only ENABLE. */
static bool kvm_has_flags(const X86AccelInfo *info)
{
    uint32_t caps =
        info->irqchip == X86_IRQCHIP_UNKNOWN ? info->x2apic_api_system : info->x2apic_api_vm;

    return caps & X2APIC_API_DISABLE_SEOIB;
}

static bool ioapic_lacks_eoir(const X86AccelInfo *info)
{
    return info->ioapic_version && info->ioapic_version < IOAPIC_VERSION_EOIR;
}

uint64_t x86_seoib_supported_by_host(const X86AccelInfo *info)
{
    const uint32_t both = X2APIC_API_ENABLE_SEOIB | X2APIC_API_DISABLE_SEOIB;
    bool yes = info->kind != X86_ACCEL_KVM || (info->x2apic_api_system & both) == both;

    return yes ? x86_feature_mask(X86_FEATURE_X2APIC_SEOIB) : 0;
}

uint64_t x86_seoib_supported(const X86AccelInfo *info)
{
    if (ioapic_lacks_eoir(info)) {
        return 0;
    }
    if (info->kind != X86_ACCEL_KVM || info->irqchip == X86_IRQCHIP_UNKNOWN) {
        return x86_seoib_supported_by_host(info);
    }
    if (info->irqchip == X86_IRQCHIP_OFF || !(info->x2apic_api_vm & X2APIC_API_ENABLE_SEOIB)) {
        return 0;
    }
    return x86_feature_mask(X86_FEATURE_X2APIC_SEOIB);
}

/* Why a CPU that asks for the feature does not get it. */
static X86SeoibText reason_for_loss(const X86SeoibDecision *d, bool x2apic,
                                    const X86AccelInfo *info)
{
    bool kvm = info->kind == X86_ACCEL_KVM;

    if (!x2apic || (kvm && info->irqchip == X86_IRQCHIP_OFF)) {
        return X86_SEOIB_W5;
    }
    if (kvm && info->irqchip == X86_IRQCHIP_ON) {
        return X86_SEOIB_W4;
    }
    if (ioapic_lacks_eoir(info) && d->request == X86_SEOIB_ON_EXPLICIT) {
        return X86_SEOIB_E3;
    }
    if (kvm && !kvm_has_flags(info)) {
        return X86_SEOIB_W1;
    }
    return ioapic_lacks_eoir(info) ? X86_SEOIB_W3 : X86_SEOIB_W1;
}

/* As x2apic-seoib=off, as far as the accelerator can. */
static void decide_hidden(X86SeoibDecision *d, bool x2apic, const X86AccelInfo *info)
{
    bool kernel_lapic = info->kind == X86_ACCEL_KVM && info->irqchip != X86_IRQCHIP_OFF;

    d->mode = SEOIB_NOT_ADVERTISED;
    if (!kernel_lapic) {
        return; /* our LAPIC does not advertise it */
    }
    if (kvm_has_flags(info)) {
        d->kvm_flags = X2APIC_API_DISABLE_SEOIB;
        return;
    }
    if (is_on(d->request)) {
        d->mode = SEOIB_QUIRKED;
    } else if (info->irqchip != X86_IRQCHIP_ON && x2apic) {
        d->mode = SEOIB_QUIRKED; /* an old kernel's split irqchip shows it to every x2APIC */
        d->text = X86_SEOIB_W2;
    }
}

X86SeoibDecision x86_seoib_decide(X86SeoibRequest request, bool x2apic, bool enforce,
                                  const X86AccelInfo *info)
{
    X86SeoibDecision d = {.request = request, .mode = SEOIB_QUIRKED};

    if (request == X86_SEOIB_UNSET) {
        return d;
    }
    if (request == X86_SEOIB_OFF) {
        decide_hidden(&d, x2apic, info);
    } else if (x2apic && x86_seoib_supported(info)) {
        d.mode = SEOIB_RESPECTED;
        d.kvm_flags = info->kind == X86_ACCEL_KVM ? X2APIC_API_ENABLE_SEOIB : 0;
    } else if (request == X86_SEOIB_ON_AUTO) {
        d.request = X86_SEOIB_UNSET; /* nobody asked */
    } else {
        d.text = reason_for_loss(&d, x2apic, info);
        decide_hidden(&d, x2apic, info);
    }
    if (d.text == X86_SEOIB_E3) {
        d.fatal = true;
    }
    if (enforce && d.text) {
        d.text = enforced_text[d.text];
        d.fatal = true;
    }
    return d;
}

bool x86_seoib_check_same(const X86SeoibDecision *machine, const X86SeoibDecision *cpu,
                          unsigned index, Error **errp)
{
    if (cpu->mode == machine->mode && cpu->kvm_flags == machine->kvm_flags) {
        return true;
    }
    error_setg(errp,
               "all CPUs must have the same x2apic-seoib setting (CPU %u has %s, the machine uses "
               "%s)",
               index, x86_seoib_request_name(cpu->request),
               x86_seoib_request_name(machine->request));
    return false;
}

void x86_seoib_kvm_error(Error **errp, uint32_t kvm_flags, int os_errno)
{
    error_setg(errp, "failed to set KVM x2APIC API flags 0x%x: %s", kvm_flags,
               g_strerror(os_errno));
}
