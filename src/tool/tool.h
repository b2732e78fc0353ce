// A tool as the agent sees it: a name, a schema, and one call. Tools are bound to one sender's seat when they are made
// and live for one turn. Event-loop thread; blocking work goes to the seat's pool.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/async.h"
#include "base/json.h"
#include "base/result.h"

namespace usher::tool {

enum class Effect { read, write, execute };
const char* to_string(Effect effect);

// What a tool is, the same for every sender. Static lifetime.
struct ToolSpec {
  std::string name;
  std::string description;
  Effect effect = Effect::read;
  json::object parameters;  // JSON schema (object) that the arguments are validated against
  // What access() may name, whatever the arguments: globs of actions, and the least sensitivity. A tool none of whose
  // actions the role's policy grants is not offered.
  std::vector<std::string> actions;
  int least_sensitivity = 0;
  // For a tool that may take longer than other calls; the turn's deadline binds all the same.
  std::optional<std::chrono::milliseconds> time_limit = std::nullopt;
};

// What one call touches, judged by the policy. An action is `domain:operation:resource`.
struct Access {
  std::string action;
  std::string resource;  // "" = none
  int sensitivity = 0;   // 0–4
};

struct ToolOutput {
  std::string text;  // for the model; capped by the loop
};

class Tool {
 public:
  virtual ~Tool() = default;
  virtual const ToolSpec& spec() const = 0;
  // For arguments that fit the schema.
  virtual Access access(const json::object& arguments) const = 0;
  // Arguments fit the schema already. Errors are told to the model by their message: no paths of the machine, no
  // secrets.
  virtual Task<Result<ToolOutput>> call(const json::object& arguments, Deadline deadline) = 0;
};

// Forwards to another Tool; decorators override what they change and own what they wrap.
class ToolWrapper : public Tool {
 public:
  explicit ToolWrapper(std::unique_ptr<Tool> inner) : inner_(std::move(inner)) {}
  const ToolSpec& spec() const override { return inner_->spec(); }
  Access access(const json::object& arguments) const override { return inner_->access(arguments); }
  Task<Result<ToolOutput>> call(const json::object& arguments, Deadline deadline) override {
    return inner_->call(arguments, deadline);
  }

 protected:
  Tool& inner() { return *inner_; }

 private:
  std::unique_ptr<Tool> inner_;
};

using ToolSet = std::vector<std::unique_ptr<Tool>>;

}  // namespace usher::tool
