/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Suppress EOI Broadcast policy of a machine (docs/system/x2apic-seoib.rst). */
#ifndef HW_INTC_SEOIB_H
#define HW_INTC_SEOIB_H

/*
 *                 LVR bit 24                SPIV bit 12         EOI of a level vector, SPIV.12 = 1
 * QUIRKED         KVM split: 1; else 0      kept if LVR.24      broadcast all the same
 * NOT_ADVERTISED  0                         dropped             broadcast
 * RESPECTED       1 (with x2APIC)           kept                not broadcast
 */
typedef enum SeoibMode {
    SEOIB_QUIRKED,        /* x2apic-seoib unset */
    SEOIB_NOT_ADVERTISED, /* x2apic-seoib=off */
    SEOIB_RESPECTED,      /* x2apic-seoib=on */
} SeoibMode;

/* "quirked", "not-advertised" or "respected". */
const char *seoib_mode_name(SeoibMode mode);

#endif
