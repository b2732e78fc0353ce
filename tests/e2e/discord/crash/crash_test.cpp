// The real binary at Discord, killed at every label and at other moments, and then judged by what everybody saw. Here
// nothing is unknown in the end: what may have arrived is sent again, and Discord knows it by its nonce.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "e2e/crash/campaign.h"
#include "e2e/discord/crash/discord_stage.h"

namespace usher::e2e::crash {
namespace {

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
constexpr std::uint64_t kKills = 20;  // over all shards
#else
constexpr std::uint64_t kKills = 76;
#endif
constexpr std::uint64_t kSurelySentTwice = 30;  // of so many kills a dozen find a part on its way

TEST_CASE("every message is answered once and whole, whatever kills usher and when, and none stays unknown") {
  const Campaign campaign(kKills);
  campaign.announce();
  DiscordStage stage;
  Harness harness(stage);
  campaign.run(harness, campaign.kills, campaign.labels(), true);
  fmt::print("{}\n  {} creates made {} messages, {} responses, {} edited, {} resumes\n", harness.summary(),
             stage.creates(), stage.messages(), stage.responses(), stage.edited(), stage.resumes());

  const History history = harness.history();
  report(harness, check(history));
  for (const auto& [message, state] : history.remains.states) {
    const bool is_right = state == "sent" || (state == "undelivered" && history.closed.contains(message));
    CHECK_MESSAGE(is_right, explain(history, {"answered", state, message}));
  }
  CHECK(stage.sessions() == 2);  // one of each bot, which outlived every kill
  // Some parts were sent twice, so the nonce was needed; a few kills may miss that.
  if (campaign.kills >= kSurelySentTwice) CHECK(stage.creates() > stage.messages());
}

}  // namespace
}  // namespace usher::e2e::crash
