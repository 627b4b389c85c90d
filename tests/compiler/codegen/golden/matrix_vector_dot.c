/* schedule dot/vector:k.4/tile:k.2+m.2/order:k@1+m+k/block:k@1.2/unroll:2/prefetch:64 */
/* matmul: m=5 n=1 k=23 */
/* c[m,n] += a[m,k] * b[k,n] */
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define floord(n, d) ((n) < 0 ? -((-(n) + (d) - 1) / (d)) : (n) / (d))
#define ceild(n, d) ((n) < 0 ? -((-(n)) / (d)) : ((n) + (d) - 1) / (d))
typedef float vec __attribute__((vector_size(16), may_alias));
typedef float loose __attribute__((vector_size(16), may_alias, aligned(4)));
#define LOAD(p) ((vec)*(const loose *)(p))
#define STORE(p, x) (*(loose *)(p) = (loose)(x))
#define SPLAT(x) ((x) - (vec){0})
typedef int mask __attribute__((vector_size(16)));
#define FIRST(n) ((mask){0, 1, 2, 3} < (mask){0} + (n))
#define FILL_PART(x, n, y) ((vec)(((mask)(x) & FIRST(n)) | ((mask)(y) & ~FIRST(n))))
#if defined(__AVX512VL__)
#define LOAD_PART(p, n) (vec)__builtin_ia32_loadups128_mask((const void *)(p), (vec){0}, (1u << (n)) - 1)
#elif defined(__AVX__)
#define LOAD_PART(p, n) (vec)__builtin_ia32_maskloadps((const void *)(p), FIRST(n))
#elif defined(__aarch64__)
#define LOAD_PART(p, n) ({ vec part = {0}; for (int i = 0; i < (n); ++i) part[i] = (p)[i]; part; })
#else
#define LOAD_PART(p, n) ({ vec part = {0}; __builtin_memcpy(&part, (p), 4 * (n)); part; })
#endif
#if defined(__AVX512VL__)
#define STORE_PART(p, x, n) __builtin_ia32_storeups128_mask((void *)(p), (x), (1u << (n)) - 1)
#elif defined(__AVX__)
#define STORE_PART(p, x, n) __builtin_ia32_maskstoreps((void *)(p), FIRST(n), (x))
#elif defined(__aarch64__)
#define STORE_PART(p, x, n) do { vec part = (x); for (int i = 0; i < (n); ++i) (p)[i] = part[i]; } while (0)
#else
#define STORE_PART(p, x, n) \
  do { vec part = (x); __builtin_memcpy((p), &part, 4 * (n)); } while (0)
#endif
#define STEP __asm__ volatile("" ::: "memory")
#if defined(__x86_64__) && 16 <= 64
#define KEEP(x) __asm__("" : "+v"(x))
#elif defined(__aarch64__) && 16 <= 16
#define KEEP(x) __asm__("" : "+w"(x))
#else
#define KEEP(x)
#endif
typedef int shuffle __attribute__((vector_size(16)));
#ifdef __clang__
#define SHUFFLE(x, ...) __builtin_shufflevector(x, x, __VA_ARGS__)
#else
#define SHUFFLE(x, ...) __builtin_shuffle(x, (shuffle){__VA_ARGS__})
#endif
static inline __attribute__((always_inline)) float join_add(vec x)
{
  x = (x + SHUFFLE(x, 2, 3, 0, 1));
  x = (x + SHUFFLE(x, 1, 0, 3, 2));
  return x[0];
}

