// Arrays in a layout of an adapter's own: a strided view of the array that is bound or fetched.
//
// The configuration describes tensor `role` by `<role>` (its name), `<role>_elements` (of the whole
// array), `<role>_layout` (in words) and, for every axis of the adapter's memory in its order,
// `<role>_dims` and `<role>_strides`: the extent, and the step in the row-major array that is bound.
// `<role>_offset` skips elements of that, `<role>_padding` has two numbers for each axis: zeros
// before and after it.
//
// A dimension in blocks is two axes. Where the blocks do not fill up, `<role>_blocks` has three
// numbers for it: both axes and the length; what is past it stays zero.
#pragma once

#include <algorithm>
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
          layout(c.string(role + "_layout")),
          dims(c.numbers(role + "_dims")),
          elements_(static_cast<std::size_t>(c.number(role + "_elements"))),
          strides_(c.numbers(role + "_strides")),
          blocks_(c.numbers(role + "_blocks")),
          offset_(c.number(role + "_offset")),
          before_(dims.size()) {
        const auto padding = c.numbers(role + "_padding");
        padded = dims;
        size = 1;
        for (std::size_t d = 0; d < dims.size(); ++d) {
            before_[d] = padding.at(2 * d);
            padded[d] += padding.at(2 * d) + padding.at(2 * d + 1);
            size *= static_cast<std::size_t>(padded[d]);
        }
        values = zeros(size);
    }
    Array(const Array &) = delete;
    Array &operator=(const Array &) = delete;
    ~Array() { std::free(values); }

    // Whole pages of zeros, to be freed.
    static float *zeros(std::size_t count) {
        const std::size_t bytes = (count * sizeof(float) / 4096 + 1) * 4096;
        float *found = static_cast<float *>(std::aligned_alloc(4096, bytes));
        if (!found) throw std::bad_alloc();
        std::memset(found, 0, bytes);
        return found;
    }

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
    std::string layout;
    std::vector<long long> dims;    // without padding
    std::vector<long long> padded;  // as it lies in memory, row-major
    std::size_t size;               // elements in memory
    float *values;

private:
    void check(std::size_t count) const {
        if (count != elements_)
            throw std::runtime_error(name + " has " + std::to_string(elements_) +
                                     " elements, got " + std::to_string(count));
    }

    // How many of the innermost axis there are at a position of the others.
    long long filled(const std::vector<long long> &at) const {
        const std::size_t last = dims.size() - 1;
        long long count = dims[last];
        for (std::size_t b = 0; b + 2 < blocks_.size(); b += 3) {
            const auto outer = static_cast<std::size_t>(blocks_[b]);
            const auto inner = static_cast<std::size_t>(blocks_[b + 1]);
            const long long left = blocks_[b + 2] - at[outer] * dims[inner];
            if (inner == last)
                count = std::min(count, left);
            else if (at[inner] >= left)
                count = 0;
        }
        return count;
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
            const long long count = filled(at);
            for (long long i = 0; i < count; ++i) each(values + mine + i, theirs + i * strides_[last]);
            std::size_t d = last;  // the innermost was done whole
            do {
                if (d == 0) return;
                --d;
                if (++at[d] < dims[d]) break;
                at[d] = 0;
            } while (true);
        }
    }

    std::size_t elements_;
    std::vector<long long> strides_;
    std::vector<long long> blocks_;
    long long offset_;
    std::vector<long long> before_;
};

}  // namespace polydl
