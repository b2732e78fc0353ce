// The operator's socket, and the commands that ask through it or, without a gateway, look themselves.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>

#include "e2e/world.h"

namespace usher::e2e {
namespace {

namespace fs = std::filesystem;

struct Shop {
  explicit Shop(const std::string& listen = "127.0.0.1:0", const std::string& data_dir = "data") {
    std::string config = world.common_config() + World::shop_roles();
    const auto put = [&](const std::string& before, const std::string& after) {
      config.replace(config.find(before), before.size(), after);
    };
    put("listen = \"127.0.0.1:0\"", "listen = \"" + listen + "\"");
    put("data_dir = \"data\"", "data_dir = \"" + data_dir + "\"");
    world.configure(config);
  }
  bool has_logged(const std::string& text) { return contains(world.gateway().errors(), text); }

  World world;
};

const std::vector<std::string> kCreate{"token", "create", "--name", "alice", "--scope", "read", "--json"};

std::size_t count_tokens(World& world) {
  return json_of(world.command({"token", "list", "--json"})).at("tokens").as_array().size();
}

TEST_CASE("a command asks the running gateway, which alone has its databases open") {
  Shop shop;
  shop.world.run();
  struct stat info{};
  REQUIRE(::stat((shop.world.dir / "data/usher.sock").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  const json::object made = json_of(shop.world.command(kCreate));
  CHECK(made.at("token").as_string().starts_with("ush_"));
  CHECK(shop.has_logged("api: the operator made token " + std::string(made.at("jti").as_string())));
  CHECK(count_tokens(shop.world) == 1);
}

TEST_CASE("without a gateway the same commands do the same, and both see what the other did") {
  Shop shop;
  const std::string jti(json_of(shop.world.command(kCreate)).at("jti").as_string());
  shop.world.run();
  CHECK(count_tokens(shop.world) == 1);
  json_of(shop.world.command(kCreate));
  CHECK(shop.world.stop() == 0);
  CHECK_FALSE(fs::exists(shop.world.dir / "data/usher.sock"));
  CHECK(count_tokens(shop.world) == 2);
  CHECK(shop.world.command({"token", "revoke", jti}).status == 0);
  CHECK(count_tokens(shop.world) == 1);
}

TEST_CASE("the socket is there without an API, after a kill, and at the end of a long path") {
  const std::string deep = std::string(90, 'd') + "/" + std::string(90, 'e');
  for (const std::string& data_dir : {std::string("data"), deep}) {
    Shop shop("off", data_dir);
    shop.world.run();
    json_of(shop.world.command(kCreate));
    shop.world.kill();
    CHECK(fs::exists(shop.world.dir / data_dir / "usher.sock"));
    shop.world.run();
    CHECK(count_tokens(shop.world) == 1);
    CHECK_FALSE(shop.has_logged("the API listens"));
  }
}

TEST_CASE("a token that could not be shown is revoked, with and without a gateway") {
  Shop shop;
  auto create_into = [&](const std::string& redirection, std::vector<std::string> more) {
    std::vector<std::string> arguments{"token", "create", "--name", "alice", "--scope", "read"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    ProcessOptions options = shop.world.process_options(arguments);
    options.command.insert(options.command.begin(), {"sh", "-c", "exec \"$0\" \"$@\" " + redirection});
    return run_process(options);
  };
  for (const bool is_running : {false, true}) {
    if (is_running) shop.world.run();
    for (const std::vector<std::string>& more : {std::vector<std::string>{}, {"--json"}}) {
      for (const char* lost : {">/dev/full", ">&-"}) {
        const ProcessResult result = create_into(lost, more);
        CHECK(result.status == 1);
        CHECK(contains(result.errors, "cannot write to stdout: "));
        CHECK(contains(result.errors, " is revoked, as it was not shown"));
        CHECK(count_tokens(shop.world) == 0);
      }
    }
  }
  const ProcessResult shown = create_into("2>/dev/full", {});
  CHECK(shown.status == 0);
  CHECK(shown.output.starts_with("ush_"));
  CHECK(count_tokens(shop.world) == 1);
}

TEST_CASE("commands that come at once all do their work") {
  Shop shop;
  std::vector<std::unique_ptr<Process>> commands;
  for (int i = 0; i < 4; ++i) commands.push_back(std::make_unique<Process>(shop.world.process_options(kCreate)));
  for (const auto& command : commands) CHECK(command->wait(patience) == 0);
  CHECK(count_tokens(shop.world) == 4);
}

TEST_CASE("a chat has no socket, and a command says so") {
  Shop shop;
  Process chat(shop.world.process_options({"chat"}));
  REQUIRE(chat.wait_until([&] { return contains(chat.errors(), "data in"); }, patience));
  CHECK_FALSE(fs::exists(shop.world.dir / "data/usher.sock"));
  const ProcessResult refused = shop.world.command(kCreate);
  CHECK(refused.status == 1);
  CHECK(contains(refused.errors, "(pid " + std::to_string(chat.pid()) + ")"));
  CHECK(contains(refused.errors, "stop it first"));
}

TEST_CASE("a second signal ends at once, well, and nothing that was accepted is lost by it") {
  std::atomic<bool> hangs = true;
  World world([&](const json::object& request) {
    ModelAnswer answer;
    answer.text = "echo: " + last_text(request, "user");
    if (hangs) {
      answer.instead = HttpReply{};
      answer.instead->hang = true;
    }
    return answer;
  });
  world.configure(world.common_config() + World::shop_roles());
  Process& usher = world.run();
  world.telegram.private_message(ann, "do not forget me");
  world.wait_until([&] { return world.model.requests().size() == 1; }, "the model is asked");
  usher.signal(SIGTERM);
  REQUIRE(usher.wait_until([&] { return contains(usher.errors(), "once more stops at once"); }, patience));
  usher.signal(SIGTERM);
  CHECK(usher.wait(std::chrono::seconds(5)) == 0);  // well before the grace of 20 s
  hangs = false;
  world.run();
  CHECK(contains(world.wait_for_message(ann, 1).text, "do not forget me"));
}

}  // namespace
}  // namespace usher::e2e
