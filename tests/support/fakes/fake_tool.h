// A Tool that does what a test says and records its calls. Event-loop thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tool/tool.h"

namespace usher::testing {

// Outlives the tools of a turn, as tools are moved into sets and wrappers.
struct ToolRecord {
  std::vector<std::string> arguments;  // JSON, one for each call that reached the tool
};

class FakeTool final : public tool::Tool {
 public:
  using Body = std::function<Task<Result<tool::ToolOutput>>(json::object arguments, Deadline deadline)>;

  FakeTool(std::string name, ToolRecord& record, Body body = {}, tool::Effect effect = tool::Effect::read)
      : record_(record), body_(std::move(body)) {
    spec_.name = std::move(name);
    spec_.description = "a tool of a test";
    spec_.effect = effect;
    spec_.parameters = {{"type", "object"}, {"additionalProperties", true}};
  }

  // Always the same words.
  static std::unique_ptr<tool::Tool> saying(std::string name, ToolRecord& record, std::string words) {
    return std::make_unique<FakeTool>(std::move(name), record, [words](json::object, Deadline) { return say(words); });
  }

  const tool::ToolSpec& spec() const override { return spec_; }
  tool::ToolSpec& changeable_spec() { return spec_; }
  tool::Access access(const json::object&) const override { return {"test:read:thing", "", 0}; }

  Task<Result<tool::ToolOutput>> call(const json::object& arguments, Deadline deadline) override {
    record_.arguments.push_back(json::serialize(arguments));
    if (!body_) co_return tool::ToolOutput{"ok"};
    Result<tool::ToolOutput> output = co_await body_(arguments, deadline);
    co_return output;
  }

  static Task<Result<tool::ToolOutput>> say(std::string words) { co_return tool::ToolOutput{std::move(words)}; }

 private:
  tool::ToolSpec spec_;
  ToolRecord& record_;
  Body body_;
};

}  // namespace usher::testing
