// A model behind one call. Implementations: vendors (openai, demo) and decorators (rate, budget, retry, fallback),
// which are all plain Providers. Used from the event loop only. One Provider serves many calls at once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/async.h"
#include "base/json.h"
#include "base/result.h"

namespace usher::provider {

struct ToolCall {
  std::string id;
  std::string name;
  std::string arguments;  // JSON text as the model wrote it; may be broken

  friend bool operator==(const ToolCall&, const ToolCall&) = default;
};

struct Image {
  std::string media_type;  // "image/jpeg"
  std::string bytes;
};

enum class Author { system, user, assistant, tool };

// One message of the conversation as the model sees it.
struct Message {
  Author author = Author::user;
  std::string text;
  std::vector<Image> images;         // user only
  std::vector<ToolCall> tool_calls;  // assistant only
  std::string tool_call_id;          // tool only
};

// One tool as the model is told of it. Views of a spec that outlives the call: nothing is copied per turn.
struct ToolOffer {
  std::string_view name;
  std::string_view description;
  const json::object* parameters = nullptr;  // JSON schema; never null in a Request
};

struct Request {
  std::span<const Message> messages;
  std::span<const ToolOffer> tools;
};

struct Usage {
  std::int64_t input_tokens = 0;  // cached ones included
  std::int64_t cached_input_tokens = 0;
  std::int64_t output_tokens = 0;
  bool is_estimate = false;  // the vendor sent none
};

enum class FinishReason { stop, tool_calls, length, content_filter };

struct Completion {
  std::string text;
  std::vector<ToolCall> tool_calls;
  FinishReason finish_reason = FinishReason::stop;
  Usage usage;
};

// Called with each piece of text as it arrives, on the event loop, before complete() returns. May be empty.
using TextSink = std::function<void(std::string_view piece)>;

class Provider {
 public:
  virtual ~Provider() = default;

  // Errors: limit (window or budget used up; message fit for people), denied (an unpriced model under a budget), busy
  // (429/529, retry_after where told), unavailable (never sent, or 5xx: nothing was generated), timeout, protocol
  // (HTML, cut stream, reset after the request was sent, error in a 200), invalid (the vendor refused the request),
  // cancelled. Every vendor returns by `deadline`. The request's spans must stay valid until it returns. When it fails
  // after pieces went to the sink, a retry may send them again: sinks are previews.
  virtual Task<Result<Completion>> complete(const Request& request, const TextSink& sink, Deadline deadline) = 0;
};

// Forwards to another Provider; decorators override what they change. The inner provider must outlive it.
class ProviderWrapper : public Provider {
 public:
  explicit ProviderWrapper(Provider& inner) : inner_(inner) {}
  Task<Result<Completion>> complete(const Request& request, const TextSink& sink, Deadline deadline) override {
    return inner_.complete(request, sink, deadline);
  }

 protected:
  Provider& inner() { return inner_; }

 private:
  Provider& inner_;
};

// Tokens of a request, estimated from above (bytes / 3 + framing + 1500 an image): what a budget reserves for its
// input.
std::int64_t estimate_input_tokens(const Request& request);

}  // namespace usher::provider
