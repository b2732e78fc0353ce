// No model at all: matches the last message with the offered tools' descriptions, calls the best one and reports its
// result, so that roles, tools and limits can be seen working without a key. Says in its first words that it is a demo.
#pragma once

#include <memory>

#include "provider/provider.h"

namespace usher::provider {

std::unique_ptr<Provider> make_demo();

}  // namespace usher::provider
