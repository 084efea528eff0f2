/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ELF executables for direct boot (gABI chapters 4 and 5). Pure functions on a file in memory. */
#include "qemu/osdep.h"
#include "hw/i386/elf-image.h"

#include <elf.h>

#define PVH_NOTE_NAME "Xen"
#define PVH_NOTE_TYPE 18u /* XEN_ELFNOTE_PHYS32_ENTRY */
#define ELF_MAX_PHDRS 4096u

/* Offsets of the fields that differ between the classes. */
typedef struct ElfLayout {
    unsigned ehdr_bytes, e_entry, e_phoff, e_phentsize, e_phnum;
    unsigned phdr_bytes, p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align;
    bool wide;
} ElfLayout;

static const ElfLayout layouts[2] = {
    {
        .ehdr_bytes = sizeof(Elf32_Ehdr),
        .e_entry = offsetof(Elf32_Ehdr, e_entry),
        .e_phoff = offsetof(Elf32_Ehdr, e_phoff),
        .e_phentsize = offsetof(Elf32_Ehdr, e_phentsize),
        .e_phnum = offsetof(Elf32_Ehdr, e_phnum),
        .phdr_bytes = sizeof(Elf32_Phdr),
        .p_offset = offsetof(Elf32_Phdr, p_offset),
        .p_vaddr = offsetof(Elf32_Phdr, p_vaddr),
        .p_paddr = offsetof(Elf32_Phdr, p_paddr),
        .p_filesz = offsetof(Elf32_Phdr, p_filesz),
        .p_memsz = offsetof(Elf32_Phdr, p_memsz),
        .p_align = offsetof(Elf32_Phdr, p_align),
    },
    {
        .ehdr_bytes = sizeof(Elf64_Ehdr),
        .e_entry = offsetof(Elf64_Ehdr, e_entry),
        .e_phoff = offsetof(Elf64_Ehdr, e_phoff),
        .e_phentsize = offsetof(Elf64_Ehdr, e_phentsize),
        .e_phnum = offsetof(Elf64_Ehdr, e_phnum),
        .phdr_bytes = sizeof(Elf64_Phdr),
        .p_offset = offsetof(Elf64_Phdr, p_offset),
        .p_vaddr = offsetof(Elf64_Phdr, p_vaddr),
        .p_paddr = offsetof(Elf64_Phdr, p_paddr),
        .p_filesz = offsetof(Elf64_Phdr, p_filesz),
        .p_memsz = offsetof(Elf64_Phdr, p_memsz),
        .p_align = offsetof(Elf64_Phdr, p_align),
        .wide = true,
    },
};

bool boot_elf_probe(const BootFile *f)
{
    return f->len >= sizeof(Elf32_Ehdr) && !memcmp(f->data, ELFMAG, SELFMAG);
}

unsigned elf_image_machine(const BootFile *f)
{
    return boot_elf_probe(f) ? boot_ld16(f->data + offsetof(Elf32_Ehdr, e_machine)) : 0;
}

static uint64_t ld_word(const ElfLayout *l, const uint8_t *p)
{
    return l->wide ? boot_ld64(p) : boot_ld32(p);
}

/* One note segment: [name size, descriptor size, type, name, descriptor] padded to @align. */
static void parse_notes(ElfImage *elf, const uint8_t *p, uint64_t len, uint64_t align)
{
    uint64_t pos = 0;

    align = align == 8 ? 8 : 4;
    while (len - pos >= sizeof(Elf32_Nhdr)) {
        uint64_t name_len = boot_ld32(p + pos), desc_len = boot_ld32(p + pos + 4);
        uint32_t type = boot_ld32(p + pos + 8);
        uint64_t name = pos + sizeof(Elf32_Nhdr);
        uint64_t desc = ROUND_UP(name + name_len, align);
        uint64_t next = ROUND_UP(desc + desc_len, align);

        if (desc + desc_len > len) {
            return;
        }
        if (type == PVH_NOTE_TYPE && name_len == sizeof(PVH_NOTE_NAME) &&
            !memcmp(p + name, PVH_NOTE_NAME, sizeof(PVH_NOTE_NAME)) && desc_len >= 4) {
            elf->has_pvh_entry = true;
            elf->pvh_entry = desc_len >= 8 ? boot_ld64(p + desc) : boot_ld32(p + desc);
        }
        if (next > len) {
            return;
        }
        pos = next;
    }
}

