// What has no weights: pooling, softmax, layer normalisation and chains of element-wise steps. Each
// is as fast as its tensors pass by.
//
// Where the caller does not fix how a tensor lies, all of them lie row-major, with their channels
// last, or with their channels in blocks that they fill (2.6 writes past the end of others): that in
// which a few calls are the fastest.
#pragma once

#include "onednn_operation.h"

namespace polydl {

class Stream : public Operation {
public:
    explicit Stream(const Configuration &c) : Operation(c) {
        if (c.has("scale")) scale_ = tensor(c, "scale");
        if (c.has("shift")) shift_ = tensor(c, "shift");
        double best = 1e30;
        Ready chosen;
        std::string refusal;
        for (const Layout layout : layouts()) {
            try {
                const Ready candidate = ready(c, layout);
                const double seconds = c.has("probe") ? 0.0 : seconds_of(candidate);
                if (seconds >= best) continue;
                best = seconds;
                chosen = candidate;
            } catch (const dnnl::error &none) {  // no implementation takes this layout
                refusal = none.what();
            }
        }
        if (!chosen.primitive) throw std::runtime_error(refusal);
        take(chosen);
    }

    // Ones that are counted within windows are known to oneDNN: nothing is bound.
    void bind(const std::string &name, const float *values, std::size_t elements) override {
        if (("," + counting_ + ",").find("," + name + ",") == std::string::npos)
            Operation::bind(name, values, elements);
    }

private:
    enum class Layout { as_stored, dense, channels_last, blocks_of_16, blocks_of_8 };

    std::vector<Tensor *> inputs() override {
        std::vector<Tensor *> found{&src_};
        if (!scale_.name.empty()) found.push_back(&scale_);
        if (!shift_.name.empty()) found.push_back(&shift_);
        add_operands(found);
        return found;
    }

    std::vector<Layout> layouts() const {
        bool fixed = src_.fixed || dst_.fixed;
        for (const Tensor &t : operands_) fixed |= !t.name.empty() && t.fixed && t.dims == dst_.dims;
        if (fixed) return {Layout::as_stored};
        std::vector<Layout> found{Layout::dense};
        if (dst_.dims.size() < 3 || dst_.dims.size() > 5 || dst_.dims[1] == 1) return found;
        found.push_back(Layout::channels_last);
        if (dst_.dims[1] % 16 == 0) found.push_back(Layout::blocks_of_16);
        if (dst_.dims[1] % 8 == 0) found.push_back(Layout::blocks_of_8);
        return found;
    }

    // How a tensor of the output's rank lies; one without channels has nothing to choose.
    memory::desc laid(const Configuration &c, const Tensor &t, const std::string &role,
                      Layout layout) const {
        using tag = memory::format_tag;
        const std::map<std::pair<std::size_t, Layout>, tag> tags = {  // see steps_of
            {{3, Layout::channels_last}, tag::acb},    {{4, Layout::channels_last}, tag::acdb},
            {{5, Layout::channels_last}, tag::acdeb},  {{3, Layout::blocks_of_16}, tag::aBc16b},
            {{4, Layout::blocks_of_16}, tag::aBcd16b}, {{5, Layout::blocks_of_16}, tag::aBcde16b},
            {{3, Layout::blocks_of_8}, tag::aBc8b},    {{4, Layout::blocks_of_8}, tag::aBcd8b},
            {{5, Layout::blocks_of_8}, tag::aBcde8b},
        };
        if (layout == Layout::as_stored) return stored(c, t, role);
        if (layout == Layout::dense || t.dims[1] == 1) return dense(t);
        return memory::desc(t.dims, F32, tags.at({t.dims.size(), layout}));
    }

