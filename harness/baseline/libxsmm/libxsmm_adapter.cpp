// LIBXSMM behind the adapter ABI: its generated kernels under loops over blocks.
//
// LIBXSMM counts column-major: the contiguous dimension (output channels, columns of a product) is
// its M, pixels or rows are its N. Its batch-reduce kernel by offsets sums over input channel
// blocks and taps in registers; the one by addresses would leave the pointer arrays advanced.
#include "exports.h"

#include <algorithm>
#include <array>

#include <libxsmm.h>
#include <omp.h>
#include <unistd.h>

namespace {

using polydl::Adapter;
using polydl::Array;
using polydl::Configuration;
using Offsets = std::vector<unsigned long long>;  // bytes

// A generated kernel: c = or += the sum of `count` products a(m x k) b(k x n), column-major.
class Kernel {
public:
    Kernel() = default;
    Kernel(long long m, long long n, long long k, long long lda, long long ldb, long long ldc,
           bool add) {
        const libxsmm_blasint a = static_cast<int>(lda), b = static_cast<int>(ldb),
                              c = static_cast<int>(ldc);
        const float alpha = 1, beta = add ? 1 : 0;
        const int flags = LIBXSMM_GEMM_FLAG_NONE, prefetch = LIBXSMM_PREFETCH_NONE;
        call_ = libxsmm_smmdispatch_reducebatch_offs(
            static_cast<int>(m), static_cast<int>(n), static_cast<int>(k), &a, &b, &c, &alpha,
            &beta, &flags, &prefetch);
        if (!call_)
            throw std::runtime_error("LIBXSMM generates no kernel of " + std::to_string(m) + " x " +
                                     std::to_string(n) + " x " + std::to_string(k) + " for " +
                                     libxsmm_get_target_arch());
    }

    void operator()(const float *a, const float *b, float *c, unsigned long long count,
                    const Offsets &a_offsets, const Offsets &b_offsets) const {
        call_(a, b, c, &count, a_offsets.data(), b_offsets.data());
    }

private:
    libxsmm_smmfunction_reducebatch_offs call_ = nullptr;
};

// `length` in steps of at most `step`: the last one may be shorter.
struct Steps {
    long long length, step;
    long long count() const { return (length + step - 1) / step; }
    long long size(long long i) const { return std::min(step, length - i * step); }
    bool last(long long i) const { return (i + 1) * step > length; }  // shorter than the others
    long long rest() const { return length % step ? length % step : step; }
};

Steps balanced(long long length, long long most) {
    const long long count = (length + most - 1) / most;
    return {length, (length + count - 1) / count};
}

long long second_level_cache() {
    const long found = sysconf(_SC_LEVEL2_CACHE_SIZE);
    return found > 0 ? found : 512 << 10;
}

std::string version() { return LIBXSMM_VERSION; }

class Convolution : public Adapter {
public:
    explicit Convolution(const Configuration &c)
        : data_(c, "data"),
          weight_(c, "weight"),
          out_(c, "out"),
          threads_(static_cast<int>(c.number("threads"))),
          constant_(c.number("weight_constant")) {
        const auto stride = c.numbers("strides"), dilation = c.numbers("dilations");
        // n g block spatial channel; g oc-block ic-block taps ic oc; n g block pixels channel
        const auto &d = data_.padded, &w = weight_.padded, &o = out_.padded;
        images_ = o[0];
        groups_ = o[1];
        out_blocks_ = o[2];
        out_block_ = o[6];
        in_blocks_ = d[2];
        in_block_ = d[6];
        taps_ = w[3] * w[4] * w[5];
        rows_ = o[3] * o[4];
        height_ = o[4];
        long long pixels = o[5];
        row_step_ = stride[1] * d[5] * in_block_;
        plane_step_ = stride[0] * d[4] * d[5] * in_block_;
        if (taps_ == 1 && std::equal(d.begin() + 3, d.begin() + 6, o.begin() + 3) &&
            stride == std::vector<long long>(3, 1)) {
            pixels *= rows_;  // one row: nothing lies between the pixels
            rows_ = height_ = 1;
        }
        pixels_ = balanced(pixels, 64);
        pixel_step_ = stride[2] * in_block_;
        data_block_ = d[3] * d[4] * d[5] * in_block_;
        weight_block_ = taps_ * in_block_ * out_block_;
        choose_blocks();
        for (long long block = 0; block < in_blocks_at_once_; ++block)
            for (long long z = 0; z < w[3]; ++z)
                for (long long y = 0; y < w[4]; ++y)
                    for (long long x = 0; x < w[5]; ++x) {
                        const long long at =
                            (z * dilation[0] * d[4] + y * dilation[1]) * d[5] + x * dilation[2];
                        weight_offsets_.push_back(weight_offsets_.size() * in_block_ *
                                                  out_block_ * sizeof(float));
                        data_offsets_.push_back(
                            static_cast<unsigned long long>(block * data_block_ + at * in_block_) *
                            sizeof(float));
                    }
        for (int add = 0; add < 2; ++add)
            for (int last = 0; last < 2; ++last)
                kernels_[add][last] =
                    Kernel(out_block_, last ? pixels_.rest() : pixels_.step, in_block_, out_block_,
                           pixel_step_, out_block_, add);
    }

