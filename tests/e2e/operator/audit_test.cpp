// The ledger of the real binary, and `usher audit` beside it and after it.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "e2e/world.h"

namespace usher::e2e {
namespace {

namespace fs = std::filesystem;

// Where the data of World's config is.
std::string data(const std::string& file) { return "data/" + file; }

std::vector<json::object> rows_of(World& world, const std::string& count = "1000") {
  std::vector<json::object> rows;
  const ProcessResult tail = world.command({"audit", "tail", "--json", "-n", count});
  REQUIRE(tail.status == 0);
  std::istringstream lines(tail.output);
  for (std::string line; std::getline(lines, line);) rows.push_back(json::parse(line).as_object());
  return rows;
}

std::string public_key(const World& world) {
  std::string key = world.read_file(data("ledger.pub"));
  REQUIRE(key.ends_with('\n'));
  key.pop_back();
  return key;
}

TEST_CASE("start and stop are rows, signed when usher ends, and verify beside a running usher and after it") {
  World world;
  world.configure(world.common_config() + World::shop_roles());
  world.run();
  ProcessResult verified = world.command({"audit", "verify"});
  CHECK(verified.status == 0);
  CHECK(contains(verified.output, "a cut tail cannot be excluded"));
  CHECK(contains(verified.output, "not pinned"));
  CHECK(world.stop() == 0);
  const std::vector<json::object> rows = rows_of(world);
  REQUIRE(rows.size() >= 2);
  CHECK(rows.front().at("action") == "process:start:gateway");
  CHECK(rows.back().at("action") == "process:stop:gateway");
  CHECK(contains(rows.front().at("detail").as_string(), "sha256:"));
  verified = world.command({"audit", "verify", "--json"});
  const json::object report = json_of(verified);
  CHECK(report.at("valid") == true);
  CHECK(report.at("signed_rows").to_number<std::size_t>() == rows.size());
  CHECK(report.at("notices").as_array().empty());
  struct stat info{};
  for (const char* file : {"ledger.db", "ledger.key", "checkpoints"}) {
    REQUIRE(::stat((world.dir / data(file)).c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
  }
}

TEST_CASE("what an operator does in the shell and an agent asks for are rows of one chain, beside each other") {
  World world;
  world.configure(world.common_config() + World::shop_roles());
  const ProcessResult first = world.command({"token", "create", "--name", "before", "--scope", "read"});
  REQUIRE(first.status == 0);
  CHECK(world.command({"audit", "verify", "--json"}).status == 0);
  world.run();
  REQUIRE(world.command({"token", "create", "--name", "beside", "--scope", "admin"}).status == 0);
  const std::string jti = first.errors.substr(first.errors.find("tok_"), 20);
  REQUIRE(world.command({"token", "revoke", jti}).status == 0);
  REQUIRE(world.stop() == 0);
  std::vector<std::string> actions;
  for (const json::object& row : rows_of(world)) actions.emplace_back(row.at("action").as_string());
  CHECK(actions == std::vector<std::string>{"token:make:operator", "process:start:gateway", "token:make:operator",
                                            "token:revoke:token", "process:stop:gateway"});
  CHECK(json_of(world.command({"audit", "verify", "--json"})).at("signed_rows") == 5);
}

TEST_CASE("a tool call is a row before it is made, under the turn that it belongs to") {
  std::atomic<int> asked = 0;
  World world([&](const json::object&) {
    ModelAnswer answer;
    if (asked++ == 0) {
      answer.tool_calls.push_back({"call_1", "product_search", R"({"query":"tea"})"});
    } else {
      answer.text = "done";
    }
    return answer;
  });
  world.configure(world.common_config() + World::shop_roles());
  world.run();
  CHECK(world.ask(ann, "tea?") == "done");
  REQUIRE(world.stop() == 0);
  for (const json::object& row : rows_of(world)) {
    if (row.at("kind") != "decision") continue;
    CHECK(row.at("who") == "telegram:200");
    CHECK(row.at("role") == "buyer");
    CHECK(row.at("action") == "product:read:catalog");
    CHECK(row.at("outcome") == "allowed");
    CHECK(row.at("source").as_string().starts_with("main/"));
    return;
  }
  FAIL("no decision in the ledger");
}

TEST_CASE("a witness is told each checkpoint, and one that refuses holds nothing up") {
  World world;
  std::atomic<int> status = 200;
  std::vector<std::string> told;  // read once usher has ended
  HttpServer witness(world.thread.executor(), [&](HttpCall call) -> Task<HttpReply> {
    if (call.method == "POST" && call.target == "/add") told.push_back(call.body);
    co_return HttpReply{.status = status};
  });
  world.configure(world.common_config() + World::shop_roles() + "\n[audit]\nwitness_url = \"" + witness.url() +
                  "/add\"\n");
  world.run();
  REQUIRE(world.stop() == 0);
  REQUIRE(told.size() == 1);
  CHECK(told[0] + "\n" == world.read_file(data("checkpoints")));
  status = 500;
  world.run();
  CHECK(world.stop() == 0);
  CHECK(contains(world.gateway().errors(), "the witness did not take the checkpoint: status 500"));
  CHECK(world.command({"audit", "verify"}).status == 0);
  witness.stop();
}

TEST_CASE("a bundle verifies elsewhere with the public key alone, and not when a byte of it was changed") {
  World world;
  world.configure(world.common_config() + World::shop_roles());
  world.run();
  REQUIRE(world.stop() == 0);
  const ProcessResult proof = world.command({"audit", "proof", "1"});
  REQUIRE(proof.status == 0);
  TempDir elsewhere;
  const auto verify = [&](std::string bundle) {
    std::ofstream(elsewhere / "bundle.jsonl", std::ios::binary) << bundle;
    return run_process(
               {.command = {USHER_BINARY, "audit", "verify", "--key", public_key(world), "--bundle", "bundle.jsonl"},
                .directory = elsewhere.path()})
        .status;
  };
  CHECK(verify(proof.output) == 0);
  std::string changed = proof.output;
  changed.replace(changed.find("process:start"), 13, "process:steal");
  CHECK(verify(changed) == 2);
  // A folder gets a file of its own, and none is written over.
  const std::string folder = elsewhere.path().string();
  CHECK(world.command({"audit", "export", "--out", folder}).status == 0);
  CHECK(world.command({"audit", "export", "--out", folder}).status == 1);
  CHECK(fs::exists(elsewhere / "ledger-1-2.jsonl"));
}

TEST_CASE("a file that is named and not there is no proof of anything") {
  World world;
  world.configure(world.common_config() + World::shop_roles());
  world.run();
  REQUIRE(world.stop() == 0);
  for (const char* option : {"--checkpoint", "--ledger"}) {
    const ProcessResult verified = world.command({"audit", "verify", option, "no-such-file"});
    CHECK(verified.status == 1);
    CHECK(contains(verified.errors, "cannot open 'no-such-file'"));
    CHECK(verified.output.empty());
  }
}

TEST_CASE("a key that is lost is not replaced by another, and its ledger still verifies") {
  World world;
  const std::string config = world.common_config() + World::shop_roles();
  world.configure(config);
  world.run();
  REQUIRE(world.stop() == 0);
  fs::rename(world.dir / data("ledger.key"), world.dir / "kept.key");
  std::string pinned;
  SUBCASE("without a pinned key") {}
  SUBCASE("with a pinned key") { pinned = "\n[audit]\nverify_key = \"" + public_key(world) + "\"\n"; }
  world.configure(config + pinned);
  const ProcessResult start = run_process(world.process_options({"run"}));
  CHECK(start.status == 1);
  CHECK(contains(start.errors, "ledger.key is missing. Put it back"));
  CHECK_FALSE(fs::exists(world.dir / data("ledger.key")));
  const ProcessResult verified = world.command({"audit", "verify"});
  CHECK(verified.status == 0);
  CHECK(contains(verified.output, pinned.empty() ? "ledger.pub" : "pinned in config.toml"));
  fs::rename(world.dir / "kept.key", world.dir / data("ledger.key"));
  world.run();
  CHECK(world.stop() == 0);
}

TEST_CASE("a number of rows below none is refused, and never means all of them") {
  World world;
  world.configure(world.common_config() + World::shop_roles());
  world.run();
  REQUIRE(world.stop() == 0);
  const std::vector<std::vector<std::string>> wrong{
      {"tail", "-n", "-3"}, {"export", "--from", "-1"}, {"export", "--to", "-1"}, {"proof", "0"}};
  for (const std::vector<std::string>& each : wrong) {
    std::vector<std::string> arguments{"audit"};
    arguments.insert(arguments.end(), each.begin(), each.end());
    const ProcessResult result = world.command(arguments);
    CHECK(result.status == 1);
    CHECK(result.output.empty());
    CHECK(contains(result.errors, each.back() + " is no whole number from "));
  }
  CHECK(rows_of(world, "1").size() == 1);
  CHECK(rows_of(world, "0").empty());
}

TEST_CASE("whatever prints data takes --json") {
  World world;
  world.configure(world.common_config() + World::shop_roles());
  world.run();
  REQUIRE(world.stop() == 0);
  const std::string file = (world.dir / "other.key").string();
  const json::object made = json_of(world.command({"audit", "keygen", "--out", file, "--json"}));
  CHECK(std::string(made.at("key_file").as_string()) == file);
  CHECK(made.at("verify_key").as_string().starts_with("usher+"));
  CHECK(world.command({"audit", "export", "--json"}).output == world.command({"audit", "export"}).output);
  CHECK(world.command({"audit", "proof", "1", "--json"}).output == world.command({"audit", "proof", "1"}).output);
  CHECK(world.command({"audit", "proof", "1", "--json"}).status == 0);
}

TEST_CASE("a changed ledger gives exit status 2, and usher does not start on a cut one") {
  World world;
  world.configure(world.common_config() + World::shop_roles());
  world.run();
  REQUIRE(world.stop() == 0);
  for (const char* file : {"ledger.db", "ledger.db-wal", "ledger.db-shm"}) fs::remove(world.dir / data(file));
  const ProcessResult start = run_process(world.process_options({"run"}));
  CHECK(start.status == 1);
  CHECK(contains(start.errors, "the ledger"));
  CHECK(contains(start.errors, "usher audit verify"));
  const ProcessResult verified = world.command({"audit", "verify"});
  CHECK(verified.status == 2);
  CHECK(contains(verified.output, "row 1 is missing"));
}

TEST_CASE("a pinned key that is not the private one's is an error at the start") {
  World world;
  const std::string config = world.common_config() + World::shop_roles();
  world.configure(config);
  world.run();
  REQUIRE(world.stop() == 0);
  world.configure(config + "\n[audit]\nverify_key = \"" + public_key(world) + "\"\n");
  world.run();
  REQUIRE(world.stop() == 0);
  CHECK(contains(world.command({"audit", "verify"}).output, "pinned in config.toml"));
  const ProcessResult other = world.command({"audit", "keygen", "--out", (world.dir / "other.key").string()});
  REQUIRE(other.status == 0);
  const std::string key = other.output.substr(0, other.output.size() - 1);
  world.configure(config + "\n[audit]\nverify_key = \"" + key + "\"\n");
  const ProcessResult start = run_process(world.process_options({"run"}));
  CHECK(start.status == 1);
  CHECK(contains(start.errors, "verify_key"));
  CHECK(world.command({"audit", "verify"}).status == 2);  // signed, but not by that key
}

}  // namespace
}  // namespace usher::e2e
