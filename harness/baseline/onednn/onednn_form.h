// One way to run a chain of operators: their primitives, the memory of every tensor, and the
// reorders between them.
//
// Inputs and the output lie where the primitives want them. An operator's result stays where that
// one wrote it; a later one that wants it elsewhere gets it by a reorder, which is part of the call.
// So is the reorder of a convolution's weights that are not constant, because a caller with changing
// weights would have to do the same.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <set>

#include "onednn_link.h"

namespace polydl {

// Where images lie: as each operator likes best (those that have no preference as they find them,
// row-major at first), or all of them with their channels last, or in blocks that they fill.
enum class Layout { own, channels_last, blocks_of_16, blocks_of_8 };

constexpr double HOPELESS = 1e30;  // seconds

class Form {
public:
    // `timed` compares primitives that compute the same; else the first one is taken.
    Form(const dnnl::engine &engine, dnnl::stream &stream, const std::vector<Link> &links,
         Layout layout, bool depthwise, bool timed)
        : engine_(engine), stream_(stream), links_(links), layout_(layout), timed_(timed) {
        for (std::size_t k = 0; k < links.size(); ++k) {
            if (depthwise && k + 1 < links.size() && links[k + 1].post_op() &&
                joined(links[k], links[k + 1])) {
                ++k;
                continue;
            }
            take(links[k], fastest(links[k], places(links[k])));
        }
    }

    void bind(const std::string &name, const float *values, std::size_t elements) {
        for (const Input &input : inputs_)
            if (input.tensor->name == name) {
                if (elements != input.tensor->elements)
                    throw std::runtime_error(name + " has " +
                                             std::to_string(input.tensor->elements) +
                                             " elements, got " + std::to_string(elements));
                float *from = const_cast<float *>(values) + input.tensor->offset;  // it is read
                reorder(memory(input.plain, engine_, from), input.used);
            }
    }

    bool reads(const std::string &name) const {
        return std::any_of(inputs_.begin(), inputs_.end(),
                           [&](const Input &input) { return input.tensor->name == name; });
    }

    void run() {
        for (const Call &call : calls_)
            if (dnnl_primitive_execute(call.primitive.get(), stream_.get(),
                                       static_cast<int>(call.arguments.size()),
                                       call.arguments.data()) != dnnl_success)
                throw dnnl::error(dnnl_runtime_error, "execution failed");
        stream_.wait();
    }

    void fetch(const std::string &name, float *values, std::size_t elements) {
        const Tensor &out = links_.back().dst();
        if (name != out.name) throw std::runtime_error("unknown tensor '" + name + "'");
        if (elements != out.elements) throw std::runtime_error(name + " has other elements");
        reorder(made_.at(name).front(), memory(out.plain, engine_, values));
    }

    // The fastest of a few calls on ones, after one to warm up; of one where that is hopeless.
    double seconds(double best) {
        for (Input &input : inputs_) fill(input.used);
        return fastest_of([&] { run(); }, best);
    }

    bool depthwise() const { return depthwise_; }
    const std::string &implementation() const { return implementation_; }
    const std::string &reorders() const { return reorders_; }  // inside the call, none if empty
    const std::string &between() const { return between_; }  // layouts of what is handed on

    // Of inputs and the output, as members of a JSON object.
    std::string layouts() const {
        std::map<std::string, std::string> tags;
        for (const Input &input : inputs_)
            tags.emplace(input.tensor->name, tag_of(input.called.get_desc()));
        const std::string &out = links_.back().dst().name;
        tags.emplace(out, tag_of(made_.at(out).front().get_desc()));
        std::string found;
        for (const auto &[name, tag] : tags)
            found += (found.empty() ? "" : ", ") + quoted(name) + ": " + quoted(tag);
        return found;
    }

private:
    struct Call {
        dnnl::primitive primitive;
        std::vector<dnnl_exec_arg_t> arguments;
    };

    // What is bound: into `used`, which calls read as `called`.
    struct Input {
        const Tensor *tensor;
        memory::desc plain;
        memory used, called;
    };

    // A 1x1 convolution with the depthwise one behind it, where oneDNN fuses them in earnest.
    bool joined(const Link &first, const Link &second) {
        Ready found;
        try {
            found = first.ready_with(engine_, places(first), second, places(second));
        } catch (const dnnl::error &) {
            return false;  // no implementation
        }
        if (found.implementation.rfind("ref", 0) == 0) return false;
        found.implementation += " with a depthwise post-op";
        depthwise_ = true;
        take(second, found);
        return true;
    }