    Ready ready(const Configuration &c, Layout layout) {
        const std::string &kind = c.string("kind");
        const memory::desc src = laid(c, src_, "src", layout), dst = laid(c, dst_, "dst", layout);
        if (kind == "softmax") {
            const auto found = softmax(engine_, src, dst, static_cast<int>(dst_.dims.size()) - 1);
            return {SoftmaxForward(found), found.impl_info_str(),
                    {{DNNL_ARG_SRC, src}, {DNNL_ARG_DST, dst}}};
        }
        if (kind == "layer_normalization") return normalisation(c, src, dst);
        std::vector<memory::desc> operands(steps_.size());
        for (std::size_t i = 0; i < steps_.size(); ++i)
            if (steps_[i].binary) operands[i] = laid(c, operands_[i], steps_[i].operand, layout);
        if (kind == "pooling") return pool(c, src, dst, operands);
        if (kind == "elementwise") return chain(src, dst, operands);
        throw std::runtime_error("configuration: unknown kind '" + kind + "'");
    }

    Ready normalisation(const Configuration &c, const memory::desc &src, const memory::desc &dst) {
        auto flags = dnnl::normalization_flags::none;
        std::vector<std::pair<int, memory::desc>> arguments{{DNNL_ARG_SRC, src}};
        if (!scale_.name.empty()) {
            flags |= dnnl::normalization_flags::use_scale;
            arguments.emplace_back(DNNL_ARG_SCALE, dense(scale_));
        }
        if (!shift_.name.empty()) {
            flags |= dnnl::normalization_flags::use_shift;
            arguments.emplace_back(DNNL_ARG_SHIFT, dense(shift_));
        }
        arguments.emplace_back(DNNL_ARG_DST, dst);
        const float epsilon = std::strtof(c.string("epsilon").c_str(), nullptr);
        const auto found = layer_normalization(engine_, src, dst, epsilon, flags);
        return {dnnl::layer_normalization_forward(found), found.impl_info_str(), arguments};
    }

    Ready pool(const Configuration &c, const memory::desc &src, const memory::desc &dst,
               const std::vector<memory::desc> &operands) {
        const std::map<std::string, dnnl::algorithm> algorithms = {
            {"max", dnnl::algorithm::pooling_max},
            {"avg_include_padding", dnnl::algorithm::pooling_avg_include_padding},
            {"avg_exclude_padding", dnnl::algorithm::pooling_avg_exclude_padding},
        };
        if (c.has("counting")) counting_ = c.string("counting");
        const Window window{dims_of(c, "strides"), dims_of(c, "dilates"), dims_of(c, "before"),
                            dims_of(c, "after")};
        const auto found = pooling(engine_, algorithms.at(c.string("algorithm")), src, dst,
                                   dims_of(c, "kernel"), window, attributes(steps_, operands));
        Ready result{PoolingForward(found), found.impl_info_str(), {{DNNL_ARG_SRC, src}}};
        add_steps(result, operands, 0);
        result.arguments.emplace_back(DNNL_ARG_DST, dst);
        return result;
    }

    // The first step is the primitive, the others are its post-ops.
    Ready chain(const memory::desc &src, const memory::desc &dst,
                const std::vector<memory::desc> &operands) {
        const Step &first = steps_.at(0);
        const auto attr = attributes({steps_.begin() + 1, steps_.end()},
                                     {operands.begin() + 1, operands.end()});
        Ready result;
        if (first.binary) {
            const auto found = binary(engine_, first.function, src, operands[0], dst, attr);
            result = {dnnl::binary(found), found.impl_info_str(),
                      {{DNNL_ARG_SRC_0, src}, {DNNL_ARG_SRC_1, operands[0]}}};
        } else {
            const auto found =
                eltwise(engine_, first.function, first.alpha, first.beta, src, dst, attr);
            result = {dnnl::eltwise_forward(found), found.impl_info_str(), {{DNNL_ARG_SRC, src}}};
        }
        add_steps(result, operands, 1);
        result.arguments.emplace_back(DNNL_ARG_DST, dst);
        return result;
    }

    // The operands of post-ops, which are the steps from `first` on.
    void add_steps(Ready &result, const std::vector<memory::desc> &operands, std::size_t first) const {
        for (std::size_t i = first; i < steps_.size(); ++i)
            if (steps_[i].binary) result.arguments.emplace_back(argument_of(i - first), operands[i]);
    }

    Tensor scale_, shift_;
    std::string counting_;  // names, with commas between them
};

}  // namespace polydl
