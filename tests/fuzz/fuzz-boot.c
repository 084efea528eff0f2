/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libFuzzer target: direct boot of hostile images. An input is a byte that chooses a valid image
 * (or none), then patches {offset, 2 bytes; length, 1 byte; bytes};
 * without an image, the kernel itself.
 */
#include "qemu/osdep.h"
#include "hw/i386/boot.h"
#include "tests/unit/boot-images.h"

#define RAM_END (128 * MiB)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const E820Map map = {
    .nr = 2,
    .entry = {
        { 0, BOOT_LOW_RAM_END, E820_RAM },
        { BOOT_HIGH_RAM, RAM_END - BOOT_HIGH_RAM, E820_RAM },
    },
};

static uint8_t *base_image(unsigned kind, size_t *len)
{
    *len = ELF_BYTES;
    switch (kind & 7) {
    case 0:
        return boot_image_bzimage(len);
    case 1:
        return boot_image_elf64();
    case 2:
        return boot_image_multiboot();
    case 3:
        return boot_image_multiboot_addresses();
    default:
        return NULL;
    }
}

static void patch(uint8_t *image, size_t len, const uint8_t *data, size_t size)
{
    while (size > 3) {
        size_t at = boot_ld16(data) % len, n = data[2];

        data += 3;
        size -= 3;
        n = MIN(n, MIN(size, len - at));
        memcpy(image + at, data, n);
        data += n;
        size -= n;
    }
}

/* The plan must lie in the guest's RAM; reading all of it lets the sanitizer see stray pointers. */
static void check_plan(const BootPlan *plan)
{
    volatile uint8_t sink = 0;

    for (guint i = 0; i < plan->segments->len; i++) {
        const BootSegment *s = &g_array_index(plan->segments, BootSegment, i);

        if (!e820_is_ram(&map, s->gpa, s->len)) {
            abort();
        }
        if (s->data) {
            sink ^= s->data[0] ^ s->data[s->len - 1] ^ s->data[s->len / 2];
        }
    }
    (void)sink;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(BootPlan) plan = boot_plan_new();
    g_autofree uint8_t *image = NULL;
    BootFile initrd = { .data = (const uint8_t *)"initrd!", .len = 7, .args = "m a" };
    BootParams p = {
        .kernel_name = "k", .cmdline = "quiet", .e820 = &map, .ram_end = RAM_END,
        .initrds = &initrd,
    };
    size_t len;

    if (size < 4) {
        return 0;
    }
    p.nr_initrds = data[0] >> 7;
    image = base_image(data[0], &len);
    if (image) {
        patch(image, len, data + 1, size - 1);
    } else {
        len = size - 1;
        image = g_memdup2(data + 1, len);
    }
    p.kernel = (BootFile){ .data = image, .len = len };
    if (boot_kernel(&p, plan, NULL)) {
        check_plan(plan);
    }
    return 0;
}
