// knowledge_search over the collections that the role's rag_access names.

#include <fmt/format.h>

#include <algorithm>

#include "tool/builtin/parts.h"

namespace usher::tool {
namespace {

constexpr int kSensitivity = 1;

// What one search needs on the pool; holds no reference to the turn, which may be gone before the search ends.
struct Search {
  std::shared_ptr<const rbac::RoleContext> context;
  std::filesystem::path index_dir;
  std::filesystem::path root;
  std::string collection;  // "" = all that the role may search
  std::string query;
  std::size_t max_hits = 0;
};

// The third part of an action has a narrow grammar; whatever does not fit is judged by its resource.
std::string action_part(const std::string& collection) {
  if (collection.empty()) return "all";
  auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.'; };
  bool plain = collection.front() >= 'a' && collection.front() <= 'z' && std::ranges::all_of(collection, fits);
  return plain ? collection : "other";
}

// A collection outside rag_access is answered exactly like one that does not exist: what is permitted and there is
// found first, and everything after that knows of nothing else.
Result<std::vector<memory::Hit>> search(const Search& search) {
  std::vector<std::string> collections = memory::collections_of(search.root);
  std::erase_if(collections, [&](const std::string& name) { return !search.context->permits_collection(name); });
  if (!search.collection.empty() && std::ranges::find(collections, search.collection) == collections.end()) {
    std::string names;
    for (const std::string& name : collections) names += (names.empty() ? "" : ", ") + name;
    return fail(ErrorKind::not_found,
                fmt::format("no such collection is available to you; available: {}", names.empty() ? "none" : names));
  }
  if (collections.empty()) return fail(ErrorKind::not_found, "no knowledge collections are available to you");
  if (!search.collection.empty()) collections = {search.collection};
  Result<std::vector<memory::Hit>> hits =
      memory::search_knowledge(search.index_dir, search.root, collections, search.query, search.max_hits);
  if (!hits) return fail(hidden(hits.error(), "knowledge_search", "the knowledge collections cannot be read now"));
  return hits;
}

class KnowledgeSearch final : public SeatedTool {
 public:
  using SeatedTool::SeatedTool;

  Access access(const json::object& arguments) const override {
    std::string collection = text_argument(arguments, "collection");
    return {"knowledge:read:" + action_part(collection), collection, kSensitivity};
  }

  Task<Result<ToolOutput>> call(const json::object& arguments, Deadline) override {
    Search wanted{seat().context,
                  seat().workspace.knowledge_index_dir,
                  seat().workspace.knowledge_root,
                  text_argument(arguments, "collection"),
                  text_argument(arguments, "query"),
                  static_cast<std::size_t>(whole_argument(arguments, "limit", 4))};
    Result<std::vector<memory::Hit>> hits =
        co_await run_on(seat().pool, [wanted = std::move(wanted)] { return search(wanted); });
    if (!hits) co_return fail(std::move(hits.error()));
    if (hits->empty()) co_return ToolOutput{"Nothing was found. Try fewer or other words."};
    std::string text;
    for (const memory::Hit& hit : *hits) {
      text += fmt::format("{}[{}] {}\n{}", text.empty() ? "" : "\n\n", hit.id, one_line(hit.title, 200), hit.text);
    }
    co_return ToolOutput{std::move(text)};
  }
};

}  // namespace

std::span<const Builtin> knowledge_tools() {
  static const Builtin tools[] = {
      {{"knowledge_search",
        "Search the knowledge base (documents, policies, guides, questions and answers) for passages.",
        Effect::read,
        schema_of(R"json({"type":"object","properties":{
          "query":{"type":"string","minLength":1,"maxLength":500,"description":"words to look for"},
          "collection":{"type":"string","minLength":1,"maxLength":100,"description":"search only this collection; absent: all"},
          "limit":{"type":"integer","minimum":1,"maximum":10,"description":"how many passages at most (4)"}},
          "required":["query"],"additionalProperties":false})json"),
        {"knowledge:read:*"},
        kSensitivity},
       make_seated<KnowledgeSearch>},
  };
  return tools;
}

}  // namespace usher::tool