    void bind(const std::string &name, const float *values, std::size_t elements) override {
        Array &bound = polydl::named(name, {&data_, &weight_});
        bound.pack(values, elements);
        if (&bound == &weight_ && !constant_) bound_weight_.assign(values, values + elements);
    }

    void run() override {
        // Whoever has changing weights would have to do the same.
        if (!constant_) weight_.pack(bound_weight_.data(), bound_weight_.size());
#pragma omp parallel for collapse(4) schedule(static) num_threads(threads_) if (threads_ > 1)
        for (long long image = 0; image < images_; ++image)
            for (long long group = 0; group < groups_; ++group)
                for (long long first = 0; first < rows_; first += rows_at_once_)
                    for (long long block = 0; block < out_blocks_; ++block)
                        rows_of(image, group, first, block);
    }

    void fetch(const std::string &name, float *values, std::size_t elements) override {
        polydl::named(name, {&out_}).unpack(values, elements);
    }

    std::string describe() const override {
        return polydl::described(
            std::string("loops around LIBXSMM kernels ") + std::to_string(out_block_) + "x" +
                std::to_string(pixels_.step) + "x" + std::to_string(in_block_) + ", sum of " +
                std::to_string(data_offsets_.size()) + ", " + libxsmm_get_target_arch(),
            version(), {&data_, &weight_, &out_});
    }

private:
    // Weights of one sum stay in the second-level cache while the rows pass. Where all weights of
    // a group do, few rows at once pass, under all of its output channels.
    void choose_blocks() {
        const long long quarter = second_level_cache() / 4 / static_cast<long long>(sizeof(float));
        in_blocks_at_once_ = std::clamp(quarter / weight_block_, 1LL, in_blocks_);
        rows_at_once_ = rows_;
        if (out_blocks_ > 1 && weight_block_ * in_blocks_ * out_blocks_ <= 2 * quarter) {
            const long long row = std::max(row_step_, plane_step_ / height_) * in_blocks_;
            rows_at_once_ = std::clamp(quarter / std::max(row, 1LL), 1LL, rows_);
        }
        const long long others = images_ * groups_ * out_blocks_;
        if (threads_ > 1 && others < 4 * threads_) {
            const long long pieces = std::min(rows_, (4 * threads_ + others - 1) / others);
            rows_at_once_ = std::min(rows_at_once_, (rows_ + pieces - 1) / pieces);
        }
    }

    void rows_of(long long image, long long group, long long first, long long block) {
        const long long above = image * groups_ + group;
        const float *data = data_.values + above * in_blocks_ * data_block_;
        const float *weight =
            weight_.values + (group * out_blocks_ + block) * in_blocks_ * weight_block_;
        const long long row_out = pixels_.length * out_block_;
        float *out = out_.values + (above * out_blocks_ + block) * rows_ * row_out;
        const long long end = std::min(rows_, first + rows_at_once_);
        for (long long in = 0; in < in_blocks_; in += in_blocks_at_once_) {
            const auto count = static_cast<unsigned long long>(
                std::min(in_blocks_at_once_, in_blocks_ - in) * taps_);
            for (long long row = first; row < end; ++row) {
                const float *from = data + in * data_block_ + row / height_ * plane_step_ +
                                    row % height_ * row_step_;
                for (long long tile = 0; tile < pixels_.count(); ++tile)
                    kernels_[in > 0][pixels_.last(tile)](
                        weight + in * weight_block_, from + tile * pixels_.step * pixel_step_,
                        out + row * row_out + tile * pixels_.step * out_block_, count,
                        weight_offsets_, data_offsets_);
            }
        }
    }

