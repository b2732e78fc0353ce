// The real binary at Discord, killed at every label and at other moments, and then judged by what everybody saw. Here
// nothing is unknown in the end: what may have arrived is sent again, and Discord knows it by its nonce.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "e2e/crash/campaign.h"
#include "e2e/discord/crash/discord_stage.h"

namespace usher::e2e::crash {
namespace {

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
constexpr std::uint64_t kKills = 20;
#else
constexpr std::uint64_t kKills = 75;
#endif

TEST_CASE("every message is answered once and whole, whatever kills usher and when, and none stays unknown") {
  const Campaign campaign(kKills);
  campaign.announce();
  DiscordStage stage;
  Harness harness(stage);
  campaign.run(harness, campaign.kills, campaign.labels());
  fmt::print("{}\n  {} creates made {} messages, {} resumes\n", harness.summary(), stage.creates(), stage.messages(),
             stage.resumes());

  report(harness, check(harness.history()));
  for (const auto& [message, state] : harness.history().remains.states) CHECK_MESSAGE(state == "sent", "T", message);
  CHECK(stage.sessions() == 2);               // one of each bot, which outlived every kill
  CHECK(stage.creates() > stage.messages());  // some parts were sent twice, so the nonce was needed
}

}  // namespace
}  // namespace usher::e2e::crash
