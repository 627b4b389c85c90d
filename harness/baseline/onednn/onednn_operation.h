// One operation of oneDNN's, ready to run: its tensors, and how they come and go.
//
// A tensor has up to two memories: `plain` is what is bound (or fetched), `used` is what the
// primitive reads, in the layout it asked for. All are reordered when they are bound.
#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <unordered_map>

#include <omp.h>

#include "onednn_steps.h"

namespace polydl {

struct Tensor {
    std::string name;
    memory::dims dims;
    std::size_t elements;
    memory::desc plain_desc;   // a window into the bound array
    memory::dims::value_type offset;
    bool fixed;                // lies as the caller has it, whatever oneDNN would like
    std::vector<float> plain;  // the bound array, in whole
    memory stored;             // the caller's memory order; only for reorders inside the call
    memory used;
    bool reorder_each_call = false;
};

inline memory::dims dims_of(const Configuration &c, const std::string &name) {
    const auto values = c.numbers(name);
    return memory::dims(values.begin(), values.end());
}

class Operation : public Adapter {
public:
    explicit Operation(const Configuration &c)
        : engine_(dnnl::engine::kind::cpu, 0),
          stream_(engine_),
          src_(tensor(c, "src")),
          dst_(tensor(c, "dst")),
          steps_(steps_of(c)) {
        omp_set_num_threads(static_cast<int>(c.number("threads")));
        operands_.resize(steps_.size());
        for (std::size_t i = 0; i < steps_.size(); ++i)
            if (steps_[i].binary) operands_[i] = tensor(c, steps_[i].operand);
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
        return "{\"implementation\": " + quoted(implementation_) + ", \"version\": \"" +
               std::to_string(v.major) + "." + std::to_string(v.minor) + "." +
               std::to_string(v.patch) + "\", \"layouts\": {" + layouts_ + "}}";
    }

protected:
    // A primitive that is ready, and where the inputs and then the output are to lie.
    struct Ready {
        dnnl::primitive primitive;
        std::string implementation;
        std::vector<std::pair<int, memory::desc>> arguments;
    };

    // Those that there are, in the order of the primitive's arguments.
    virtual std::vector<Tensor *> inputs() = 0;

    Tensor tensor(const Configuration &c, const std::string &role) const {
        Tensor t;
        t.name = c.string(role);
        t.dims = dims_of(c, role + "_dims");
        t.elements = static_cast<std::size_t>(c.number(role + "_elements"));
        t.offset = c.number(role + "_offset");
        t.fixed = c.number(role + "_fixed");
        t.plain_desc = memory::desc(t.dims, F32, dims_of(c, role + "_plain"));
        return t;
    }

    // The operands of steps that have one.
    void add_operands(std::vector<Tensor *> &found) {
        for (Tensor &operand : operands_)
            if (!operand.name.empty()) found.push_back(&operand);
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

    // The fastest of a few calls on ones, after one to warm up.
    double seconds_of(const Ready &candidate) {
        std::unordered_map<int, memory> operands;
        for (const auto &[argument, desc] : candidate.arguments) {
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

    void take(const Ready &found) {
        primitive_ = found.primitive;
        implementation_ = found.implementation;
        std::vector<Tensor *> tensors = inputs();
        tensors.push_back(&dst_);
        std::size_t at = 0;
        for (const auto &[argument, desc] : found.arguments) {
            tensors[at]->used = memory(desc, engine_);
            arguments_.push_back({argument, tensors[at]->used.get()});
            ++at;
        }
        std::map<std::string, std::string> tags;
        for (const Tensor *t : tensors) tags.emplace(t->name, tag_of(t->used.get_desc()));
        for (const auto &[name, tag] : tags)
            layouts_ += (layouts_.empty() ? "" : ", ") + quoted(name) + ": " + quoted(tag);
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

    dnnl::engine engine_;
    dnnl::stream stream_;
    Tensor src_, dst_;
    std::vector<Step> steps_;
    std::vector<Tensor> operands_;  // one for each step, unused where it has none
    dnnl::primitive primitive_;
    std::vector<dnnl_exec_arg_t> arguments_;
    std::string implementation_, layouts_;
};

}  // namespace polydl
