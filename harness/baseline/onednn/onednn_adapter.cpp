// oneDNN behind the adapter ABI: one forward convolution or matrix product, versions 2.6 to 3.x.
//
// A tensor has up to two memories: `plain` is what is bound (or fetched), `used` is what the
// primitive reads, in the layout it asked for. Constant and activation tensors are reordered when
// they are bound; a weight that is not constant is reordered inside the timed call, because a
// caller with changing weights would have to do the same.
#include "adapter.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>

#include <omp.h>
#include <oneapi/dnnl/dnnl.hpp>

namespace {

using dnnl::memory;
using polydl::Configuration;

constexpr auto F32 = memory::data_type::f32;

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

#if DNNL_VERSION_MAJOR >= 3
bool is_blocked(const memory::desc &desc) {
    return desc.get_format_kind() == memory::format_kind::blocked;
}
memory::dims strides_of(const memory::desc &desc) { return desc.get_strides(); }
memory::dims shape_of(const memory::desc &desc) { return desc.get_dims(); }
memory::dims inner_sizes(const memory::desc &desc) { return desc.get_inner_blks(); }
memory::dims inner_dims(const memory::desc &desc) { return desc.get_inner_idxs(); }
int rank_of(const memory::desc &desc) { return desc.get_ndims(); }
memory::desc any_like(const memory::desc &desc) {
    return memory::desc(desc.get_dims(), F32, memory::format_tag::any);
}
#else
bool is_blocked(const memory::desc &desc) { return desc.data.format_kind == dnnl_blocked; }
memory::dims shape_of(const memory::desc &desc) { return desc.dims(); }
memory::dims strides_of(const memory::desc &desc) {
    const auto *s = desc.data.format_desc.blocking.strides;
    return memory::dims(s, s + desc.data.ndims);
}
memory::dims inner_sizes(const memory::desc &desc) {
    const auto &b = desc.data.format_desc.blocking;
    return memory::dims(b.inner_blks, b.inner_blks + b.inner_nblks);
}
memory::dims inner_dims(const memory::desc &desc) {
    const auto &b = desc.data.format_desc.blocking;
    return memory::dims(b.inner_idxs, b.inner_idxs + b.inner_nblks);
}
int rank_of(const memory::desc &desc) { return desc.data.ndims; }
memory::desc any_like(const memory::desc &desc) {
    return memory::desc(desc.dims(), F32, memory::format_tag::any);
}
#endif

// oneDNN's letters: aBcd8b is nChw8c, "opaque" is a layout without strides (Winograd).
std::string tag_of(const memory::desc &desc) {
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

class Adapter {
public:
    explicit Adapter(const Configuration &c)
        : engine_(dnnl::engine::kind::cpu, 0),
          stream_(engine_),
          src_(tensor(c, "src")),
          weights_(tensor(c, "weights")),
          dst_(tensor(c, "dst")) {
        omp_set_num_threads(static_cast<int>(c.number("threads")));
        const std::string &kind = c.string("kind");
        if (kind == "convolution")
            make_convolution(c);
        else if (kind == "matmul")
            make_matmul(c);
        else
            throw std::runtime_error("configuration: unknown kind '" + kind + "'");
    }

    void bind(const std::string &name, const float *values, std::size_t elements) {
        Tensor &t = name == src_.name ? src_ : weights_;
        check(t, name, elements);
        t.plain.assign(values, values + elements);
        reorder(window(t), t.reorder_each_call ? t.stored : t.used);
        std::vector<float>().swap(t.plain);
    }

    void run() {
        for (Tensor *t : {&src_, &weights_})
            if (t->reorder_each_call) run_reorder(*t);
        if (dnnl_primitive_execute(primitive_.get(), stream_.get(), 3, arguments_) != dnnl_success)
            throw std::runtime_error("execution failed");
        stream_.wait();
    }

    void fetch(const std::string &name, float *values, std::size_t elements) {
        check(dst_, name, elements);
        reorder(dst_.used, memory(dst_.plain_desc, engine_, values));
    }

    std::string describe() const {
        const dnnl_version_t &v = *dnnl_version();
        return "{\"implementation\": \"" + implementation_ + "\", \"version\": \"" +
               std::to_string(v.major) + "." + std::to_string(v.minor) + "." +
               std::to_string(v.patch) + "\", \"layouts\": {\"" + src_.name + "\": \"" +
               tag_of(src_.used.get_desc()) + "\", \"" + weights_.name + "\": \"" +
               tag_of(weights_.used.get_desc()) + "\", \"" + dst_.name + "\": \"" +
               tag_of(dst_.used.get_desc()) + "\"}}";
    }

    std::string description;  // what polydl_adapter_describe returned last

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

    static memory::desc stored(const Configuration &c, const Tensor &t, const std::string &role) {
        return memory::desc(t.dims, F32, dims_of(c, role + "_stored"));
    }

    void make_convolution(const Configuration &c) {
        using forward = dnnl::convolution_forward;
        const auto algorithm = algorithm_of(c.string("algorithm"));
        const auto any = memory::format_tag::any;
        const memory::desc src(src_.dims, F32, any), weights(weights_.dims, F32, any),
            dst(dst_.dims, F32, any);
        const auto strides = dims_of(c, "strides"), dilates = dims_of(c, "dilates"),
                   before = dims_of(c, "before"), after = dims_of(c, "after");
        const auto inference = dnnl::prop_kind::forward_inference;
#if DNNL_VERSION_MAJOR >= 3
        const forward::primitive_desc found(engine_, inference, algorithm, src, weights, dst,
                                            strides, dilates, before, after);
#else
        const forward::primitive_desc found(
            forward::desc(inference, algorithm, src, weights, dst, strides, dilates, before, after),
            engine_);
#endif
        weights_.reorder_each_call = !c.number("weights_constant");
        finish(c, built(forward(found), found));
    }

    void make_matmul(const Configuration &c) {
        // Only what is constant may have a layout of oneDNN's choice.
        memory::desc src = stored(c, src_, "src"), weights = stored(c, weights_, "weights");
        const memory::desc dst = stored(c, dst_, "dst");
        if (c.number("src_constant")) src = any_like(src);
        if (c.number("weights_constant")) weights = any_like(weights);
#if DNNL_VERSION_MAJOR >= 3
        const dnnl::matmul::primitive_desc found(engine_, src, weights, dst);
#else
        const dnnl::matmul::primitive_desc found(dnnl::matmul::desc(src, weights, dst), engine_);
#endif
        Built product = built(dnnl::matmul(found), found);
        if (shape_of(src).size() == 2 && c.number("weights_constant") && !c.number("src_constant")) {
            try {
                const Built inner = inner_product(src, dst);
                if (seconds_of(inner) < seconds_of(product)) {
                    product = inner;
                    weights_.plain_desc = transposed(weights_.plain_desc);
                }
            } catch (const dnnl::error &) {  // no implementation takes these layouts
            }
        }
        finish(c, product);
    }

    // A primitive that is ready, and where its operands are to lie.
    struct Built {
        dnnl::primitive primitive;
        std::string implementation;
        memory::desc src, weights, dst;
    };

    template <typename Descriptor>
    static Built built(const dnnl::primitive &primitive, const Descriptor &found) {
        return {primitive, found.impl_info_str(), found.src_desc(), found.weights_desc(),
                found.dst_desc()};
    }

    // The same product by oneDNN's other primitive for it, whose weights are n x k. On some
    // machines only this one packs constant weights; the faster of the two is the baseline.
    Built inner_product(const memory::desc &src, const memory::desc &dst) const {
        using forward = dnnl::inner_product_forward;
        const memory::desc weights({weights_.dims[1], weights_.dims[0]}, F32,
                                   memory::format_tag::any);
        const auto inference = dnnl::prop_kind::forward_inference;
#if DNNL_VERSION_MAJOR >= 3
        const forward::primitive_desc found(engine_, inference, src, weights, dst);
#else
        const forward::primitive_desc found(forward::desc(inference, src, weights, dst), engine_);
#endif
        Built result = built(forward(found), found);
        result.implementation = "inner product " + result.implementation;
        return result;
    }

    // The fastest of a few calls on ones, after one to warm up.
    double seconds_of(const Built &candidate) {
        memory operands[3] = {memory(candidate.src, engine_), memory(candidate.weights, engine_),
                              memory(candidate.dst, engine_)};
        for (memory &operand : operands) {
            float *values = static_cast<float *>(operand.get_data_handle());
            std::fill(values, values + operand.get_desc().get_size() / sizeof(float), 1.0f);
        }
        double best = 1e30;
        for (int call = 0; call < 6; ++call) {
            const auto start = std::chrono::steady_clock::now();
            candidate.primitive.execute(stream_, {{DNNL_ARG_SRC, operands[0]},
                                                  {DNNL_ARG_WEIGHTS, operands[1]},
                                                  {DNNL_ARG_DST, operands[2]}});
            stream_.wait();
            const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
            if (call) best = std::min(best, spent.count());
        }
        return best;
    }

    static memory::desc transposed(const memory::desc &desc) {
        const auto dims = shape_of(desc), strides = strides_of(desc);
        return memory::desc({dims[1], dims[0]}, F32, {strides[1], strides[0]});
    }

    void finish(const Configuration &c, const Built &found) {
        primitive_ = found.primitive;
        implementation_ = found.implementation;
        src_.used = memory(found.src, engine_);
        weights_.used = memory(found.weights, engine_);
        dst_.used = memory(found.dst, engine_);
        if (weights_.reorder_each_call) {
            const memory::desc as_stored = stored(c, weights_, "weights");
            if (as_stored == weights_.used.get_desc()) {
                weights_.reorder_each_call = false;
            } else {
                weights_.stored = memory(as_stored, engine_);
                each_call_ = dnnl::reorder(weights_.stored, weights_.used);
            }
        }
        arguments_[0] = {DNNL_ARG_SRC, src_.used.get()};
        arguments_[1] = {DNNL_ARG_WEIGHTS, weights_.used.get()};
        arguments_[2] = {DNNL_ARG_DST, dst_.used.get()};
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
    Tensor src_, weights_, dst_;
    dnnl::primitive primitive_;
    dnnl::reorder each_call_;
    dnnl_exec_arg_t arguments_[3];
    std::string implementation_;
};

std::string quoted(const std::string &text) {
    std::string result;
    for (char c : text) {
        if (c == '"' || c == '\\') result += '\\';
        result += c == '\n' ? ' ' : c;
    }
    return result;
}

// Runs an action of the ABI; an exception becomes the status 1 and the description.
template <typename Action>
int guarded(void *handle, Action action) {
    Adapter &adapter = *static_cast<Adapter *>(handle);
    try {
        action(adapter);
        return 0;
    } catch (const std::exception &failure) {
        adapter.description = "{\"error\": \"" + quoted(failure.what()) + "\"}";
        return 1;
    }
}

}  // namespace

extern "C" void *polydl_adapter_create(const char *configuration, char *error,
                                       std::size_t error_size) {
    try {
        return new Adapter(Configuration(configuration));
    } catch (const std::exception &failure) {
        std::snprintf(error, error_size, "oneDNN: %s", failure.what());
        return nullptr;
    }
}

extern "C" int polydl_adapter_bind(void *handle, const char *tensor, const float *values,
                                   std::size_t elements) {
    return guarded(handle, [&](Adapter &a) { a.bind(tensor, values, elements); });
}

extern "C" int polydl_adapter_run(void *handle) {
    return guarded(handle, [](Adapter &a) { a.run(); });
}

extern "C" int polydl_adapter_fetch(void *handle, const char *tensor, float *values,
                                    std::size_t elements) {
    return guarded(handle, [&](Adapter &a) { a.fetch(tensor, values, elements); });
}

extern "C" const char *polydl_adapter_describe(void *handle) {
    Adapter &adapter = *static_cast<Adapter *>(handle);
    if (adapter.description.rfind("{\"error\"", 0) != 0) adapter.description = adapter.describe();
    return adapter.description.c_str();
}

extern "C" void polydl_adapter_destroy(void *handle) { delete static_cast<Adapter *>(handle); }