    Array data_, weight_, out_;
    int threads_;
    bool constant_;
    std::vector<float> bound_weight_;
    long long images_, groups_, out_blocks_, out_block_, in_blocks_, in_block_, taps_;
    long long rows_, height_, row_step_, plane_step_, pixel_step_, data_block_, weight_block_;
    long long in_blocks_at_once_, rows_at_once_;
    Steps pixels_;
    Offsets data_offsets_, weight_offsets_;
    Kernel kernels_[2][2];  // by whether they add, and whether the tile is the last, shorter one
};

// An operand of a product in its memory; [batch.., row, column].
struct Operand {
    Operand(const Configuration &c, const std::string &role)
        : array(c, role),
          shape(c.numbers(role + "_shape")),
          strides(c.numbers(role + "_memory")),
          constant(c.number(role + "_constant")) {}

    long long rows() const { return shape[shape.size() - 2]; }
    long long columns() const { return shape.back(); }
    long long row_step() const { return strides[strides.size() - 2]; }
    long long column_step() const { return strides.back(); }
    long long matrices() const {
        long long count = 1;
        for (std::size_t d = 0; d + 2 < shape.size(); ++d) count *= shape[d];
        return count;
    }
    float *matrix(long long number) const {
        long long offset = 0;
        for (std::size_t d = shape.size() - 2; d-- > 0;) {
            offset += number % shape[d] * strides[d];
            number /= shape[d];
        }
        return array.values + offset;
    }

    Array array;
    std::vector<long long> shape, strides;
    bool constant;
};

// c = a b. The right factor is read from panels of columns, [panel][k][columns of a panel].
// A constant one is copied to them when it is bound, another one in the call.
class MatrixProduct : public Adapter {
public:
    explicit MatrixProduct(const Configuration &c)
        : a_(c, "a"),
          b_(c, "b"),
          c_(c, "c"),
          threads_(static_cast<int>(c.number("threads"))),
          columns_{c_.columns(), std::min(c.number("columns"), c_.columns())},
          rows_(balanced(c_.rows(), 48)),
          depth_(balanced(a_.columns(), 512)) {
        copy_a_ = a_.column_step() != 1 || (a_.row_step() % 1024 == 0 && c_.columns() >= 512);
        copy_b_ = b_.constant || b_.column_step() != 1 || c_.rows() >= 64;
        a_pitch_ = copy_a_ ? depth_.length + 16 : a_.row_step();
        b_pitch_ = copy_b_ ? columns_.step : b_.row_step();
        if (copy_a_) a_copy_.reset(Array::zeros(a_.matrices() * c_.rows() * a_pitch_));
        if (copy_b_)
            b_copy_.reset(Array::zeros(b_.matrices() * depth_.length * columns_.count() * b_pitch_));
        for (int add = 0; add < 2; ++add)
            for (int column = 0; column < 2; ++column)
                for (int row = 0; row < 2; ++row)
                    for (int k = 0; k < 2; ++k)
                        kernels_[add][column][row][k] =
                            Kernel(column ? columns_.rest() : columns_.step,
                                   row ? rows_.rest() : rows_.step,
                                   k ? depth_.rest() : depth_.step, b_pitch_, a_pitch_,
                                   c_.row_step(), add);
    }

    void bind(const std::string &name, const float *values, std::size_t elements) override {
        Operand &bound = name == b_.array.name ? b_ : a_;
        polydl::named(name, {&a_.array, &b_.array}).pack(values, elements);
        if (!bound.constant) return;
        for (long long matrix = 0; matrix < bound.matrices(); ++matrix) {
            if (&bound == &b_)
                for (long long p = 0; p < columns_.count(); ++p) copy_panel(matrix, p);
            else if (copy_a_)
                for (long long r = 0; r < rows_.count(); ++r) copy_rows(matrix, r);
        }
    }

