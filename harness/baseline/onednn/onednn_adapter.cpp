// oneDNN behind the adapter ABI: forward primitives, one or several in a row, each with what follows
// it element by element; versions 2.6 to 3.x.
#include "exports.h"

#include <omp.h>

#include "onednn_form.h"

using namespace polydl;

namespace {

// The fastest of the forms that there are of a chain.
class Chain : public Adapter {
public:
    explicit Chain(const Configuration &c) : engine_(dnnl::engine::kind::cpu, 0), stream_(engine_) {
        omp_set_num_threads(static_cast<int>(c.number("threads")));
        for (long long k = 0; k < c.number("links"); ++k)
            links_.emplace_back(c.part(std::to_string(k) + "_"));
        const bool timed = !c.has("probe");
        std::string refusal;
        for (const bool depthwise : {false, true}) {
            if (depthwise && !may_join()) continue;
            for (const Layout layout : layouts()) {
                try {
                    auto form = std::make_unique<Form>(engine_, stream_, links_, layout, depthwise,
                                                       timed);
                    if (depthwise && !form->depthwise()) continue;  // the same again
                    const double seconds = timed ? form->seconds(best_) : 0.0;
                    note(*form, layout, seconds);
                    if (form_ && seconds >= best_) continue;
                    best_ = seconds;
                    chosen_ = tried_.size() - 1;
                    form_ = std::move(form);
                } catch (const dnnl::error &none) {  // no implementation takes this
                    refusal = none.what();
                }
                if (form_ && !timed) return;
            }
        }
        if (!form_) throw std::runtime_error(refusal);
    }

    void bind(const std::string &name, const float *values, std::size_t elements) override {
        for (const Link &link : links_)
            if (link.knows(name)) return;
        if (!form_->reads(name)) throw std::runtime_error("unknown tensor '" + name + "'");
        form_->bind(name, values, elements);
    }

    void run() override { form_->run(); }

    void fetch(const std::string &name, float *values, std::size_t elements) override {
        form_->fetch(name, values, elements);
    }

    std::string describe() const override {
        const dnnl_version_t &v = *dnnl_version();
        std::string told = "{\"implementation\": " + quoted(form_->implementation()) +
                           ", \"version\": \"" + std::to_string(v.major) + "." +
                           std::to_string(v.minor) + "." + std::to_string(v.patch) +
                           "\", \"layouts\": {" + form_->layouts() + "}";
        if (links_.size() > 1) {
            told += ", \"form\": " + quoted(tried_[chosen_].name) +
                    ", \"between\": " + quoted(form_->between()) +
                    ", \"reorders\": " + quoted(or_none(form_->reorders())) +
                    ", \"other_forms\": " + quoted(or_none(others()));
        }
        return told + "}";
    }

private:
    struct Tried {
        std::string name;
        double seconds;
    };

    bool may_join() const {
        return std::any_of(links_.begin(), links_.end(),
                           [](const Link &link) { return link.post_op(); });
    }

    // Convolutions know best, so beside what they choose only what others like is tried.
    std::vector<Layout> layouts() const {
        std::vector<Layout> found{Layout::own};
        const auto one = [&](auto which) { return std::any_of(links_.begin(), links_.end(), which); };
        const bool convolves = one([](const Link &link) { return link.convolves(); });
        const auto images = [&](memory::dim block) {
            return one([&](const Link &link) {
                const auto &dims = link.dst().dims;
                return link.images() && !link.fixed() && dims.size() >= 3 &&
                       dims.size() <= 5 && dims[1] > 1 && dims[1] % block == 0;
            });
        };
        if (convolves && links_.size() == 1) return found;
        if (images(1)) found.push_back(Layout::channels_last);
        if (convolves) return found;
        if (images(16)) found.push_back(Layout::blocks_of_16);
        if (images(FILLING_8)) found.push_back(Layout::blocks_of_8);
        return found;
    }

    void note(const Form &form, Layout layout, double seconds) {
        const std::map<Layout, std::string> names = {
            {Layout::own, "own layouts"},
            {Layout::channels_last, "channels last"},
            {Layout::blocks_of_16, "channels in blocks of 16"},
            {Layout::blocks_of_8, "channels in blocks of 8"},
        };
        tried_.push_back({(form.depthwise() ? "fused, " : "unfused, ") + names.at(layout), seconds});
    }

    // By how much longer each of the others takes.
    std::string others() const {
        std::string found;
        for (std::size_t i = 0; i < tried_.size(); ++i) {
            if (i == chosen_) continue;
            char ratio[32];
            std::snprintf(ratio, sizeof ratio, " x %.2f", tried_[i].seconds / best_);
            found += (found.empty() ? "" : "; ") + tried_[i].name + ratio;
        }
        return found;
    }

    static std::string or_none(const std::string &text) { return text.empty() ? "none" : text; }

    dnnl::engine engine_;
    dnnl::stream stream_;
    std::vector<Link> links_;
    std::unique_ptr<Form> form_;
    std::vector<Tried> tried_;
    std::size_t chosen_ = 0;
    double best_ = HOPELESS;
};

}  // namespace

std::unique_ptr<Adapter> polydl::made(const Configuration &configuration) {
    return std::make_unique<Chain>(configuration);
}