    Places places(const Link &link) const {
        Places found;
        const Tensor &src = link.src(), &dst = link.dst();
        const bool images = link.images() && layout_ != Layout::own;
        if (link.multiplies()) {
            found["src"] = operand_of_product(src);
            found["weights"] = operand_of_product(link.tensor("weights"));
            found["dst"] = dst.stored;
        } else if (link.convolves()) {
            found["src"] = images ? laid(src) : any(src);
            found["weights"] = any(link.tensor("weights"));
            found["dst"] = images ? laid(dst) : any(dst);
        } else if (link.fixed()) {
            found["src"] = src.stored;
            found["dst"] = dst.stored;
        } else {
            const memory *held = known(src);
            found["src"] = images ? laid(src) : held ? held->get_desc() : dense(src);
            found["dst"] = src.dims == dst.dims ? found["src"]
                           : images             ? laid(dst)
                           : held               ? any(dst)
                                                : dense(dst);
        }
        if (link.has("bias")) found["bias"] = dense(link.tensor("bias"));
        for (const Step &step : link.steps)
            if (step.binary) found[step.operand] = operand_of_step(link, step, found["dst"]);
        return found;
    }

    // Only what is constant, or nobody says how it lies, may have a layout of oneDNN's choice.
    memory::desc operand_of_product(const Tensor &t) const {
        if (t.made) {
            const memory *held = known(t);
            return held ? held->get_desc() : t.stored;
        }
        return t.constant || !t.fixed ? any(t) : t.stored;
    }

    // A residual is an activation: it lies as the output does.
    memory::desc operand_of_step(const Link &link, const Step &step,
                                 const memory::desc &dst) const {
        const Tensor &t = link.tensor(step.operand);
        const bool whole = t.dims == link.dst().dims;
        if (link.convolves()) return whole ? dst : dense(t);
        if (link.multiplies()) return !t.constant ? t.stored : whole ? dst : dense(t);
        return link.fixed() ? t.stored : whole ? dst : dense(t);
    }

    // Where an image lies in a form; one without channels has nothing to choose.
    memory::desc laid(const Tensor &t) const {
        using tag = memory::format_tag;
        const std::map<std::pair<std::size_t, Layout>, tag> tags = {  // see steps_of
            {{3, Layout::channels_last}, tag::acb},    {{4, Layout::channels_last}, tag::acdb},
            {{5, Layout::channels_last}, tag::acdeb},  {{3, Layout::blocks_of_16}, tag::aBc16b},
            {{4, Layout::blocks_of_16}, tag::aBcd16b}, {{5, Layout::blocks_of_16}, tag::aBcde16b},
            {{3, Layout::blocks_of_8}, tag::aBc8b},    {{4, Layout::blocks_of_8}, tag::aBcd8b},
            {{5, Layout::blocks_of_8}, tag::aBcde8b},
        };
        const auto found = tags.find({t.dims.size(), layout_});
        const memory::dim block = layout_ == Layout::blocks_of_16  ? 16
                                  : layout_ == Layout::blocks_of_8 ? FILLING_8
                                                                   : 1;
        if (found == tags.end() || t.dims[1] == 1 || t.dims[1] % block) return dense(t);
        return memory::desc(t.dims, F32, found->second);
    }

    // What an operator has made, where it lies; null where it is not there, or not seen like this.
    const memory *known(const Tensor &t) const {
        const auto found = made_.find(t.name);
        return found == made_.end() || t.apart ? nullptr : &found->second.front();
    }

    // Of the two primitives for products with constant weights.
    Ready fastest(const Link &link, const Places &at) {
        const Ready product = link.ready(engine_, at);
        if (!timed_ || !link.multiplies() || link.src().dims.size() != 2 ||
            !link.tensor("weights").constant || link.src().constant)
            return product;
        try {
            const Ready inner = link.as_inner_product(engine_, at);
            const double other = alone(product, HOPELESS);
            return alone(inner, other) < other ? inner : product;
        } catch (const dnnl::error &) {  // no implementation takes these layouts
            return product;
        }
    }

    double alone(const Ready &candidate, double best) {
        std::vector<memory> held;
        std::vector<dnnl_exec_arg_t> arguments;
        for (const Argument &one : candidate.arguments) {
            held.emplace_back(one.desc, engine_);
            fill(held.back());
            arguments.push_back({one.index, held.back().get()});
        }
        return fastest_of([&] {
            dnnl_primitive_execute(candidate.primitive.get(), stream_.get(),
                                   static_cast<int>(arguments.size()), arguments.data());
            stream_.wait();
        }, best);
    }

    // `best` is what others take.
    static double fastest_of(const std::function<void()> &call, double best) {
        double found = HOPELESS;
        for (int turn = 0; turn < 6; ++turn) {
            const auto start = std::chrono::steady_clock::now();
            call();
            const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
            if (turn) found = std::min(found, spent.count());
            if (turn && found > 3 * best) break;
        }
        return found;
    }

