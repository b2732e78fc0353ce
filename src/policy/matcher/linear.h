// Patterns one by one, as long as they are few. Each is asked first whether the text begins and ends with the literal
// characters that the pattern begins and ends with; most are done then.
#pragma once

#include <memory>
#include <span>

#include "policy/matcher/outcome.h"

namespace usher::policy::matching {

// The patterns of one list must come in its order.
std::unique_ptr<const Part> make_linear(std::span<const Source> patterns);

}  // namespace usher::policy::matching
