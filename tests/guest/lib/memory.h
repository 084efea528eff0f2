/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The functions a freestanding compiler may call, and string helpers. */
#ifndef GUEST_MEMORY_H
#define GUEST_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

void *memcpy(void *dst, const void *src, size_t len);
void *memmove(void *dst, const void *src, size_t len);
void *memset(void *dst, int byte, size_t len);
int memcmp(const void *a, const void *b, size_t len);
size_t strlen(const char *s);
bool str_equal(const char *a, const char *b);

#endif