static bool parse_load(ElfImage *elf, const ElfLayout *l, const BootFile *f, const uint8_t *ph,
                       uint64_t virt_entry, Error **errp)
{
    uint64_t offset = ld_word(l, ph + l->p_offset), vaddr = ld_word(l, ph + l->p_vaddr);
    uint64_t paddr = ld_word(l, ph + l->p_paddr), file_len = ld_word(l, ph + l->p_filesz);
    uint64_t mem_len = ld_word(l, ph + l->p_memsz);

    if (mem_len == 0) {
        return true;
    }
    if (file_len > mem_len || offset > f->len || file_len > f->len - offset ||
        paddr > UINT64_MAX - mem_len) {
        error_setg(errp, "ELF program header describes data outside of the file");
        return false;
    }
    if (elf->nr == ELF_MAX_SEGMENTS) {
        error_setg(errp, "ELF file has more than %d segments", ELF_MAX_SEGMENTS);
        return false;
    }
    elf->seg[elf->nr++] = (ElfSegment){
        .gpa = paddr, .file_len = file_len, .mem_len = mem_len, .data = f->data + offset,
    };
    elf->low = MIN(elf->low, paddr);
    elf->high = MAX(elf->high, paddr + mem_len);
    if (virt_entry - vaddr < mem_len) {
        elf->entry = virt_entry - vaddr + paddr;
    }
    return true;
}

static bool parse_phdrs(ElfImage *elf, const ElfLayout *l, const BootFile *f, Error **errp)
{
    uint64_t off = ld_word(l, f->data + l->e_phoff);
    uint64_t step = boot_ld16(f->data + l->e_phentsize);
    uint64_t nr = boot_ld16(f->data + l->e_phnum);
    uint64_t virt_entry = elf->entry;

    if (nr > ELF_MAX_PHDRS || step < l->phdr_bytes || off > f->len || nr * step > f->len - off) {
        error_setg(errp, "ELF program headers are outside of the file");
        return false;
    }
    for (uint64_t i = 0; i < nr; i++) {
        const uint8_t *ph = f->data + off + i * step;
        uint32_t type = boot_ld32(ph);

        if (type == PT_LOAD && !parse_load(elf, l, f, ph, virt_entry, errp)) {
            return false;
        }
        if (type == PT_NOTE) {
            uint64_t note = ld_word(l, ph + l->p_offset), len = ld_word(l, ph + l->p_filesz);

            if (note <= f->len && len <= f->len - note) {
                parse_notes(elf, f->data + note, len, ld_word(l, ph + l->p_align));
            }
        }
    }
    return true;
}

bool elf_image_parse(const BootFile *f, ElfImage *elf, Error **errp)
{
    const ElfLayout *l;
    unsigned machine = elf_image_machine(f);

    *elf = (ElfImage){ .low = UINT64_MAX };
    if (!boot_elf_probe(f) || f->data[EI_DATA] != ELFDATA2LSB ||
        (f->data[EI_CLASS] != ELFCLASS32 && f->data[EI_CLASS] != ELFCLASS64)) {
        error_setg(errp, "not a little-endian ELF file");
        return false;
    }
    if (machine != EM_386 && machine != EM_X86_64) {
        error_setg(errp, "ELF file is not for x86");
        return false;
    }
    l = &layouts[f->data[EI_CLASS] == ELFCLASS64];
    if (f->len < l->ehdr_bytes) {
        error_setg(errp, "ELF header is cut off");
        return false;
    }
    elf->is_64 = l->wide;
    elf->entry = ld_word(l, f->data + l->e_entry);
    if (!parse_phdrs(elf, l, f, errp)) {
        return false;
    }
    if (!elf->nr) {
        error_setg(errp, "ELF file has nothing to load");
        return false;
    }
    return true;
}

bool elf_image_add(const ElfImage *elf, const BootParams *p, BootPlan *plan, Error **errp)
{
    uint64_t total = 0;

    for (unsigned i = 0; i < elf->nr; i++) {
        const ElfSegment *s = &elf->seg[i];

        if (!boot_range_ok(p, s->gpa, s->mem_len)) {
            error_setg(errp, "could not load kernel '%s': segment 0x%" PRIx64 "..0x%" PRIx64
                             " is not in usable RAM",
                       p->kernel_name, s->gpa, s->gpa + s->mem_len - 1);
            return false;
        }
        total += s->mem_len;
        if (total > elf->high - elf->low) { /* bounds the work of a load */
            error_setg(errp, "could not load kernel '%s': its segments overlap", p->kernel_name);
            return false;
        }
        boot_plan_add(plan, s->gpa, s->data, s->file_len);
        boot_plan_add(plan, s->gpa + s->file_len, NULL, s->mem_len - s->file_len);
    }
    return true;
}