static void tile0(const float *restrict t_a, const float *restrict t_b, float *restrict t_c, long at_m, long at_k)
{
  const long x0_0 = at_m * 23 + at_k * 1;
  const long x1_0 = at_k * 1;
  float *restrict out = t_c + at_m * 1;
  vec l0v0 = (vec){0};
  vec l0v1 = (vec){0};
  vec l1v0 = (vec){0};
  vec l1v1 = (vec){0};
  #pragma GCC unroll 2
  for (long r_k = 0; r_k < (min(16, 23 - at_k)) / 8; ++r_k) {
    const float *q0 = t_a + x0_0 + r_k * 8;
    const float *q1 = t_b + x1_0 + r_k * 8;
    {
      const vec e1v0 = LOAD(q1 + 0);
      { __builtin_prefetch(q0 + 16); const vec e0v0 = LOAD(q0 + 0); l0v0 += (e0v0 * e1v0); }
      { __builtin_prefetch(q0 + 39); const vec e0v0 = LOAD(q0 + 23); l1v0 += (e0v0 * e1v0); }
    }
    {
      const vec e1v1 = LOAD(q1 + 4);
      { __builtin_prefetch(q0 + 20); const vec e0v1 = LOAD(q0 + 4); l0v1 += (e0v1 * e1v1); }
      { __builtin_prefetch(q0 + 43); const vec e0v1 = LOAD(q0 + 27); l1v1 += (e0v1 * e1v1); }
    }
  }
  #pragma GCC unroll 2
  for (long r_k = (min(16, 23 - at_k)) / 8; r_k < (min(16, 23 - at_k) + 7) / 8; ++r_k) {
    const float *q0 = t_a + x0_0 + r_k * 8;
    const float *q1 = t_b + x1_0 + r_k * 8;
    {
      const vec e1v0 = LOAD(q1 + 0);
      { __builtin_prefetch(q0 + 16); const vec e0v0 = LOAD(q0 + 0); l0v0 += (e0v0 * e1v0); }
      { __builtin_prefetch(q0 + 39); const vec e0v0 = LOAD(q0 + 23); l1v0 += (e0v0 * e1v0); }
    }
    {
      const vec e1v1 = LOAD_PART(q1 + 4, 3);
      { __builtin_prefetch(q0 + 20); const vec e0v1 = LOAD_PART(q0 + 4, 3); l0v1 += (e0v1 * e1v1); }
      { __builtin_prefetch(q0 + 43); const vec e0v1 = LOAD_PART(q0 + 27, 3); l1v1 += (e0v1 * e1v1); }
    }
  }
  float a0v0 = join_add((l0v0 + l0v1));
  float a1v0 = join_add((l1v0 + l1v1));
  if (at_k != 0) {
    a0v0 += out[0];
    a1v0 += out[1];
  }
  out[0] = a0v0;
  out[1] = a1v0;
}

static void tile1(const float *restrict t_a, const float *restrict t_b, float *restrict t_c, long at_m, long at_k)
{
  const long x0_0 = at_m * 23 + at_k * 1;
  const long x1_0 = at_k * 1;
  float *restrict out = t_c + at_m * 1;
  vec lv0 = (vec){0};
  vec lv1 = (vec){0};
  #pragma GCC unroll 2
  for (long r_k = 0; r_k < (min(16, 23 - at_k)) / 8; ++r_k) {
    const float *q0 = t_a + x0_0 + r_k * 8;
    const float *q1 = t_b + x1_0 + r_k * 8;
    {
      __builtin_prefetch(q0 + 16);
      const vec e0v0 = LOAD(q0 + 0);
      const vec e1v0 = LOAD(q1 + 0);
      { lv0 += (e0v0 * e1v0); }
    }
    {
      __builtin_prefetch(q0 + 20);
      const vec e0v1 = LOAD(q0 + 4);
      const vec e1v1 = LOAD(q1 + 4);
      { lv1 += (e0v1 * e1v1); }
    }
  }
  #pragma GCC unroll 2
  for (long r_k = (min(16, 23 - at_k)) / 8; r_k < (min(16, 23 - at_k) + 7) / 8; ++r_k) {
    const float *q0 = t_a + x0_0 + r_k * 8;
    const float *q1 = t_b + x1_0 + r_k * 8;
    {
      __builtin_prefetch(q0 + 16);
      const vec e0v0 = LOAD(q0 + 0);
      const vec e1v0 = LOAD(q1 + 0);
      { lv0 += (e0v0 * e1v0); }
    }
    {
      __builtin_prefetch(q0 + 20);
      const vec e0v1 = LOAD_PART(q0 + 4, 3);
      const vec e1v1 = LOAD_PART(q1 + 4, 3);
      { lv1 += (e0v1 * e1v1); }
    }
  }
  float av0 = join_add((lv0 + lv1));
  if (at_k != 0) {
    av0 += out[0];
  }
  out[0] = av0;
}

void polydl_kernel(void *const *buffers)
{
  const float *restrict t_a = buffers[0];
  const float *restrict t_b = buffers[1];
  float *restrict t_c = buffers[2];
  for (long c0 = 0; c0 <= 1; c0 += 1) {
    for (long c1 = 0; c1 <= 1; c1 += 1) {
      tile0(t_a, t_b, t_c, c1 * 2, c0 * 16);
    }
    tile1(t_a, t_b, t_c, 2 + 2, c0 * 16);
  }
}
