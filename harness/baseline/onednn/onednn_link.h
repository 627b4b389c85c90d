// One operator of a chain: its tensors, and the oneDNN primitive that it becomes where its tensors
// are to lie.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "onednn_steps.h"

namespace polydl {

// A tensor as one operator sees it.
struct Tensor {
    std::string role, name;
    memory::dims dims;
    std::size_t elements;
    memory::desc plain;   // a window into the array that is bound, fetched or handed on
    memory::desc stored;  // as the caller has it
    memory::dim offset;
    bool constant;
    bool fixed;  // lies as the caller has it, whatever oneDNN would like
    bool made;   // by an earlier operator
    bool apart;  // its operators do not see the same dimensions: it goes through a plain array

    bool is_input() const { return role != "dst" && !made; }
};

// Where a primitive wants one of its tensors; `plain` is the window for that, as it sees it.
struct Argument {
    int index;
    const Tensor *tensor;
    memory::desc desc, plain;
};

struct Ready {
    dnnl::primitive primitive;
    std::string implementation;
    std::vector<Argument> arguments;  // the output is the last one
};

using Places = std::map<std::string, memory::desc>;  // by role

inline memory::dims dims_of(const Configuration &c, const std::string &name) {
    const auto values = c.numbers(name);
    return memory::dims(values.begin(), values.end());
}

// Row-major; what is broadcast or constant lies so, whatever the caller's strides are.
inline memory::desc dense(const Tensor &t) {
    memory::dims strides(t.dims.size(), 1);
    for (std::size_t d = strides.size(); d-- > 1;) strides[d - 1] = strides[d] * t.dims[d];
    return memory::desc(t.dims, F32, strides);
}

inline memory::desc any(const Tensor &t) {
    return memory::desc(t.dims, F32, memory::format_tag::any);
}

class Link {
public:
    explicit Link(const Configuration &c)
        : kind(c.string("kind")), steps(steps_of(c)), c_(c) {
        for (const char *role : {"src", "weights", "bias", "scale", "shift"}) add(role);
        for (const Step &step : steps)
            if (step.binary) add(step.operand);
        add("dst");
        if (c.has("strides"))
            window_ = {dims_of(c, "strides"), dims_of(c, "dilates"), dims_of(c, "before"),
                       dims_of(c, "after")};
    }

    bool has(const std::string &role) const { return tensors_.count(role) > 0; }
    const Tensor &tensor(const std::string &role) const { return tensors_.at(role); }
    const std::map<std::string, Tensor> &tensors() const { return tensors_; }
    const Tensor &src() const { return tensor("src"); }
    const Tensor &dst() const { return tensor("dst"); }
    bool convolves() const { return kind == "convolution"; }
    bool multiplies() const { return kind == "matmul"; }
    bool images() const { return convolves() || kind == "pooling" || kind == "elementwise"; }
    bool in_place() const { return !convolves() && !multiplies() && kind != "pooling"; }
    // Whether it is a depthwise convolution that the operator before it may take as a post-op.
    bool post_op() const { return c_.has("post_op"); }
    bool fixed() const {
        bool found = src().fixed || dst().fixed;
        for (const auto &[role, t] : tensors_)
            if (role.rfind("operand", 0) == 0) found |= t.fixed && t.dims == dst().dims;
        return found;
    }
    // Tensors that it knows by itself: ones that are counted within windows.
    bool knows(const std::string &name) const {
        return c_.has("counting") &&
               ("," + c_.string("counting") + ",").find("," + name + ",") != std::string::npos;
    }

    Ready ready(const dnnl::engine &engine, const Places &at) const {
        if (convolves()) return convolved(engine, at, nullptr, {});
        if (multiplies()) {
            const auto found = matmul(engine, operands(at), attributes(steps, places(at)));
            return product(dnnl::matmul(found), found);
        }
        if (kind == "pooling") return pooled(engine, at);
        if (kind == "elementwise") return chained(engine, at);
        if (kind == "softmax") {
            const int last = static_cast<int>(dst().dims.size()) - 1;
            const auto found = softmax(engine, at.at("src"), at.at("dst"), last);
            return plain(SoftmaxForward(found), found.impl_info_str(), found.src_desc(),
                         found.dst_desc(), {});
        }
        if (kind == "layer_normalization") return normalised(engine, at);
        throw std::runtime_error("configuration: unknown kind '" + kind + "'");
    }

    // A convolution with the depthwise one that reads it as a post-op.
    Ready ready_with(const dnnl::engine &engine, const Places &at, const Link &depthwise,
                     const Places &its) const {
        return convolved(engine, at, &depthwise, its);
    }

