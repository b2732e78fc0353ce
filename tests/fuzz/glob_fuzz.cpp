// links: policy
//
// Any bytes as a pattern and a text: no crash, no endless loop, and a few truths that hold for every pair.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/text.h"
#include "policy/glob.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  std::size_t border = input.find('\n');
  std::string pattern(input.substr(0, border));
  std::string text(border == input.npos ? std::string_view() : input.substr(border + 1));
  bool matches = usher::policy::glob_matches(pattern, text);
  if (matches && !usher::is_valid_utf8(text)) std::abort();
  if (matches && !usher::policy::glob_matches(pattern + "*", text)) std::abort();
  if (matches != usher::policy::GlobSet({pattern}).matches(text)) std::abort();
  return 0;
}
