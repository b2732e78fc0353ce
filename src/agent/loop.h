// One turn: the model is asked, its tool calls are run, their results go back, until it answers in words. Knows nothing
// of roles, channels or storage: what it may use is what it is given. Event-loop thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/async.h"
#include "base/result.h"
#include "provider/provider.h"
#include "tool/tool.h"

namespace usher::rbac {
class RoleContext;
}

namespace usher::agent {

struct LoopLimits {
  int max_iterations = 10;        // model calls in a turn; the calls of the last answer are not run any more
  int max_calls_per_answer = 16;  // further calls in one answer are dropped; the last result says how many
  int max_repeats = 3;            // the same call with the same arguments: the third one running ends the loop, not run
  std::size_t max_output_bytes = 16u << 10;  // of one tool's output; longer is cut with a notice
  std::size_t max_answer_bytes = 64u << 10;  // of the model's text; longer is cut with a notice
  std::size_t max_argument_bytes = 64u << 10;
  std::chrono::milliseconds call_timeout{30'000};  // one call of a tool whose spec sets no time_limit
  Deadline turn_deadline = Deadline::in(std::chrono::minutes(5));
};

// What happened to one tool call; told to Hooks::on_tool_call after it ended.
struct ToolCallReport {
  std::string name;
  std::string arguments;
  bool succeeded = false;
  bool denied = false;  // not offered, gate, limit
  std::string detail;   // the error's message, or ""
  std::chrono::microseconds duration{0};
};

// Whoever watches a turn. All are optional.
struct Hooks {
  std::function<void(std::string_view piece)> on_text;
  std::function<void(const ToolCallReport&)> on_tool_call;
  std::function<void(const provider::Completion&)> on_completion;
  // Asked before each model call and tool call; true ends the turn with `cancelled` (/stop, shutdown).
  std::function<bool()> is_cancelled;
  // Opaque to the loop: carried for those who watch.
  std::shared_ptr<const rbac::RoleContext> role_context;

  // A copy that belongs to a role's turn.
  Hooks with_role_context(std::shared_ptr<const rbac::RoleContext> context) const {
    Hooks copy = *this;
    copy.role_context = std::move(context);
    return copy;
  }
};

enum class Ending { answered, iterations_exhausted, repeated_call };

struct TurnResult {
  std::string text;                         // the answer; may be "" only when `ending` is not answered
  std::vector<provider::Message> messages;  // what the turn added after `history`: assistant and tool messages, in
                                            // order, every tool call answered
  Ending ending = Ending::answered;
};

// `history`: the system message, what was said before, and the sender's new message last; it is extended in place while
// the loop runs. Errors are those of the provider, timeout for the turn's deadline, cancelled; the history then holds
// what was done so far, every tool call answered (also when an exception passes). An empty answer of the model is asked
// once again, then it is a protocol error. Texts of the model and of tools are valid UTF-8 without known secrets.
Task<Result<TurnResult>> run_tool_call_loop(provider::Provider& provider, const tool::ToolSet& tools,
                                            std::vector<provider::Message>& history, const LoopLimits& limits,
                                            const Hooks& hooks);

}  // namespace usher::agent
