// A BLAS behind the adapter ABI: matrix products, and convolutions as im2col and a product.
//
// The library is opened by name when the adapter is created, so that one adapter serves them all.
#include "exports.h"

#include <algorithm>
#include <cstdint>

#include <dlfcn.h>
#include <omp.h>

namespace {

using polydl::Adapter;
using polydl::Array;
using polydl::Configuration;

// One matrix in memory: row-major, or its transpose.
struct Matrix {
    const float *values;
    long long step;  // from row to row, or from column to column
    bool transposed;
};

// cblas_sgemm of a library with 32-bit or 64-bit integers.
class Sgemm {
public:
    explicit Sgemm(const Configuration &c)
        : name(c.string("blas")), version(c.string("version")),
          wide_(c.number("integer_bits") == 64) {
        library_ = dlopen(c.string("library").c_str(), RTLD_NOW | RTLD_LOCAL);
        if (!library_) throw std::runtime_error(dlerror());
        sgemm_ = symbol(c.string("sgemm"));
        const std::string &threads = c.string("set_threads");
        if (!threads.empty()) set_threads_ = symbol(threads);
    }

    void set_threads(int count) const {
        if (set_threads_) reinterpret_cast<void (*)(int)>(set_threads_)(count);
    }

    // c = a b, row-major
    void operator()(long long m, long long n, long long k, const Matrix &a, const Matrix &b, float *c,
                    long long c_step) const {
        wide_ ? call<std::int64_t>(m, n, k, a, b, c, c_step)
              : call<std::int32_t>(m, n, k, a, b, c, c_step);
    }

    std::string name, version;

private:
    template <typename Int>
    void call(long long m, long long n, long long k, const Matrix &a, const Matrix &b, float *c,
              long long c_step) const {
        using Function = void (*)(int, int, int, Int, Int, Int, float, const float *, Int,
                                  const float *, Int, float, float *, Int);
        const int row_major = 101, plain = 111, transposed = 112;
        const auto as = [](long long number) { return static_cast<Int>(number); };
        reinterpret_cast<Function>(sgemm_)(
            row_major, a.transposed ? transposed : plain, b.transposed ? transposed : plain, as(m),
            as(n), as(k), 1.0f, a.values, as(a.step), b.values, as(b.step), 0.0f, c, as(c_step));
    }

    void *symbol(const std::string &wanted) const {
        void *found = dlsym(library_, wanted.c_str());
        if (!found) throw std::runtime_error("the BLAS has no '" + wanted + "'");
        return found;
    }

    bool wide_;
    void *library_ = nullptr, *sgemm_ = nullptr, *set_threads_ = nullptr;
};

class MatrixProduct : public Adapter {
public:
    explicit MatrixProduct(const Configuration &c)
        : sgemm_(c), a_(c, "a"), b_(c, "b"), c_(c, "c"), shape_(c.numbers("c_shape")),
          k_(c.numbers("a_shape").back()), a_memory_(c.numbers("a_memory")),
          b_memory_(c.numbers("b_memory")), c_memory_(c.numbers("c_memory")) {
        sgemm_.set_threads(static_cast<int>(c.number("threads")));
    }

    void bind(const std::string &name, const float *values, std::size_t elements) override {
        polydl::named(name, {&a_, &b_}).pack(values, elements);
    }

    void run() override {
        const std::size_t rank = shape_.size();
        long long products = 1;
        for (std::size_t d = 0; d + 2 < rank; ++d) products *= shape_[d];
        for (long long product = 0; product < products; ++product)
            sgemm_(shape_[rank - 2], shape_[rank - 1], k_,
                   matrix(a_.values + offset(product, a_memory_), a_memory_),
                   matrix(b_.values + offset(product, b_memory_), b_memory_),
                   c_.values + offset(product, c_memory_), c_memory_[rank - 2]);
    }

    void fetch(const std::string &name, float *values, std::size_t elements) override {
        polydl::named(name, {&c_}).unpack(values, elements);
    }

    std::string describe() const override {
        return polydl::described(sgemm_.name + " sgemm", sgemm_.version, {&a_, &b_, &c_});
    }

private:
    static Matrix matrix(const float *values, const std::vector<long long> &strides) {
        const long long row = strides[strides.size() - 2], column = strides.back();
        return column == 1 ? Matrix{values, row, false} : Matrix{values, column, true};
    }

    long long offset(long long product, const std::vector<long long> &strides) const {
        long long result = 0;
        for (std::size_t d = shape_.size() - 2; d-- > 0;) {
            result += product % shape_[d] * strides[d];
            product /= shape_[d];
        }
        return result;
    }

