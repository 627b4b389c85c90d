// The C ABI between a baseline and the child process that measures it, and its flat configuration.
//
// Tensors cross in fp32, row-major in the shape in which the primitive declares them. `bind` and
// `fetch` are untimed, `run` is the timed call. int results are 0 for success; after a failure
// polydl_adapter_describe returns a JSON object with the single key "error".
#pragma once

#include <cstddef>
#include <cstdlib>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

extern "C" {
void *polydl_adapter_create(const char *configuration, char *error, std::size_t error_size);
int polydl_adapter_bind(void *handle, const char *tensor, const float *values, std::size_t elements);
int polydl_adapter_run(void *handle);
int polydl_adapter_fetch(void *handle, const char *tensor, float *values, std::size_t elements);
const char *polydl_adapter_describe(void *handle);
void polydl_adapter_destroy(void *handle);
}

namespace polydl {

// A flat JSON object of numbers, plain strings (no escapes) and arrays of integers.
class Configuration {
public:
    explicit Configuration(const std::string &text) {
        std::size_t at = skip(text, 0);
        if (text[at] != '{') throw std::runtime_error("configuration: no JSON object");
        at = skip(text, at + 1);
        while (at < text.size() && text[at] == '"') {
            const std::size_t name_end = text.find('"', at + 1);
            const std::string name = text.substr(at + 1, name_end - at - 1);
            at = skip(text, skip(text, name_end + 1) + 1);  // past the colon
            std::size_t end;
            if (text[at] == '"') {
                end = text.find('"', ++at);
                values_[name] = text.substr(at, end - at);
                ++end;
            } else if (text[at] == '[') {
                end = text.find(']', ++at);
                values_[name] = text.substr(at, end - at);
                ++end;
            } else {
                end = text.find_first_of(",}", at);
                values_[name] = text.substr(at, end - at);
            }
            at = skip(text, end);
            if (text[at] == ',') at = skip(text, at + 1);
        }
    }

    const std::string &string(const std::string &name) const {
        const auto found = values_.find(name);
        if (found == values_.end()) throw std::runtime_error("configuration: no '" + name + "'");
        return found->second;
    }

    bool has(const std::string &name) const { return values_.count(name) > 0; }

    // The members whose names begin so, without that beginning.
    Configuration part(const std::string &beginning) const {
        Configuration found("{}");
        for (const auto &[name, value] : values_)
            if (name.compare(0, beginning.size(), beginning) == 0)
                found.values_[name.substr(beginning.size())] = value;
        return found;
    }

    long long number(const std::string &name) const {
        return std::strtoll(string(name).c_str(), nullptr, 10);
    }

    std::vector<long long> numbers(const std::string &name) const {
        std::vector<long long> result;
        const char *at = string(name).c_str();
        while (*at) {
            char *end = nullptr;
            const long long value = std::strtoll(at, &end, 10);
            if (end == at) throw std::runtime_error("configuration: '" + name + "' is no array");
            result.push_back(value);
            at = end;
            while (*at == ',' || *at == ' ') ++at;
        }
        return result;
    }

private:
    static std::size_t skip(const std::string &text, std::size_t at) {
        while (at < text.size() && (text[at] == ' ' || text[at] == '\n')) ++at;
        return at;
    }

    std::map<std::string, std::string> values_;
};

}  // namespace polydl
