/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Floating point and vectors: SSE2, x87, AVX2 with FMA. */
#include "bench.h"
#include <string.h>
#include <immintrin.h>

static u64 dbits(double d)
{
    u64 v;
    memcpy(&v, &d, 8);
    return v;
}

/* Packed double SSE2, 64x64 */
static u64 w_matmul(long n)
{
    enum { N = 64 };
    static double a[N][N] __attribute__((aligned(64)));
    static double b[N][N] __attribute__((aligned(64)));
    static double c[N][N] __attribute__((aligned(64)));
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            a[i][j] = i + j * 0.5;
            b[i][j] = (i ^ j) * 0.25;
            c[i][j] = 0;
        }
    }
    for (long it = 0; it < n; it++) {
        for (int i = 0; i < N; i++) {
            for (int j = 0; j < N; j += 4) {
                __m128d s0 = _mm_setzero_pd();
                __m128d s1 = s0;
                for (int k = 0; k < N; k++) {
                    __m128d x = _mm_set1_pd(a[i][k]);
                    s0 = _mm_add_pd(s0, _mm_mul_pd(x, _mm_load_pd(&b[k][j])));
                    s1 = _mm_add_pd(s1, _mm_mul_pd(x, _mm_load_pd(&b[k][j + 2])));
                }
                _mm_store_pd(&c[i][j], s0);
                _mm_store_pd(&c[i][j + 2], s1);
                a[i][j] += 0.125 * (it & 1 ? -1 : 1);
            }
        }
    }
    return mix(dbits(c[3][5]), dbits(c[60][61]));
}

/* Scalar SSE2 double: mul/add/div/sqrt */
static u64 w_nbody(long n)
{
    enum { B = 5 };
    double p[B][3];
    double v[B][3];
    double m[B];
    for (int i = 0; i < B; i++) {
        m[i] = 1.0 + i * 0.1;
        for (int k = 0; k < 3; k++) {
            p[i][k] = i * 1.5 + k * 0.7 + (i == k);
            v[i][k] = 0.01 * (i - k);
        }
    }
    for (long it = 0; it < n; it++) {
        for (int i = 0; i < B; i++) {
            for (int j = i + 1; j < B; j++) {
                double d[3];
                double r2 = 0.01;
                for (int k = 0; k < 3; k++) {
                    d[k] = p[i][k] - p[j][k];
                    r2 += d[k] * d[k];
                }
                double inv;
                __asm__("sqrtsd %1,%0" : "=x"(inv) : "x"(r2));
                inv = 0.001 / (r2 * inv);
                for (int k = 0; k < 3; k++) {
                    v[i][k] -= d[k] * m[j] * inv;
                    v[j][k] += d[k] * m[i] * inv;
                }
            }
        }
        for (int i = 0; i < B; i++) {
            for (int k = 0; k < 3; k++) {
                p[i][k] += 0.001 * v[i][k];
            }
        }
    }
    return mix(dbits(p[0][0]), dbits(v[4][2]));
}

static u64 w_x87(long n)
{
    long double x = 0.5L;
    long double y = 1.25L;
    long double s = 0;
    for (long i = 0; i < n; i++) {
        s = s * 0.5L + x * y;
        x = x + 1.0L / (y + (long double)(i & 15));
        if (x > 9.0L) {
            x -= 8.0L;
        }
        y = 3.75L - y * 0.25L;
        __asm__ volatile("" : : : "memory");
    }
    return (u64)(s * 1e12L);
}

/* SSE2 integer: byte scan with pcmpeqb/pmovmskb, saturating add, shuffle */
static u64 w_ssestr(long n)
{
    static u8 buf[4096] __attribute__((aligned(64)));
    u64 h = 0;
    for (int i = 0; i < 4096; i++) {
        buf[i] = (u8)(i * 11 + (i >> 8));
    }
    for (long it = 0; it < n; it++) {
        __m128i needle = _mm_set1_epi8((char)it);
        __m128i acc = _mm_setzero_si128();
        u32 cnt = 0;
        for (int i = 0; i < 4096; i += 16) {
            __m128i v = _mm_load_si128((const __m128i *)(buf + i));
            cnt += (u32)__builtin_popcount((unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, needle)));
            acc = _mm_adds_epu8(_mm_xor_si128(acc, v), _mm_unpacklo_epi8(v, needle));
            acc = _mm_add_epi32(acc, _mm_sad_epu8(v, acc));
        }
        u64 o[2];
        _mm_storeu_si128((__m128i *)o, acc);
        h = mix(h, o[0] + o[1] + cnt);
    }
    return h;
}

static int has_avx2(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

__attribute__((target("avx2,fma"))) static u64 w_avx2(long n)
{
    static float a[4096] __attribute__((aligned(64)));
    static float b[4096] __attribute__((aligned(64)));
    u64 h = 0;
    for (int i = 0; i < 4096; i++) {
        a[i] = (float)(i & 255) * 0.5f;
        b[i] = (float)(i % 31);
    }
    for (long it = 0; it < n; it++) {
        __m256 s = _mm256_setzero_ps();
        __m256 t = s;
        __m256i q = _mm256_set1_epi32((int)it);
        for (int i = 0; i < 4096; i += 16) {
            s = _mm256_fmadd_ps(_mm256_load_ps(a + i), _mm256_load_ps(b + i), s);
            t = _mm256_fmadd_ps(_mm256_load_ps(a + i + 8), _mm256_load_ps(b + i + 8), t);
            q = _mm256_xor_si256(_mm256_add_epi32(q, _mm256_castps_si256(_mm256_load_ps(a + i))),
                                 _mm256_slli_epi32(q, 3));
        }
        float o[8];
        u32 z[8];
        _mm256_storeu_ps(o, _mm256_add_ps(s, t));
        _mm256_storeu_si256((__m256i *)z, q);
        h = mix(h, dbits(o[0] + o[5]) + z[3]);
    }
    return h;
}

const Work works_fp[] = {
    { "matmul-sse2", "fp", 2600, w_matmul },
    { "nbody-sd", "fp", 2200000, w_nbody },
    { "x87", "fp", 15000000, w_x87 },
    { "sse2-int", "fp", 150000, w_ssestr },
    { "avx2-fma", "fp", 150000, w_avx2, has_avx2 },
    { NULL },
};
