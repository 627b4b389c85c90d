/* schedule scalar/order:c+oh+ow+kh+kw */
/* max_pool: n=1 c=2 ih=7 iw=6 kh=3 kw=2 stride=2 pad=1 dilation=1 */
/* out[n,c,oh,ow] = max(out[n,c,oh,ow], data[n,c,oh*stride + kh*dilation - pad, ow*stride + kw*dilation - pad]) */
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define floord(n, d) ((n) < 0 ? -((-(n) + (d) - 1) / (d)) : (n) / (d))
#define ceild(n, d) ((n) < 0 ? -((-(n)) / (d)) : ((n) + (d) - 1) / (d))
typedef float vec;
#define LOAD(p) (*(p))
#define STORE(p, x) (*(p) = (x))
#define SPLAT(x) (x)
#define LOAD_PART(p, n) ({ vec part = {0}; __builtin_memcpy(&part, (p), 4 * (n)); part; })
#define STORE_PART(p, x, n) \
  do { vec part = (x); __builtin_memcpy((p), &part, 4 * (n)); } while (0)
#define STEP __asm__ volatile("" ::: "memory")
#if defined(__x86_64__) && 4 <= 64
#define KEEP(x) __asm__("" : "+v"(x))
#elif defined(__aarch64__) && 4 <= 16
#define KEEP(x) __asm__("" : "+w"(x))
#else
#define KEEP(x)
#endif
#if defined(__GNUC__) && !defined(__clang__)
#define LOOPS __attribute__((optimize("O3")))
#else
#define LOOPS
#endif
#define maximum(x, y) ({ const float a = (x), b = (y); ((a > b) | (b != b)) ? a : b; })
#define minimum(x, y) ({ const float a = (x), b = (y); ((a < b) | (b != b)) ? a : b; })
float expf(float), tanhf(float), erff(float);

LOOPS void polydl_kernel(void *const *buffers)
{
  const float *restrict t_data = buffers[0];
  float *restrict t_out = buffers[1];
  #pragma omp simd
  for (long i = 0; i < 32; ++i) t_out[i] = -__builtin_inff();
  for (long i_c = 0; i_c < 2; ++i_c) {
    for (long i_oh = 0; i_oh < 4; ++i_oh) {
      for (long i_ow = 0; i_ow < 4; ++i_ow) {
        float most = -__builtin_inff();
        for (long i_kh = max(0, -2*i_oh + 1); i_kh < min(3, -2*i_oh + 8); ++i_kh) {
          for (long i_kw = max(0, -2*i_ow + 1); i_kw < min(2, -2*i_ow + 7); ++i_kw) {
            most = maximum(most, t_data[i_c * 42 + i_kh * 6 + i_oh * 12 + i_kw * 1 + i_ow * 2 - 7]);
          }
        }
        t_out[i_c * 16 + i_oh * 4 + i_ow * 1] = maximum(t_out[i_c * 16 + i_oh * 4 + i_ow * 1], most);
      }
    }
  }
}
