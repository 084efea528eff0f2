/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SMBIOS tables (DMTF DSP0134): what -smbios says, and the structures a machine gives its guest.
 * Plain data, any thread.
 */
#ifndef HW_SMBIOS_SMBIOS_H
#define HW_SMBIOS_SMBIOS_H

#include "qemu/osdep.h"
#include "qemu/error.h"

typedef struct SmbiosOptions SmbiosOptions;

typedef enum SmbiosEntryPoint {
    SMBIOS_EP_AUTO, /* 32 bits if that is enough */
    SMBIOS_EP_32,
    SMBIOS_EP_64,
} SmbiosEntryPoint;

/* The machine as far as tables tell of it. */
typedef struct SmbiosMachine {
    const char *product, *version; /* "Standard PC ...", "pc-q35-11.0" */
    const char *uuid;              /* 36 characters; NULL: none */
    unsigned sockets, cores, threads; /* of the machine; cores and threads of a socket */
    uint32_t cpu_signature, cpu_features; /* CPUID 1: EAX, EDX */
    uint64_t ram_bytes, low_bytes, high_bytes; /* all; from 0; from 4 GiB */
    uint64_t dimm_bytes;           /* the most in one memory device */
    SmbiosEntryPoint entry_point;
} SmbiosMachine;

typedef struct SmbiosTables {
    GByteArray *structures;
    uint8_t anchor[32]; /* without addresses and checksums */
    unsigned anchor_bytes;
    unsigned nr, max_bytes; /* structures; the longest one with its strings */
} SmbiosTables;

SmbiosOptions *smbios_options_new(void);
void smbios_options_free(SmbiosOptions *o);
/* -smbios's argument; false with QEMU's errors. */
bool smbios_add_option(SmbiosOptions *o, const char *arg, Error **errp);
/* The uuid of type 1, NULL: not given. */
const char *smbios_uuid(const SmbiosOptions *o);

/* NULL with an error when they are too long for the entry point that was asked for. */
SmbiosTables *smbios_build(const SmbiosOptions *o, const SmbiosMachine *m, Error **errp);
void smbios_tables_free(SmbiosTables *t);
/* Completes the anchor for structures at @gpa: address, checksums. */
void smbios_place(SmbiosTables *t, uint64_t gpa);

#endif
