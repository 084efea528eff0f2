/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory workloads: streams, string moves, chains of pointers, updates of all sizes. */
#include "bench.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void *big(size_t n)
{
    void *p = mmap(0, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        die("mmap");
    }
    memset(p, 1, n);
    return p;
}

/* Triad over 3 x 4 MiB of 64-bit words */
static u64 w_stream(long n)
{
    enum { N = 1 << 19 };
    u64 *a = big(N * 8);
    u64 *b = big(N * 8);
    u64 *c = big(N * 8);
    u64 h = 0;
    for (int i = 0; i < N; i++) {
        a[i] = (u64)i;
        b[i] = (u64)i * 3;
    }
    for (long it = 0; it < n; it++) {
        for (int i = 0; i < N; i++) {
            c[i] = a[i] + 5 * b[i];
        }
        u64 *t = a;
        a = b;
        b = c;
        c = t;
        h = mix(h, a[it & 1023]);
    }
    munmap(a, N * 8);
    munmap(b, N * 8);
    munmap(c, N * 8);
    return h;
}

static u64 w_repmovs(long n)
{
    enum { N = 1 << 16 };
    u8 *a = big(N);
    u8 *b = big(N);
    u64 h = 0;
    for (int i = 0; i < N; i++) {
        a[i] = (u8)(i * 7);
    }
    for (long it = 0; it < n; it++) {
        void *d = b;
        void *s = a;
        size_t c = N;
        a[it & (N - 1)]++;
        __asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(c) : : "memory");
        h += b[(it * 31) & (N - 1)];
    }
    munmap(a, N);
    munmap(b, N);
    return h;
}

static u64 chase(size_t bytes, long steps)
{
    size_t cnt = bytes / 64;
    u8 *m = big(bytes);
    u32 s = 9;
    u32 *perm = malloc(cnt * 4);
    for (size_t i = 0; i < cnt; i++) {
        perm[i] = (u32)i;
    }
    for (size_t i = cnt - 1; i; i--) {
        size_t j = rng(&s) % i;
        u32 t = perm[i];
        perm[i] = perm[j];
        perm[j] = t;
    }
    for (size_t i = 0; i < cnt; i++) {
        *(void **)(m + (size_t)perm[i] * 64) = m + (size_t)perm[(i + 1) % cnt] * 64;
    }
    void **p = (void **)m;
    for (long i = 0; i < steps; i++) {
        p = (void **)*p;
    }
    u64 h = (u64)((u8 *)p - m);
    munmap(m, bytes);
    free(perm);
    return h;
}

static u64 w_chase_l1(long n)
{
    return chase(16 << 10, n);
}

static u64 w_chase_l2(long n)
{
    return chase(512 << 10, n);
}

static u64 w_chase_big(long n)
{
    return chase(64 << 20, n);
}

/* Byte/word/dword/qword mixed-size read-modify-write, unaligned included */
static u64 w_update(long n)
{
    enum { N = 1 << 15 };
    u8 *m = big(N + 16);
    u32 s = 3;
    u64 h = 0;
    for (long i = 0; i < n; i++) {
        u32 r = rng(&s);
        u32 o = r & (N - 1);
        u16 v16;
        u32 v32;
        u64 v64;
        switch (i & 3) {
        case 0:
            m[o] += (u8)r;
            break;
        case 1:
            memcpy(&v16, m + o, 2);
            v16 ^= (u16)r;
            memcpy(m + o, &v16, 2);
            break;
        case 2:
            memcpy(&v32, m + o, 4);
            v32 += r;
            memcpy(m + o, &v32, 4);
            h += v32;
            break;
        default:
            memcpy(&v64, m + o, 8);
            v64 -= r;
            memcpy(m + o, &v64, 8);
            break;
        }
    }
    munmap(m, N + 16);
    return h;
}

const Work works_mem[] = {
    { "stream", "mem", 400, w_stream },
    { "repmovs", "mem", 130000, w_repmovs },
    { "chase-16k", "mem", 180000000, w_chase_l1 },
    { "chase-512k", "mem", 60000000, w_chase_l2 },
    { "chase-64m", "mem", 4000000, w_chase_big },
    { "update", "mem", 110000000, w_update },
    { NULL },
};
