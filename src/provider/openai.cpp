#include "provider/openai.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "provider/openai_codec.h"

namespace usher::provider {

namespace {

// Of a stream: many small events around at most 1 MiB of text.
constexpr std::size_t max_stream_bytes = 64u << 20;

net::BodyNext next_after(ChatDecoder::State state) {
  switch (state) {
    case ChatDecoder::State::open:
      return net::BodyNext::more;
    case ChatDecoder::State::finished:
      return net::BodyNext::rest;
    case ChatDecoder::State::failed:
      break;
  }
  return net::BodyNext::stop;
}

class OpenAi final : public Provider {
 public:
  OpenAi(net::HttpClient& http, OpenAiOptions options)
      : http_(http), options_(std::move(options)), endpoint_(net::parse_endpoint(options_.base_url)) {}

  Task<Result<Completion>> complete(const Request& request, const TextSink& sink, Deadline deadline) override;

 private:
  net::HttpRequest http_request(const Request& request) const;
  Task<Result<Completion>> attempt(const Request& request, const TextSink& sink, Deadline deadline,
                                   bool& wants_completion_tokens);
  Result<Completion> conclude(ChatDecoder& decoder, const Result<net::HttpResponse>& response,
                              const Request& request) const;
  std::unexpected<Error> failed(Error error) const;

  net::HttpClient& http_;
  OpenAiOptions options_;
  Result<net::Endpoint> endpoint_;
  bool has_completion_tokens_ = false;  // learnt from the server's refusal of max_tokens
};

std::unexpected<Error> OpenAi::failed(Error error) const {
  error.message = fmt::format("model {}: {}", options_.model, error.message);
  return fail(std::move(error));
}

net::HttpRequest OpenAi::http_request(const Request& request) const {
  net::HttpRequest http;
  http.endpoint = &*endpoint_;
  http.target = "/chat/completions";
  http.headers.reserve(1);
  if (!options_.api_key.empty()) http.headers.push_back({"Authorization", "Bearer " + options_.api_key.expose()});
  http.body = encode_chat(request, {options_.model, options_.max_output_tokens, has_completion_tokens_});
  http.max_response_bytes = max_stream_bytes;
  http.idle_timeout = options_.idle_timeout;
  http.is_repeatable = true;  // an idle connection that died unnoticed: no byte of an answer had come
  return http;
}

Task<Result<Completion>> OpenAi::complete(const Request& request, const TextSink& sink, Deadline deadline) {
  if (!endpoint_) co_return failed(endpoint_.error());
  const Deadline due = deadline.capped(options_.timeout);
  bool wants_completion_tokens = false;
  Result<Completion> completion = co_await attempt(request, sink, due, wants_completion_tokens);
  if (wants_completion_tokens && !has_completion_tokens_) {
    has_completion_tokens_ = true;
    completion = co_await attempt(request, sink, due, wants_completion_tokens);
  }
  if (!completion) co_return failed(std::move(completion.error()));
  co_return completion;
}

Task<Result<Completion>> OpenAi::attempt(const Request& request, const TextSink& sink, Deadline deadline,
                                         bool& wants_completion_tokens) {
  ChatDecoder decoder(sink);
  net::HttpRequest http = http_request(request);
  net::BodySink on_body = [&decoder](std::string_view piece) { return next_after(decoder.feed(piece)); };
  Result<net::HttpResponse> response = co_await http_.send(std::move(http), deadline, std::move(on_body));
  wants_completion_tokens =
      response && response->status == 400 && response->body.find("max_completion_tokens") != std::string::npos;
  co_return conclude(decoder, response, request);
}

Result<Completion> OpenAi::conclude(ChatDecoder& decoder, const Result<net::HttpResponse>& response,
                                    const Request& request) const {
  if (!response) {
    Error error = response.error();
    // A connection that broke after the last word has broken nothing.
    const bool is_whole = decoder.state() == ChatDecoder::State::finished && error.kind != ErrorKind::cancelled;
    if (!is_whole && !decoder.has_failed()) {
      if (error.kind == ErrorKind::limit) error.kind = ErrorKind::protocol;  // `limit` is for people's own limits
      return fail(std::move(error));
    }
  } else if (response->status / 100 != 2) {
    return fail(refusal_of(response->status, response->body, response->retry_after, std::chrono::system_clock::now()));
  }
  Result<Completion> completion = decoder.finish();
  if (completion && completion->usage.is_estimate) {
    completion->usage.input_tokens = estimate_input_tokens(request);
    completion->usage.output_tokens = std::min(estimate_output_tokens(*completion), options_.max_output_tokens);
  }
  return completion;
}

}  // namespace

std::int64_t estimate_output_tokens(const Completion& completion) {
  std::size_t bytes = completion.text.size();
  for (const ToolCall& call : completion.tool_calls) bytes += call.name.size() + call.arguments.size() + 24;
  return static_cast<std::int64_t>((bytes + 2) / 3);
}

std::unique_ptr<Provider> make_openai(net::HttpClient& http, OpenAiOptions options) {
  return std::make_unique<OpenAi>(http, std::move(options));
}

}  // namespace usher::provider
