/* schedule broadcast/vector:oc.8/tile:oc.1+ow.3/order:oc+oh+ow+kh+kw+ic/layout:data.aBcd4b+out.aBcd8b+weight.ABcd4b8a/unroll:4 */
/* conv2d: n=1 ic=4 oc=16 ih=6 iw=6 kh=3 kw=3 stride=1 stride_h=1 stride_w=1 pad_h=1 pad_w=1 pad_h_end=1 pad_w_end=1 dilation=1 dilation_h=1 dilation_w=1 */
/* out[n,oc,oh,ow] += data[n, ic, oh*stride_h + kh*dilation_h - pad_h, ow*stride_w + kw*dilation_w - pad_w] * weight[oc, ic, kh, kw] */
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define floord(n, d) ((n) < 0 ? -((-(n) + (d) - 1) / (d)) : (n) / (d))
#define ceild(n, d) ((n) < 0 ? -((-(n)) / (d)) : ((n) + (d) - 1) / (d))
typedef float vec __attribute__((vector_size(32), may_alias));
typedef float loose __attribute__((vector_size(32), may_alias, aligned(4)));
#define LOAD(p) ((vec)*(const loose *)(p))
#define STORE(p, x) (*(loose *)(p) = (loose)(x))
#define SPLAT(x) ((x) - (vec){0})
#define LOAD_PART(p, n) ({ vec part = {0}; __builtin_memcpy(&part, (p), 4 * (n)); part; })
#define STORE_PART(p, x, n) \
  do { vec part = (x); __builtin_memcpy((p), &part, 4 * (n)); } while (0)
#define STEP __asm__ volatile("" ::: "memory")
#if defined(__AVX__) && 32 <= 64
#define KEEP(x) __asm__("" : "+v"(x))
#elif defined(__aarch64__) && 32 <= 16
#define KEEP(x) __asm__("" : "+w"(x))
#else
#define KEEP(x)
#endif

static void tile0(const float *restrict t_weight, const float *restrict t_data, float *restrict t_out, long at_oc, long at_oh, long at_ow)
{
  const long v0 = at_oc / 8 * 288;
  const long s0 = at_oh * 24 + at_ow * 4 - 28;
  float *restrict out = t_out + at_oc / 8 * 288 + at_oh * 48 + at_ow * 8;
  const long kh_low = max(0, ceild(-(at_oh * 1 + -1), 1));
  const long kh_high = min(3, floord(5 - (at_oh * 1 + -1), 1) + 1);
  vec a0v0 = (vec){0};
  vec a1v0 = (vec){0};
  vec a2v0 = (vec){0};
  for (long r_kh = kh_low; r_kh < kh_high; ++r_kh) {
    const long v1 = v0 + r_kh * 96, s1 = s0 + r_kh * 24;
    for (long r_kw = 0; r_kw < 1; ++r_kw) {
      const long v2 = v1 + r_kw * 32, s2 = s1 + r_kw * 4;
      #pragma GCC unroll 4
      for (long r_ic = 0; r_ic < 4; ++r_ic) {
        const float *vp = t_weight + v2 + r_ic * 8, *sp = t_data + s2 + r_ic * 1;
        STEP;
        vec w0 = LOAD(vp + 0); KEEP(w0);
        const float x0 = sp[4];
        a1v0 += w0 * x0;
        const float x1 = sp[8];
        a2v0 += w0 * x1;
      }
    }
    for (long r_kw = 1; r_kw < 3; ++r_kw) {
      const long v2 = v1 + r_kw * 32, s2 = s1 + r_kw * 4;
      #pragma GCC unroll 4
      for (long r_ic = 0; r_ic < 4; ++r_ic) {
        const float *vp = t_weight + v2 + r_ic * 8, *sp = t_data + s2 + r_ic * 1;
        STEP;
        vec w0 = LOAD(vp + 0); KEEP(w0);
        const float x0 = sp[0];
        a0v0 += w0 * x0;
        const float x1 = sp[4];
        a1v0 += w0 * x1;
        const float x2 = sp[8];
        a2v0 += w0 * x2;
      }
    }
  }
  STORE(out + 0, a0v0);
  STORE(out + 8, a1v0);
  STORE(out + 16, a2v0);
}

static void tile1(const float *restrict t_weight, const float *restrict t_data, float *restrict t_out, long at_oc, long at_oh, long at_ow)
{
  const long v0 = at_oc / 8 * 288;
  const long s0 = at_oh * 24 + at_ow * 4 - 28;
  float *restrict out = t_out + at_oc / 8 * 288 + at_oh * 48 + at_ow * 8;
  const long kh_low = max(0, ceild(-(at_oh * 1 + -1), 1));
  const long kh_high = min(3, floord(5 - (at_oh * 1 + -1), 1) + 1);
  vec a0v0 = (vec){0};
  vec a1v0 = (vec){0};
  vec a2v0 = (vec){0};
  for (long r_kh = kh_low; r_kh < kh_high; ++r_kh) {
    const long v1 = v0 + r_kh * 96, s1 = s0 + r_kh * 24;
    for (long r_kw = 0; r_kw < 2; ++r_kw) {
      const long v2 = v1 + r_kw * 32, s2 = s1 + r_kw * 4;
      #pragma GCC unroll 4
      for (long r_ic = 0; r_ic < 4; ++r_ic) {
        const float *vp = t_weight + v2 + r_ic * 8, *sp = t_data + s2 + r_ic * 1;
        STEP;
        vec w0 = LOAD(vp + 0); KEEP(w0);
        const float x0 = sp[0];
        a0v0 += w0 * x0;
        const float x1 = sp[4];
        a1v0 += w0 * x1;
        const float x2 = sp[8];
        a2v0 += w0 * x2;
      }
    }
    for (long r_kw = 2; r_kw < 3; ++r_kw) {
      const long v2 = v1 + r_kw * 32, s2 = s1 + r_kw * 4;
      #pragma GCC unroll 4
      for (long r_ic = 0; r_ic < 4; ++r_ic) {
        const float *vp = t_weight + v2 + r_ic * 8, *sp = t_data + s2 + r_ic * 1;
        STEP;
        vec w0 = LOAD(vp + 0); KEEP(w0);
        const float x0 = sp[0];
        a0v0 += w0 * x0;
        const float x1 = sp[4];
        a1v0 += w0 * x1;
      }
    }
  }
  STORE(out + 0, a0v0);
  STORE(out + 8, a1v0);
  STORE(out + 16, a2v0);
}

void polydl_kernel(void *const *buffers)
{
  const float *restrict t_data = buffers[0];
  const float *restrict t_weight = buffers[1];
  float *restrict t_out = buffers[2];
  for (long c0 = 0; c0 <= 1; c0 += 1) {
    for (long c1 = 0; c1 <= 5; c1 += 1) {
      tile0(t_weight, t_data, t_out, c0 * 8, c1, 0 * 3);
      tile1(t_weight, t_data, t_out, c0 * 8, c1, 1 * 3);
    }
  }
}
