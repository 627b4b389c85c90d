// oneDNN behind the adapter ABI: one forward convolution or matrix product with what follows it
// element by element, versions 2.6 to 3.x.
//
// A tensor has up to two memories: `plain` is what is bound (or fetched), `used` is what the
// primitive reads, in the layout it asked for. Constant and activation tensors are reordered when
// they are bound; a weight that is not constant is reordered inside the timed call, because a
// caller with changing weights would have to do the same.
#include "exports.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <unordered_map>

#include <omp.h>

#include "onednn_steps.h"

namespace {

using namespace polydl;

struct Tensor {
    std::string name;
    memory::dims dims;
    std::size_t elements;
    memory::desc plain_desc;   // a window into the bound array
    memory::dims::value_type offset;
    std::vector<float> plain;  // the bound array, in whole
    memory stored;             // the caller's memory order; only for reorders inside the call
    memory used;
    bool reorder_each_call = false;
};

memory::dims dims_of(const Configuration &c, const std::string &name) {
    const auto values = c.numbers(name);
    return memory::dims(values.begin(), values.end());
}

class OneDnn : public Adapter {
public:
    explicit OneDnn(const Configuration &c)
        : engine_(dnnl::engine::kind::cpu, 0),
          stream_(engine_),
          src_(tensor(c, "src")),
          weights_(tensor(c, "weights")),
          dst_(tensor(c, "dst")),
          steps_(steps_of(c)) {
        omp_set_num_threads(static_cast<int>(c.number("threads")));
        if (c.has("bias")) bias_ = tensor(c, "bias");
        operands_.resize(steps_.size());
        for (std::size_t i = 0; i < steps_.size(); ++i)
            if (steps_[i].binary) operands_[i] = tensor(c, steps_[i].operand);
        const std::string &kind = c.string("kind");
        if (kind == "convolution")
            make_convolution(c);
        else if (kind == "matmul")
            make_matmul(c);
        else
            throw std::runtime_error("configuration: unknown kind '" + kind + "'");
    }

    // Every input of this name: a residual may be the data itself.
    void bind(const std::string &name, const float *values, std::size_t elements) override {
        bool found = false;
        for (Tensor *t : inputs())
            if (t->name == name) {
                check(*t, name, elements);
                t->plain.assign(values, values + elements);
                reorder(window(*t), t->reorder_each_call ? t->stored : t->used);
                std::vector<float>().swap(t->plain);
                found = true;
            }
        if (!found) throw std::runtime_error("unknown tensor '" + name + "'");
    }

    void run() override {
        if (weights_.reorder_each_call) run_reorder(weights_);
        if (dnnl_primitive_execute(primitive_.get(), stream_.get(),
                                   static_cast<int>(arguments_.size()),
                                   arguments_.data()) != dnnl_success)
            throw std::runtime_error("execution failed");
        stream_.wait();
    }

    void fetch(const std::string &name, float *values, std::size_t elements) override {
        check(dst_, name, elements);
        reorder(dst_.used, memory(dst_.plain_desc, engine_, values));
    }

    std::string describe() const override {
        const dnnl_version_t &v = *dnnl_version();
        std::map<std::string, std::string> tags;
        for (const Tensor *t : {&src_, &weights_, &dst_, &bias_})
            if (!t->name.empty()) tags[t->name] = tag_of(t->used.get_desc());
        for (const Tensor &t : operands_)
            if (!t.name.empty()) tags.emplace(t.name, tag_of(t.used.get_desc()));
        std::string layouts;
        for (const auto &[name, tag] : tags)
            layouts += (layouts.empty() ? "" : ", ") + quoted(name) + ": " + quoted(tag);
        return "{\"implementation\": " + quoted(implementation_) + ", \"version\": \"" +
               std::to_string(v.major) + "." + std::to_string(v.minor) + "." +
               std::to_string(v.patch) + "\", \"layouts\": {" + layouts + "}}";
    }

private:
    Tensor tensor(const Configuration &c, const std::string &role) const {
        Tensor t;
        t.name = c.string(role);
        t.dims = dims_of(c, role + "_dims");
        t.elements = static_cast<std::size_t>(c.number(role + "_elements"));
        t.offset = c.number(role + "_offset");
        t.plain_desc = memory::desc(t.dims, F32, dims_of(c, role + "_plain"));
        return t;
    }

    // Those that there are: no bias, and no operand of a step without one.
    std::vector<Tensor *> inputs() {
        std::vector<Tensor *> found{&src_, &weights_};
        if (!bias_.name.empty()) found.push_back(&bias_);
        for (Tensor &operand : operands_)
            if (!operand.name.empty()) found.push_back(&operand);
        return found;
    }

    static memory::desc stored(const Configuration &c, const Tensor &t, const std::string &role) {
        return memory::desc(t.dims, F32, dims_of(c, role + "_stored"));
    }

