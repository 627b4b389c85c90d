/* schedule broadcast/vector:n.4/tile:n.2+m.2/order:k@1+m+n+k/block:k@1.4/parallel:m/layout:b.Ba4b/unroll:2 */
/* matmul: m=5 n=11 k=6 */
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

static void tile0(const float *restrict t_b, const float *restrict t_a, float *restrict t_c, long at_m, long at_n, long at_k)
{
  const long v0 = at_k * 4 + at_n / 4 * 24;
  const long s0 = at_m * 6 + at_k * 1;
  float *restrict out = t_c + at_m * 11 + at_n * 1;
  vec a0v0 = (vec){0};
  vec a0v1 = (vec){0};
  vec a1v0 = (vec){0};
  vec a1v1 = (vec){0};
  if (at_k != 0) {
    a0v0 = LOAD(out + 0);
    a0v1 = LOAD(out + 4);
    a1v0 = LOAD(out + 11);
    a1v1 = LOAD(out + 15);
  }
  #pragma GCC unroll 2
  for (long r_k = 0; r_k < (min(4, 6 - at_k) + 0) / 1; ++r_k) {
    const float *vp = t_b + v0 + r_k * 4, *sp = t_a + s0 + r_k * 1;
    STEP;
    vec w0 = LOAD(vp + 0); KEEP(w0);
    vec w1 = LOAD(vp + 24); KEEP(w1);
    const float x0 = sp[0];
    a0v0 += w0 * x0;
    a0v1 += w1 * x0;
    const float x1 = sp[6];
    a1v0 += w0 * x1;
    a1v1 += w1 * x1;
  }
  STORE(out + 0, a0v0);
  STORE(out + 4, a0v1);
  STORE(out + 11, a1v0);
  STORE(out + 15, a1v1);
}

static void tile1(const float *restrict t_b, const float *restrict t_a, float *restrict t_c, long at_m, long at_n, long at_k)
{
  const long v0 = at_k * 4 + at_n / 4 * 24;
  const long s0 = at_m * 6 + at_k * 1;
  float *restrict out = t_c + at_m * 11 + at_n * 1;
  vec a0v0 = (vec){0};
  vec a1v0 = (vec){0};
  if (at_k != 0) {
    a0v0 = LOAD_PART(out + 0, 3);
    a1v0 = LOAD_PART(out + 11, 3);
  }
  #pragma GCC unroll 2
  for (long r_k = 0; r_k < (min(4, 6 - at_k) + 0) / 1; ++r_k) {
    const float *vp = t_b + v0 + r_k * 4, *sp = t_a + s0 + r_k * 1;
    STEP;
    vec w0 = LOAD(vp + 0); KEEP(w0);
    const float x0 = sp[0];
    a0v0 += w0 * x0;
    const float x1 = sp[6];
    a1v0 += w0 * x1;
  }
  STORE_PART(out + 0, a0v0, 3);
  STORE_PART(out + 11, a1v0, 3);
}

static void tile2(const float *restrict t_b, const float *restrict t_a, float *restrict t_c, long at_m, long at_n, long at_k)
{
  const long v0 = at_k * 4 + at_n / 4 * 24;
  const long s0 = at_m * 6 + at_k * 1;
  float *restrict out = t_c + at_m * 11 + at_n * 1;
  vec av0 = (vec){0};
  vec av1 = (vec){0};
  if (at_k != 0) {
    av0 = LOAD(out + 0);
    av1 = LOAD(out + 4);
  }
  #pragma GCC unroll 2
  for (long r_k = 0; r_k < (min(4, 6 - at_k) + 0) / 1; ++r_k) {
    const float *vp = t_b + v0 + r_k * 4, *sp = t_a + s0 + r_k * 1;
    STEP;
    vec x0 = SPLAT(sp[0]); KEEP(x0);
    vec w0 = LOAD(vp + 0); KEEP(w0);
    av0 += w0 * x0;
    vec w1 = LOAD(vp + 24); KEEP(w1);
    av1 += w1 * x0;
  }
  STORE(out + 0, av0);
  STORE(out + 4, av1);
}

static void tile3(const float *restrict t_b, const float *restrict t_a, float *restrict t_c, long at_m, long at_n, long at_k)
{
  const long v0 = at_k * 4 + at_n / 4 * 24;
  const long s0 = at_m * 6 + at_k * 1;
  float *restrict out = t_c + at_m * 11 + at_n * 1;
  vec av0 = (vec){0};
  if (at_k != 0) {
    av0 = LOAD_PART(out + 0, 3);
  }
  #pragma GCC unroll 2
  for (long r_k = 0; r_k < (min(4, 6 - at_k) + 0) / 1; ++r_k) {
    const float *vp = t_b + v0 + r_k * 4, *sp = t_a + s0 + r_k * 1;
    STEP;
    vec w0 = LOAD(vp + 0); KEEP(w0);
    const float x0 = sp[0];
    av0 += w0 * x0;
  }
  STORE_PART(out + 0, av0, 3);
}

void polydl_kernel(void *const *buffers)
{
  const float *restrict t_a = buffers[0];
  const float *restrict t_b = buffers[1];
  float *restrict t_c = buffers[2];
  for (long c0 = 0; c0 <= 1; c0 += 1) {
    #pragma omp parallel for collapse(1)
    for (long c1 = 0; c1 <= 2; c1 += 1) {
      const long p0 = c0;
      const long p1 = c1;
      if (p1 <= 1) {
        tile0(t_b, t_a, t_c, p1 * 2, 0 * 8, p0 * 4);
        tile1(t_b, t_a, t_c, p1 * 2, 1 * 4 + 4, p0 * 4);
      } else {
        tile2(t_b, t_a, t_c, 2 + 2, 0 * 8, p0 * 4);
        tile3(t_b, t_a, t_c, 2 + 2, 1 * 4 + 4, p0 * 4);
      }
    }
  }
}
