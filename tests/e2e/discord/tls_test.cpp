// Over TLS, as at the real Discord: REST, the event stream and its resumption.
#include <doctest/doctest.h>

#include "e2e/discord/discord_world.h"

namespace usher::e2e {
namespace {

struct Encrypted {
  TestCertificate certificate = make_test_certificate("127.0.0.1", 2);
  DiscordWorld world{{}, options()};

  DiscordSimulatorOptions options() const {
    DiscordSimulatorOptions made = DiscordWorld::quick();
    made.certificate = certificate;
    return made;
  }
  // Whom usher trusts beside nobody else.
  void trust(const std::string& ca_pem) {
    world.write_file("ca.pem", ca_pem);
    world.environment["SSL_CERT_FILE"] = (world.dir / "ca.pem").string();
    world.environment["SSL_CERT_DIR"] = (world.dir / "no-such-folder").string();
  }
};

TEST_CASE("a bot lives over https and wss, and resumes there") {
  Encrypted encrypted;
  encrypted.trust(encrypted.certificate.ca_pem);
  DiscordWorld& world = encrypted.world;
  world.serve();
  CHECK(world.discord.api_root().starts_with("https:"));
  CHECK(world.discord.gateway_url().starts_with("wss:"));
  world.ask(amy, "in confidence");
  const std::size_t before = world.discord.connections().size();
  world.discord.cut_connections();
  world.discord.guild_message(amy, world.mention("said meanwhile"));
  world.wait_for(world.discord.options().channel, "said meanwhile");
  world.wait_until_back(before);
  CHECK(world.discord.identifies() == 1);
}

TEST_CASE("nobody who cannot prove to be Discord is told the token") {
  Encrypted encrypted;
  encrypted.trust(make_test_certificate("127.0.0.1", 2).ca_pem);  // of somebody else
  DiscordWorld& world = encrypted.world;
  world.configure(world.base_config() + DiscordWorld::bot(world.discord) + DiscordWorld::roles());
  world.run_until([&] { return world.discord.http_connections() > 0; }, "usher connects");
  world.wait_until([&] { return world.get("/readyz").status == 503; }, "usher is not ready");
  CHECK(world.discord.count("GET /gateway/bot") == 0);
  CHECK(world.discord.identifies() == 0);
}

}  // namespace
}  // namespace usher::e2e
