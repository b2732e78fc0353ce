// `usher doctor` on a real data_dir, with and without a gateway, its platform and its model.
#include <doctest/doctest.h>

#include <filesystem>
#include <map>

#include "e2e/world.h"

namespace usher::e2e {
namespace {

namespace fs = std::filesystem;

struct Shop {
  Shop() { world.configure(world.common_config() + World::shop_roles()); }
  ProcessResult doctor(const std::string& more = "--json") { return world.command({"doctor", more}); }
  static json::object report(const ProcessResult& result) {
    Result<json::value> parsed = parse_json(result.output);
    REQUIRE_MESSAGE((parsed && parsed->is_object()), (result.output + result.errors));
    return parsed->get_object();
  }
  World world;
};

// The level of the finding that says `what`.
std::string level_of(const json::object& report, const std::string& what) {
  for (const json::value& finding : report.at("findings").as_array()) {
    if (contains(finding.at("what").as_string(), what)) return std::string(finding.at("level").as_string());
  }
  return "nothing said";
}

// Name → size and time of everything beneath a folder.
std::map<std::string, std::pair<std::uintmax_t, fs::file_time_type>> state_of(const fs::path& folder) {
  std::map<std::string, std::pair<std::uintmax_t, fs::file_time_type>> state;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) state[entry.path().string()] = {entry.file_size(), entry.last_write_time()};
  }
  return state;
}

TEST_CASE("a healthy usher has nothing but good findings, running or stopped, and nothing is changed by the look") {
  Shop shop;
  shop.world.run();
  shop.world.ask(ann, "hello");
  const ProcessResult running = shop.doctor();
  CHECK_MESSAGE(running.status == 0, running.output);
  const json::object report = Shop::report(running);
  CHECK(report.at("errors") == 0);
  CHECK(level_of(report, "a gateway runs (pid " + std::to_string(shop.world.gateway().pid()) + ")") == "ok");
  CHECK(level_of(report, "messages are accepted and answered") == "ok");
  CHECK(level_of(report, std::string("answers as @") + bot_name) == "ok");
  CHECK(level_of(report, "the key was not tried") == "ok");
  CHECK(shop.world.stop() == 0);
  const auto before = state_of(shop.world.dir / "data");
  const ProcessResult stopped = shop.doctor();
  CHECK_MESSAGE(stopped.status == 0, stopped.output);
  CHECK(level_of(Shop::report(stopped), "no gateway runs") == "ok");
  CHECK(level_of(Shop::report(stopped), "whole; schema") == "ok");
  const auto after = state_of(shop.world.dir / "data");
  for (const auto& [file, state] : before) {
    CAPTURE(file);
    const auto found = after.find(file);
    REQUIRE(found != after.end());
    if (!file.ends_with("-shm")) CHECK(found->second == state);
  }
}

TEST_CASE("a wrong token, a dead model and a broken database are errors, and no secret is told") {
  Shop shop;
  shop.world.run();
  shop.world.ask(ann, "hello");
  CHECK(shop.world.stop() == 0);
  const std::string wrong = "42:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
  shop.world.environment["TELEGRAM_TOKEN"] = wrong;
  std::string config = shop.world.common_config();
  const std::string address = shop.world.model.base_url();
  config.replace(config.find(address), address.size(), "http://127.0.0.1:1/v1");
  shop.world.configure(config + World::shop_roles());
  shop.world.write_file("data/gateway.db", std::string(5000, 'x'));
  fs::remove(shop.world.dir / "data/gateway.db-wal");  // holds all of it and is read first
  const ProcessResult sick = shop.doctor();
  CHECK(sick.status == 1);
  const json::object report = Shop::report(sick);
  CHECK(level_of(report, "Telegram refuses the bot's token") == "error");
  CHECK(level_of(report, "cannot be reached") == "error");
  CHECK(level_of(report, "cannot be read") == "error");
  for (const std::string& secret : {wrong, std::string("sk-e2e-secret")}) {
    CHECK_FALSE(contains(sick.output + sick.errors, secret));
  }
  const json::object offline = Shop::report(shop.world.command({"doctor", "--json", "--offline"}));
  CHECK(level_of(offline, "cannot be reached") == "nothing said");
}

TEST_CASE("a ledger on which usher does not start is an error, with the reason that the start gives") {
  Shop shop;
  shop.world.run();
  CHECK(shop.world.stop() == 0);
  const fs::path data = shop.world.dir / "data";
  CHECK(level_of(Shop::report(shop.doctor()), "goes on where its checkpoints left off") == "ok");
  std::string reason;
  SUBCASE("gone") {
    fs::remove(data / "ledger.db");
    reason = "and it is gone or empty";
  }
  SUBCASE("emptied") {
    fs::resize_file(data / "ledger.db", 0);
    reason = "and it is gone or empty";
  }
  SUBCASE("without its key") {
    fs::remove(data / "ledger.key");
    reason = "ledger.key is missing";
  }
  for (const char* log : {"ledger.db-wal", "ledger.db-shm"}) fs::remove(data / log);
  const ProcessResult sick = shop.doctor();
  CHECK(sick.status == 1);
  CHECK(level_of(Shop::report(sick), reason) == "error");
  const ProcessResult start = run_process(shop.world.process_options({"run"}));
  CHECK(start.status == 1);
  CHECK(contains(start.errors, reason));
}

TEST_CASE("a configuration with an error is told as one, with its line, and ends with 3") {
  Shop shop;
  const std::string config = shop.world.common_config() + "\n[gatway]\n";
  shop.world.configure(config);
  const ProcessResult wrong = shop.doctor();
  CHECK(wrong.status == 3);
  CHECK(contains(wrong.output, line_of(config, "[gatway]")));
}

}  // namespace
}  // namespace usher::e2e