    Sgemm sgemm_;
    Array a_, b_, c_;
    std::vector<long long> shape_;
    long long k_;
    std::vector<long long> a_memory_, b_memory_, c_memory_;
};

// out[oc][pixel] = weight[oc][ic, tap] columns[ic, tap][pixel], for each image and group and a few
// rows of pixels at once, so that their columns stay in cache. Threads share the pieces, and the
// BLAS is called by each of them with one thread of its own.
class Convolution : public Adapter {
public:
    explicit Convolution(const Configuration &c)
        : sgemm_(c), data_(c, "data"), weight_(c, "weight"), out_(c, "out"),
          threads_(static_cast<int>(c.number("threads"))), stride_(c.numbers("strides")),
          dilation_(c.numbers("dilations")), before_(c.numbers("before")) {
        sgemm_.set_threads(1);
        // n group ic spatial; group oc ic taps; n group oc spatial
        const auto &d = data_.dims, &w = weight_.dims, &o = out_.dims;
        depth_ = w[2] * w[3] * w[4] * w[5];
        rows_ = o[3] * o[4];
        row_ = o[5];
        as_it_is_ = w[3] * w[4] * w[5] == 1 && stride_ == std::vector<long long>(3, 1) &&
                    std::equal(d.begin() + 3, d.end(), o.begin() + 3);
        const long long row_bytes = depth_ * row_ * static_cast<long long>(sizeof(float));
        const long long fitting = as_it_is_ ? rows_ : c.number("columns_bytes") / row_bytes;
        const long long pieces = (threads_ + o[0] * o[1] - 1) / (o[0] * o[1]);  // for each thread one
        rows_at_once_ = std::clamp(fitting, 1LL, (rows_ + pieces - 1) / pieces);
        if (!as_it_is_)
            columns_.resize(static_cast<std::size_t>(threads_ * depth_ * rows_at_once_ * row_));
    }

    void bind(const std::string &name, const float *values, std::size_t elements) override {
        polydl::named(name, {&data_, &weight_}).pack(values, elements);
    }

    void run() override {
        const long long images = out_.dims[0], groups = out_.dims[1];
#pragma omp parallel for collapse(3) schedule(static) num_threads(threads_) if (threads_ > 1)
        for (long long image = 0; image < images; ++image)
            for (long long group = 0; group < groups; ++group)
                for (long long first = 0; first < rows_; first += rows_at_once_)
                    piece(image, group, first, std::min(rows_at_once_, rows_ - first));
    }

    void fetch(const std::string &name, float *values, std::size_t elements) override {
        polydl::named(name, {&out_}).unpack(values, elements);
    }

    std::string describe() const override {
        const std::string first = as_it_is_ ? "" : "im2col and ";
        return polydl::described(first + sgemm_.name + " sgemm", sgemm_.version,
                                 {&data_, &weight_, &out_});
    }

private:
    void piece(long long image, long long group, long long first, long long rows) {
        const auto &d = data_.dims, &o = out_.dims;
        const long long above = image * o[1] + group, pixels = rows * row_;
        const float *data = data_.values + above * d[2] * d[3] * d[4] * d[5];
        Matrix columns{data + first * row_, rows_ * row_, false};
        if (!as_it_is_) {
            float *mine = columns_.data() + omp_get_thread_num() * depth_ * rows_at_once_ * row_;
            im2col(data, first, rows, mine);
            columns = {mine, pixels, false};
        }
        sgemm_(o[2], pixels, depth_, {weight_.values + group * o[2] * depth_, depth_, false}, columns,
               out_.values + above * o[2] * rows_ * row_ + first * row_, rows_ * row_);
    }

    void im2col(const float *data, long long first, long long rows, float *to) const {
        const auto &d = data_.dims, &w = weight_.dims;
        for (long long c = 0; c < d[2]; ++c, data += d[3] * d[4] * d[5])
            for (long long kd = 0; kd < w[3]; ++kd)
                for (long long kh = 0; kh < w[4]; ++kh)
                    for (long long kw = 0; kw < w[5]; ++kw)
                        for (long long r = first; r < first + rows; ++r, to += row_) {
                            const long long z = position(r / out_.dims[4], kd, 0);
                            const long long y = position(r % out_.dims[4], kh, 1);
                            if (z < 0 || z >= d[3] || y < 0 || y >= d[4])
                                std::fill_n(to, row_, 0.0f);
                            else
                                copy_row(data + (z * d[4] + y) * d[5], kw, to);
                        }
    }

    void copy_row(const float *from, long long tap, float *to) const {
        const long long step = stride_[2], start = position(0, tap, 2), width = data_.dims[5];
        const long long low = std::clamp((-start + step - 1) / step, 0LL, row_);
        const long long high = std::clamp((width - start + step - 1) / step, low, row_);
        std::fill(to, to + low, 0.0f);
        if (step == 1)
            std::copy(from + start + low, from + start + high, to + low);
        else
            for (long long i = low; i < high; ++i) to[i] = from[start + i * step];
        std::fill(to + high, to + row_, 0.0f);
    }

    long long position(long long pixel, long long tap, std::size_t dimension) const {
        return pixel * stride_[dimension] + tap * dilation_[dimension] - before_[dimension];
    }

    Sgemm sgemm_;
    Array data_, weight_, out_;
    int threads_;
    std::vector<long long> stride_, dilation_, before_;
    long long depth_, rows_, row_, rows_at_once_;
    bool as_it_is_;  // the data are the columns: one tap on each pixel
    std::vector<float> columns_;
};

}  // namespace

std::unique_ptr<Adapter> polydl::made(const Configuration &c) {
    const std::string &kind = c.string("kind");
    if (kind == "convolution") return std::make_unique<::Convolution>(c);
    if (kind == "matmul") return std::make_unique<::MatrixProduct>(c);
    throw std::runtime_error("configuration: unknown kind '" + kind + "'");
}
