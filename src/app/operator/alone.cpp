#include "app/operator/alone.h"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <exception>
#include <optional>

#include "app/api_server.h"
#include "app/backup/backup.h"
#include "app/damage.h"
#include "app/ledger.h"
#include "app/operator/find_conversations.h"
#include "base/clock.h"
#include "base/log.h"
#include "rbac/role.h"

namespace usher::app {
namespace {

constexpr std::chrono::seconds kPatience{60};
constexpr std::size_t kMaxAnswerBytes = 256u << 20;

class Alone final : public Operator {
 public:
  Alone(std::shared_ptr<const config::Config> config, DataLock lock)
      : lock_(std::move(lock)), config_(std::move(config)), roles_(config_) {}
  ~Alone() override {
    sign();
    pool_.join();
    loop_.restart();
    loop_.poll();  // what came back from the pool
  }

  Result<void> open() {
    Result<admin::ApiStores> stores =
        admin::open_api_stores(config_->gateway.data_dir / "api.db", loop_.get_executor());
    if (!stores) return fail(std::move(stores.error()));
    stores_ = std::move(*stores);
    auto ledger = open_ledger(*config_, clock_, loop_.get_executor(), pool_.get_executor(), nullptr);
    if (!ledger) return fail(std::move(ledger.error()));
    ledger_ = std::move(*ledger);
    auto journal = gateway::open_journal(config_->gateway.data_dir / "gateway.db", loop_.get_executor(), clock_);
    if (!journal) return fail(std::move(journal.error()));
    journal_ = std::move(*journal);
    api_ = make_api({.config = config_,
                     .roles = roles_,
                     .ledger = *ledger_,
                     .clock = clock_,
                     .loop = loop_.get_executor(),
                     .pool = pool_.get_executor(),
                     .readiness = [] { return Result<void>(fail(ErrorKind::unavailable, "no gateway runs")); },
                     .conversations = find_conversations(*journal_, config_),
                     .backups = backups_.get()},
                    stores_, {});
    return {};
  }

  Result<OperatorAnswer> ask(std::string_view method, const std::string& target, json::object body) override {
    net::RequestHead head{.method = std::string(method),
                          .target = target,
                          .headers = {{"content-type", "application/json"}},
                          .peer = "this command"};
    const bool has_body = method == "POST" || method == "PUT";
    std::optional<net::ServerResponse> response;
    asio::co_spawn(loop_, exchange(std::move(head), has_body ? json::serialize(body) : ""),
                   [&](std::exception_ptr error, net::ServerResponse answered) {
                     if (error) std::rethrow_exception(error);
                     response = std::move(answered);
                   });
    loop_.restart();
    while (!response && loop_.run_one() > 0) {
    }
    if (!response) return fail(ErrorKind::internal, "the request ended without an answer");
    Result<json::value> parsed = parse_json(response->body, kMaxAnswerBytes);
    if (!parsed || !parsed->is_object()) return fail(ErrorKind::internal, "the answer is no JSON object");
    return OperatorAnswer{.status = response->status, .body = std::move(parsed->as_object())};
  }

  void wait(std::chrono::milliseconds time) override {
    loop_.restart();
    loop_.run_for(time);
  }

 private:
  // What was written is signed now: nobody may be running who would do so later.
  void sign() {
    if (!ledger_) return;
    asio::co_spawn(loop_, ledger_->checkpoint(), [](std::exception_ptr error, Result<void> is_signed) {
      if (!error && is_signed) return;
      fmt::print(stderr, "usher: the ledger has no new checkpoint: {}\n",
                 error ? "an exception" : is_signed.error().message);
    });
    loop_.restart();
    loop_.run_for(kPatience);
  }

  Task<net::ServerResponse> exchange(net::RequestHead head, std::string body) {
    std::expected<std::unique_ptr<net::Exchange>, net::ServerResponse> admitted =
        co_await api_->for_operator().admit(std::move(head));
    if (!admitted) co_return std::move(admitted.error());
    net::ServerResponse response = co_await (*admitted)->respond(std::move(body), Deadline::in(kPatience));
    co_return response;
  }

  DataLock lock_;
  std::shared_ptr<const config::Config> config_;
  const SystemClock clock_;
  const rbac::RoleResolver roles_;
  asio::io_context loop_{1};
  asio::thread_pool pool_{1};
  const std::unique_ptr<memory::MemoryStores> memories_ = memory::make_memory_stores(pool_.get_executor(), clock_);
  const std::unique_ptr<admin::Backups> backups_ =
      make_backups(config_->gateway.data_dir, loop_.get_executor(), pool_.get_executor(), *memories_, clock_);
  admin::ApiStores stores_;
  std::unique_ptr<audit::DurableLedger> ledger_;
  std::unique_ptr<gateway::Journal> journal_;
  std::unique_ptr<admin::Api> api_;
};

}  // namespace

Result<std::unique_ptr<Operator>> make_operator_alone(std::shared_ptr<const config::Config> config, DataLock lock) {
  set_up_logging("warn", config->gateway.log_format);
  auto alone = std::make_unique<Alone>(std::move(config), std::move(lock));
  Result<void> opened = alone->open();
  if (!opened) return fail(with_advice(std::move(opened.error())));
  return alone;
}

}  // namespace usher::app
