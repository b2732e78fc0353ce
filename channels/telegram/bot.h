// One bot's calls to the Bot API, and the coroutines that nobody waits for. Event-loop thread only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
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

// Coroutines that run beside the poller and are cancelled and awaited when it ends.
class Children {
 public:
  Children();
  ~Children();

  std::size_t running() const;
  // Starts `child` after the caller has next yielded; its exceptions are dropped.
  void spawn(asio::any_io_executor executor, Task<void> child);
  // Cancels all of them and waits until the last has ended.
  Task<void> join();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace usher::telegram
