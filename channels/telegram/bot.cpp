#include "channels/telegram/bot.h"

#include <algorithm>
#include <utility>

namespace usher::telegram {
namespace {

// The token becomes part of a request line.
bool is_token(std::string_view token) {
  return !token.empty() && token.size() <= 256 && std::all_of(token.begin(), token.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == ':' || c == '-' ||
           c == '_';
  });
}

Result<net::Endpoint> endpoint_of(const Secret& token, const std::string& api_root) {
  if (!is_token(token.expose()))
    return fail(ErrorKind::invalid, "this is no Telegram bot token (expected 123456:AbC…)");
  return net::parse_endpoint(api_root);
}

}  // namespace

Bot::Bot(net::HttpClient& http, Secret token, const std::string& api_root)
    : http_(http), token_(std::move(token)), endpoint_(endpoint_of(token_, api_root)) {}

Task<Result<ApiResult>> Bot::call(std::string_view method, std::string body, Deadline deadline, CallOptions options) {
  if (!endpoint_) co_return fail(endpoint_.error());
  net::HttpRequest request;
  request.endpoint = &*endpoint_;
  request.target.reserve(8 + token_.expose().size() + method.size());
  request.target.append("/bot").append(token_.expose()).append("/").append(method);
  request.body = std::move(body);
  request.idle_timeout = options.idle_timeout;
  request.is_repeatable = options.is_repeatable;
  request.wants_fresh_connection = options.wants_fresh_connection;
  request.was_sent = options.was_sent;
  Result<net::HttpResponse> response = co_await http_.send(std::move(request), deadline);
  if (!response) co_return fail(std::move(response.error()));
  co_return decode_answer(response->status, response->body, response->retry_after);
}

Task<Result<std::string>> Bot::download(std::string file_id, std::size_t max_bytes, Deadline deadline) {
  Result<ApiResult> answer =
      co_await call("getFile", encode_get_file(file_id), deadline, CallOptions{.is_repeatable = true});
  if (!answer) co_return fail(std::move(answer.error()));
  if (!*answer) co_return fail(to_error(answer->error(), "getFile"));
  const Result<RemoteFile> file = decode_file(**answer);
  if (!file) co_return fail(file.error());
  if (file->bytes > max_bytes)
    co_return fail(ErrorKind::limit, "the file is larger than " + std::to_string(max_bytes) + " bytes");
  net::HttpRequest request;
  request.endpoint = &*endpoint_;
  request.method = "GET";
  request.target = "/file/bot" + token_.expose() + "/" + file->path;
  request.max_response_bytes = max_bytes;
  request.is_repeatable = true;
  Result<net::HttpResponse> response = co_await http_.send(std::move(request), deadline);
  if (!response) co_return fail(std::move(response.error()));
  if (response->status != 200) {
    const ErrorKind kind = response->status == 404 ? ErrorKind::not_found : ErrorKind::unavailable;
    co_return fail(kind, "Telegram answered the download of a file with HTTP " + std::to_string(response->status));
  }
  co_return std::move(response->body);
}

}  // namespace usher::telegram
