// What the doctor makes of what it sees.
#include <doctest/doctest.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>

#include "app/commands/doctor.h"
#include "app/doctor/host_checks.h"
#include "app/doctor/remote_checks.h"
#include "base/files.h"
#include "store/sqlite.h"
#include "support/discord/discord_simulator.h"
#include "support/run_task.h"
#include "support/temp_dir.h"

namespace usher::app {
namespace {

using std::chrono::seconds;
using testing::TempDir;
namespace fs = std::filesystem;

struct Host {
  Host() {
    config.file = dir / "config.toml";
    config.gateway.data_dir = dir / "data";
    config.audit.key_file = config.gateway.data_dir / "ledger.key";
    config.audit.checkpoint_file = config.gateway.data_dir / "checkpoints";
    write("config.toml");
    REQUIRE(make_private_directories(config.gateway.data_dir));
  }
  void write(const std::string& name, fs::perms mode = fs::perms::owner_read | fs::perms::owner_write) {
    std::ofstream(dir / name) << std::string(5000, 'x');  // less than a page passes for an empty database
    fs::permissions(dir / name, mode);
  }

  TempDir dir;
  config::Config config;
};

Health worst(const Findings& findings) {
  Health worst = Health::ok;
  for (const Finding& finding : findings) worst = std::max(worst, finding.health);
  return worst;
}
bool tells(const Findings& findings, const std::string& text) {
  return std::ranges::any_of(findings, [&](const Finding& finding) {
    return (finding.what + finding.where + finding.advice).find(text) != std::string::npos;
  });
}

TEST_CASE("whatever is not well comes with what to do") {
  Host host;
  host.write("data/gateway.db", fs::perms::all);
  host.write("data/ledger.key", fs::perms::all);
  host.write("data/limits.db.corrupt-20261127T000000.000Z");
  for (const Findings& findings : {check_permissions(host.config), check_leftovers(host.config),
                                   check_ledger_key(host.config), check_databases(host.config, false)}) {
    CHECK(worst(findings) != Health::ok);
    for (const Finding& finding : findings) {
      CAPTURE(finding.what);
      CHECK_FALSE(finding.where.empty());
      CHECK((finding.health == Health::ok) == finding.advice.empty());
    }
  }
}

TEST_CASE("a file that others can use is an error that names it, and a private tree is none") {
  Host host;
  host.write("data/gateway.db");
  CHECK(worst(check_permissions(host.config)) == Health::ok);
  host.write("data/limits.db", fs::perms::owner_all | fs::perms::group_read);
  CHECK(worst(check_permissions(host.config)) == Health::error);
  CHECK(tells(check_permissions(host.config), "data/limits.db"));
}

TEST_CASE("a key that is neither pinned nor kept elsewhere is a warning, and one that is both is fine") {
  Host host;
  host.write("data/ledger.key");
  CHECK(worst(check_ledger_key(host.config)) == Health::warning);
  CHECK(tells(check_ledger_key(host.config), "verify_key"));
  host.config.audit.verify_key = "usher+00000000+AAAA";
  CHECK(worst(check_ledger_key(host.config)) == Health::warning);
  host.write("elsewhere.key");
  host.config.audit.key_file = host.dir / "elsewhere.key";
  host.config.audit.is_key_file_default = false;
  CHECK(worst(check_ledger_key(host.config)) == Health::ok);
}

TEST_CASE("a configuration that others may write is an error") {
  Host host;
  fs::permissions(host.config.file, fs::perms::owner_all | fs::perms::others_write);
  CHECK(tells(check_permissions(host.config), "chmod go-w"));
}

TEST_CASE("nothing that the doctor does stays behind") {
  Host host;
  CHECK(worst(check_writing(host.config)) != Health::error);
  CHECK(fs::is_empty(host.config.gateway.data_dir));
  host.config.gateway.data_dir = host.dir / "nowhere";
  CHECK(check_writing(host.config).empty());
  CHECK(worst(check_permissions(host.config)) == Health::ok);
  CHECK(worst(check_disk(host.config)) != Health::error);
  CHECK_FALSE(fs::exists(host.dir / "nowhere"));
}

TEST_CASE("a data_dir that cannot be made is an error") {
  Host host;
  host.config.gateway.data_dir = host.config.file / "data";  // beneath a file: nobody can, not even root
  CHECK(worst(check_permissions(host.config)) == Health::error);
  CHECK(tells(check_permissions(host.config), "cannot be made"));
}

TEST_CASE("an empty database is not called whole") {
  Host host;
  std::ofstream(host.dir / "data/gateway.db").flush();
  CHECK(worst(check_databases(host.config, false)) == Health::warning);
}

TEST_CASE("where nothing was signed yet, the ledger needs nothing") {
  Host host;
  CHECK(check_ledger(host.config).empty());
  CHECK(fs::is_empty(host.config.gateway.data_dir));
}

TEST_CASE("a full disk and missing inodes are seen before they hurt") {
  constexpr std::uint64_t mib = 1u << 20;
  CHECK(judge_space(50'000 * mib, 100'000 * mib, "/").health == Health::ok);
  CHECK(judge_space(900 * mib, 100'000 * mib, "/").health == Health::warning);
  CHECK(judge_space(900 * mib, 2'000 * mib, "/").health == Health::ok);  // a small disk, half empty
  CHECK(judge_space(50 * mib, 100'000 * mib, "/").health == Health::error);
  CHECK(judge_inodes(0, 0, "/").health == Health::ok);  // btrfs counts none
  CHECK(judge_inodes(10, 1'000'000, "/").health == Health::error);
  CHECK(judge_inodes(5'000, 1'000'000, "/").health == Health::warning);
}

TEST_CASE("a damaged database and one of a newer usher are told apart from a whole one") {
  Host host;
  const fs::path file = host.dir / "data/limits.db";
  REQUIRE(store::Database::open(file)->script("PRAGMA user_version=1"));
  CHECK(worst(check_databases(host.config, false)) == Health::ok);
  REQUIRE(store::Database::open(file)->script("PRAGMA user_version=99"));
  CHECK(tells(check_databases(host.config, true), "update usher"));
  host.write("data/limits.db");
  fs::remove(host.dir / "data/limits.db-wal");
  CHECK(worst(check_databases(host.config, false)) == Health::error);
}

TEST_CASE("a clock is judged by its year and by others") {
  Host host;
  CHECK(worst(check_clock(host.config, WallTime(std::chrono::sys_days(std::chrono::year(1970) / 1 / 2)))) ==
        Health::error);
  CHECK(worst(check_clock(host.config, SystemClock().wall())) == Health::ok);
  host.config.gateway.timezone = "Nowhere/Here";
  CHECK(tells(check_clock(host.config, SystemClock().wall()), "tzdata"));

  const auto theirs = parse_http_date("Fri, 27 Nov 2026 20:03:58 GMT");
  REQUIRE(theirs);
  CHECK(theirs->time_since_epoch() == seconds(1'795'809'838));
  CHECK(judge_clock(*theirs + seconds(3), *theirs, "x").health == Health::ok);
  CHECK(judge_clock(*theirs + seconds(60), *theirs, "x").health == Health::warning);
  CHECK(judge_clock(*theirs - seconds(4000), *theirs, "x").what == "this machine's clock is 4000 s behind theirs");
  for (const char* text : {"", "yesterday", "Fri, 27 Nov 2026 20:03:58 GMT+1", "2026-11-27T20:03:58Z"}) {
    CHECK_FALSE(parse_http_date(text));
  }
}

TEST_CASE("Discord is asked as Discord wants to be asked, and says whose token it is") {
  asio::io_context loop{1};
  const testing::DiscordSimulator simulator(loop.get_executor());
  const auto http = net::make_http_client(loop.get_executor());
  config::Discord bot;
  bot.name = "guild";
  bot.token = Secret(simulator.options().token);
  bot.api_root = simulator.api_root();
  const auto look = [&] {
    return testing::run_task(loop, check_discord(*http, bot, Deadline::in(seconds(10)))).finding;
  };
  CHECK(look().health == Health::ok);
  CHECK(look().what == "answers as usher_test_bot");
  bot.token = Secret("another.token.than-that");
  CHECK(look().health == Health::error);
  CHECK(look().advice.find("developer portal") != std::string::npos);
}

TEST_CASE("what needs doing comes first") {
  const std::string text = findings_text({{Health::ok, "fine", "a", ""},
                                          {Health::error, "broken", "b", "mend it"},
                                          {Health::warning, "odd", "c", "look at it"}});
  CHECK(text ==
        "error    b: broken\n         → mend it\nwarning  c: odd\n         → look at it\nok       a: fine\n"
        "1 error, 1 warning\n");
}

}  // namespace
}  // namespace usher::app
