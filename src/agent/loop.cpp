#include "agent/loop.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include "agent/calls.h"
#include "base/secret.h"
#include "base/text.h"

namespace usher::agent {
namespace {

using provider::Author;
using provider::Completion;
using provider::FinishReason;
using provider::Message;

constexpr const char* kNotRun = "not run: the turn ended before";
constexpr const char* kFiltered = "I cannot answer this: the model's content filter held the reply back.";

// Text of a model, a tool or an error on its way on: valid UTF-8, no secrets, bounded.
std::string cleaned(std::string_view text, std::size_t max_bytes, std::string_view what) {
  std::string clean = redact(repair_utf8(text));
  if (clean.size() <= max_bytes) return clean;
  std::string_view kept = prefix_within_bytes(clean, max_bytes);
  return fmt::format("{}\n[{} cut: {} of {} bytes shown]", kept, what, kept.size(), clean.size());
}

// Passes pieces on up to the last blank or non-ASCII character, so that a secret cut in two by the stream is seen whole
// by redact().
class Preview {
 public:
  explicit Preview(const std::function<void(std::string_view)>& on_text) : on_text_(on_text) {}

  void add(std::string_view piece) {
    std::size_t border = piece.size();
    while (border > 0 && is_inside_a_word(piece[border - 1])) --border;
    held_ += piece.substr(0, border);
    if (border > 0 || held_.size() > kMaxHeld) finish();
    held_ += piece.substr(border);
  }
  void finish() {
    if (!held_.empty()) on_text_(redact(held_));
    held_.clear();
  }

 private:
  static constexpr std::size_t kMaxHeld = 8u << 10;
  static bool is_inside_a_word(char c) {
    return static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) < 0x7F;
  }

  const std::function<void(std::string_view)>& on_text_;
  std::string held_;
};

// One run of the loop. Lives in run_tool_call_loop's frame; everything it refers to outlives it.
class Turn {
 public:
  Turn(provider::Provider& provider, const tool::ToolSet& tools, std::vector<Message>& history,
       const LoopLimits& limits, const Hooks& hooks)
      : provider_(provider),
        tools_(tools),
        history_(history),
        limits_(limits),
        hooks_(hooks),
        first_added_(history.size()),
        reader_(limits.max_argument_bytes) {
    offers_.reserve(tools.size());
    for (const std::unique_ptr<tool::Tool>& tool : tools) {
      const tool::ToolSpec& spec = tool->spec();
      offers_.push_back({spec.name, spec.description, &spec.parameters});
    }
  }

  Task<Result<TurnResult>> run() {
    bool was_asked_again = false;
    for (int asked = 1; asked <= limits_.max_iterations;) {
      Result<Completion> completion = co_await ask();
      if (!completion) co_return fail(std::move(completion.error()));
      if (!completion->tool_calls.empty()) {
        Result<bool> goes_on = co_await run_calls(std::move(*completion), asked == limits_.max_iterations);
        if (!goes_on) co_return fail(std::move(goes_on.error()));
        if (!*goes_on) co_return result(Ending::repeated_call, std::move(text_so_far_));
        ++asked;
        continue;
      }
      std::string text = cleaned(trim(completion->text), limits_.max_answer_bytes, "answer");
      if (text.empty() && completion->finish_reason == FinishReason::content_filter) text = kFiltered;
      if (!text.empty()) {
        history_.push_back({.author = Author::assistant, .text = text});
        co_return result(Ending::answered, std::move(text));
      }
      // Not counted: it was no answer.
      if (was_asked_again) co_return fail(ErrorKind::protocol, "the model answered with nothing, twice");
      was_asked_again = true;
    }
    co_return result(Ending::iterations_exhausted, std::move(text_so_far_));
  }

 private:
  // Why the turn must not go on, if so.
  Result<void> may_go_on() const {
    if (hooks_.is_cancelled && hooks_.is_cancelled()) return fail(ErrorKind::cancelled, "the turn was cancelled");
    if (limits_.turn_deadline.has_passed()) return fail(ErrorKind::timeout, "the turn took too long");
    return {};
  }

  Task<Result<Completion>> ask() {
    Result<void> going = may_go_on();
    if (!going) co_return fail(std::move(going.error()));
    Preview preview(hooks_.on_text);
    provider::TextSink sink;
    if (hooks_.on_text) sink = [&preview](std::string_view piece) { preview.add(piece); };
    provider::Request request{history_, offers_};
    Result<Completion> completion = co_await provider_.complete(request, sink, limits_.turn_deadline);
    if (hooks_.on_text) preview.finish();
    if (completion && hooks_.on_completion) hooks_.on_completion(*completion);
    co_return completion;
  }

