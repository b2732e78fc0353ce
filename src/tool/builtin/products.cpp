// product_search and product_info over the workspace's catalog.jsonl.

#include <fmt/format.h>

#include "base/text.h"
#include "tool/builtin/parts.h"
#include "tool/plain_json.h"

namespace usher::tool {
namespace {

constexpr std::size_t kSearchLineBytes = 400;
constexpr std::size_t kMemberBytes = 2000;

// A member's value as a person would write it.
std::string plain(const json::value& value) {
  if (value.is_string()) return {value.get_string().data(), value.get_string().size()};
  return plain_json(value);
}

// The members of a catalogue line but the id and the title, which every answer names first.
template <class Visit>
void for_each_detail(const memory::Hit& hit, Visit visit) {
  Result<json::value> parsed = parse_json(hit.text, 1u << 20);
  if (!parsed || !parsed->is_object()) return;
  for (const json::key_value_pair& member : parsed->get_object()) {
    std::string_view name(member.key().data(), member.key().size());
    std::string value = plain(member.value());
    if (name == "id" || ((name == "name" || name == "title") && value == hit.title)) continue;
    visit(name, value);
  }
}

// "- Blue mug (id MUG-1): price: 9.5; stock: 3"
std::string summary(const memory::Hit& hit) {
  std::string line = fmt::format("- {} (id {})", hit.title, hit.id);
  const char* separator = ": ";
  for_each_detail(hit, [&](std::string_view name, const std::string& value) {
    line += fmt::format("{}{}: {}", separator, name, value);
    separator = "; ";
  });
  return one_line(line, kSearchLineBytes);
}

std::string description(const memory::Hit& hit) {
  std::string text = fmt::format("{} (id {})", one_line(hit.title, kMemberBytes), hit.id);
  for_each_detail(hit, [&](std::string_view name, const std::string& value) {
    text += fmt::format("\n{}: {}", name, one_line(value, kMemberBytes));
  });
  return text;
}

Error without_catalog(const Error& error, std::string_view tool) {
  if (error.kind == ErrorKind::not_found) return {ErrorKind::not_found, "there is no product catalogue here"};
  return hidden(error, tool, "the product catalogue cannot be read now");
}

class ProductSearch final : public SeatedTool {
 public:
  using SeatedTool::SeatedTool;

  Access access(const json::object& arguments) const override {
    return {"product:read:catalog", text_argument(arguments, "query"), 0};
  }

  Task<Result<ToolOutput>> call(const json::object& arguments, Deadline) override {
    std::string query = text_argument(arguments, "query");
    auto most = static_cast<std::size_t>(whole_argument(arguments, "limit", 5));
    Result<std::vector<memory::Hit>> hits =
        co_await run_on(seat().pool, [index = seat().workspace->index_db, root = seat().workspace->root, query, most] {
          return memory::search_catalog(index, root, query, most);
        });
    if (!hits) co_return fail(without_catalog(hits.error(), spec().name));
    if (hits->empty()) co_return ToolOutput{"No product matches. Try fewer or other words."};
    std::string text;
    for (const memory::Hit& hit : *hits) text += (text.empty() ? "" : "\n") + summary(hit);
    co_return ToolOutput{std::move(text)};
  }
};

class ProductInfo final : public SeatedTool {
 public:
  using SeatedTool::SeatedTool;

  Access access(const json::object& arguments) const override {
    return {"product:read:catalog", text_argument(arguments, "id"), 0};
  }

  Task<Result<ToolOutput>> call(const json::object& arguments, Deadline) override {
    std::string id = text_argument(arguments, "id");
    Result<memory::Hit> hit =
        co_await run_on(seat().pool, [index = seat().workspace->index_db, root = seat().workspace->root, id] {
          return memory::product(index, root, id);
        });
    if (hit) co_return ToolOutput{description(*hit)};
    if (hit.error().kind == ErrorKind::not_found) {
      co_return fail(ErrorKind::not_found, "no product has this id: find ids with product_search");
    }
    co_return fail(without_catalog(hit.error(), spec().name));
  }
};

}  // namespace

std::span<const Builtin> product_tools() {
  static const Builtin tools[] = {
      {{"product_search",
        "Search the product catalogue by words and list matching products with price and stock.",
        Effect::read,
        schema_of(R"json({"type":"object","properties":{
          "query":{"type":"string","minLength":1,"maxLength":500,"description":"words to look for, such as a name, kind or colour"},
          "limit":{"type":"integer","minimum":1,"maximum":20,"description":"how many products at most (5)"}},
          "required":["query"],"additionalProperties":false})json"),
        {"product:read:catalog"}},
       make_seated<ProductSearch>},
      {{"product_info",
        "Show everything the catalogue says about one product, by its id.",
        Effect::read,
        schema_of(R"json({"type":"object","properties":{
          "id":{"type":"string","minLength":1,"maxLength":200,"description":"the product's id as product_search shows it"}},
          "required":["id"],"additionalProperties":false})json"),
        {"product:read:catalog"}},
       make_seated<ProductInfo>},
  };
  return tools;
}

}  // namespace usher::tool
