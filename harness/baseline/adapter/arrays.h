// Arrays in a layout of an adapter's own: a strided view of the array that is bound or fetched.
//
// The configuration describes tensor `role` by `<role>` (its name), `<role>_elements` (of the whole
// array) and, for every axis of the adapter's memory in its order, `<role>_dims` and
// `<role>_strides`: the extent, and the step in the row-major array that is bound. A blocked layout
// is two axes of one dimension. `<role>_offset` skips elements, `<role>_padding` has two numbers
// for each axis: zeros before and after it.
#pragma once

#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "adapter.h"

namespace polydl {

class Array {
public:
    Array(const Configuration &c, const std::string &role)
        : name(c.string(role)),
          elements(static_cast<std::size_t>(c.number(role + "_elements"))),
          dims(c.numbers(role + "_dims")),
          strides_(c.numbers(role + "_strides")),
          offset_(c.number(role + "_offset")) {
        before_.assign(dims.size(), 0);
        std::vector<long long> after(dims.size(), 0);
        const auto padding = c.has(role + "_padding") ? c.numbers(role + "_padding")
                                                      : std::vector<long long>();
        for (std::size_t d = 0; d < padding.size() / 2; ++d) {
            before_[d] = padding[2 * d];
            after[d] = padding[2 * d + 1];
        }
        padded = dims;
        std::size_t size = 1;
        for (std::size_t d = 0; d < dims.size(); ++d) {
            padded[d] += before_[d] + after[d];
            size *= static_cast<std::size_t>(padded[d]);
        }
        bytes_ = (size * sizeof(float) + 4095) / 4096 * 4096;
        values = static_cast<float *>(std::aligned_alloc(4096, bytes_ ? bytes_ : 4096));
        if (!values) throw std::bad_alloc();
        std::memset(values, 0, bytes_);
    }
    Array(const Array &) = delete;
    Array &operator=(const Array &) = delete;
    ~Array() { std::free(values); }

    // From the row-major array of the declared shape; padding stays zero.
    void pack(const float *from, std::size_t count) {
        check(count);
        visit([&](float *mine, long long theirs) { *mine = from[theirs]; });
    }

    void unpack(float *to, std::size_t count) {
        check(count);
        visit([&](float *mine, long long theirs) { to[theirs] = *mine; });
    }

    std::string name;
    std::size_t elements;
    std::vector<long long> dims;    // without padding
    std::vector<long long> padded;  // as it lies in memory, row-major
    float *values;

private:
    void check(std::size_t count) const {
        if (count != elements)
            throw std::runtime_error(name + " has " + std::to_string(elements) +
                                     " elements, got " + std::to_string(count));
    }

    template <typename Visit>
    void visit(Visit each) {
        std::vector<long long> at(dims.size(), 0);
        const std::size_t last = dims.size() - 1;
        for (;;) {
            long long mine = 0, theirs = offset_;
            for (std::size_t d = 0; d < dims.size(); ++d) {
                mine = mine * padded[d] + before_[d] + at[d];
                theirs += at[d] * strides_[d];
            }
            for (long long i = 0; i < dims[last]; ++i)
                each(values + mine + i, theirs + i * strides_[last]);
            std::size_t d = last;  // the innermost was done whole
            do {
                if (d == 0) return;
                --d;
                if (++at[d] < dims[d]) break;
                at[d] = 0;
            } while (true);
        }
    }

    std::vector<long long> strides_;
    long long offset_;
    std::vector<long long> before_;
    std::size_t bytes_;
};

}  // namespace polydl
