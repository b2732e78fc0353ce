#include "app/operator/operator.h"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <optional>
#include <thread>

#include "app/api_server.h"
#include "app/data_lock.h"
#include "app/operator/alone.h"
#include "net/http_client.h"

namespace usher::app {
namespace {

constexpr std::chrono::seconds kPatience{60};
constexpr std::chrono::seconds kStartPatience{5};  // a gateway has its lock before its socket
constexpr std::chrono::milliseconds kLookAgain{50};
constexpr std::size_t kMaxAnswerBytes = 256u << 20;

// Through the socket.
class Asking final : public Operator {
 public:
  explicit Asking(const config::Gateway& gateway)
      : endpoint_{.host = "localhost", .port = 80, .socket_file = socket_file(gateway).native()},
        client_(net::make_http_client(loop_.get_executor())) {}

  Result<OperatorAnswer> ask(std::string_view method, const std::string& target, json::object body) override {
    return send(method, target, std::move(body), kPatience);
  }

  Result<OperatorAnswer> send(std::string_view method, const std::string& target, json::object body,
                              std::chrono::milliseconds patience) {
    net::HttpRequest request{.endpoint = &endpoint_, .method = method, .target = target};
    if (method == "POST" || method == "PUT") request.body = json::serialize(body);
    request.max_response_bytes = kMaxAnswerBytes;
    std::optional<Result<net::HttpResponse>> response;
    asio::co_spawn(loop_, client_->send(std::move(request), Deadline::in(patience)),
                   [&](std::exception_ptr error, Result<net::HttpResponse> answered) {
                     if (error) std::rethrow_exception(error);
                     response = std::move(answered);
                   });
    loop_.restart();
    while (!response && loop_.run_one() > 0) {
    }
    if (!response) return fail(ErrorKind::internal, "the request ended without an answer");
    if (!*response) return fail(std::move(response->error()));
    Result<json::value> parsed = parse_json((*response)->body, kMaxAnswerBytes);
    if (!parsed || !parsed->is_object()) return fail(ErrorKind::protocol, "the gateway's answer is no JSON object");
    return OperatorAnswer{.status = (*response)->status, .body = std::move(parsed->as_object())};
  }

  void wait(std::chrono::milliseconds time) override { std::this_thread::sleep_for(time); }

 private:
  asio::io_context loop_{1};
  net::Endpoint endpoint_;
  std::unique_ptr<net::HttpClient> client_;
};

void complain(const std::string& message) { fmt::print(stderr, "usher: {}\n", message); }

}  // namespace

std::string OperatorAnswer::detail() const {
  const json::value* detail = body.if_contains("detail");
  if (detail && detail->is_string()) return std::string(detail->get_string());
  return fmt::format("status {}", status);
}

Result<std::unique_ptr<Operator>> reach_gateway(const config::Gateway& gateway, std::chrono::milliseconds patience) {
  auto asking = std::make_unique<Asking>(gateway);
  Result<OperatorAnswer> alive = asking->send("GET", "/healthz", {}, patience);
  if (!alive) return fail(std::move(alive.error()));
  return asking;
}

Result<std::unique_ptr<Operator>> reach_operator(std::shared_ptr<const config::Config> config) {
  const config::Gateway& gateway = config->gateway;
  const Deadline deadline = Deadline::in(kStartPatience);
  for (;;) {
    Result<DataLock> lock = DataLock::acquire(gateway.data_dir);
    if (lock) return make_operator_alone(std::move(config), std::move(*lock));
    if (lock.error().kind != ErrorKind::busy) return fail(std::move(lock.error()));
    Result<std::unique_ptr<Operator>> running = reach_gateway(gateway, deadline.remaining());
    if (running) return running;
    if (deadline.has_passed() || running.error().kind == ErrorKind::timeout) {
      return fail(ErrorKind::busy,
                  fmt::format("an usher runs on {}{} but cannot be asked ({}); `usher chat` never can, stop it first",
                              gateway.data_dir.native(),
                              DataLock::holder(gateway.data_dir)
                                  .transform([](pid_t pid) { return fmt::format(" (pid {})", pid); })
                                  .value_or(""),
                              running.error().message));
    }
    std::this_thread::sleep_for(kLookAgain);
  }
}

std::optional<json::object> ask_or_complain(std::shared_ptr<const config::Config> config, std::string_view method,
                                            const std::string& target, json::object body) {
  Result<std::unique_ptr<Operator>> reached = reach_operator(std::move(config));
  if (!reached) {
    complain(reached.error().message);
    return std::nullopt;
  }
  Result<OperatorAnswer> answer = (*reached)->ask(method, target, std::move(body));
  if (answer && answer->is_fine()) return std::move(answer->body);
  complain(answer ? answer->detail() : answer.error().message);
  return std::nullopt;
}

}  // namespace usher::app
