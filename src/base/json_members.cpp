#include <boost/json/basic_parser_impl.hpp>
#include <set>
#include <vector>

#include "base/json.h"

namespace usher {
namespace {

// Listens to the parser and keeps the names of the objects that are open.
struct Names {
  constexpr static std::size_t max_object_size = static_cast<std::size_t>(-1);
  constexpr static std::size_t max_array_size = static_cast<std::size_t>(-1);
  constexpr static std::size_t max_key_size = static_cast<std::size_t>(-1);
  constexpr static std::size_t max_string_size = static_cast<std::size_t>(-1);
  using Code = boost::system::error_code;
  using Text = boost::json::string_view;

  std::vector<std::set<std::string>> open;
  std::string key;
  bool is_repeated = false;

  bool on_object_begin(Code&) { return open.emplace_back(), true; }
  bool on_object_end(std::size_t, Code&) { return open.pop_back(), true; }
  bool on_key_part(Text part, std::size_t, Code&) { return key.append(part.data(), part.size()), true; }
  bool on_key(Text part, std::size_t, Code&) {
    key.append(part.data(), part.size());
    is_repeated = is_repeated || !open.back().insert(key).second;
    key.clear();
    return true;
  }
  bool on_document_begin(Code&) { return true; }
  bool on_document_end(Code&) { return true; }
  bool on_array_begin(Code&) { return true; }
  bool on_array_end(std::size_t, Code&) { return true; }
  bool on_string_part(Text, std::size_t, Code&) { return true; }
  bool on_string(Text, std::size_t, Code&) { return true; }
  bool on_number_part(Text, Code&) { return true; }
  bool on_int64(std::int64_t, Text, Code&) { return true; }
  bool on_uint64(std::uint64_t, Text, Code&) { return true; }
  bool on_double(double, Text, Code&) { return true; }
  bool on_bool(bool, Code&) { return true; }
  bool on_null(Code&) { return true; }
  bool on_comment_part(Text, Code&) { return true; }
  bool on_comment(Text, Code&) { return true; }
};

}  // namespace

bool has_repeated_member(std::string_view text) {
  boost::json::basic_parser<Names> parser{boost::json::parse_options{}};
  boost::system::error_code error;
  parser.write_some(false, text.data(), text.size(), error);
  return parser.handler().is_repeated;
}

}  // namespace usher
