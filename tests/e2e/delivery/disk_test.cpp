// usher on a disk that is full, fails, or has damaged a file: nothing is acknowledged that is not stored, usher says
// what is wrong, whoever is not concerned goes on, and it recovers by itself.
#include <doctest/doctest.h>

#include <filesystem>
#include <map>

#include "e2e/world.h"
#include "net/http_client.h"
#include "support/run_task.h"

namespace usher::e2e {
namespace {

namespace fs = std::filesystem;

// Everybody is limited, so that every call of a model is admitted by limits.db first.
const char* const limited_roles = R"(
[rbac]
default_role = "buyer"

[rbac.roles.buyer]
autonomy = "readonly"
allowed_tools = ["product_search"]
workspace = "shared"
rate_limit_per_minute = 1000
cost_daily_limit_usd = 100.0

[rbac.workspaces.shared]
path = "shared"

[tenants.acme.rbac]
default_role = "guest"

[tenants.acme.rbac.roles.guest]
autonomy = "readonly"
allowed_tools = []
workspace = "owner"

[tenants.acme.rbac.workspaces.owner]
path = "owner"
)";

struct Shop {
  World world;
  TelegramSimulator acme{world.thread.executor(), TelegramOptions{.token = "777:BBacmeacmeacmeacmeacmeacmeacmeacmeac"}};

  explicit Shop(ModelSimulator::Script script = {}) : world(std::move(script)) {
    world.binary = USHER_ON_FAULTY_DISK;
    world.environment["USHER_FAULTY_DISK"] = (world.dir / "disk").string();
    world.configure(world.common_config() + "\n[[channels.telegram]]\nname = \"acme\"\ntenant = \"acme\"\ntoken = \"" +
                    acme.token() + "\"\napi_root = \"" + acme.api_root() + "\"\n" + limited_roles);
  }

