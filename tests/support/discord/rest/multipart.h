// multipart/form-data (RFC 7578) as a server reads it. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace usher::testing {

struct FormPart {
  std::string name, filename, media_type, bytes;
};

// At most 32 parts. Fails with invalid for a content type without boundary and for a body that is not built so.
Result<std::vector<FormPart>> read_form_data(std::string_view content_type, std::string_view body);

}  // namespace usher::testing
