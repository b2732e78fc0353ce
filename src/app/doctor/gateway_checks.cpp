#include "app/doctor/gateway_checks.h"

#include <fmt/format.h>

#include <array>
#include <memory>

#include "app/data_lock.h"
#include "app/operator/operator.h"

namespace usher::app {
namespace {

constexpr std::chrono::seconds kPatience{5};

Finding judge_readiness(const Result<OperatorAnswer>& answer, const std::string& where) {
  if (answer && answer->is_fine()) return {Health::ok, "messages are accepted and answered", where, ""};
  return {Health::error,
          fmt::format("messages are not served now: {}", answer ? answer->detail() : answer.error().message), where,
          "its log of the last minutes says more"};
}

// Messages whose end an operator should know of.
void check_ends(Operator& gateway, const std::string& where, Findings& findings) {
  constexpr std::array<std::pair<const char*, const char*>, 2> states{
      {{"unknown", "may have arrived or not: the process ended while they were being sent"},
       {"undelivered", "could not be delivered"}}};
  for (const auto& [state, meaning] : states) {
    const Result<OperatorAnswer> answer = gateway.ask("GET", fmt::format("/conversations?state={}", state));
    if (!answer || !answer->is_fine()) continue;
    const std::size_t count = answer->body.at("conversations").as_array().size();
    if (count == 0) continue;
    findings.push_back({Health::warning,
                        fmt::format("replies in {} conversation{} {}", count, count == 1 ? "" : "s", meaning), where,
                        fmt::format("usher conversations --state {}", state)});
  }
}

}  // namespace

Findings check_gateway(const config::Config& config) {
  const std::string where = config.gateway.data_dir.native();
  const std::optional<pid_t> pid = DataLock::holder(config.gateway.data_dir);
  if (!pid) return {{Health::ok, "no gateway runs", where, ""}};
  Findings findings{{Health::ok, fmt::format("a gateway runs (pid {})", *pid), where, ""}};
  Result<std::unique_ptr<Operator>> gateway = reach_gateway(config.gateway, kPatience);
  if (!gateway) {
    findings.push_back({Health::warning, fmt::format("it cannot be asked: {}", gateway.error().message), where,
                        "`usher chat` never can; else its log says why it has no socket"});
    return findings;
  }
  findings.push_back(judge_readiness((*gateway)->ask("GET", "/readyz"), where));
  check_ends(**gateway, where, findings);
  return findings;
}

}  // namespace usher::app
