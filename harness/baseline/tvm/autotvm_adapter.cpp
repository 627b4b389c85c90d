// An operator that TVM 0.17 has compiled, behind the adapter ABI.
//
// TVM's run time is opened by path and only its C functions are used; they and DLPack's tensor are
// declared here as far as they are needed, since the wheel carries no headers. Inputs are packed
// into the tuned layouts when they are bound, as constant weights and activations of a network
// that runs in these layouts would be.
#include <dlfcn.h>

#include <cstdint>
#include <vector>

#include "exports.h"

namespace {

// DLPack 0.x and tvm/runtime/c_runtime_api.h of TVM 0.17
struct DLTensor {
    void *data;
    struct { int32_t type, id; } device;
    int32_t ndim;
    struct { uint8_t code, bits; uint16_t lanes; } dtype;
    int64_t *shape, *strides;
    uint64_t byte_offset;
};
union TVMValue {
    int64_t v_int64;
    double v_float64;
    void *v_handle;
};
constexpr int kTVMDLTensorHandle = 7;
constexpr int32_t kDLCPU = 1;
constexpr uint8_t kDLFloat = 2;

class Runtime {
public:
    explicit Runtime(const std::string &path) {
        library_ = dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
        if (!library_) throw std::runtime_error(dlerror());
        find(load, "TVMModLoadFromFile");
        find(get, "TVMModGetFunction");
        find(call, "TVMFuncCall");
        find(last_error, "TVMGetLastError");
    }

    void check(int status) const {
        if (status) throw std::runtime_error(last_error());
    }

    int (*load)(const char *, const char *, void **);
    int (*get)(void *, const char *, int, void **);
    int (*call)(void *, TVMValue *, int *, int, TVMValue *, int *);
    const char *(*last_error)();

private:
    template <typename Function>
    void find(Function &function, const char *name) {
        function = reinterpret_cast<Function>(dlsym(library_, name));
        if (!function) throw std::runtime_error(std::string("TVM's run time has no ") + name);
    }

    void *library_;
};

class TunedOperator final : public polydl::Adapter {
public:
    explicit TunedOperator(const polydl::Configuration &c)
        : runtime_(c.string("runtime")), implementation_(c.string("implementation")),
          version_(c.string("version")), data_(c, "data"), weight_(c, "weight"), out_(c, "out") {
        void *module = nullptr;
        runtime_.check(runtime_.load(c.string("module").c_str(), "so", &module));
        runtime_.check(runtime_.get(module, "polydl_tuned", 0, &function_));
        if (!function_) throw std::runtime_error("the tuned library has no polydl_tuned");
        polydl::Array *arrays[] = {&data_, &weight_, &out_};
        for (long long index : c.numbers("order"))  // of the operator's arguments
            tensors_.push_back(tensor(*arrays[index]));
        for (DLTensor &t : tensors_) {
            TVMValue value;
            value.v_handle = &t;
            values_.push_back(value);
            codes_.push_back(kTVMDLTensorHandle);
        }
    }

    void bind(const std::string &name, const float *values, std::size_t elements) override {
        polydl::named(name, {&data_, &weight_}).pack(values, elements);
    }

    void run() override {
        TVMValue result;
        int code;
        const int count = static_cast<int>(values_.size());
        runtime_.check(
            runtime_.call(function_, values_.data(), codes_.data(), count, &result, &code));
    }

    void fetch(const std::string &name, float *values, std::size_t elements) override {
        polydl::named(name, {&out_}).unpack(values, elements);
    }

    std::string describe() const override {
        return polydl::described(implementation_, version_, {&data_, &weight_, &out_});
    }

private:
    static DLTensor tensor(polydl::Array &array) {
        DLTensor t{};
        t.data = array.values;
        t.device.type = kDLCPU;
        t.ndim = static_cast<int32_t>(array.dims.size());
        t.dtype.code = kDLFloat;
        t.dtype.bits = 32;
        t.dtype.lanes = 1;
        t.shape = reinterpret_cast<int64_t *>(array.dims.data());
        return t;
    }

    Runtime runtime_;
    std::string implementation_, version_;
    polydl::Array data_, weight_, out_;
    void *function_ = nullptr;
    std::vector<DLTensor> tensors_;
    std::vector<TVMValue> values_;
    std::vector<int> codes_;
};

}  // namespace

std::unique_ptr<polydl::Adapter> polydl::made(const Configuration &configuration) {
    return std::make_unique<TunedOperator>(configuration);
}