  // Runs an answer's calls one after the other; false when a repetition ends the turn.
  Task<Result<bool>> run_calls(Completion completion, bool is_last_answer) {
    std::size_t dropped = 0;
    std::vector<Call> calls = keep_calls(completion, dropped);
    std::size_t first_result = history_.size() - calls.size();
    for (std::size_t i = 0; i < calls.size(); ++i) {
      Result<void> going = may_go_on();
      if (!going) co_return fail(std::move(going.error()));
      std::string& told = history_[first_result + i].text;
      if (is_repeated(calls[i])) {
        told = fmt::format("not run: the same call was made {} times running", limits_.max_repeats);
        report(calls[i], fail(ErrorKind::denied, told), {});
        co_return false;
      }
      if (is_last_answer) {
        told = fmt::format("not run: all {} model calls of this turn are used up", limits_.max_iterations);
        report(calls[i], fail(ErrorKind::limit, told), {});
        continue;
      }
      auto started = std::chrono::steady_clock::now();
      Result<tool::ToolOutput> output = co_await execute(calls[i]);
      auto duration = std::chrono::steady_clock::now() - started;
      report(calls[i], output, std::chrono::duration_cast<std::chrono::microseconds>(duration));
      told = output ? cleaned(output->text, limits_.max_output_bytes, "output")
                    : "error: " + cleaned(output.error().message, limits_.max_output_bytes, "message");
      if (told.empty()) told = "(no output)";
      if (dropped > 0 && i + 1 == calls.size()) {
        told += fmt::format("\n[{} further calls of your answer were not run: at most {} are run per answer]", dropped,
                            limits_.max_calls_per_answer);
      }
    }
    co_return true;
  }

  // Puts the answer into the history together with a result for each call, which stands until the call has run: so the
  // history is whole whenever and however the turn ends.
  std::vector<Call> keep_calls(Completion& completion, std::size_t& dropped) {
    std::size_t kept =
        std::min(completion.tool_calls.size(), static_cast<std::size_t>(std::max(limits_.max_calls_per_answer, 1)));
    dropped = completion.tool_calls.size() - kept;
    std::vector<Call> calls;
    Message answer{.author = Author::assistant,
                   .text = cleaned(trim(completion.text), limits_.max_answer_bytes, "answer")};
    for (std::size_t i = 0; i < kept; ++i) {
      calls.push_back(reader_.read(std::move(completion.tool_calls[i])));
      answer.tool_calls.push_back(calls.back().kept);
    }
    if (!answer.text.empty()) text_so_far_ = answer.text;
    history_.push_back(std::move(answer));
    for (const Call& call : calls) {
      history_.push_back({.author = Author::tool, .text = kNotRun, .tool_call_id = call.kept.id});
    }
    if (dropped > 0) report_dropped(completion.tool_calls[kept], dropped);
    return calls;
  }

  bool is_repeated(const Call& call) {
    times_running_ = call.key == last_key_ ? times_running_ + 1 : 1;
    last_key_ = call.key;
    return limits_.max_repeats > 0 && times_running_ >= limits_.max_repeats;
  }

  Task<Result<tool::ToolOutput>> execute(const Call& call) {
    auto found = std::ranges::find_if(tools_, [&](const auto& tool) { return tool->spec().name == call.name; });
    if (found == tools_.end()) {
      co_return fail(ErrorKind::denied, fmt::format("tool '{}' is not available to you", call.name));
    }
    if (!call.arguments) co_return fail(call.arguments.error());
    const auto time_limit = (*found)->spec().time_limit.value_or(limits_.call_timeout);
    Deadline deadline = limits_.turn_deadline.capped(time_limit);
    try {
      Result<tool::ToolOutput> output = co_await with_deadline((*found)->call(*call.arguments, deadline), deadline);
      co_return output;
    } catch (const std::exception& broken) {
      // A turn that is stopped while a tool waits is nobody's fault.
      const auto* stopped = dynamic_cast<const boost::system::system_error*>(&broken);
      if (stopped && stopped->code() == asio::error::operation_aborted) {
        co_return fail(ErrorKind::cancelled, "the call was stopped");
      }
      spdlog::error("tool {} threw: {}", call.name, broken.what());
    }
    co_return fail(ErrorKind::internal, "the tool failed; this is not your fault");
  }

  void report(const Call& call, const Result<tool::ToolOutput>& output, std::chrono::microseconds duration) const {
    if (!hooks_.on_tool_call) return;
    ToolCallReport told{
        .name = call.name, .arguments = call.written, .succeeded = output.has_value(), .duration = duration};
    if (!output) {
      told.denied = output.error().kind == ErrorKind::denied || output.error().kind == ErrorKind::limit;
      told.detail = redact(output.error().message);
    }
    hooks_.on_tool_call(told);
  }

  // One report for all of them: what is bounded must not flood a ledger either.
  void report_dropped(const provider::ToolCall& first, std::size_t dropped) const {
    if (!hooks_.on_tool_call) return;
    hooks_.on_tool_call({.name = printable(first.name),
                         .denied = true,
                         .detail = fmt::format("{} calls beyond the {} that one answer may make were not run", dropped,
                                               limits_.max_calls_per_answer)});
  }

  TurnResult result(Ending ending, std::string text) const {
    TurnResult turn;
    turn.text = std::move(text);
    turn.messages.assign(history_.begin() + static_cast<std::ptrdiff_t>(first_added_), history_.end());
    turn.ending = ending;
    return turn;
  }

  provider::Provider& provider_;
  const tool::ToolSet& tools_;
  std::vector<Message>& history_;
  const LoopLimits& limits_;
  const Hooks& hooks_;
  std::size_t first_added_;
  CallReader reader_;
  std::vector<provider::ToolOffer> offers_;
  std::string text_so_far_;
  std::string last_key_;
  int times_running_ = 0;
};

}  // namespace

Task<Result<TurnResult>> run_tool_call_loop(provider::Provider& provider, const tool::ToolSet& tools,
                                            std::vector<provider::Message>& history, const LoopLimits& limits,
                                            const Hooks& hooks) {
  Turn turn(provider, tools, history, limits, hooks);
  Result<TurnResult> result = co_await turn.run();
  co_return result;
}

}  // namespace usher::agent
