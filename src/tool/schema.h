// The part of JSON Schema that tools use: type (also as a list), properties, required, additionalProperties (false
// unless said otherwise), enum, minimum, maximum, minLength, maxLength, items, minItems, maxItems. Pure.
#pragma once

#include "base/json.h"
#include "base/result.h"

namespace usher::tool {

// invalid with a sentence for the model ("'limit' must be at most 20") when `value` does not fit `schema`.
Result<void> validate(const json::object& schema, const json::value& value);

}  // namespace usher::tool
