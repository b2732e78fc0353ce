#include "tool/builtin.h"

#include <spdlog/spdlog.h>

#include "base/text.h"
#include "tool/builtin/parts.h"

namespace usher::tool {
namespace {

// All built-in tools in the order they are offered, with their specs side by side.
struct Table {
  std::vector<ToolSpec> specs;
  std::vector<decltype(Builtin::make)> makers;

  Table() {
    for (std::span<const Builtin> part :
         {product_tools(), knowledge_tools(), fact_tools(), file_tools(), delegate_tools()}) {
      for (const Builtin& tool : part) {
        specs.push_back(tool.spec);
        makers.push_back(tool.make);
      }
    }
  }
};

const Table& table() {
  static const Table all;
  return all;
}

}  // namespace

std::span<const ToolSpec> builtin_specs() { return table().specs; }

std::unique_ptr<Tool> make_builtin(std::string_view name, const Seat& seat) {
  const Table& all = table();
  for (std::size_t i = 0; i < all.specs.size(); ++i) {
    if (all.specs[i].name == name) return all.makers[i](all.specs[i], seat);
  }
  return nullptr;
}

json::object schema_of(std::string_view text) {
  return json::parse(json::string_view(text.data(), text.size())).as_object();
}

std::string text_argument(const json::object& arguments, std::string_view name, std::string_view otherwise) {
  const json::value* value = arguments.if_contains(json::string_view(name.data(), name.size()));
  if (!value || !value->is_string()) return std::string(otherwise);
  return {value->get_string().data(), value->get_string().size()};
}

std::int64_t whole_argument(const json::object& arguments, std::string_view name, std::int64_t otherwise) {
  const json::value* value = arguments.if_contains(json::string_view(name.data(), name.size()));
  if (!value) return otherwise;
  if (value->is_int64()) return value->get_int64();
  // Within the schema's bounds, so that it fits.
  if (value->is_double()) return static_cast<std::int64_t>(value->get_double());
  return otherwise;
}

Error hidden(const Error& error, std::string_view tool, std::string sentence) {
  spdlog::warn("{}: {}: {}", tool, to_string(error.kind), error.message);
  return {error.kind, std::move(sentence), error.retry_after};
}

std::string one_line(std::string_view text, std::size_t max_bytes) {
  std::string line;
  line.reserve(std::min(text.size(), max_bytes) + 3);
  for (char c : text.substr(0, max_bytes + 1)) line += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
  if (line.size() <= max_bytes) return line;
  return std::string(prefix_within_bytes(line, max_bytes)) + "…";
}

}  // namespace usher::tool
