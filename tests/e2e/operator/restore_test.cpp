// What a restore makes of the ledger and of its checkpoints, in data_dir and elsewhere.
#include <doctest/doctest.h>

#include <filesystem>

#include "e2e/world.h"

namespace usher::e2e {
namespace {

namespace fs = std::filesystem;

// Its checkpoints are kept beside data_dir. Each life of usher is two rows, signed.
struct Shop {
  Shop() {
    fs::create_directory(file().parent_path());
    world.configure(world.common_config() + World::shop_roles() + "\n[audit]\ncheckpoint_file = \"" + file().native() +
                    "\"\n");
  }
  fs::path file() const { return world.dir / "elsewhere/checkpoints"; }
  fs::path backup() const { return world.dir / "backup"; }
  std::string checkpoints() const { return world.read_file("elsewhere/checkpoints"); }
  void run_for_two_rows() {
    world.run();
    REQUIRE(world.stop() == 0);
  }
  // A row itself.
  void make_backup() { json_of(world.command({"backup", backup().string(), "--json"})); }
  ProcessResult command(std::vector<std::string> arguments, const std::vector<std::string>& more) {
    arguments.insert(arguments.end(), more.begin(), more.end());
    return world.command(arguments);
  }
  ProcessResult restore(const std::vector<std::string>& more) { return command({"restore", backup().string()}, more); }
  ProcessResult verify(const std::vector<std::string>& more = {}) { return command({"audit", "verify"}, more); }
  json::object newest_row() {
    return json::parse(world.command({"audit", "tail", "-n", "1", "--json"}).output).as_object();
  }

  World world;
};

TEST_CASE("checkpoints elsewhere that prove more than the backup has are neither destroyed nor hidden") {
  Shop shop;
  shop.run_for_two_rows();
  shop.make_backup();
  const std::string common = shop.checkpoints();
  shop.run_for_two_rows();
  shop.run_for_two_rows();
  const std::string evidence = shop.checkpoints();

  const ProcessResult refused = shop.restore({"--force"});
  CHECK(refused.status == 1);
  CHECK(contains(refused.errors,
                 shop.file().native() + " proves 7 rows, and the backup has 3: rows 4 to 7 would be lost"));
  CHECK(contains(refused.errors, "--accept-lost-rows"));
  CHECK(shop.checkpoints() == evidence);
  CHECK(shop.verify().status == 0);
  CHECK(std::distance(fs::directory_iterator(shop.file().parent_path()), {}) == 1);

  const json::object restored = json_of(shop.restore({"--force", "--accept-lost-rows", "--json"}));
  const std::string aside(restored.at("checkpoints_moved_to").as_string());
  CHECK(aside.starts_with(shop.file().native() + ".before-restore-2"));
  CHECK(shop.world.read_file("elsewhere/" + fs::path(aside).filename().string()) == evidence);
  CHECK(shop.checkpoints().starts_with(common));  // signed by the ledger that was restored, then by what follows it
  CHECK(shop.checkpoints().size() > common.size());
  const json::object row = shop.newest_row();
  CHECK(row.at("row") == 4);
  CHECK(row.at("kind") == "operator_action");
  CHECK(row.at("action") == "operator:restore:data_dir");
  CHECK(std::string(row.at("resource").as_string()) == shop.backup().native());
  CHECK(row.at("rule") == "--accept-lost-rows");
  for (const std::string& part :
       {std::string("rows to 7 were signed before"), std::string("rows 4 to 7 would be lost"), aside}) {
    CHECK_MESSAGE(contains(row.at("detail").as_string(), part), row.at("detail"));
  }
  CHECK(json_of(shop.verify({"--json"})).at("signed_rows") == 4);
  CHECK(shop.verify({"--checkpoint", aside}).status == 2);  // the evidence still tells
  shop.run_for_two_rows();
  CHECK(shop.verify().status == 0);
}

TEST_CASE("a backup from before an accepted loss is told apart from one that is only older") {
  Shop shop;
  shop.run_for_two_rows();
  shop.make_backup();
  shop.run_for_two_rows();
  const std::string other = (shop.world.dir / "other").string();
  REQUIRE(shop.world.command({"backup", other}).status == 0);  // of 6 rows
  REQUIRE(shop.restore({"--force", "--accept-lost-rows"}).status == 0);
  shop.run_for_two_rows();
  shop.run_for_two_rows();
  const ProcessResult refused = shop.world.command({"restore", other, "--force"});
  CHECK(refused.status == 1);
  CHECK(contains(refused.errors, "of which the backup has the first 3 only"));
  CHECK(shop.world.command({"restore", other, "--force", "--accept-lost-rows"}).status == 0);
  CHECK(json_of(shop.verify({"--json"})).at("signed_rows") == 7);
  shop.run_for_two_rows();
}

TEST_CASE("a restore is a row of the ledger that it restores, signed, and needs no leave where no row is lost") {
  Shop shop;
  SUBCASE("with checkpoints elsewhere") {}
  SUBCASE("with checkpoints in data_dir") { shop.world.configure(shop.world.common_config() + World::shop_roles()); }
  shop.run_for_two_rows();
  shop.make_backup();
  const json::object restored = json_of(shop.restore({"--force", "--json"}));
  CHECK(restored.at("checkpoints_moved_to").is_null());
  const json::object row = shop.newest_row();
  CHECK(row.at("action") == "operator:restore:data_dir");
  CHECK(contains(row.at("detail").as_string(), restored.at("made_at").as_string()));
  CHECK(contains(row.at("detail").as_string(), restored.at("moved_to").as_string()));
  CHECK(json_of(shop.verify({"--json"})).at("signed_rows") == 4);
  shop.run_for_two_rows();
}

}  // namespace
}  // namespace usher::e2e
