// oneDNN behind the adapter ABI: one forward primitive with what follows it element by element,
// versions 2.6 to 3.x.
#include "exports.h"

#include "onednn_product.h"
#include "onednn_stream.h"

using namespace polydl;

std::unique_ptr<Adapter> polydl::made(const Configuration &configuration) {
    const std::string &kind = configuration.string("kind");
    if (kind == "convolution" || kind == "matmul") return std::make_unique<Product>(configuration);
    return std::make_unique<Stream>(configuration);
}
