#include "gateway/record/turn_record.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "base/failpoint.h"
#include "base/text.h"

namespace usher::gateway {
namespace {

constexpr std::chrono::milliseconds kFirstRetry{200};
constexpr std::chrono::milliseconds kMaxRetry{5'000};

constexpr const char* kInterrupted =
    "this call was cut off when the gateway stopped; it may or may not have taken effect. Find out before you repeat "
    "it, and tell the person if you cannot";

class RecordedTool final : public tool::ToolWrapper {
 public:
  RecordedTool(std::unique_ptr<tool::Tool> inner, AgentRecord& record)
      : ToolWrapper(std::move(inner)), record_(record) {}

  Task<Result<tool::ToolOutput>> call(const json::object& arguments, Deadline deadline) override {
    const std::int64_t number = record_.begin_call(spec().name);
    Result<tool::ToolOutput> output = co_await call_once(number, arguments, deadline);
    co_return output;
  }

 private:
  Task<Result<tool::ToolOutput>> call_once(std::int64_t number, const json::object& arguments, Deadline deadline) {
    const std::string* result = record_.turn.find(record_.agent, Step::Kind::result, number);
    if (result) {
      Result<Result<tool::ToolOutput>> known = output_from_json(*result);
      if (known) co_return std::move(*known);
      spdlog::error("journal: the result of a call cannot be read: {}", known.error().message);
      co_return fail(ErrorKind::internal, kInterrupted);
    }
    if (record_.turn.find(record_.agent, Step::Kind::call, number)) {
      Result<tool::ToolOutput> cut_off = fail(ErrorKind::cancelled, kInterrupted);
      note_result(number, cut_off);
      co_return cut_off;
    }
    const bool may_change = spec().effect != tool::Effect::read;
    if (may_change) {
      Result<void> begun = co_await record_.turn.add({record_.agent, Step::Kind::call, number, spec().name}, deadline);
      if (!begun) {
        // What the model is told now it must be told by the next process too, which must not make the call instead.
        Result<tool::ToolOutput> not_made = fail(ErrorKind::io, "the call was not made: it could not be put on record");
        note_result(number, not_made);
        co_return not_made;
      }
      failpoint("turn.call_committed");
    }
    Result<tool::ToolOutput> output = co_await inner().call(arguments, deadline);
    if (may_change) failpoint("turn.call_done");
    // A call that was given up in the middle stays one that was cut off.
    const bool is_finished = output || output.error().kind != ErrorKind::cancelled;
    if (is_finished) note_result(number, output);
    co_return output;
  }

  void note_result(std::int64_t number, const Result<tool::ToolOutput>& output) {
    record_.turn.note({record_.agent, Step::Kind::result, number, output_to_json(output)});
  }

  AgentRecord& record_;
};

}  // namespace

TurnRecord::TurnRecord(Journal& journal, MessageId message, std::vector<Step> kept)
    : journal_(journal), message_(message) {
  for (Step& step : kept) {
    kept_[{std::move(step.agent), {static_cast<std::int64_t>(step.kind), step.number}}] = std::move(step.payload);
  }
}

const std::string* TurnRecord::find(const std::string& agent, Step::Kind kind, std::int64_t number) const {
  if (kept_.empty()) return nullptr;
  const auto found = kept_.find({agent, {static_cast<std::int64_t>(kind), number}});
  return found == kept_.end() ? nullptr : &found->second;
}

Task<Result<void>> TurnRecord::add(Step step, Deadline deadline) {
  const std::vector<Step> steps{std::move(step)};
  std::chrono::milliseconds delay = kFirstRetry;
  while (true) {
    Result<void> stored = co_await journal_.add_steps(message_, steps);
    if (stored) co_return stored;
    spdlog::error("a step of message {} cannot be stored: {}", message_, stored.error().message);
    if (deadline.remaining() <= delay) co_return stored;
    const bool has_waited = co_await sleep_for(delay);
    if (!has_waited) co_return fail(ErrorKind::cancelled, "given up while the disk fails");
    delay = std::min(delay * 2, kMaxRetry);
  }
}

void TurnRecord::note(Step step) {
  std::vector<Step> steps;
  steps.push_back(std::move(step));
  journal_.note_steps(message_, std::move(steps));
}

std::string AgentRecord::child() const {
  return agent.empty() ? std::to_string(call) : fmt::format("{}.{}", agent, call);
}

void AgentRecord::begin_answer(const provider::Completion& completion) {
  first_call += static_cast<std::int64_t>(names.size());
  names.clear();
  for (const provider::ToolCall& each : completion.tool_calls) names.push_back(each.name);
  next_in_answer = 0;
}

std::int64_t AgentRecord::begin_call(const std::string& name) {
  const auto from = names.begin() + static_cast<std::ptrdiff_t>(std::min(next_in_answer, names.size()));
  const auto found = std::find(from, names.end(), name);
  if (found != names.end()) next_in_answer = static_cast<std::size_t>(found - names.begin());
  call = first_call + static_cast<std::int64_t>(next_in_answer++);
  return call;
}

Task<Result<provider::Completion>> RecordedProvider::complete(const provider::Request& request,
                                                              const provider::TextSink& sink, Deadline deadline) {
  const std::int64_t number = record_.answers++;
  const std::string* known = record_.turn.find(record_.agent, Step::Kind::answer, number);
  if (known) {
    Result<provider::Completion> completion = completion_from_json(*known);
    if (completion) {
      record_.begin_answer(*completion);
      co_return completion;
    }
    spdlog::error("journal: an answer of the model cannot be read, it is asked again: {}", completion.error().message);
  }
  failpoint("turn.model_asked");
  Result<provider::Completion> completion = co_await inner().complete(request, sink, deadline);
  if (!completion) {
    --record_.answers;  // no answer, no step
    co_return completion;
  }
  record_.begin_answer(*completion);
  const bool goes_on = !completion->tool_calls.empty() || trim(completion->text).empty() || !record_.agent.empty();
  if (!goes_on) co_return completion;
  failpoint("turn.model_answered");
  Result<void> stored =
      co_await record_.turn.add({record_.agent, Step::Kind::answer, number, completion_to_json(*completion)}, deadline);
  if (!stored) co_return fail(std::move(stored.error()));
  failpoint("turn.step_committed");
  co_return completion;
}

tool::ToolSet recorded(tool::ToolSet tools, AgentRecord& record) {
  tool::ToolSet out;
  out.reserve(tools.size());
  for (std::unique_ptr<tool::Tool>& tool : tools) {
    out.push_back(std::make_unique<RecordedTool>(std::move(tool), record));
  }
  return out;
}

}  // namespace usher::gateway