    static void fill(const memory &m) {
        float *values = static_cast<float *>(m.get_data_handle());
        std::fill(values, values + m.get_desc().get_size() / sizeof(float), 1.0f);
    }

    // Gives every argument its memory; `link` is the one whose output it is.
    void take(const Link &link, const Ready &found) {
        std::vector<dnnl_exec_arg_t> arguments;
        for (const Argument &one : found.arguments)
            if (one.tensor->role != "dst")
                arguments.push_back({one.index, source(link, one).get()});
        const Argument &last = found.arguments.back();
        const memory out = target(link, last);
        arguments.push_back({last.index, out.get()});
        calls_.push_back({found.primitive, arguments});
        implementation_ += (implementation_.empty() ? "" : " + ") + found.implementation;
        const Tensor &t = *last.tensor;
        if (&link != &links_.back())
            between_ += (between_.empty() ? "" : ", ") + t.name + " " + tag_of(out.get_desc());
        made_[t.name].push_back(out);
        if (t.apart) {  // into the plain array
            const auto elements = static_cast<memory::dim>(t.elements);
            arrays_[t.name] = memory(memory::desc({elements}, F32, {1}), engine_);
            each_call(t.name, out, in_array(last));
        }
    }

    memory source(const Link &link, const Argument &one) {
        const Tensor &t = *one.tensor;
        if (t.made) return handed_on(one);
        for (const Input &input : inputs_)
            if (input.tensor->name == t.name && input.plain == one.plain &&
                input.tensor->offset == t.offset && input.called.get_desc() == one.desc)
                return input.called;
        const memory used(one.desc, engine_);
        if (t.role == "weights" && !t.constant && link.convolves() && t.stored != one.desc) {
            inputs_.push_back({&t, one.plain, memory(t.stored, engine_), used});
            each_call(t.name, inputs_.back().used, used);
        } else {
            inputs_.push_back({&t, one.plain, used, used});
        }
        return used;
    }

    // What an earlier operator made, where this one wants it.
    memory handed_on(const Argument &one) {
        const Tensor &t = *one.tensor;
        if (t.apart) {
            const memory array = in_array(one);
            if (one.plain == one.desc) return array;
            const memory used(one.desc, engine_);
            each_call(t.name, array, used);
            return used;
        }
        std::vector<memory> &there = made_.at(t.name);
        for (const memory &m : there)
            if (m.get_desc() == one.desc) return m;
        const memory used(one.desc, engine_);
        each_call(t.name, there.front(), used);
        there.push_back(used);
        return used;
    }

    // The window of a plain array that an operator sees.
    memory in_array(const Argument &one) {
        const Tensor &t = *one.tensor;
        float *values = static_cast<float *>(arrays_.at(t.name).get_data_handle());
        held_.emplace_back(one.plain, engine_, values + t.offset);
        return held_.back();
    }

    // In place of a source that nobody else reads, where the operator may be computed so.
    memory target(const Link &link, const Argument &last) {
        const Tensor &src = link.src();
        if (link.in_place() && src.made && !src.apart && readers(src.name) == 1)
            for (const memory &m : made_.at(src.name))
                if (m.get_desc() == last.desc) return m;
        return memory(last.desc, engine_);
    }

    int readers(const std::string &name) const {
        int count = 0;
        for (const Link &link : links_)
            for (const auto &[role, t] : link.tensors()) count += t.made && t.name == name;
        return count;
    }

    void each_call(const std::string &name, memory from, memory to) {
        calls_.push_back({dnnl::reorder(from, to),
                          {{DNNL_ARG_FROM, from.get()}, {DNNL_ARG_TO, to.get()}}});
        held_.push_back(from);
        held_.push_back(to);
        reorders_ += (reorders_.empty() ? "" : ", ") + name + " " + tag_of(from.get_desc()) +
                     " to " + tag_of(to.get_desc());
    }

    void reorder(memory from, memory to) {
        dnnl::reorder(from, to).execute(stream_, from, to);
        stream_.wait();
    }

    const dnnl::engine &engine_;
    dnnl::stream &stream_;
    const std::vector<Link> &links_;
    Layout layout_;
    bool timed_;
    bool depthwise_ = false;
    std::vector<Call> calls_;
    std::vector<Input> inputs_;
    std::vector<memory> held_;
    std::map<std::string, std::vector<memory>> made_;  // by tensor, as its operator wrote it first
    std::map<std::string, memory> arrays_;
    std::string implementation_, reorders_, between_;
};

}  // namespace polydl