    // The same product by oneDNN's other primitive for it, whose weights are n x k. On some
    // machines only this one packs constant weights.
    Ready as_inner_product(const dnnl::engine &engine, const Places &at) const {
        Operands o = operands(at);
        const memory::dims &dims = tensor("weights").dims;
        o.weights = memory::desc({dims[1], dims[0]}, F32, memory::format_tag::any);
        if (has("bias")) o.bias = last_of(o.bias);
        const auto found = inner_product(engine, o, attributes(steps, places(at)));
        Ready result = product(dnnl::inner_product_forward(found), found);
        result.implementation = "inner product " + result.implementation;
        for (Argument &one : result.arguments) {
            if (one.index == DNNL_ARG_WEIGHTS) one.plain = transposed(one.plain);
            if (one.index == DNNL_ARG_BIAS) one.plain = last_of(one.plain);
        }
        return result;
    }

    const std::string kind;
    const std::vector<Step> steps;

private:
    void add(const std::string &role) {
        if (!c_.has(role)) return;
        const memory::dims dims = dims_of(c_, role + "_dims");
        const auto flag = [&](const char *which) { return c_.number(role + which) != 0; };
        tensors_.emplace(
            role, Tensor{role, c_.string(role), dims,
                         static_cast<std::size_t>(c_.number(role + "_elements")),
                         memory::desc(dims, F32, dims_of(c_, role + "_plain")),
                         memory::desc(dims, F32, dims_of(c_, role + "_stored")),
                         c_.number(role + "_offset"), flag("_constant"), flag("_fixed"),
                         flag("_made"), flag("_apart")});
    }

    Operands operands(const Places &at) const {
        return {at.at("src"), at.at("weights"), has("bias") ? at.at("bias") : memory::desc(),
                at.at("dst")};
    }

    // Of the steps, in their order.
    std::vector<memory::desc> places(const Places &at) const {
        std::vector<memory::desc> found;
        for (const Step &step : steps)
            found.push_back(step.binary ? at.at(step.operand) : memory::desc());
        return found;
    }

    Argument argument(int index, const std::string &role, const memory::desc &desc) const {
        const Tensor &t = tensor(role);
        return {index, &t, desc, t.plain};
    }

    Ready convolved(const dnnl::engine &engine, const Places &at, const Link *depthwise,
                    const Places &its) const {
        const std::map<std::string, dnnl::algorithm> algorithms = {
            {"direct", dnnl::algorithm::convolution_direct},
            {"winograd", dnnl::algorithm::convolution_winograd},
            {"auto", dnnl::algorithm::convolution_auto},
        };
        const std::string &name = c_.string("algorithm");
        dnnl::post_ops list;
        append_steps(list, steps, places(at));
        if (depthwise) {
            append_depthwise(list, depthwise->tensor("weights").dims.back(),
                             depthwise->window_.strides[0], depthwise->window_.before[0],
                             depthwise->has("bias"));
            append_steps(list, depthwise->steps, depthwise->places(its));
        }
        const auto found =
            convolution(engine, algorithms.at(name), operands(at), window_, attributes(list));
        Ready result = product(dnnl::convolution_forward(found), found);
        if (name == "winograd" && result.implementation.find("wino") == std::string::npos)
            throw std::runtime_error("winograd fell back to " + result.implementation);
        if (!depthwise) return result;
        result.arguments.pop_back();
        const auto asked = [&](int index) {
            return found.query_md(dnnl::query::exec_arg_md, index);
        };
        const int post_op = DNNL_ARG_ATTR_POST_OP_DW;
        for (const auto &[which, role] :
             {std::pair{DNNL_ARG_WEIGHTS, "weights"}, std::pair{DNNL_ARG_BIAS, "bias"}})
            if (depthwise->has(role))
                result.arguments.push_back(
                    depthwise->argument(post_op | which, role, asked(post_op | which)));
        const std::size_t first = steps.size() + 1;
        for (std::size_t i = 0; i < depthwise->steps.size(); ++i)
            if (depthwise->steps[i].binary)
                result.arguments.push_back(depthwise->argument(argument_of(first + i),
                                                               depthwise->steps[i].operand,
                                                               asked(argument_of(first + i))));
        result.arguments.push_back(depthwise->argument(DNNL_ARG_DST, "dst", found.dst_desc()));
        return result;
    }

