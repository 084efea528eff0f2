/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Integer workloads: calls, records, hashing, scanning, interpretation, sorting, carries. */
#include "bench.h"
#include <string.h>

/* Records: small structs, string compare, nested calls */
struct rec {
    struct rec *next;
    int kind, a, b;
    char text[32];
};
static NOINLINE int rec_cmp(const char *p, const char *q)
{
    while (*p && *p == *q) {
        p++;
        q++;
    }
    return (u8)*p - (u8)*q;
}

static NOINLINE void rec_copy(struct rec *d, const struct rec *s)
{
    d->kind = s->kind;
    d->a = s->a;
    d->b = s->b;
    for (int i = 0; i < 32; i++) {
        d->text[i] = s->text[i];
    }
}

static NOINLINE int rec_step(struct rec *r, int k)
{
    switch (r->kind) {
    case 0:
        r->a += k;
        r->kind = r->a & 1 ? 1 : 2;
        break;
    case 1:
        r->b ^= r->a;
        r->kind = r->b & 4 ? 0 : 3;
        break;
    case 2:
        r->a = r->b - k;
        r->kind = 3;
        break;
    default:
        r->b = r->a * 3 + k;
        r->kind = r->b & 3;
        break;
    }
    return r->a ^ r->b;
}

static u64 w_records(long n)
{
    static struct rec ring[64];
    struct rec tmp;
    u64 h = 1;
    for (int i = 0; i < 64; i++) {
        ring[i].next = &ring[(i * 7 + 1) & 63];
        ring[i].kind = i & 3;
        ring[i].a = i;
        ring[i].b = i * i;
        for (int j = 0; j < 31; j++) {
            ring[i].text[j] = 'a' + (j < 20 ? 0 : (i * j) % 7);
        }
        ring[i].text[31] = 0;
    }
    struct rec *p = ring;
    for (long i = 0; i < n; i++) {
        int v = rec_step(p, (int)i);
        if (rec_cmp(p->text, p->next->text) > 0) {
            rec_copy(&tmp, p);
            v += tmp.b;
        }
        h += (u32)v;
        p = p->next;
    }
    return h;
}

/* Fib: call/return heavy */
static NOINLINE u32 fib(u32 n)
{
    if (n < 2) {
        return n;
    }
    u32 a = fib(n - 1);
    KEEP(a);
    return a + fib(n - 2);
}

static u64 w_fib(long n)
{
    u64 h = 0;
    for (long i = 0; i < n; i++) {
        h += fib(22 + (i & 3));
    }
    return h;
}

/* Sha256 */
static u32 K[64];
/* Round constants: fractional parts of cube roots of the first primes */
static void sha_init(void)
{
    int np = 0;
    for (int c = 2; np < 64; c++) {
        int prime = 1;
        for (int d = 2; d * d <= c; d++) {
            if (c % d == 0) {
                prime = 0;
                break;
            }
        }
        if (!prime) {
            continue;
        }
        /* integer cube root of c * 2^96, by bisection on 128-bit cubes kept in two u64 */
        u64 lo = 0;
        u64 hi = 7ull << 32;
        while (hi - lo > 1) {
            u64 m = lo + (hi - lo) / 2; /* m^3 <= c<<96 ? */
            long double x = (long double)m / 4294967296.0L;
            if (x * x * x <= (long double)c) {
                lo = m;
            } else {
                hi = m;
            }
        }
        K[np++] = (u32)lo;
    }
}

