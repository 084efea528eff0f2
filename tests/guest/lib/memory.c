/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory and string functions; plain byte loops, speed does not matter here. */
#include <stdint.h>
#include "memory.h"

void *memcpy(void *dst, const void *src, size_t len)
{
    return memmove(dst, src, len);
}

void *memmove(void *dst, const void *src, size_t len)
{
    volatile uint8_t *d = dst;
    const uint8_t *s = src;

    if ((uintptr_t)d < (uintptr_t)s) {
        for (size_t i = 0; i < len; i++) {
            d[i] = s[i];
        }
    } else {
        while (len--) {
            d[len] = s[len];
        }
    }
    return dst;
}

void *memset(void *dst, int byte, size_t len)
{
    volatile uint8_t *d = dst;

    for (size_t i = 0; i < len; i++) {
        d[i] = (uint8_t)byte;
    }
    return dst;
}

int memcmp(const void *a, const void *b, size_t len)
{
    const volatile uint8_t *x = a, *y = b;

    for (size_t i = 0; i < len; i++) {
        if (x[i] != y[i]) {
            return x[i] - y[i];
        }
    }
    return 0;
}

size_t strlen(const char *s)
{
    const volatile char *p = s;

    while (*p) {
        p++;
    }
    return (size_t)(p - s);
}

bool str_equal(const char *a, const char *b)
{
    size_t len = strlen(a);

    return len == strlen(b) && memcmp(a, b, len) == 0;
}
