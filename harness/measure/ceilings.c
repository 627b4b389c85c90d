/* Peak and bandwidth of one core. VECTOR_BYTES is defined in a line put before this text. */
#include <stddef.h>
#include <time.h>

typedef float vector __attribute__((vector_size(VECTOR_BYTES)));
#define LANES (VECTOR_BYTES / 4)

#if defined(__x86_64__) && VECTOR_BYTES > 4
#define TOUCH(v) __asm__ volatile("" : : "x"(v))
#define KEEP(v) __asm__ volatile("" : "+x"(v))
#elif defined(__aarch64__) && VECTOR_BYTES > 4
#define TOUCH(v) __asm__ volatile("" : : "w"(v))
#define KEEP(v) __asm__ volatile("" : "+w"(v))
#else
#define TOUCH(v) __asm__ volatile("" : : "m"(v))
#define KEEP(v) __asm__ volatile("" : "+m"(v))
#endif

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC_RAW, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

/* N accumulators that never leave registers, each a chain of multiply-adds. The factor keeps them
 * finite. With 16 registers 10 to 14 fit beside the two operands, with 32 up to 28. */
#define FMA_LOOP(N)                                                    \
    static double fma_##N(long rounds) {                               \
        vector a[N], factor, term;                                     \
        for (int l = 0; l < LANES; ++l) factor[l] = 0.5f, term[l] = 1; \
        for (int i = 0; i < N; ++i) a[i] = term;                       \
        KEEP(factor);                                                  \
        KEEP(term);                                                    \
        const double start = now();                                    \
        for (long r = 0; r < rounds; ++r) {                            \
            _Pragma("GCC unroll 32") for (int i = 0; i < N; ++i)       \
                a[i] = a[i] * factor + term;                           \
        }                                                              \
        const double seconds = now() - start;                          \
        for (int i = 0; i < N; ++i) KEEP(a[i]);                        \
        return 2.0 * LANES * N * rounds / seconds;                     \
    }
FMA_LOOP(8)
FMA_LOOP(10)
FMA_LOOP(12)
FMA_LOOP(14)
FMA_LOOP(20)
FMA_LOOP(24)

/* Operations a second of one variant, a number from 0; negative where there is none. */
double polydl_peak(int variant, long rounds) {
    switch (variant) {
    case 0: return fma_8(rounds);
    case 1: return fma_10(rounds);
    case 2: return fma_12(rounds);
    case 3: return fma_14(rounds);
    case 4: return fma_20(rounds);
    case 5: return fma_24(rounds);
    }
    return -1;
}

/* Seconds of one multiply-add that waits for the one before it. */
double polydl_latency(long rounds) {
    vector a, factor, term;
    for (int l = 0; l < LANES; ++l) a[l] = 1, factor[l] = 0.5f, term[l] = 1;
    KEEP(factor);
    KEEP(term);
    const double start = now();
    for (long r = 0; r < rounds; ++r) {
        _Pragma("GCC unroll 16") for (int i = 0; i < 16; ++i) {
            a = a * factor + term;
            KEEP(a);
        }
    }
    const double seconds = now() - start;
    return seconds / (16.0 * rounds);
}

/* Seconds of one cycle: additions of registers, each of which waits for the one before it. Vector
 * work goes on beside them, so that the clock is the one it runs at. */
double polydl_cycle(long rounds) {
    unsigned long sum = 0, one = 1;
    vector a, factor;
    for (int l = 0; l < LANES; ++l) a[l] = 1, factor[l] = 0.5f;
    KEEP(factor);
    __asm__ volatile("" : "+r"(one));
    const double start = now();
    for (long r = 0; r < rounds; ++r) {
        _Pragma("GCC unroll 16") for (int i = 0; i < 16; ++i) {
            sum += one;
            __asm__ volatile("" : "+r"(sum));
        }
        a = a * factor + factor;
        KEEP(a);
    }
    const double seconds = now() - start;
    TOUCH(a);
    return seconds / (16.0 * rounds);
}

/* Bytes a second of reading `bytes` (a multiple of 8 vectors) from start to end, `rounds` times. */
double polydl_read(const vector *values, size_t bytes, long rounds) {
    const size_t count = bytes / sizeof(vector) / 8 * 8;
    const double start = now();
    for (long r = 0; r < rounds; ++r) {
        for (size_t i = 0; i < count; i += 8) {
            const vector *v = values + i;
            const vector a = v[0], b = v[1], c = v[2], d = v[3];
            const vector e = v[4], f = v[5], g = v[6], h = v[7];
            TOUCH(a); TOUCH(b); TOUCH(c); TOUCH(d);
            TOUCH(e); TOUCH(f); TOUCH(g); TOUCH(h);
        }
    }
    return (double)(count * sizeof(vector)) * rounds / (now() - start);
}
