/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What -smbios leaves for the tables. */
#ifndef HW_SMBIOS_SMBIOS_INTERNAL_H
#define HW_SMBIOS_SMBIOS_INTERNAL_H

#include "hw/smbios/smbios.h"
#include "qemu/keyval.h"

#define SMBIOS_NR_TYPES 128

struct SmbiosOptions {
    GHashTable *values;  /* "1.product" -> char * */
    GByteArray *files;   /* whole structures, in the order given */
    unsigned nr_files, max_file_bytes;
    bool from_file[SMBIOS_NR_TYPES], from_fields[SMBIOS_NR_TYPES];
    GPtrArray *strings;  /* type 11: char * */
    GPtrArray *ports, *onboard; /* types 8 and 41: Keyval *, one a structure */
};

/* Which types -smbios type=N describes, and the place of "kind" in type 41. */
extern const char *const smbios_onboard_kinds[];

/* A field that -smbios type= gave, else @def. */
const char *smbios_text(const SmbiosOptions *o, unsigned type, const char *key, const char *def);
/* The same as a number, checked when it was given. */
uint64_t smbios_number(const SmbiosOptions *o, unsigned type, const char *key, uint64_t def);

#endif
