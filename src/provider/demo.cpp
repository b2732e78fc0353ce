#include "provider/demo.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "provider/demo_match.h"
#include "provider/openai_codec.h"

namespace usher::provider {

namespace {

constexpr std::string_view notice = "(demo, no model) ";
constexpr std::size_t max_reported_bytes = 2000;
constexpr std::size_t max_listed_tools = 16;

// "Search the catalogue" of "Search the catalogue by words. Use it …".
std::string_view first_sentence(std::string_view description) {
  const std::size_t end = std::min(description.find(". "), description.find('\n'));
  std::string_view sentence = prefix_within_bytes(description.substr(0, end), 160);
  if (sentence.ends_with('.')) sentence.remove_suffix(1);
  return sentence;
}

std::string what_it_can_do(std::span<const ToolOffer> tools) {
  if (tools.empty()) return "I only match words with tools, and your role has none here.";
  std::string text = "I only match your words with the tools of your role, and none fits. Ask me about:";
  for (const ToolOffer& tool : tools.first(std::min(tools.size(), max_listed_tools))) {
    text += fmt::format("\n- {}: {}", tool.name, first_sentence(tool.description));
  }
  if (tools.size() > max_listed_tools) text += fmt::format("\n- and {} more", tools.size() - max_listed_tools);
  return text;
}

// The name of the tool that `result` answers.
std::string_view tool_of(std::span<const Message> messages, const Message& result) {
  for (auto message = messages.rbegin(); message != messages.rend(); ++message) {
    for (const ToolCall& call : message->tool_calls) {
      if (call.id == result.tool_call_id) return call.name;
    }
  }
  return "the tool";
}

// The results at the end of the conversation, each with its tool's name.
std::string report(std::span<const Message> messages) {
  std::size_t first = messages.size();
  while (first > 0 && messages[first - 1].author == Author::tool) --first;
  std::string text;
  for (const Message& result : messages.subspan(first)) {
    const std::string_view words = trim(result.text);
    const std::string_view shown = prefix_within_bytes(words, max_reported_bytes);
    text += fmt::format("{}{} says:\n{}{}", text.empty() ? "" : "\n\n", tool_of(messages, result),
                        shown.empty() ? "(nothing)" : shown, shown.size() < words.size() ? " …" : "");
  }
  return text;
}

void stream_words(std::string_view text, const TextSink& sink) {
  if (!sink) return;
  while (!text.empty()) {
    const std::size_t blank = text.find(' ');
    const std::size_t end = blank == std::string_view::npos ? text.size() : blank + 1;
    sink(text.substr(0, end));
    text.remove_prefix(end);
  }
}

class Demo final : public Provider {
 public:
  Task<Result<Completion>> complete(const Request& request, const TextSink& sink, Deadline deadline) override {
    if (deadline.has_passed()) co_return fail(ErrorKind::timeout, "demo provider: no time left");
    Completion completion = answer(request);
    stream_words(completion.text, sink);
    completion.usage = {estimate_input_tokens(request), 0, estimate_output_tokens(completion), true};
    co_return completion;
  }

 private:
  Completion answer(const Request& request) {
    if (request.messages.empty()) return say(what_it_can_do(request.tools));
    const Message& last = request.messages.back();
    if (last.author == Author::tool) return say(report(request.messages));
    const std::string_view words = last.author == Author::user ? own_words(last.text) : std::string_view();
    std::optional<DemoChoice> choice = choose_tool(words, request.tools);
    if (choice) return call(std::move(*choice));
    return say((last.images.empty() ? "" : "I cannot see pictures. ") + what_it_can_do(request.tools));
  }

  Completion say(std::string_view text) {
    Completion completion;
    completion.text = notice;
    completion.text += text;
    return completion;
  }

  Completion call(DemoChoice choice) {
    Completion completion;
    completion.finish_reason = FinishReason::tool_calls;
    completion.tool_calls.push_back(
        {fmt::format("demo_{}", ++calls_), std::move(choice.tool), json::serialize(choice.arguments)});
    return completion;
  }

  std::uint64_t calls_ = 0;  // makes the ids of calls unique
};

}  // namespace

std::unique_ptr<Provider> make_demo() { return std::make_unique<Demo>(); }

}  // namespace usher::provider
