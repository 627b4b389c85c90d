// What follows a convolution or a product, element by element: oneDNN's post-ops.
//
// The configuration has `steps` of them. Step i is `step<i>`, a function of the value alone with
// `step<i>_alpha` and `step<i>_beta`, or one with a tensor as well, whose role is `operand<i>`.
#pragma once

#include <cstdlib>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "adapter.h"
#include "onednn_version.h"

namespace polydl {

struct Step {
    dnnl::algorithm function;
    bool binary;
    std::string operand;  // its role
    float alpha, beta;
};

inline int argument_of(std::size_t step) {
    return DNNL_ARG_ATTR_MULTIPLE_POST_OP(static_cast<int>(step)) | DNNL_ARG_SRC_1;
}

inline std::vector<Step> steps_of(const Configuration &c) {
    using dnnl::algorithm;
    // Not static: adapters of two versions, loaded into one process, would share it, and the values
    // of the enumeration differ.
    const std::map<std::string, algorithm> unary = {
        {"linear", algorithm::eltwise_linear},     {"clip", algorithm::eltwise_clip},
        {"relu", algorithm::eltwise_relu},         {"tanh", algorithm::eltwise_tanh},
        {"abs", algorithm::eltwise_abs},           {"sqrt", algorithm::eltwise_sqrt},
        {"exp", algorithm::eltwise_exp},           {"logistic", algorithm::eltwise_logistic},
        {"gelu_erf", algorithm::eltwise_gelu_erf}, {"gelu_tanh", algorithm::eltwise_gelu_tanh},
        {"swish", algorithm::eltwise_swish},       {"hardswish", algorithm::eltwise_hardswish},
        {"square", algorithm::eltwise_square},
    };
    const std::map<std::string, algorithm> binary = {
        {"add", algorithm::binary_add}, {"sub", algorithm::binary_sub},
        {"mul", algorithm::binary_mul}, {"div", algorithm::binary_div},
        {"max", algorithm::binary_max}, {"min", algorithm::binary_min},
    };
    std::vector<Step> steps;
    const long long count = c.has("steps") ? c.number("steps") : 0;
    for (long long i = 0; i < count; ++i) {
        const std::string number = std::to_string(i), name = c.string("step" + number);
        const auto real = [&](const char *which) {
            return std::strtof(c.string("step" + number + which).c_str(), nullptr);
        };
        if (unary.count(name))
            steps.push_back({unary.at(name), false, "", real("_alpha"), real("_beta")});
        else if (binary.count(name))
            steps.push_back({binary.at(name), true, "operand" + number, 0, 0});
        else
            throw std::runtime_error("configuration: unknown step '" + name + "'");
    }
    return steps;
}

// `operands` are where the tensors of the steps lie, in their order.
inline void append_steps(dnnl::post_ops &list, const std::vector<Step> &steps,
                         const std::vector<memory::desc> &operands) {
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (steps[i].binary)
            list.append_binary(steps[i].function, operands[i]);
        else
            append(list, steps[i].function, steps[i].alpha, steps[i].beta);
    }
}

inline dnnl::primitive_attr attributes(const dnnl::post_ops &list) {
    dnnl::primitive_attr attr;
    attr.set_post_ops(list);
    return attr;
}

inline dnnl::primitive_attr attributes(const std::vector<Step> &steps,
                                       const std::vector<memory::desc> &operands) {
    dnnl::post_ops list;
    append_steps(list, steps, operands);
    return attributes(list);
}

}  // namespace polydl
