// What differs between the versions of oneDNN, 2.6 to 3.x, and their names for layouts.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include <oneapi/dnnl/dnnl.hpp>

namespace polydl {

using dnnl::memory;

constexpr auto F32 = memory::data_type::f32;
constexpr auto INFERENCE = dnnl::prop_kind::forward_inference;

// Channels that fill blocks of 8: 2.6 moves vectors of 16 where it can, past the end of other blocks.
constexpr memory::dim FILLING_8 = DNNL_VERSION_MAJOR >= 3 ? 8 : 16;

// Operands of a convolution or a product; a bias without dimensions is none.
struct Operands {
    memory::desc src, weights, bias, dst;
};

struct Window {
    memory::dims strides, dilates, before, after;
};

#if DNNL_VERSION_MAJOR >= 3
inline bool is_blocked(const memory::desc &desc) {
    return desc.get_format_kind() == memory::format_kind::blocked;
}
inline memory::dims strides_of(const memory::desc &desc) { return desc.get_strides(); }
inline memory::dims shape_of(const memory::desc &desc) { return desc.get_dims(); }
inline memory::dims inner_sizes(const memory::desc &desc) { return desc.get_inner_blks(); }
inline memory::dims inner_dims(const memory::desc &desc) { return desc.get_inner_idxs(); }
inline int rank_of(const memory::desc &desc) { return desc.get_ndims(); }
inline dnnl::convolution_forward::primitive_desc convolution(
    const dnnl::engine &engine, dnnl::algorithm algorithm, const Operands &o, const Window &w,
    const dnnl::primitive_attr &attr) {
    return {engine,    INFERENCE, algorithm, o.src,   o.weights, o.bias, o.dst,
            w.strides, w.dilates, w.before,  w.after, attr};
}
inline dnnl::matmul::primitive_desc matmul(const dnnl::engine &engine, const Operands &o,
                                           const dnnl::primitive_attr &attr) {
    return {engine, o.src, o.weights, o.bias, o.dst, attr};
}
inline dnnl::inner_product_forward::primitive_desc inner_product(const dnnl::engine &engine,
                                                                 const Operands &o,
                                                                 const dnnl::primitive_attr &attr) {
    return {engine, INFERENCE, o.src, o.weights, o.bias, o.dst, attr};
}
inline void append(dnnl::post_ops &steps, dnnl::algorithm function, float alpha, float beta) {
    steps.append_eltwise(function, alpha, beta);
}
inline void append_depthwise(dnnl::post_ops &steps, memory::dim kernel, memory::dim stride,
                             memory::dim before, bool bias) {
    steps.append_dw(F32, bias ? F32 : memory::data_type::undef, F32, kernel, stride, before);
}
using PoolingForward = dnnl::pooling_forward;
using SoftmaxForward = dnnl::softmax_forward;
inline PoolingForward::primitive_desc pooling(const dnnl::engine &engine, dnnl::algorithm algorithm,
                                              const memory::desc &src, const memory::desc &dst,
                                              const memory::dims &kernel, const Window &w,
                                              const dnnl::primitive_attr &attr) {
    return {engine, INFERENCE, algorithm, src, dst, w.strides, kernel, w.dilates, w.before, w.after,
            attr};
}
inline dnnl::eltwise_forward::primitive_desc eltwise(const dnnl::engine &engine,
                                                     dnnl::algorithm function, float alpha,
                                                     float beta, const memory::desc &src,
                                                     const memory::desc &dst,
                                                     const dnnl::primitive_attr &attr) {
    return {engine, INFERENCE, function, src, dst, alpha, beta, attr};
}
inline dnnl::binary::primitive_desc binary(const dnnl::engine &engine, dnnl::algorithm function,
                                           const memory::desc &one, const memory::desc &other,
                                           const memory::desc &dst,
                                           const dnnl::primitive_attr &attr) {
    return {engine, function, one, other, dst, attr};
}
inline SoftmaxForward::primitive_desc softmax(const dnnl::engine &engine, const memory::desc &src,
                                              const memory::desc &dst, int axis) {
    return {engine, INFERENCE, dnnl::algorithm::softmax_accurate, src, dst, axis};
}
inline dnnl::layer_normalization_forward::primitive_desc layer_normalization(
    const dnnl::engine &engine, const memory::desc &src, const memory::desc &dst, float epsilon,
    dnnl::normalization_flags flags) {
    return {engine, INFERENCE, src, dst, epsilon, flags};
}
#else
inline bool is_blocked(const memory::desc &desc) { return desc.data.format_kind == dnnl_blocked; }
inline memory::dims shape_of(const memory::desc &desc) { return desc.dims(); }
inline memory::dims strides_of(const memory::desc &desc) {
    const auto *s = desc.data.format_desc.blocking.strides;
    return memory::dims(s, s + desc.data.ndims);
}
inline memory::dims inner_sizes(const memory::desc &desc) {
    const auto &b = desc.data.format_desc.blocking;
    return memory::dims(b.inner_blks, b.inner_blks + b.inner_nblks);
}
inline memory::dims inner_dims(const memory::desc &desc) {
    const auto &b = desc.data.format_desc.blocking;
    return memory::dims(b.inner_idxs, b.inner_idxs + b.inner_nblks);
}
inline int rank_of(const memory::desc &desc) { return desc.data.ndims; }
inline dnnl::convolution_forward::primitive_desc convolution(
    const dnnl::engine &engine, dnnl::algorithm algorithm, const Operands &o, const Window &w,
    const dnnl::primitive_attr &attr) {
    return {{INFERENCE, algorithm, o.src, o.weights, o.bias, o.dst, w.strides, w.dilates, w.before,
             w.after},
            attr,
            engine};
}
inline dnnl::matmul::primitive_desc matmul(const dnnl::engine &engine, const Operands &o,
                                           const dnnl::primitive_attr &attr) {
    return {{o.src, o.weights, o.bias, o.dst}, attr, engine};
}
inline dnnl::inner_product_forward::primitive_desc inner_product(const dnnl::engine &engine,
                                                                 const Operands &o,
                                                                 const dnnl::primitive_attr &attr) {
    return {{INFERENCE, o.src, o.weights, o.bias, o.dst}, attr, engine};
}
inline void append(dnnl::post_ops &steps, dnnl::algorithm function, float alpha, float beta) {
    steps.append_eltwise(1.0f, function, alpha, beta);
}
// 2.6 has append_dw for these and no implementation of others; wheels of it lack that name.
inline void append_depthwise(dnnl::post_ops &steps, memory::dim kernel, memory::dim stride,
                             memory::dim before, bool bias) {
    const auto biases = bias ? F32 : memory::data_type::undef;
    if (kernel != 3 || before != 1 || stride > 2)
        throw dnnl::error(dnnl_unimplemented, "a depthwise post-op is 3x3, padded by 1");
    if (stride == 1)
        steps.append_dw_k3s1p1(F32, biases, F32, 0, {});
    else
        steps.append_dw_k3s2p1(F32, biases, F32, 0, {});
}
using PoolingForward = dnnl::pooling_v2_forward;
using SoftmaxForward = dnnl::softmax_v2_forward;
inline PoolingForward::primitive_desc pooling(const dnnl::engine &engine, dnnl::algorithm algorithm,
                                              const memory::desc &src, const memory::desc &dst,
                                              const memory::dims &kernel, const Window &w,
                                              const dnnl::primitive_attr &attr) {
    return {{INFERENCE, algorithm, src, dst, w.strides, kernel, w.dilates, w.before, w.after},
            attr,
            engine};
}
inline dnnl::eltwise_forward::primitive_desc eltwise(const dnnl::engine &engine,
                                                     dnnl::algorithm function, float alpha,
                                                     float beta, const memory::desc &src,
                                                     const memory::desc &,
                                                     const dnnl::primitive_attr &attr) {
    return {{INFERENCE, function, src, alpha, beta}, attr, engine};
}
inline dnnl::binary::primitive_desc binary(const dnnl::engine &engine, dnnl::algorithm function,
                                           const memory::desc &one, const memory::desc &other,
                                           const memory::desc &dst,
                                           const dnnl::primitive_attr &attr) {
    return {{function, one, other, dst}, attr, engine};
}
inline SoftmaxForward::primitive_desc softmax(const dnnl::engine &engine, const memory::desc &src,
                                              const memory::desc &dst, int axis) {
    return {{INFERENCE, dnnl::algorithm::softmax_accurate, src, dst, axis}, engine};
}
inline dnnl::layer_normalization_forward::primitive_desc layer_normalization(
    const dnnl::engine &engine, const memory::desc &src, const memory::desc &, float epsilon,
    dnnl::normalization_flags flags) {
    return {{INFERENCE, src, epsilon, flags}, engine};
}
#endif

// oneDNN's letters: aBcd8b is nChw8c, "opaque" is a layout without strides (Winograd).
inline std::string tag_of(const memory::desc &desc) {
    if (!is_blocked(desc)) return "opaque";
    const auto strides = strides_of(desc);
    const auto sizes = inner_sizes(desc), dims = inner_dims(desc);
    std::vector<int> order(rank_of(desc));
    for (std::size_t d = 0; d < order.size(); ++d) order[d] = static_cast<int>(d);
    std::stable_sort(order.begin(), order.end(),
                     [&](int x, int y) { return strides[x] > strides[y]; });
    std::string tag;
    for (int d : order) {
        const bool blocked = std::find(dims.begin(), dims.end(), d) != dims.end();
        tag += static_cast<char>((blocked ? 'A' : 'a') + d);
    }
    for (std::size_t k = 0; k < sizes.size(); ++k)
        tag += std::to_string(sizes[k]) + static_cast<char>('a' + dims[k]);
    return tag;
}

}  // namespace polydl
