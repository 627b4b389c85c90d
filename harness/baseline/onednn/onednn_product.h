// One forward convolution or matrix product with what follows it element by element.
//
// Activations are reordered when they are bound, constant weights too; a weight that is not constant
// is reordered inside the timed call, because a caller with changing weights would have to do the
// same.
#pragma once

#include "onednn_operation.h"

namespace polydl {

class Product : public Operation {
public:
    explicit Product(const Configuration &c) : Operation(c), weights_(tensor(c, "weights")) {
        if (c.has("bias")) bias_ = tensor(c, "bias");
        if (c.string("kind") == "convolution")
            make_convolution(c);
        else
            make_matmul(c);
    }

    void run() override {
        if (weights_.reorder_each_call) each_call_.execute(stream_, weights_.stored, weights_.used);
        Operation::run();
    }

private:
    std::vector<Tensor *> inputs() override {
        std::vector<Tensor *> found{&src_, &weights_};
        if (!bias_.name.empty()) found.push_back(&bias_);
        add_operands(found);
        return found;
    }

    void make_convolution(const Configuration &c) {
        const std::string &name = c.string("algorithm");
        const auto any = memory::format_tag::any;
        Operands o{memory::desc(src_.dims, F32, any), memory::desc(weights_.dims, F32, any),
                   memory::desc(), memory::desc(dst_.dims, F32, any)};
        if (!bias_.name.empty()) o.bias = dense(bias_);
        const Window window{dims_of(c, "strides"), dims_of(c, "dilates"), dims_of(c, "before"),
                            dims_of(c, "after")};
        std::vector<memory::desc> operands(steps_.size());
        for (std::size_t i = 0; i < steps_.size(); ++i)
            if (steps_[i].binary)  // a residual is an activation: oneDNN chooses how it lies
                operands[i] = operands_[i].dims == dst_.dims ? o.dst : dense(operands_[i]);
        const auto found =
            convolution(engine_, algorithm_of(name), o, window, attributes(steps_, operands));
        const Ready result = ready(dnnl::convolution_forward(found), found, operands);
        if (name == "winograd" && result.implementation.find("wino") == std::string::npos)
            throw std::runtime_error("winograd fell back to " + result.implementation);
        weights_.reorder_each_call = !c.number("weights_constant");
        finish(c, result);
    }

    void make_matmul(const Configuration &c) {
        // Only what is constant may have a layout of oneDNN's choice.
        Operands o{stored(c, src_, "src"), stored(c, weights_, "weights"), memory::desc(),
                   stored(c, dst_, "dst")};
        if (c.number("src_constant")) o.src = any_like(o.src);
        if (c.number("weights_constant")) o.weights = any_like(o.weights);
        if (!bias_.name.empty()) o.bias = dense(bias_);
        std::vector<memory::desc> operands(steps_.size());
        for (std::size_t i = 0; i < steps_.size(); ++i) {
            if (!steps_[i].binary) continue;
            const Tensor &t = operands_[i];
            const bool constant = c.number(steps_[i].operand + "_constant");
            operands[i] = !constant ? stored(c, t, steps_[i].operand)
                          : t.dims == dst_.dims ? o.dst : dense(t);
        }
        const auto attr = attributes(steps_, operands);
        const auto found = matmul(engine_, o, attr);
        Ready product = ready(dnnl::matmul(found), found, operands);
        if (src_.dims.size() == 2 && c.number("weights_constant") && !c.number("src_constant") &&
            !c.has("probe")) {
            try {
                const Ready inner = as_inner_product(o, attr, operands);
                if (seconds_of(inner) < seconds_of(product)) {
                    product = inner;
                    weights_.plain_desc = transposed(weights_.plain_desc);
                    if (!bias_.name.empty()) bias_.plain_desc = last_of(bias_.plain_desc);
                }
            } catch (const dnnl::error &) {  // no implementation takes these layouts
            }
        }
        finish(c, product);
    }

    // `operands` are where those of the steps may lie; the primitive says where they do.
    template <typename Descriptor>
    Ready ready(const dnnl::primitive &primitive, const Descriptor &found,
                const std::vector<memory::desc> &operands) const {
        Ready result{primitive, found.impl_info_str(), {}};
        result.arguments = {{DNNL_ARG_SRC, found.src_desc()},
                            {DNNL_ARG_WEIGHTS, found.weights_desc()}};
        if (!bias_.name.empty()) result.arguments.emplace_back(DNNL_ARG_BIAS, found.bias_desc());
        for (std::size_t i = 0; i < operands.size(); ++i)
            if (steps_[i].binary)
                result.arguments.emplace_back(
                    argument_of(i), found.query_md(dnnl::query::exec_arg_md, argument_of(i)));
        result.arguments.emplace_back(DNNL_ARG_DST, found.dst_desc());
        return result;
    }

    // The same product by oneDNN's other primitive for it, whose weights are n x k. On some
    // machines only this one packs constant weights; the faster of the two is the baseline.
    Ready as_inner_product(Operands o, const dnnl::primitive_attr &attr,
                           const std::vector<memory::desc> &operands) const {
        o.weights = memory::desc({weights_.dims[1], weights_.dims[0]}, F32,
                                 memory::format_tag::any);
        if (!bias_.name.empty()) o.bias = last_of(o.bias);
        const auto found = inner_product(engine_, o, attr);
        Ready result = ready(dnnl::inner_product_forward(found), found, operands);
        result.implementation = "inner product " + result.implementation;
        return result;
    }

    static memory::desc last_of(const memory::desc &desc) {
        return memory::desc({shape_of(desc).back()}, F32, {strides_of(desc).back()});
    }

    static memory::desc transposed(const memory::desc &desc) {
        const auto dims = shape_of(desc), strides = strides_of(desc);
        return memory::desc({dims[1], dims[0]}, F32, {strides[1], strides[0]});
    }

    void finish(const Configuration &c, const Ready &found) {
        take(found);
        if (!weights_.reorder_each_call) return;
        const memory::desc as_stored = stored(c, weights_, "weights");
        weights_.reorder_each_call = as_stored != weights_.used.get_desc();
        if (!weights_.reorder_each_call) return;
        weights_.stored = memory(as_stored, engine_);
        each_call_ = dnnl::reorder(weights_.stored, weights_.used);
    }

    static dnnl::algorithm algorithm_of(const std::string &name) {
        if (name == "direct") return dnnl::algorithm::convolution_direct;
        if (name == "winograd") return dnnl::algorithm::convolution_winograd;
        if (name == "auto") return dnnl::algorithm::convolution_auto;
        throw std::runtime_error("configuration: unknown algorithm '" + name + "'");
    }

    Tensor weights_, bias_;
    dnnl::reorder each_call_;
};

}  // namespace polydl
