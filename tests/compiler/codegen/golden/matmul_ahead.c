/* schedule broadcast/vector:n.4/tile:n.2+m.2/order:k@1+n+m+k/block:k@1.64/layout:b.Ba4b/unroll:2/ahead:a.m+b.n */
/* matmul: m=5 n=16 k=80 */
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
#define LOAD_PART(p, n) ({ vec part = {0}; __builtin_memcpy(&part, (p), 4 * (n)); part; })
#define STORE_PART(p, x, n) \
  do { vec part = (x); __builtin_memcpy((p), &part, 4 * (n)); } while (0)
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
  const long v0 = at_k * 4 + at_n / 4 * 320;
  const long s0 = at_m * 80 + at_k * 1;
  float *restrict out = t_c + at_m * 16 + at_n * 1;
  static const long rows_a[] = {0, 80};
  static const long rows_b[] = {0, 320, 320};
  const long line_b = at_m / 2 % 3 * 11;
  vec a0v0 = (vec){0};
  vec a0v1 = (vec){0};
  vec a1v0 = (vec){0};
  vec a1v1 = (vec){0};
  if (at_k != 0) {
    a0v0 = LOAD(out + 0);
    a0v1 = LOAD(out + 4);
    a1v0 = LOAD(out + 16);
    a1v1 = LOAD(out + 20);
  }
  #pragma GCC unroll 2
  for (long r_k = 0; r_k < (min(64, 80 - at_k) + 0) / 1; ++r_k) {
    const float *vp = t_b + v0 + r_k * 4, *sp = t_a + s0 + r_k * 1;
    STEP;
    if (r_k % 8 == 0) __builtin_prefetch(t_a + s0 + 160 + rows_a[(r_k / 8) / 4] + (r_k / 8) % 4 * 16);
    if (r_k % 4 == 0) __builtin_prefetch(t_b + v0 + 640 + rows_b[(line_b + r_k / 4) / 16] + (line_b + r_k / 4) % 16 * 16);
    vec w0 = LOAD(vp + 0); KEEP(w0);
    vec w1 = LOAD(vp + 320); KEEP(w1);
    const float x0 = sp[0];
    a0v0 += w0 * x0;
    a0v1 += w1 * x0;
    const float x1 = sp[80];
    a1v0 += w0 * x1;
    a1v1 += w1 * x1;
  }
  STORE(out + 0, a0v0);
  STORE(out + 4, a0v1);
  STORE(out + 16, a1v0);
  STORE(out + 20, a1v1);
}

static void tile1(const float *restrict t_b, const float *restrict t_a, float *restrict t_c, long at_m, long at_n, long at_k)
{
  const long v0 = at_k * 4 + at_n / 4 * 320;
  const long s0 = at_m * 80 + at_k * 1;
  float *restrict out = t_c + at_m * 16 + at_n * 1;
  static const long rows_b[] = {0, 320, 320};
  const long line_b = (at_m - 2) / 1 % 3 * 11;
  vec av0 = (vec){0};
  vec av1 = (vec){0};
  if (at_k != 0) {
    av0 = LOAD(out + 0);
    av1 = LOAD(out + 4);
  }
  #pragma GCC unroll 2
  for (long r_k = 0; r_k < (min(64, 80 - at_k) + 0) / 1; ++r_k) {
    const float *vp = t_b + v0 + r_k * 4, *sp = t_a + s0 + r_k * 1;
    STEP;
    if (r_k % 16 == 0) __builtin_prefetch(t_a + s0 + 160 + (r_k / 16) * 16);
    if (r_k % 4 == 0) __builtin_prefetch(t_b + v0 + 640 + rows_b[(line_b + r_k / 4) / 16] + (line_b + r_k / 4) % 16 * 16);
    vec x0 = SPLAT(sp[0]); KEEP(x0);
    vec w0 = LOAD(vp + 0); KEEP(w0);
    av0 += w0 * x0;
    vec w1 = LOAD(vp + 320); KEEP(w1);
    av1 += w1 * x0;
  }
  STORE(out + 0, av0);
  STORE(out + 4, av1);
}

void polydl_kernel(void *const *buffers)
{
  const float *restrict t_a = buffers[0];
  const float *restrict t_b = buffers[1];
  float *restrict t_c = buffers[2];
  for (long c0 = 0; c0 <= 1; c0 += 1) {
    for (long c1 = 0; c1 <= 1; c1 += 1) {
      for (long c2 = 0; c2 <= 1; c2 += 1) {
        tile0(t_b, t_a, t_c, c2 * 2, c1 * 8, c0 * 64);
      }
      tile1(t_b, t_a, t_c, 2 + 2, c1 * 8, c0 * 64);
    }
  }
}