#define ROR(x, k) (((x) >> (k)) | ((x) << (32 - (k))))
static NOINLINE void sha_block(u32 s[8], const u8 *p)
{
    u32 w[64];
    u32 a = s[0];
    u32 b = s[1];
    u32 c = s[2];
    u32 d = s[3];
    u32 e = s[4];
    u32 f = s[5];
    u32 g = s[6];
    u32 h = s[7];
    for (int i = 0; i < 16; i++) {
        w[i] =
            (u32)p[4 * i] << 24 | (u32)p[4 * i + 1] << 16 | (u32)p[4 * i + 2] << 8 | p[4 * i + 3];
    }
    for (int i = 16; i < 64; i++) {
        w[i] = w[i - 16] + (ROR(w[i - 15], 7) ^ ROR(w[i - 15], 18) ^ w[i - 15] >> 3) + w[i - 7] +
               (ROR(w[i - 2], 17) ^ ROR(w[i - 2], 19) ^ w[i - 2] >> 10);
    }
    for (int i = 0; i < 64; i++) {
        u32 t1 = h + (ROR(e, 6) ^ ROR(e, 11) ^ ROR(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + w[i];
        u32 t2 = (ROR(a, 2) ^ ROR(a, 13) ^ ROR(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
        h = g;
        g = f;
        f = e;
        e = d + t1;
        d = c;
        c = b;
        b = a;
        a = t1 + t2;
    }
    s[0] += a;
    s[1] += b;
    s[2] += c;
    s[3] += d;
    s[4] += e;
    s[5] += f;
    s[6] += g;
    s[7] += h;
}

static u64 w_sha256(long n)
{
    u32 s[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
    u8 blk[64];
    if (!K[0]) {
        sha_init();
    }
    for (int i = 0; i < 64; i++) {
        blk[i] = (u8)(i * 37);
    }
    for (long i = 0; i < n; i++) {
        blk[i & 63] ^= (u8)i;
        sha_block(s, blk);
    }
    return (u64)s[0] << 32 | s[7];
}

/* Lexhash: scan text, intern identifiers in a chained hash table */
struct sym {
    struct sym *next;
    u32 hash, count;
    u32 len;
    const char *p;
};
enum { TEXT = 1 << 16, BUCKETS = 1 << 10, POOL = 1 << 14 };

typedef struct Lexer {
    char text[TEXT + 1];
    struct sym *table[BUCKETS], pool[POOL];
    u32 used, lines, punct;
    u64 numbers;
} Lexer;

static u32 make_token(char *out, u32 r)
{
    u32 n = 0, len, x;

    switch (r & 7) {
    case 0 ... 3:
        x = (r >> 12) % 900;
        for (len = 1 + (r >> 8) % 7; n < len; n++) {
            x = x * 13 + 7;
            out[n] = 'a' + x % 26;
        }
        return n;
    case 4:
        for (len = 1 + (r >> 8) % 5; n < len; n++) {
            r >>= 1;
            out[n] = '0' + r % 10;
        }
        return n;
    case 5:
        out[0] = "+-*/(){};,=<>"[(r >> 8) % 13];
        return 1;
    default:
        out[0] = r & 64 ? ' ' : '\n';
        return 1;
    }
}

static const char *name(Lexer *l, const char *s)
{
    const char *start = s;
    u32 hash = 2166136261u, len;
    struct sym *e, **head;

    while ((*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9')) {
        hash = (hash ^ (u8)*s++) * 16777619u;
    }
    len = (u32)(s - start);
    head = &l->table[hash & (BUCKETS - 1)];
    for (e = *head; e; e = e->next) {
        if (e->hash == hash && e->len == len && !memcmp(e->p, start, len)) {
            break;
        }
    }
    if (!e && l->used < POOL) {
        e = &l->pool[l->used++];
        *e = (struct sym){ .next = *head, .hash = hash, .len = len, .p = start };
        *head = e;
    }
    if (e) {
        e->count++;
    }
    return s;
}

static const char *number(Lexer *l, const char *s)
{
    u64 v = 0;

    while (*s >= '0' && *s <= '9') {
        v = v * 10 + (u32)(*s++ - '0');
    }
    l->numbers += v;
    return s;
}

static const char *token(Lexer *l, const char *s)
{
    if (*s >= 'a' && *s <= 'z') {
        return name(l, s);
    }
    if (*s >= '0' && *s <= '9') {
        return number(l, s);
    }
    if (*s == '\n') {
        l->lines++;
    } else if (*s != ' ') {
        l->punct += (u8)*s;
    }
    return s + 1;
}

static u64 w_lexhash(long n)
{
    static Lexer l;
    u32 seed = 12345, pos = 0;
    u64 h = 7;

    while (pos < TEXT - 16) {
        pos += make_token(l.text + pos, rng(&seed));
    }
    l.text[pos] = 0;
    for (long it = 0; it < n; it++) {
        memset(l.table, 0, sizeof(l.table));
        l.used = l.lines = l.punct = 0;
        l.numbers = 0;
        for (const char *s = l.text; *s;) {
            s = token(&l, s);
        }
        h = mix(h, l.numbers + l.used + l.lines * 3u + l.punct);
    }
    return h;
}

/* Interp: bytecode machine, indirect jump per operation */
static u64 w_interp(long n)
{
    /* computes a linear congruential walk with a data-dependent branch */
    static const u8 code[] = { 0, 1, 1, 2, 2, 0, 3, 3, 4, 1, 5, 0,
                               6, 4, 7, 9, 1, 3, 3, 5, 2, 1, 8, 0 };
    u64 r[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    u64 acc = 0;
    long left = n;
    const u8 *pc = code;
    for (;;) {
        u8 op = pc[0];
        u8 x = pc[1] & 7;
        pc += 2;
        switch (op) {
        case 0:
            acc += r[x];
            break;
        case 1:
            acc ^= r[x] << 3;
            break;
        case 2:
            r[x] = acc;
            break;
        case 3:
            acc = acc * 6364136223846793005ull + r[x];
            break;
        case 4:
            r[x] -= acc >> 7;
            break;
        case 5:
            acc = acc >> 5 | acc << 59;
            break;
        case 6:
            r[x]++;
            break;
        case 7:
            if (acc & 1) {
                pc += 2;
            }
            break;
        case 8:
            pc = code;
            if (--left <= 0) {
                return mix(acc, r[3]);
            }
            break;
        }
        KEEP(acc);
    }
}

/* ---- icall: unpredictable-target calls through a table ------------------ */
typedef u64 (*op_fn)(u64, u64);
#define OPERATION(name, value)                                                                     \
    static NOINLINE u64 name(u64 a, u64 b)                                                         \
    {                                                                                              \
        return value;                                                                              \
    }
OPERATION(o0, a + b)
OPERATION(o1, a ^ b)
OPERATION(o2, a * 3 + b)
OPERATION(o3, a - b)
OPERATION(o4, (a << 1) | (b & 1))
OPERATION(o5, a & ~b)
OPERATION(o6, a | b)
OPERATION(o7, b - a)
static op_fn volatile ops[8] = { o0, o1, o2, o3, o4, o5, o6, o7 };

static u64 w_icall(long n)
{
    u64 a = 1;
    u32 s = 99;
    for (long i = 0; i < n; i++) {
        a = ops[rng(&s) >> 29](a, (u64)i);
    }
    return a;
}

/* ---- sort: heap + shell sorts over 32-bit keys --------------------------- */
static u64 w_sort(long n)
{
    enum { N = 4096 };
    static u32 a[N];
    u64 h = 0;
    u32 s = 4242;
    for (long it = 0; it < n; it++) {
        for (int i = 0; i < N; i++) {
            a[i] = rng(&s);
        }
        for (int g = 1750; g; g = g == 2 ? 1 : g * 5 / 11) {
            for (int i = g; i < N; i++) {
                u32 v = a[i];
                int j = i;
                for (; j >= g && a[j - g] > v; j -= g) {
                    a[j] = a[j - g];
                }
                a[j] = v;
            }
        }
        h = mix(h, a[N / 2] + (a[0] <= a[1]));
    }
    return h;
}

/* ---- bits: flag-consuming integer code (adc/sbb/shift/cmov/div) ---------- */
/* Schoolbook multiply and carry chains, plus 64/32 division */
static u64 w_bigint(long n)
{
    enum { L = 16 };
    u32 a[L];
    u32 b[L];
    u32 r[2 * L];
    u32 s = 77;
    u64 h = 0;
    for (int i = 0; i < L; i++) {
        a[i] = rng(&s);
        b[i] = rng(&s);
    }
    for (long it = 0; it < n; it++) {
        memset(r, 0, sizeof(r));
        for (int i = 0; i < L; i++) {
            u64 c = 0;
            for (int j = 0; j < L; j++) {
                c += (u64)a[i] * b[j] + r[i + j];
                r[i + j] = (u32)c;
                c >>= 32;
            }
            r[i + L] = (u32)c;
        }
        u64 rem = 0;
        for (int i = 2 * L - 1; i >= 0; i--) {
            rem = rem << 32 | r[i];
            r[i] = (u32)(rem / 1000000007u);
            rem %= 1000000007u;
        }
        a[it & (L - 1)] ^= (u32)rem;
        h = mix(h, rem);
    }
    return h;
}

const Work works_cpu[] = {
    { "records", "cpu", 9000000, w_records },
    { "fib", "cpu", 1500, w_fib },
    { "sha256", "cpu", 600000, w_sha256 },
    { "lexhash", "cpu", 3000, w_lexhash },
    { "interp", "cpu", 10000000, w_interp },
    { "icall", "cpu", 30000000, w_icall },
    { "sort", "cpu", 700, w_sort },
    { "bigint", "cpu", 600000, w_bigint },
    { NULL },
};
