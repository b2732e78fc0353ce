// memory_recall, memory_store and memory_forget: the facts a sender asked to remember.

#include <fmt/format.h>

#include "tool/builtin/parts.h"

namespace usher::tool {
namespace {

constexpr std::size_t kRecalled = 20;
constexpr std::size_t kFactBytes = 600;
constexpr const char* kReads = "memory:read:facts";
constexpr const char* kWrites = "memory:write:facts";
constexpr int kSensitivity = 2;

class FactTool : public SeatedTool {
 public:
  using SeatedTool::SeatedTool;

 protected:
  // Operations on an open store take microseconds, so they stay on the loop. Keeps the store alive for the call.
  Result<std::shared_ptr<memory::MemoryStore>> store() const {
    if (!seat().memory) return fail(ErrorKind::unavailable, "there is no memory here");
    return seat().memory;
  }
  Error broken(const Error& error) const {
    if (error.kind == ErrorKind::limit) return {error.kind, "the memory is full: forget something first"};
    if (error.kind == ErrorKind::invalid) return {error.kind, "this fact is too long or empty"};
    return hidden(error, spec().name, "the memory cannot be reached now");
  }
};

class MemoryRecall final : public FactTool {
 public:
  using FactTool::FactTool;
  Access access(const json::object& arguments) const override {
    return {kReads, text_argument(arguments, "query"), kSensitivity};
  }

  Task<Result<ToolOutput>> call(const json::object& arguments, Deadline) override {
    Result<std::shared_ptr<memory::MemoryStore>> facts = store();
    if (!facts) co_return fail(std::move(facts.error()));
    Result<std::vector<memory::Fact>> found =
        (*facts)->recall(seat().audience, text_argument(arguments, "query"), kRecalled);
    if (!found) co_return fail(broken(found.error()));
    if (found->empty()) co_return ToolOutput{"Nothing is remembered about this."};
    std::string text;
    for (const memory::Fact& fact : *found) {
      text += fmt::format("{}#{} ({}) {}", text.empty() ? "" : "\n", fact.id, fact.created.substr(0, 10),
                          one_line(fact.text, kFactBytes));
    }
    co_return ToolOutput{std::move(text)};
  }
};

class MemoryStoreFact final : public FactTool {
 public:
  using FactTool::FactTool;
  Access access(const json::object&) const override { return {kWrites, "", kSensitivity}; }

  Task<Result<ToolOutput>> call(const json::object& arguments, Deadline) override {
    Result<std::shared_ptr<memory::MemoryStore>> facts = store();
    if (!facts) co_return fail(std::move(facts.error()));
    Result<std::int64_t> id =
        (*facts)->remember(seat().sender_digest, seat().audience, text_argument(arguments, "text"));
    if (!id) co_return fail(broken(id.error()));
    co_return ToolOutput{fmt::format("Remembered as #{}.", *id)};
  }
};

class MemoryForget final : public FactTool {
 public:
  using FactTool::FactTool;
  Access access(const json::object& arguments) const override {
    return {kWrites, fmt::format("{}", whole_argument(arguments, "id", 0)), kSensitivity};
  }

  Task<Result<ToolOutput>> call(const json::object& arguments, Deadline) override {
    Result<std::shared_ptr<memory::MemoryStore>> facts = store();
    if (!facts) co_return fail(std::move(facts.error()));
    std::int64_t id = whole_argument(arguments, "id", 0);
    Result<bool> forgotten = (*facts)->forget(seat().audience, id);
    if (!forgotten) co_return fail(broken(forgotten.error()));
    if (!*forgotten) co_return fail(ErrorKind::not_found, fmt::format("nothing is remembered as #{}", id));
    co_return ToolOutput{fmt::format("Forgot #{}.", id)};
  }
};

}  // namespace

std::span<const Builtin> fact_tools() {
  static const Builtin tools[] = {
      {{"memory_recall",
        "Recall facts remembered earlier about this person, by words or the newest ones.",
        Effect::read,
        schema_of(R"json({"type":"object","properties":{
          "query":{"type":"string","maxLength":500,"description":"words to look for; absent: the newest facts"}},
          "additionalProperties":false})json"),
        {kReads},
        kSensitivity},
       make_seated<MemoryRecall>},
      {{"memory_store",
        "Remember a fact this person wants kept for later conversations.",
        Effect::write,
        schema_of(R"json({"type":"object","properties":{
          "text":{"type":"string","minLength":1,"maxLength":2000,"description":"the fact, as one plain sentence"}},
          "required":["text"],"additionalProperties":false})json"),
        {kWrites},
        kSensitivity},
       make_seated<MemoryStoreFact>},
      {{"memory_forget",
        "Forget one remembered fact, by its number.",
        Effect::write,
        schema_of(R"json({"type":"object","properties":{
          "id":{"type":"integer","minimum":1,"maximum":9007199254740991,"description":"the number after # in memory_recall"}},
          "required":["id"],"additionalProperties":false})json"),
        {kWrites},
        kSensitivity},
       make_seated<MemoryForget>},
  };
  return tools;
}

}  // namespace usher::tool