    void run() override {
        const long long matrices = c_.matrices(), panels = columns_.count();
        const bool copies_a = copy_a_ && !a_.constant, copies_b = copy_b_ && !b_.constant;
#pragma omp parallel num_threads(threads_) if (threads_ > 1)
        {
            if (copies_a) {
#pragma omp for collapse(2) schedule(static)
                for (long long matrix = 0; matrix < matrices; ++matrix)
                    for (long long r = 0; r < rows_.count(); ++r) copy_rows(matrix, r);
            }
            if (copies_b) {
#pragma omp for collapse(2) schedule(static)
                for (long long matrix = 0; matrix < matrices; ++matrix)
                    for (long long p = 0; p < panels; ++p) copy_panel(matrix, p);
            }
            for (long long k = 0; k < depth_.count(); ++k) {
// The same thread has the same panels for every k, so none has to wait.
#pragma omp for collapse(2) schedule(static) nowait
                for (long long matrix = 0; matrix < matrices; ++matrix)
                    for (long long p = 0; p < panels; ++p) panel(matrix, p, k);
            }
        }
    }

    void fetch(const std::string &name, float *values, std::size_t elements) override {
        polydl::named(name, {&c_.array}).unpack(values, elements);
    }

    std::string describe() const override {
        return polydl::described(
            std::string("loops around LIBXSMM kernels ") + std::to_string(columns_.step) + "x" +
                std::to_string(rows_.step) + "x" + std::to_string(depth_.step) + ", " +
                libxsmm_get_target_arch(),
            version(), {&a_.array, &b_.array, &c_.array});
    }

private:
    struct Free {
        void operator()(float *values) const { std::free(values); }
    };
    using Memory = std::unique_ptr<float, Free>;

    float *a_at(long long matrix) const {
        return copy_a_ ? a_copy_.get() + matrix * c_.rows() * a_pitch_ : a_.matrix(matrix);
    }

    float *b_at(long long matrix, long long p) const {
        if (!copy_b_) return b_.matrix(matrix) + p * columns_.step;
        return b_copy_.get() + (matrix * columns_.count() + p) * depth_.length * b_pitch_;
    }

    void copy_rows(long long matrix, long long r) {
        const float *from = a_.matrix(matrix) + r * rows_.step * a_.row_step();
        float *to = a_at(matrix) + r * rows_.step * a_pitch_;
        for (long long i = 0; i < rows_.size(r); ++i)
            for (long long k = 0; k < depth_.length; ++k)
                to[i * a_pitch_ + k] = from[i * a_.row_step() + k * a_.column_step()];
    }

    void copy_panel(long long matrix, long long p) {
        const float *from = b_.matrix(matrix) + p * columns_.step * b_.column_step();
        float *to = b_at(matrix, p);
        for (long long k = 0; k < depth_.length; ++k)
            for (long long j = 0; j < columns_.size(p); ++j)
                to[k * b_pitch_ + j] = from[k * b_.row_step() + j * b_.column_step()];
    }

    void panel(long long matrix, long long p, long long k) {
        const float *a = a_at(matrix) + k * depth_.step;
        const float *b = b_at(matrix, p) + k * depth_.step * b_pitch_;
        float *c = c_.matrix(matrix) + p * columns_.step;
        for (long long r = 0; r < rows_.count(); ++r)
            kernels_[k > 0][columns_.last(p)][rows_.last(r)][depth_.last(k)](
                b, a + r * rows_.step * a_pitch_, c + r * rows_.step * c_.row_step(), 1, none_,
                none_);
    }

    Operand a_, b_, c_;
    int threads_;
    Steps columns_, rows_, depth_;
    bool copy_a_, copy_b_;
    long long a_pitch_, b_pitch_;
    Memory a_copy_, b_copy_;
    const Offsets none_ = {0};
    Kernel kernels_[2][2][2][2];  // adding; last panel, rows and piece of k
};

}  // namespace

std::unique_ptr<Adapter> polydl::made(const Configuration &c) {
    libxsmm_init();
    const std::string &kind = c.string("kind");
    if (kind == "convolution") return std::make_unique<::Convolution>(c);
    if (kind == "matmul") return std::make_unique<::MatrixProduct>(c);
    throw std::runtime_error("configuration: unknown kind '" + kind + "'");
}
