// One bot's calls to the Bot API. Event-loop thread only.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "base/async.h"
#include "base/result.h"
#include "base/secret.h"
#include "channel/channel.h"
#include "channels/telegram/codec.h"
#include "net/http_client.h"

namespace usher::telegram {

struct CallOptions {
  bool is_repeatable = false;  // harmless when the server sees it twice
  bool wants_fresh_connection = false;
  std::chrono::milliseconds idle_timeout{60'000};
  bool* was_sent = nullptr;  // as of net::HttpRequest
};

class Bot {
 public:
  // `http` must outlive the bot. An api_root or token that cannot be used makes every call fail with invalid.
  Bot(net::HttpClient& http, Secret token, const std::string& api_root);

  // The outer result fails when no answer came (see net/http_client.h); the inner one is the platform's own.
  Task<Result<ApiResult>> call(std::string_view method, std::string body, Deadline deadline, CallOptions options = {});

  // getFile and the download; limit when it is larger than max_bytes.
  Task<Result<std::string>> download(std::string file_id, std::size_t max_bytes, Deadline deadline);

 private:
  net::HttpClient& http_;
  Secret token_;
  Result<net::Endpoint> endpoint_;
};

}  // namespace usher::telegram