    // Row-major; what is broadcast or constant lies so, whatever the caller's strides are.
    static memory::desc dense(const Tensor &t) {
        memory::dims strides(t.dims.size(), 1);
        for (std::size_t d = strides.size(); d-- > 1;) strides[d - 1] = strides[d] * t.dims[d];
        return memory::desc(t.dims, F32, strides);
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
        const Built result = built(dnnl::convolution_forward(found), found, operands);
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
        Built product = built(dnnl::matmul(found), found, operands);
        if (src_.dims.size() == 2 && c.number("weights_constant") && !c.number("src_constant") &&
            !c.has("probe")) {
            try {
                const Built inner = as_inner_product(o, attr, operands);
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

    // A primitive that is ready, and where its operands are to lie; `operands` are the steps'.
    struct Built {
        dnnl::primitive primitive;
        std::string implementation;
        memory::desc src, weights, bias, dst;
        std::vector<memory::desc> operands;
    };

    template <typename Descriptor>
    Built built(const dnnl::primitive &primitive, const Descriptor &found,
                std::vector<memory::desc> operands) const {
        for (std::size_t i = 0; i < steps_.size(); ++i)
            if (steps_[i].binary)
                operands[i] = found.query_md(dnnl::query::exec_arg_md, argument_of(i));
        return {primitive,         found.impl_info_str(), found.src_desc(), found.weights_desc(),
                found.bias_desc(), found.dst_desc(),      operands};
    }

    // The same product by oneDNN's other primitive for it, whose weights are n x k. On some
    // machines only this one packs constant weights; the faster of the two is the baseline.
    Built as_inner_product(Operands o, const dnnl::primitive_attr &attr,
                           const std::vector<memory::desc> &operands) const {
        o.weights = memory::desc({weights_.dims[1], weights_.dims[0]}, F32,
                                 memory::format_tag::any);
        if (!bias_.name.empty()) o.bias = last_of(o.bias);
        const auto found = inner_product(engine_, o, attr);
        Built result = built(dnnl::inner_product_forward(found), found, operands);
        result.implementation = "inner product " + result.implementation;
        return result;
    }

    // The fastest of a few calls on ones, after one to warm up.
    double seconds_of(const Built &candidate) {
        std::unordered_map<int, memory> operands;
        for (const auto &[argument, desc] : arguments_of(candidate)) {
            memory operand(desc, engine_);
            float *values = static_cast<float *>(operand.get_data_handle());
            std::fill(values, values + desc.get_size() / sizeof(float), 1.0f);
            operands.emplace(argument, operand);
        }
        double best = 1e30;
        for (int call = 0; call < 6; ++call) {
            const auto start = std::chrono::steady_clock::now();
            candidate.primitive.execute(stream_, operands);
            stream_.wait();
            const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
            if (call) best = std::min(best, spent.count());
        }
        return best;
    }

    // Where each tensor of the call lies, in the order of inputs(), then dst.
    std::vector<std::pair<int, memory::desc>> arguments_of(const Built &b) const {
        std::vector<std::pair<int, memory::desc>> result{{DNNL_ARG_SRC, b.src},
                                                         {DNNL_ARG_WEIGHTS, b.weights}};
        if (!bias_.name.empty()) result.emplace_back(DNNL_ARG_BIAS, b.bias);
        for (std::size_t i = 0; i < steps_.size(); ++i)
            if (steps_[i].binary) result.emplace_back(argument_of(i), b.operands[i]);
        result.emplace_back(DNNL_ARG_DST, b.dst);
        return result;
    }

    static memory::desc last_of(const memory::desc &desc) {
        return memory::desc({shape_of(desc).back()}, F32, {strides_of(desc).back()});
    }

    static memory::desc transposed(const memory::desc &desc) {
        const auto dims = shape_of(desc), strides = strides_of(desc);
        return memory::desc({dims[1], dims[0]}, F32, {strides[1], strides[0]});
    }

    void finish(const Configuration &c, const Built &found) {
        primitive_ = found.primitive;
        implementation_ = found.implementation;
        std::vector<Tensor *> tensors = inputs();
        tensors.push_back(&dst_);
        std::size_t at = 0;
        for (const auto &[argument, desc] : arguments_of(found)) {
            tensors[at]->used = memory(desc, engine_);
            arguments_.push_back({argument, tensors[at]->used.get()});
            ++at;
        }
        if (weights_.reorder_each_call) {
            const memory::desc as_stored = stored(c, weights_, "weights");
            if (as_stored == weights_.used.get_desc()) {
                weights_.reorder_each_call = false;
            } else {
                weights_.stored = memory(as_stored, engine_);
                each_call_ = dnnl::reorder(weights_.stored, weights_.used);
            }
        }
    }

    static dnnl::algorithm algorithm_of(const std::string &name) {
        if (name == "direct") return dnnl::algorithm::convolution_direct;
        if (name == "winograd") return dnnl::algorithm::convolution_winograd;
        if (name == "auto") return dnnl::algorithm::convolution_auto;
        throw std::runtime_error("configuration: unknown algorithm '" + name + "'");
    }

    static void check(const Tensor &t, const std::string &name, std::size_t elements) {
        if (name != t.name) throw std::runtime_error("unknown tensor '" + name + "'");
        if (elements != t.elements)
            throw std::runtime_error(name + " has " + std::to_string(t.elements) +
                                     " elements, got " + std::to_string(elements));
    }

    memory window(Tensor &t) const {
        return memory(t.plain_desc, engine_, t.plain.data() + t.offset);
    }

    void reorder(memory from, memory to) {
        dnnl::reorder(from, to).execute(stream_, from, to);
        stream_.wait();
    }

    void run_reorder(Tensor &t) { each_call_.execute(stream_, t.stored, t.used); }

    dnnl::engine engine_;
    dnnl::stream stream_;
    Tensor src_, weights_, bias_, dst_;
    std::vector<Step> steps_;
    std::vector<Tensor> operands_;  // one for each step, unused where it has none
    dnnl::primitive primitive_;
    dnnl::reorder each_call_;
    std::vector<dnnl_exec_arg_t> arguments_;
    std::string implementation_;
};

}  // namespace

std::unique_ptr<Adapter> polydl::made(const Configuration &configuration) {
    return std::make_unique<OneDnn>(configuration);
}