    template <typename Descriptor>
    Ready product(const dnnl::primitive &primitive, const Descriptor &found) const {
        Ready result{primitive, found.impl_info_str(), {}};
        result.arguments = {argument(DNNL_ARG_SRC, "src", found.src_desc()),
                            argument(DNNL_ARG_WEIGHTS, "weights", found.weights_desc())};
        if (has("bias"))
            result.arguments.push_back(argument(DNNL_ARG_BIAS, "bias", found.bias_desc()));
        for (std::size_t i = 0; i < steps.size(); ++i)
            if (steps[i].binary)
                result.arguments.push_back(
                    argument(argument_of(i), steps[i].operand,
                             found.query_md(dnnl::query::exec_arg_md, argument_of(i))));
        result.arguments.push_back(argument(DNNL_ARG_DST, "dst", found.dst_desc()));
        return result;
    }

    // A primitive of one source, with what `others` it reads.
    Ready plain(const dnnl::primitive &primitive, const std::string &implementation,
                const memory::desc &src, const memory::desc &dst,
                const std::vector<Argument> &others) const {
        Ready result{primitive, implementation, {argument(DNNL_ARG_SRC, "src", src)}};
        result.arguments.insert(result.arguments.end(), others.begin(), others.end());
        result.arguments.push_back(argument(DNNL_ARG_DST, "dst", dst));
        return result;
    }

    Ready normalised(const dnnl::engine &engine, const Places &at) const {
        auto flags = dnnl::normalization_flags::none;
        std::vector<Argument> others;
        if (has("scale")) {
            flags |= dnnl::normalization_flags::use_scale;
            others.push_back(argument(DNNL_ARG_SCALE, "scale", dense(tensor("scale"))));
        }
        if (has("shift")) {
            flags |= dnnl::normalization_flags::use_shift;
            others.push_back(argument(DNNL_ARG_SHIFT, "shift", dense(tensor("shift"))));
        }
        const float epsilon = std::strtof(c_.string("epsilon").c_str(), nullptr);
        const auto found =
            layer_normalization(engine, at.at("src"), at.at("dst"), epsilon, flags);
        return plain(dnnl::layer_normalization_forward(found), found.impl_info_str(),
                     found.src_desc(), found.dst_desc(), others);
    }

    Ready pooled(const dnnl::engine &engine, const Places &at) const {
        const std::map<std::string, dnnl::algorithm> algorithms = {
            {"max", dnnl::algorithm::pooling_max},
            {"avg_include_padding", dnnl::algorithm::pooling_avg_include_padding},
            {"avg_exclude_padding", dnnl::algorithm::pooling_avg_exclude_padding},
        };
        const auto operands = places(at);
        const auto found = pooling(engine, algorithms.at(c_.string("algorithm")), at.at("src"),
                                   at.at("dst"), dims_of(c_, "kernel"), window_,
                                   attributes(steps, operands));
        return plain(PoolingForward(found), found.impl_info_str(), found.src_desc(),
                     found.dst_desc(), stepped(operands, 0));
    }

    // The first step is the primitive, the others are its post-ops.
    Ready chained(const dnnl::engine &engine, const Places &at) const {
        const Step &first = steps.at(0);
        const auto operands = places(at);
        const auto attr = attributes({steps.begin() + 1, steps.end()},
                                     {operands.begin() + 1, operands.end()});
        if (!first.binary) {
            const auto found = eltwise(engine, first.function, first.alpha, first.beta,
                                       at.at("src"), at.at("dst"), attr);
            return plain(dnnl::eltwise_forward(found), found.impl_info_str(), found.src_desc(),
                         found.dst_desc(), stepped(operands, 1));
        }
        const auto found =
            binary(engine, first.function, at.at("src"), operands[0], at.at("dst"), attr);
        auto others = stepped(operands, 1);
        others.insert(others.begin(), argument(DNNL_ARG_SRC_1, first.operand, operands[0]));
        return plain(dnnl::binary(found), found.impl_info_str(), found.src_desc(),
                     found.dst_desc(), others);
    }

    // The operands of post-ops, which are the steps from `first` on.
    std::vector<Argument> stepped(const std::vector<memory::desc> &at, std::size_t first) const {
        std::vector<Argument> found;
        for (std::size_t i = first; i < steps.size(); ++i)
            if (steps[i].binary)
                found.push_back(argument(argument_of(i - first), steps[i].operand, at[i]));
        return found;
    }

    static memory::desc last_of(const memory::desc &desc) {
        return memory::desc({shape_of(desc).back()}, F32, {strides_of(desc).back()});
    }

    static memory::desc transposed(const memory::desc &desc) {
        const auto dims = shape_of(desc), strides = strides_of(desc);
        return memory::desc({dims[1], dims[0]}, F32, {strides[1], strides[0]});
    }

    const Configuration c_;
    std::map<std::string, Tensor> tensors_;
    Window window_;
};

}  // namespace polydl
