/* schedule pixels/vector:ow.8/tile:ow.1+oc.3/order:oh+ow+oc+kw+ic/layout:weight.bcda/pack:data.abcd */
/* conv2d: n=1 ic=2 oc=3 ih=4 iw=8 kh=1 kw=3 stride=1 stride_h=1 stride_w=1 pad_h=0 pad_w=1 pad_h_end=0 pad_w_end=1 dilation=1 dilation_h=1 dilation_w=1 */
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

static void pack_data(const float *restrict from, float *restrict to)
{
  for (long i0 = 0; i0 < 1; ++i0) {
    for (long i1 = 0; i1 < 2; ++i1) {
      for (long i2 = 0; i2 < 4; ++i2) {
        for (long i3 = 0; i3 < 10; ++i3) {
          to[i0 * 80 + i1 * 40 + i2 * 10 + i3 * 1] = (i3 >= 1 && i3 < 9) ? from[i0 * 64 + i1 * 32 + i2 * 8 + i3 * 1 - 1] : 0.0f;
        }
      }
    }
  }
}

static void tile0(const float *restrict t_packed_data, const float *restrict t_weight, float *restrict t_out, long at_oc, long at_oh, long at_ow)
{
  const long v0 = at_oh * 10 + at_ow * 1;
  const long s0 = at_oc * 1;
  float *restrict out = t_out + at_oc * 32 + at_oh * 8 + at_ow * 1;
  vec a0v0 = (vec){0};
  vec a1v0 = (vec){0};
  vec a2v0 = (vec){0};
  for (long r_kw = 0; r_kw < 3; ++r_kw) {
    const long v1 = v0 + r_kw * 1, s1 = s0 + r_kw * 3;
    for (long r_ic = 0; r_ic < 2; ++r_ic) {
      const float *vp = t_packed_data + v1 + r_ic * 40, *sp = t_weight + s1 + r_ic * 9;
      STEP;
      vec w0 = LOAD(vp + 0); KEEP(w0);
      const float x0 = sp[0];
      a0v0 += w0 * x0;
      const float x1 = sp[1];
      a1v0 += w0 * x1;
      const float x2 = sp[2];
      a2v0 += w0 * x2;
    }
  }
  STORE(out + 0, a0v0);
  STORE(out + 32, a1v0);
  STORE(out + 64, a2v0);
}

void polydl_kernel(void *const *buffers)
{
  const float *restrict t_data = buffers[0];
  const float *restrict t_weight = buffers[1];
  float *restrict t_out = buffers[2];
  float *restrict t_packed_data = buffers[3];
  pack_data(t_data, t_packed_data);
  for (long c0 = 0; c0 <= 3; c0 += 1) {
    tile0(t_packed_data, t_weight, t_out, 0 * 3, c0, 0 * 8);
  }
}
