// The C functions of adapter.h on top of one class: what an adapter has to write is that class and
// `polydl::made`. Included once, by the adapter's own file.
#pragma once

#include <cstdio>
#include <initializer_list>
#include <memory>
#include <string>

#include "adapter.h"
#include "arrays.h"

namespace polydl {

// One problem, ready to run. Every function may throw; `run` alone is timed.
class Adapter {
public:
    virtual ~Adapter() = default;
    virtual void bind(const std::string &name, const float *values, std::size_t elements) = 0;
    virtual void run() = 0;
    virtual void fetch(const std::string &name, float *values, std::size_t elements) = 0;
    virtual std::string describe() const = 0;

    std::string description;  // what polydl_adapter_describe returned last
};

// Written by the adapter: what the configuration asks for.
std::unique_ptr<Adapter> made(const Configuration &configuration);

inline std::string quoted(const std::string &text) {
    std::string result = "\"";
    for (char c : text) {
        if (c == '"' || c == '\\') result += '\\';
        result += c == '\n' ? ' ' : c;
    }
    return result + "\"";
}

inline std::string described(const std::string &implementation, const std::string &version,
                             std::initializer_list<const Array *> arrays) {
    std::string layouts;
    for (const Array *array : arrays)
        layouts += (layouts.empty() ? "" : ", ") + quoted(array->name) + ": " + quoted(array->layout);
    return "{\"implementation\": " + quoted(implementation) + ", \"version\": " + quoted(version) +
           ", \"layouts\": {" + layouts + "}}";
}

// The array of this name among an adapter's own.
inline Array &named(const std::string &name, std::initializer_list<Array *> arrays) {
    for (Array *array : arrays)
        if (array->name == name) return *array;
    throw std::runtime_error("unknown tensor '" + name + "'");
}

// Runs an action of the ABI; an exception becomes the status 1 and the description.
template <typename Action>
int answered(void *handle, Action action) {
    Adapter &adapter = *static_cast<Adapter *>(handle);
    try {
        action(adapter);
        return 0;
    } catch (const std::exception &failure) {
        adapter.description = "{\"error\": " + quoted(failure.what()) + "}";
        return 1;
    }
}

}  // namespace polydl

extern "C" void *polydl_adapter_create(const char *configuration, char *error,
                                       std::size_t error_size) {
    try {
        return polydl::made(polydl::Configuration(configuration)).release();
    } catch (const std::exception &failure) {
        std::snprintf(error, error_size, "%s", failure.what());
        return nullptr;
    }
}

extern "C" int polydl_adapter_bind(void *handle, const char *tensor, const float *values,
                                   std::size_t elements) {
    return polydl::answered(handle, [&](auto &a) { a.bind(tensor, values, elements); });
}

extern "C" int polydl_adapter_run(void *handle) {
    return polydl::answered(handle, [](auto &a) { a.run(); });
}

extern "C" int polydl_adapter_fetch(void *handle, const char *tensor, float *values,
                                    std::size_t elements) {
    return polydl::answered(handle, [&](auto &a) { a.fetch(tensor, values, elements); });
}

extern "C" const char *polydl_adapter_describe(void *handle) {
    polydl::Adapter &adapter = *static_cast<polydl::Adapter *>(handle);
    if (adapter.description.rfind("{\"error\"", 0) != 0) adapter.description = adapter.describe();
    return adapter.description.c_str();
}

extern "C" void polydl_adapter_destroy(void *handle) {
    delete static_cast<polydl::Adapter *>(handle);
}
