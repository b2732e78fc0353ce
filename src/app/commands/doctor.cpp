#include "app/commands/doctor.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "app/commands/inspect.h"
#include "app/data_lock.h"
#include "app/doctor/gateway_checks.h"
#include "app/doctor/host_checks.h"
#include "app/doctor/remote_checks.h"
#include "app/exit_status.h"
#include "base/json.h"

namespace usher::app {
namespace {

constexpr std::chrono::seconds kRemotePatience{5};
constexpr std::chrono::seconds kPatience{20};  // for a disk that hangs
constexpr std::size_t kThreads = 4;

Findings attempt(const std::string& name, const std::function<Findings()>& check) {
  try {
    return check();
  } catch (const std::exception& error) {
    return {{Health::error, fmt::format("cannot be looked at: {}", error.what()), name, "free memory or report a bug"}};
  }
}

// Runs all checks at once: what blocks on threads, what waits for others on the loop.
class Doctor {
 public:
  Doctor(std::shared_ptr<const config::Config> config, const DoctorRequest& request)
      : config_(std::move(config)), request_(request) {}

  // False when something is still under way past all deadlines.
  bool run() {
    const bool is_running = DataLock::holder(config_->gateway.data_dir).has_value();
    examine("permissions", [c = config_] { return check_permissions(*c); });
    examine("the disk's space", [c = config_] { return check_disk(*c); });
    examine("writing", [c = config_] { return check_writing(*c); });
    examine("the clock", [c = config_] { return check_clock(*c, SystemClock().wall()); });
    examine("the databases", [c = config_, is_running] { return check_databases(*c, is_running); });
    examine("what was left behind", [c = config_] { return check_leftovers(*c); });
    examine("the ledger", [c = config_] { return check_ledger(*c); });
    examine("the ledger's key", [c = config_] { return check_ledger_key(*c); });
    examine("the gateway", [c = config_] { return check_gateway(*c); });
    if (!request_.is_offline) ask_others();
    const auto threads_are_at_work = asio::make_work_guard(loop_);
    loop_.run_for(kPatience);
    for (const std::string& name : pending_) {
      findings_.push_back({Health::error, fmt::format("looking at {} takes longer than {} s", name, kPatience.count()),
                           config_->gateway.data_dir.native(), "the disk or its file system may hang: see dmesg"});
    }
    return pending_.empty();
  }

  Findings& findings() { return findings_; }

 private:
  void begin(const std::string& name) { pending_.push_back(name); }
  void end(const std::string& name) {
    pending_.erase(std::ranges::find(pending_, name));
    if (pending_.empty()) loop_.stop();
  }

  void examine(const std::string& name, std::function<Findings()> check) {
    begin(name);
    asio::post(pool_, [this, name, check = std::move(check)] {
      const Findings found = attempt(name, check);
      asio::post(loop_, [this, name, found] {
        findings_.insert(findings_.end(), found.begin(), found.end());
        end(name);
      });
    });
  }

  void ask_others() {
    const Deadline deadline = Deadline::in(kRemotePatience);
    for (const config::Telegram& bot : config_->telegram) {
      take("bot " + bot.name, check_telegram(*http_, bot, deadline));
    }
    for (const config::Discord& bot : config_->discord) {
      take("bot " + bot.name, check_discord(*http_, bot, deadline));
    }
    for (const auto& [name, provider] : config_->providers) {
      if (provider.kind == config::ProviderKind::demo) continue;
      take("provider " + name, check_provider(*http_, provider, deadline));
    }
  }

  void take(const std::string& name, Task<RemoteFinding> check) {
    begin(name);
    asio::co_spawn(loop_, std::move(check), [this, name](std::exception_ptr error, RemoteFinding found) {
      if (error) found.finding = {Health::error, "could not be looked at", name, "this is a bug: please report it"};
      if (found.date && !has_date_) {
        has_date_ = true;  // one clock is enough
        findings_.push_back(judge_clock(SystemClock().wall(), *found.date, found.finding.where));
      }
      findings_.push_back(std::move(found.finding));
      end(name);
    });
  }

  std::shared_ptr<const config::Config> config_;
  DoctorRequest request_;
  asio::io_context loop_{1};
  std::unique_ptr<net::HttpClient> http_ = net::make_http_client(loop_.get_executor());
  Findings findings_;
  std::vector<std::string> pending_;
  bool has_date_ = false;
  asio::thread_pool pool_{kThreads};  // last: joined before what its work refers to goes
};

Findings configuration_findings(const config::Loaded& loaded) {
  Findings findings;
  for (const config::Problem& problem : problems_of(loaded)) {
    findings.push_back({problem.is_warning ? Health::warning : Health::error, problem.message,
                        config::to_string(problem.source), "docs/configuration.md has the meaning of every key"});
  }
  if (loaded.config && std::ranges::none_of(findings, [](const auto& f) { return f.health == Health::error; })) {
    findings.push_back({Health::ok, "the configuration can be used", loaded.config->file.native(), ""});
  }
  return findings;
}

std::size_t count_of(const Findings& findings, Health health) {
  return static_cast<std::size_t>(std::ranges::count(findings, health, &Finding::health));
}

void print_json(const Findings& findings) {
  json::array list;
  for (const Finding& finding : findings) {
    list.push_back(json::object{{"level", to_string(finding.health)},
                                {"what", finding.what},
                                {"where", finding.where},
                                {"advice", finding.advice.empty() ? json::value() : json::value(finding.advice)}});
  }
  fmt::print("{}\n", json::serialize(json::object{{"errors", count_of(findings, Health::error)},
                                                  {"warnings", count_of(findings, Health::warning)},
                                                  {"findings", std::move(list)}}));
}

}  // namespace

std::string findings_text(const Findings& findings) {
  std::string text;
  for (const Health health : {Health::error, Health::warning, Health::ok}) {
    for (const Finding& finding : findings) {
      if (finding.health != health) continue;
      text += fmt::format("{:8} {}: {}\n", to_string(health), finding.where, finding.what);
      if (!finding.advice.empty()) text += fmt::format("         → {}\n", finding.advice);
    }
  }
  const std::size_t errors = count_of(findings, Health::error), warnings = count_of(findings, Health::warning);
  return text +
         fmt::format("{} error{}, {} warning{}\n", errors, errors == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s");
}

int run_doctor(const config::Loaded& loaded, const DoctorRequest& request) {
  Findings findings = configuration_findings(loaded);
  bool is_over = true;
  std::unique_ptr<Doctor> doctor;
  if (loaded.config) {
    doctor = std::make_unique<Doctor>(loaded.config, request);
    is_over = doctor->run();
    findings.insert(findings.end(), doctor->findings().begin(), doctor->findings().end());
  }
  if (request.as_json) {
    print_json(findings);
  } else {
    fmt::print("{}", findings_text(findings));
  }
  const int status = !loaded.config ? kBadConfiguration : count_of(findings, Health::error) > 0 ? kError : kFine;
  if (is_over) return status;
  // A thread that hangs in the kernel cannot be joined.
  std::fflush(nullptr);
  std::_Exit(status);
}

}  // namespace usher::app