  // What fails from now on (support/disk/faulty_disk.h); "" = nothing.
  void disk(const std::string& rules) {
    world.write_file("disk.new", rules);
    fs::rename(world.dir / "disk.new", world.dir / "disk");
  }
  void wait_for_log(const std::string& text) {
    world.wait_until([&] { return contains(world.gateway().errors(), text); }, "in the log: " + text);
  }
  std::string ask_acme(std::int64_t person, const std::string& text) {
    const std::size_t before = acme.sent().size();
    acme.private_message(person, text);
    world.wait_until([&] { return acme.sent().size() > before; }, "an answer of the second bot");
    return acme.sent().back().text;
  }
  // The status of /readyz.
  int readiness() {
    asio::io_context loop(1);
    auto client = net::make_http_client(loop.get_executor());
    Result<net::Endpoint> endpoint = net::parse_endpoint(world.api());
    REQUIRE(endpoint);
    net::HttpRequest request{.endpoint = &*endpoint, .method = "GET", .target = "/readyz"};
    Result<net::HttpResponse> response = run_task(loop, client->send(std::move(request), Deadline::in(patience), {}));
    REQUIRE_MESSAGE(response, (response ? "" : response.error().message));
    return response->status;
  }
  fs::path memory_of_ann() const {
    return world.dir / "data/default/memory/shared" / (std::string(ann_digest) + ".db");
  }
};

TEST_CASE("while messages cannot be stored Telegram keeps them, and with room again each is answered once") {
  for (const char* fault : {"full", "broken", "half_write"}) {
    CAPTURE(fault);
    Shop shop;
    World& world = shop.world;
    world.run();
    CHECK(contains(world.ask(carl, "before"), "before"));
    CHECK(shop.readiness() == 200);

    shop.disk("gateway.db write 1+ " + std::string(fault));
    const std::vector<std::int64_t> updates = {world.telegram.private_message(ann, "from ann"),
                                               world.telegram.private_message(bob, "from bob"),
                                               world.telegram.private_message(carl, "from carl")};
    shop.wait_for_log("gateway.db");
    world.wait_until([&] { return shop.readiness() == 503; }, "readiness says that something is wrong");
    CHECK(world.telegram.unconfirmed() == updates);
    CHECK(world.messages_in(ann).empty());
    CHECK(world.model.requests().size() == 1);

    shop.disk("");
    CHECK(contains(world.wait_for_message(ann, 1).text, "from ann"));
    CHECK(contains(world.wait_for_message(bob, 1).text, "from bob"));
    CHECK(contains(world.wait_for_message(carl, 2).text, "from carl"));
    CHECK(contains(world.ask(ann, "after"), "after"));
    world.wait_until([&] { return shop.readiness() == 200; }, "readiness says that all is well");
    CHECK(world.messages_in(ann).size() == 2);
    CHECK(world.messages_in(bob).size() == 1);
    CHECK(world.messages_in(carl).size() == 2);
    CHECK(world.model.requests().size() == 5);
  }
}

TEST_CASE("a disk that fills up while the model thinks delays the answer, which comes once") {
  Shop* here = nullptr;
  Shop shop([&](const json::object& request) {
    ModelAnswer answer;
    answer.text = "echo: " + last_text(request, "user");
    if (contains(answer.text, "fill the disk")) here->disk("gateway.db write 1+ full");
    return answer;
  });
  here = &shop;
  World& world = shop.world;
  world.run();
  CHECK(contains(world.ask(ann, "before"), "before"));
  world.telegram.private_message(ann, "fill the disk");
  shop.wait_for_log("gateway.db");
  CHECK(world.messages_in(ann).size() == 1);
  shop.disk("");
  CHECK(contains(world.wait_for_message(ann, 2).text, "fill the disk"));
  CHECK(contains(world.ask(ann, "after"), "after"));
  CHECK(world.messages_in(ann).size() == 3);
}

TEST_CASE("a memory that cannot be opened concerns its sender alone, and only while it cannot") {
  Shop shop;
  World& world = shop.world;
  shop.disk(std::string(ann_digest) + " open 1+ broken\n");
  world.run();
  const std::string told = world.ask(ann, "hello");
  check_is_for_people(told);
  CHECK_FALSE(contains(told, "echo"));
  shop.wait_for_log(std::string(ann_digest) + ".db");
  CHECK(contains(world.ask(bob, "hello"), "echo"));
  CHECK(contains(shop.ask_acme(ann, "hello"), "echo"));
  shop.disk("");
  CHECK(contains(world.ask(ann, "once more"), "once more"));
}

TEST_CASE("a memory that cannot be written does not keep the answer back, and remembers again when it can") {
  Shop shop;
  World& world = shop.world;
  world.run();
  CHECK(contains(world.ask(ann, "my colour is turquoise"), "turquoise"));
  shop.disk(std::string(ann_digest) + " write 1+ full\n");
  CHECK(contains(world.ask(ann, "my number is seven"), "seven"));
  shop.wait_for_log(std::string(ann_digest) + ".db");
  CHECK(contains(world.ask(bob, "hello"), "echo"));
  CHECK(contains(shop.ask_acme(ann, "hello"), "echo"));
  shop.disk("");
  CHECK(contains(world.ask(ann, "and my animal is a heron"), "heron"));
  CHECK(contains(world.ask(ann, "what do you know?"), "what"));
  const std::string last = json::serialize(world.model.requests().back());
  CHECK(contains(last, "turquoise"));
  CHECK(contains(last, "heron"));
}

TEST_CASE("no model is called while the call cannot be counted, and once it can each is") {
  Shop shop;
  World& world = shop.world;
  world.run();
  shop.disk("limits.db write 1+ full\n");
  const std::string told = world.ask(ann, "hello");
  check_is_for_people(told);
  CHECK_FALSE(contains(told, "echo"));
  shop.wait_for_log("limits.db");
  CHECK(world.model.requests().empty());
  shop.disk("");
  CHECK(contains(world.ask(ann, "once more"), "once more"));
}

TEST_CASE("a database that cannot be opened keeps the gateway from starting, and says which") {
  for (const char* name : {"gateway.db", "limits.db", "api.db"}) {
    CAPTURE(name);
    Shop shop;
    shop.disk(std::string(name) + " open 1+ broken\n");
    const ProcessResult result = shop.world.command({"run"});
    CHECK(result.status == 1);
    CHECK(contains(result.errors, name));
    CHECK(shop.world.telegram.count("getupdates") == 0);
  }
}

TEST_CASE("a damaged memory is set aside: its sender is told once, the operator where it is, others nothing") {
  Shop shop;
  World& world = shop.world;
  world.run();
  world.ask(ann, "my colour is turquoise");
  world.ask(bob, "my colour is green");
  CHECK(world.stop() == 0);
  const std::string nonsense(20'000, 'x');
  world.write_file(fs::relative(shop.memory_of_ann(), world.dir.path()).string(), nonsense);
  world.run();
  const std::string told = world.ask(ann, "what is my colour?");
  check_is_for_people(told);
  CHECK(contains(told, "damaged"));
  CHECK(contains(world.ask(ann, "hello again"), "hello again"));
  CHECK_FALSE(contains(json::serialize(world.model.requests().back()), "turquoise"));
  world.ask(bob, "what is my colour?");
  CHECK(contains(json::serialize(world.model.requests().back()), "green"));

  std::vector<fs::path> aside;
  for (const fs::directory_entry& entry : fs::directory_iterator(shop.memory_of_ann().parent_path())) {
    const std::string name = entry.path().filename().string();
    if (contains(name, ".db.corrupt-") && !name.ends_with("-wal")) aside.push_back(entry.path());
  }
  REQUIRE(aside.size() == 1);
  CHECK(world.read_file(fs::relative(aside[0], world.dir.path()).string()) == nonsense);
  CHECK(contains(world.gateway().errors(), aside[0].string()));
  CHECK(contains(world.gateway().errors(), shop.memory_of_ann().string()));
}

TEST_CASE("with few descriptors many people at once are answered later, not never") {
  World world;
  world.write_file("few", std::string("#!/bin/sh\nulimit -n 64\nexec ") + USHER_BINARY + " \"$@\"\n");
  fs::permissions(world.dir / "few", fs::perms::owner_all);
  world.binary = (world.dir / "few").string();
  world.configure(world.common_config() + World::shop_roles());
  world.run();
  constexpr int people = 60;
  for (int i = 0; i < people; ++i) world.telegram.private_message(1000 + i, "number " + std::to_string(i));
  for (int i = 0; i < people; ++i) {
    CHECK(contains(world.wait_for_message(1000 + i, 1).text, "number " + std::to_string(i)));
  }
}

TEST_CASE("where a damaged database keeps usher from starting or a command from answering, both say what to do") {
  World world;
  world.configure(world.common_config() + limited_roles);
  world.run();
  world.ask(ann, "hello");
  REQUIRE(world.stop() == 0);
  const std::map<std::string, std::vector<std::string>> readers{{"gateway.db", {"conversations"}},
                                                                {"limits.db", {"usage"}},
                                                                {"links.db", {"usage", "--sender", "telegram:200"}},
                                                                {"api.db", {"token", "list"}}};
  const fs::path whole = world.dir / "whole";
  for (const auto& [name, reader] : readers) {
    CAPTURE(name);
    const fs::path file = world.dir / "data" / name;
    // With its log, which would mend it.
    for (const char* part : {"", "-wal", "-shm"}) {
      if (fs::exists(file.native() + part)) fs::rename(file.native() + part, whole.native() + part);
    }
    world.write_file("data/" + name, std::string(8192, 'x'));
    fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
    for (const std::vector<std::string>& command : {std::vector<std::string>{"run"}, reader}) {
      const ProcessResult refused = world.command(command);
      CHECK(refused.status == 1);
      CHECK(contains(refused.errors, name + ": "));
      CHECK(contains(refused.errors, "; restore it from a backup (usher restore)"));
    }
    for (const char* part : {"", "-wal", "-shm"}) {
      fs::remove(file.native() + part);
      if (fs::exists(whole.native() + part)) fs::rename(whole.native() + part, file.native() + part);
    }
  }
  CHECK(world.command({"conversations"}).status == 0);
}

}  // namespace
}  // namespace usher::e2e
