// A function that TVM 0.27 has compiled, behind the adapter ABI.
//
// TVM's run time is opened by path and only the C functions of tvm/ffi/c_api.h are used. Arguments
// are inputs, then outputs. Constant inputs may be in a layout of the tuner's: they are packed when
// they are bound.
#include <dlfcn.h>
#include <tvm/ffi/c_api.h>

#include <cstdint>
#include <vector>

#include "exports.h"

namespace {

TVMFFIAny any(int32_t type) {
    TVMFFIAny value{};
    value.type_index = type;
    return value;
}

class Runtime {
public:
    Runtime(const std::string &ffi, const std::string &runtime) {
        library_ = dlopen(ffi.c_str(), RTLD_NOW | RTLD_GLOBAL);
        // Found by name already, it is the library that the run time itself needs.
        if (!library_ || !dlopen(runtime.c_str(), RTLD_NOW | RTLD_GLOBAL))
            throw std::runtime_error(dlerror());
        find(get_global_, "TVMFFIFunctionGetGlobal");
        find(call_, "TVMFFIFunctionCall");
        find(move_error_, "TVMFFIErrorMoveFromRaised");
        find(release, "TVMFFIObjectDecRef");
    }

    TVMFFIObjectHandle global(const std::string &name) const {
        const TVMFFIByteArray text{name.data(), name.size()};
        TVMFFIObjectHandle found = nullptr;
        check(get_global_(&text, &found));
        if (!found) throw std::runtime_error("TVM's run time has no " + name);
        return found;
    }

    TVMFFIAny call(TVMFFIObjectHandle function, std::vector<TVMFFIAny> &arguments) const {
        TVMFFIAny result = any(kTVMFFINone);
        check(call_(function, arguments.data(), static_cast<int32_t>(arguments.size()), &result));
        return result;
    }

    int (*release)(TVMFFIObjectHandle);

private:
    void check(int status) const {
        if (!status) return;
        TVMFFIObjectHandle error = nullptr;
        move_error_(&error);
        if (!error) throw std::runtime_error("TVM: no message");
        const TVMFFIByteArray said = TVMFFIErrorGetCellPtr(error)->message;
        const std::string message(said.data, said.size);
        release(error);
        throw std::runtime_error(message);
    }

    template <typename Function>
    void find(Function &function, const char *name) {
        function = reinterpret_cast<Function>(dlsym(library_, name));
        if (!function) throw std::runtime_error(std::string("TVM's run time has no ") + name);
    }

    void *library_;
    int (*get_global_)(const TVMFFIByteArray *, TVMFFIObjectHandle *);
    int (*call_)(TVMFFIObjectHandle, TVMFFIAny *, int32_t, TVMFFIAny *);
    void (*move_error_)(TVMFFIObjectHandle *);
};

class TunedPrimitive final : public polydl::Adapter {
public:
    explicit TunedPrimitive(const polydl::Configuration &c)
        : runtime_(c.string("ffi"), c.string("runtime")),
          implementation_(c.string("implementation")), version_(c.string("version")),
          numbers_(c.part("number_")) {
        const long long count = c.number("arguments");
        for (long long i = 0; i < count; ++i) {
            const std::string role = "t" + std::to_string(i);
            arrays_.push_back(std::make_unique<polydl::Array>(c, role));
            shapes_.push_back(c.numbers(role + "_shape"));
        }
        for (std::size_t i = 0; i < arrays_.size(); ++i)
            tensors_.push_back(tensor(*arrays_[i], shapes_[i]));
        for (DLTensor &t : tensors_) {
            values_.push_back(any(kTVMFFIDLTensorPtr));
            values_.back().v_ptr = &t;
        }
        function_ = loaded(c.string("module"));
    }

    void bind(const std::string &name, const float *values, std::size_t elements) override {
        if (!numbers_.has(name)) array(name).pack(values, elements);
    }

    void run() override { runtime_.call(function_, values_); }

    void fetch(const std::string &name, float *values, std::size_t elements) override {
        array(name).unpack(values, elements);
    }

    std::string describe() const override {
        std::string layouts;
        for (const auto &a : arrays_)
            layouts += (layouts.empty() ? "" : ", ") + polydl::quoted(a->name) + ": " +
                       polydl::quoted(a->layout);
        return "{\"implementation\": " + polydl::quoted(implementation_) +
               ", \"version\": " + polydl::quoted(version_) + ", \"layouts\": {" + layouts + "}}";
    }

private:
    // The module is never closed: its code is called until the process ends.
    TVMFFIObjectHandle loaded(const std::string &path) const {
        std::vector<TVMFFIAny> file(1, any(kTVMFFIRawStr));
        file[0].v_c_str = path.c_str();
        const TVMFFIAny module = runtime_.call(runtime_.global("ffi.ModuleLoadFromFile"), file);
        std::vector<TVMFFIAny> query{module, any(kTVMFFIRawStr), any(kTVMFFIBool)};
        query[1].v_c_str = "main";
        const TVMFFIAny found = runtime_.call(runtime_.global("ffi.ModuleGetFunction"), query);
        if (found.type_index != kTVMFFIFunction)
            throw std::runtime_error(path + " has no function main");
        return found.v_obj;
    }

    polydl::Array &array(const std::string &name) {
        for (auto &one : arrays_)
            if (one->name == name) return *one;
        throw std::runtime_error("unknown tensor '" + name + "'");
    }

    // An axis of the shape may be several of the array's: it runs over dimensions.
    static DLTensor tensor(polydl::Array &array, std::vector<long long> &shape) {
        DLTensor t{};
        t.data = array.values;
        t.device.device_type = kDLCPU;
        t.ndim = static_cast<int32_t>(shape.size());
        t.dtype.code = kDLFloat;
        t.dtype.bits = 32;
        t.dtype.lanes = 1;
        t.shape = reinterpret_cast<int64_t *>(shape.data());
        return t;
    }

    Runtime runtime_;
    std::string implementation_, version_;
    polydl::Configuration numbers_;  // inputs that are numbers in the code
    std::vector<std::unique_ptr<polydl::Array>> arrays_;
    std::vector<std::vector<long long>> shapes_;  // as the function has them
    std::vector<DLTensor> tensors_;
    std::vector<TVMFFIAny> values_;
    TVMFFIObjectHandle function_ = nullptr;
};

}  // namespace

std::unique_ptr<polydl::Adapter> polydl::made(const Configuration &configuration) {
    return std::make_unique<TunedPrimitive>(configuration);
}
