// A Provider that answers from a script and records what it was asked. Event-loop thread.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "provider/provider.h"

namespace usher::testing {

// What one model call saw.
struct RecordedRequest {
  std::vector<provider::Message> messages;
  std::vector<std::string> tools;  // offered names, in order
  Deadline deadline = Deadline::in(std::chrono::seconds(0));
};

class FakeProvider final : public provider::Provider {
 public:
  using Step = std::function<Task<Result<provider::Completion>>(const provider::TextSink& sink)>;

  static provider::Completion text(std::string text) {
    provider::Completion completion;
    completion.text = std::move(text);
    completion.usage = {.input_tokens = 10, .output_tokens = 5};
    return completion;
  }
  static provider::Completion calls(std::vector<provider::ToolCall> calls, std::string text = "") {
    provider::Completion completion;
    completion.text = std::move(text);
    completion.tool_calls = std::move(calls);
    completion.finish_reason = provider::FinishReason::tool_calls;
    completion.usage = {.input_tokens = 10, .output_tokens = 5};
    return completion;
  }

  // What it answers next; after the script it answers `otherwise`.
  void then(Result<provider::Completion> completion) { script_.push_back({std::move(completion), {}}); }
  void then(Step step) { script_.push_back({fail(ErrorKind::internal, ""), std::move(step)}); }
  Result<provider::Completion> otherwise = text("done");

  Task<Result<provider::Completion>> complete(const provider::Request& request, const provider::TextSink& sink,
                                              Deadline deadline) override {
    record(request, deadline);
    if (script_.empty()) co_return otherwise;
    auto [answer, step] = std::move(script_.front());
    script_.pop_front();
    if (step) {
      Result<provider::Completion> stepped = co_await step(sink);
      co_return stepped;
    }
    if (answer && sink && !answer->text.empty()) sink(answer->text);
    co_return answer;
  }

  std::vector<RecordedRequest> requests;

 private:
  void record(const provider::Request& request, Deadline deadline) {
    RecordedRequest seen{{request.messages.begin(), request.messages.end()}, {}, deadline};
    for (const provider::ToolOffer& offer : request.tools) seen.tools.emplace_back(offer.name);
    requests.push_back(std::move(seen));
  }

  std::deque<std::pair<Result<provider::Completion>, Step>> script_;
};

}  // namespace usher::testing
