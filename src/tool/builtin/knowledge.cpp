// knowledge_search over the collections that the role's rag_access names and its policies allow.

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

// What a search touches. A name that fits into no action, or that stands for something else there, is "other": a rule
// can tell such collections apart by the resource only.
Access access_to(const std::string& collection) {
  const std::string own = "knowledge:read:" + collection;
  const bool is_plain = policy::is_action(own) && collection != "all";
  const char* stand_in = collection.empty() ? "knowledge:read:all" : "knowledge:read:other";
  return {is_plain ? own : stand_in, collection, kSensitivity};
}

// By rag_access and by every policy.
bool may_search(const rbac::RoleContext& context, const std::string& collection) {
  if (!context.permits_collection(collection)) return false;
  const Access access = access_to(collection);
  const std::optional<policy::Decision> decision = context.decide({access.action, access.resource, access.sensitivity});
  return !decision || decision->allowed;
}

// A collection that may not be searched is answered exactly like one that does not exist: what is permitted and there
// is found first, and everything after that knows of nothing else.
Result<std::vector<memory::Hit>> search(const Search& search) {
  std::vector<std::string> collections = memory::collections_of(search.root);
  std::erase_if(collections, [&](const std::string& name) { return !may_search(*search.context, name); });
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
    return access_to(text_argument(arguments, "collection"));
  }

  Task<Result<ToolOutput>> call(const json::object& arguments, Deadline) override {
    Search wanted{seat().context,
                  seat().workspace->knowledge_index_dir,
                  seat().workspace->knowledge_root,
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
