// The real binary, killed at every label and at hundreds of other moments, and then judged by what everybody saw.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "e2e/crash/campaign.h"
#include "e2e/crash/telegram/telegram_stage.h"

namespace usher::e2e::crash {
namespace {

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
constexpr std::uint64_t kKills = 60;  // over all shards
#else
constexpr std::uint64_t kKills = 204;
#endif

TEST_CASE("nothing is lost and nothing happens twice, whatever kills usher and when") {
  const Campaign campaign(kKills);
  campaign.announce();
  TelegramStage stage;
  Harness harness(stage);
  campaign.run(harness, campaign.kills, campaign.labels());
  fmt::print("{}\n", harness.summary());
  report(harness, check(harness.history()));
}

TEST_CASE("with resend_unknown every message is answered, and nothing but answers happens twice") {
  const Campaign campaign(kKills);
  campaign.announce();
  TelegramStage stage("resend_unknown = true\n");
  Harness harness(stage);
  campaign.run(harness, campaign.kills / 8, {});
  fmt::print("resending: {}\n", harness.summary());

  std::vector<Violation> violations = check(harness.history());
  std::erase_if(violations, [](const Violation& violation) { return violation.property == "once"; });
  report(harness, violations);
  const History history = harness.history();
  for (const auto& [message, state] : history.remains.states) {
    CHECK_MESSAGE(state == "sent", explain(history, {"answered", state, message}));
  }
}

}  // namespace
}  // namespace usher::e2e::crash
