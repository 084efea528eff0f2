/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory maps and boot plans; the choice of protocol. Pure functions, any thread. */
#include "qemu/osdep.h"
#include "hw/i386/boot.h"

void e820_add(E820Map *map, uint64_t addr, uint64_t len, uint32_t type)
{
    if (len) {
        assert(map->nr < E820_MAX_ENTRIES); /* boards add a fixed set */
        map->entry[map->nr++] = (E820Entry){ .addr = addr, .len = len, .type = type };
    }
}

bool e820_is_ram(const E820Map *map, uint64_t addr, uint64_t len)
{
    for (unsigned i = 0; i < map->nr; i++) {
        const E820Entry *e = &map->entry[i];

        if (e->type == E820_RAM && addr >= e->addr && addr - e->addr < e->len) {
            return len <= e->len - (addr - e->addr);
        }
    }
    return false;
}

BootPlan *boot_plan_new(void)
{
    BootPlan *plan = g_new0(BootPlan, 1);

    plan->segments = g_array_new(FALSE, FALSE, sizeof(BootSegment));
    plan->owned = g_ptr_array_new_with_free_func(g_free);
    return plan;
}

void boot_plan_free(BootPlan *plan)
{
    if (plan) {
        g_array_free(plan->segments, TRUE);
        g_ptr_array_free(plan->owned, TRUE);
        g_free(plan);
    }
}

void boot_plan_add(BootPlan *plan, uint64_t gpa, const uint8_t *data, uint64_t len)
{
    BootSegment seg = { .gpa = gpa, .len = len, .data = data };

    if (len) {
        g_array_append_val(plan->segments, seg);
    }
}

uint8_t *boot_plan_add_buffer(BootPlan *plan, uint64_t gpa, uint64_t len)
{
    uint8_t *data = g_malloc0(len);

    g_ptr_array_add(plan->owned, data);
    boot_plan_add(plan, gpa, data, len);
    return data;
}

/* Selectors 0x10 code and 0x18 data are what the Linux boot protocol names; 0x20 is a TSS. */
enum { SEL_CODE = 0x10, SEL_DATA = 0x18, SEL_TSS = 0x20, GDT_BYTES = 0x30 };

#define DESC_CODE64 0x00af9b000000ffffull
#define DESC_CODE32 0x00cf9b000000ffffull
#define DESC_DATA   0x00cf93000000ffffull
#define DESC_TSS    0x00008b0000000067ull

void boot_plan_add_gdt(BootPlan *plan)
{
    uint8_t *gdt = boot_plan_add_buffer(plan, BOOT_GDT_GPA, GDT_BYTES);

    boot_st64(gdt + SEL_CODE, plan->entry.mode == BOOT_LONG64 ? DESC_CODE64 : DESC_CODE32);
    boot_st64(gdt + SEL_DATA, DESC_DATA);
    boot_st64(gdt + SEL_TSS, DESC_TSS);
    plan->entry.gdt_base = BOOT_GDT_GPA;
    plan->entry.gdt_limit = GDT_BYTES - 1;
    plan->entry.cs = SEL_CODE;
    plan->entry.ds = SEL_DATA;
    plan->entry.tr = SEL_TSS;
}

bool boot_range_ok(const BootParams *p, uint64_t addr, uint64_t len)
{
    return addr >= BOOT_IMAGES_MIN && addr <= p->ram_end && len <= p->ram_end - addr &&
           e820_is_ram(p->e820, addr, len);
}

bool boot_kernel(const BootParams *p, BootPlan *plan, Error **errp)
{
    if (boot_bzimage_probe(&p->kernel)) {
        return boot_bzimage(p, plan, errp);
    }
    if (boot_multiboot_probe(&p->kernel)) {
        return boot_multiboot(p, plan, errp);
    }
    if (boot_elf_probe(&p->kernel)) {
        return boot_pvh(p, plan, errp);
    }
    error_setg(errp, "could not load kernel '%s': invalid kernel header", p->kernel_name);
    error_append_hint(errp, "a Linux bzImage, an ELF file with a PVH entry or a multiboot kernel "
                            "is needed\n");
    return false;
}
