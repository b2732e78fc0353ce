// The command line: what operators type, what they see, and what it exits with.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <filesystem>

#include "e2e/world.h"

namespace usher::e2e {
namespace {

namespace fs = std::filesystem;

TEST_CASE("a good configuration passes check") {
  World world;
  world.configure(world.common_config() + World::shop_roles());
  ProcessResult result = world.command({"check"});
  CHECK(result.status == 0);
  CHECK_FALSE(result.output.empty());
}

TEST_CASE("every mistake is named at once with file, line, column and a suggestion, and nothing starts") {
  World world;
  std::string config = world.common_config() + World::shop_roles();
  config.replace(config.find("autonomy = \"full\""), 8, "autonmy ");
  config.replace(config.find("role = \"owner\""), 14, "role = \"ownr\" ");
  config.replace(config.find("workspace = \"shared\""), 0, "rate_limit_per_minute = -5\n");
  world.configure(config);
  for (const char* command : {"check", "run", "roles"}) {
    CAPTURE(command);
    ProcessResult result = world.command({command});
    CHECK(result.status == 3);
    CHECK(contains(result.errors, "config.toml" + line_of(config, "autonmy") + "1:"));
    CHECK(contains(result.errors, "'autonomy'"));
    CHECK(contains(result.errors, "config.toml" + line_of(config, "role = \"ownr\"")));
    CHECK(contains(result.errors, "config.toml" + line_of(config, "rate_limit_per_minute = -5")));
  }
  CHECK(world.telegram.count("getupdates") == 0);
  CHECK_FALSE(fs::exists(world.dir / "data"));
}

TEST_CASE("broken TOML is an error with its place") {
  World world;
  world.configure("[gateway]\ndata_dir = \"data\n");
  ProcessResult result = world.command({"check"});
  CHECK(result.status == 3);
  CHECK(contains(result.errors, "config.toml:2:"));
}

TEST_CASE("a missing or empty variable is an error that names the key and never a value") {
  World world;
  world.configure(world.common_config() + World::shop_roles());
  world.environment["MODEL_KEY"] = "";
  ProcessResult result = world.command({"check"});
  CHECK(result.status == 3);
  CHECK(contains(result.errors, "MODEL_KEY"));
  CHECK(contains(result.errors, "api_key"));
  CHECK_FALSE(contains(result.errors + result.output, world.telegram.token()));
}

TEST_CASE("a value may come from the file that NAME_FILE names, but not from both") {
  World world;
  world.configure(world.common_config() + World::shop_roles());
  world.write_file("key.txt", "sk-from-a-file\n");
  world.environment["MODEL_KEY_FILE"] = (world.dir / "key.txt").string();
  CHECK(world.command({"check"}).status == 3);
  world.environment.erase("MODEL_KEY");
  CHECK(world.command({"check"}).status == 0);
  world.run();
  world.ask(ann, "hello");
  CHECK(world.model.calls().at(0).headers.at("authorization") == "Bearer sk-from-a-file");
}

TEST_CASE("a config with a secret inside is refused when others can read it") {
  World world;
  std::string config = world.common_config() + World::shop_roles();
  config.replace(config.find("${TELEGRAM_TOKEN}"), 17, world.telegram.token());
  world.configure(config);
  CHECK(world.command({"check"}).status == 0);
  fs::permissions(world.dir / "config.toml", fs::perms(0644));
  ProcessResult result = world.command({"check"});
  CHECK(result.status == 3);
  CHECK(contains(result.errors, "config.toml"));
  CHECK_FALSE(contains(result.errors, world.telegram.token()));
}

TEST_CASE("a public address without TLS, a broken policy and a key of a role that is none: nothing starts") {
  World world;
  std::string config = world.common_config() + World::shop_roles() +
                       "\n[rbac.roles.buyer.policy]\nmax_sensitivity_level = 9\n"
                       "\n[[api.legacy_keys]]\nname = \"cron\"\nkey = \"${MODEL_KEY}-long-enough\"\nrole = \"byer\"\n";
  config.replace(config.find("127.0.0.1:0"), 9, "0.0.0.0");
  world.configure(config);
  for (const char* command : {"check", "run"}) {
    CAPTURE(command);
    ProcessResult result = world.command({command});
    CHECK(result.status == 3);
    CHECK(contains(result.errors, "config.toml" + line_of(config, "listen = ") + "10: error: 'listen' is a public"));
    CHECK(contains(result.errors, "behind_proxy = true"));
    CHECK(contains(result.errors, line_of(config, "max_sensitivity_level") + "25: error: "));
    CHECK(contains(result.errors, "unknown role 'byer'; did you mean 'buyer'?"));
  }
  CHECK_FALSE(fs::exists(world.dir / "data"));
}

TEST_CASE("what a later version brings is refused, not ignored") {
  World world;
  for (const char* more :
       {"mode = \"webhook\"\n", "webhook_url = \"https://example.org/hook\"\n", "\n[channels.web]\nenabled = true\n"}) {
    CAPTURE(more);
    world.configure(world.common_config() + more + World::shop_roles());
    ProcessResult result = world.command({"check"});
    CHECK(result.status == 3);
    CHECK(contains(result.errors, "not available in this version"));
  }
}

TEST_CASE("a configuration without a channel is none to run, and check and doctor know it; what serves nobody works") {
  World world;
  world.configure(world.base_config() + World::shop_roles());
  for (const char* command : {"check", "run"}) {
    CAPTURE(command);
    ProcessResult result = world.command({command});
    CHECK(result.status == 3);
    CHECK(contains(result.errors, "no channel is configured: add [[channels.telegram]]"));
  }
  CHECK_FALSE(fs::exists(world.dir / "data"));
  CHECK(contains(world.command({"check", "--json"}).output, "\"valid\":false"));
  ProcessResult doctor = world.command({"doctor", "--offline"});
  CHECK(doctor.status == 1);
  CHECK(contains(doctor.output, "no channel is configured"));
  CHECK_FALSE(contains(doctor.output, "the configuration can be used"));
  CHECK(world.command({"roles"}).status == 0);
  CHECK(world.command({"explain", "telegram:200"}).status == 0);
  CHECK(world.command({"chat"}).status == 0);
}

ProcessResult run_into(World& world, const std::string& redirection, std::vector<std::string> arguments) {
  ProcessOptions options = world.process_options(std::move(arguments));
  options.command.insert(options.command.begin(), {"sh", "-c", "exec \"$0\" \"$@\" " + redirection});
  return run_process(options);
}

TEST_CASE("a ledger that cannot be shown is followed no further, and is not exported") {
  World world;
  world.configure(world.common_config() + World::shop_roles());
  world.run();
  REQUIRE(world.stop() == 0);
  for (const std::vector<std::string>& command :
       std::initializer_list<std::vector<std::string>>{{"audit", "tail", "-f"}, {"audit", "export"}}) {
    CAPTURE(command.back());
    const ProcessResult full = run_into(world, ">/dev/full", command);
    CHECK(full.status == 1);
    CHECK(contains(full.errors, "cannot write to stdout: No space left on device"));
  }
}

TEST_CASE("what could not be printed did not succeed: a full or a closed stdout is an error of every command") {
  World world;
  world.configure(world.common_config() + World::shop_roles());
  auto into = [&](const std::string& redirection, std::vector<std::string> arguments) {
    return run_into(world, redirection, std::move(arguments));
  };
  const std::vector<std::vector<std::string>> commands{{"check"},
                                                       {"check", "--json"},
                                                       {"roles"},
                                                       {"roles", "--json"},
                                                       {"usage"},
                                                       {"explain", "telegram:200"},
                                                       {"conversations"},
                                                       {"token", "list", "--json"},
                                                       {"memory", "path", "telegram:200"},
                                                       {"doctor", "--offline"},
                                                       {"audit", "tail", "--help"},
                                                       {"policy", "--help"}};
  for (const std::vector<std::string>& command : commands) {
    CAPTURE(command.front());
    ProcessResult full = into(">/dev/full", command);
    CHECK(full.status == 1);
    CHECK(contains(full.errors, "usher: cannot write to stdout: No space left on device\n"));
    ProcessResult closed = into(">&-", command);
    CHECK(closed.status == 1);
    CHECK(contains(closed.errors, "usher: cannot write to stdout: Bad file descriptor\n"));
    CHECK(into(">/dev/null", command).status == 0);
  }
  // More than a buffer holds.
  world.write_file("requests", std::string(100'000, '\n'));
  world.write_file("policy.json", "{}");
  ProcessResult decided = run_process({.command = {"sh", "-c", "exec \"$0\" \"$@\" <requests >/dev/full", USHER_BINARY,
                                                   "policy", "decide", "--policy", "policy.json"},
                                       .directory = world.dir.path()});
  CHECK(decided.status == 1);
  CHECK(contains(decided.errors, "cannot write to stdout"));
  CHECK(into(">/dev/full 2>&1", {"check", "--json"}).status == 1);
  // A full buffer is written before the end.
  std::string many = world.common_config() + World::shop_roles();
  for (int i = 0; i < 100; ++i) {
    many += fmt::format("[rbac.roles.role_{}]\nworkspace = \"shared\"\nallowed_tools = [\"*\"]\n", i);
  }
  world.configure(many);
  ProcessResult roles = into(">/dev/full", {"roles"});
  CHECK(roles.status == 1);
  CHECK(roles.errors == "usher: cannot write to stdout: No space left on device\n");
}

TEST_CASE("without a config file the message says what to do") {
  World world;
  ProcessResult result = world.command({"run"});
  CHECK(result.status == 3);
  CHECK(contains(result.errors, "config.toml"));
}

TEST_CASE("a sender that is none is refused") {
  World world;
  world.configure(world.common_config() + World::shop_roles());
  for (const char* sender : {"@ann", "telegram:ann", "telegram:-5", "telegram:007", "telegram:", ""}) {
    CAPTURE(sender);
    ProcessResult result = world.command({"explain", sender, "--json"});
    CHECK(result.status == 1);
    CHECK_FALSE(result.errors.empty());
  }
}

TEST_CASE("memory path prints the exact file") {
  World world;
  world.configure(world.common_config() + World::shop_roles());
  ProcessResult result = world.command({"memory", "path", "telegram:200"});
  CHECK(result.status == 0);
  fs::path expected = world.dir / "data/default/memory/shared" / (std::string(ann_digest) + ".db");
  CHECK(result.output == expected.string() + "\n");
  CHECK_FALSE(fs::exists(world.dir / "data"));  // looking creates nothing
}

TEST_CASE("whoever is turned away but for a role of Discord is told of, and found by that role") {
  const std::string ann = "discord:80351110224678912";
  World world;
  world.configure(world.common_config() + R"(
[rbac]
default_role = "deny"
[rbac.roles.member]
workspace = "shared"
[rbac.workspaces.shared]
path = "shared"
[[rbac.assignments]]
discord_role = "1098765432109876543"
role = "member"
[[identities]]
name = "ann"
senders = ["telegram:200", ")" +
                  ann + R"("]
)");
  const ProcessResult explained = world.command({"explain", ann});
  CHECK(contains(explained.output, "turned away"));
  CHECK(contains(explained.output, "--discord-role"));
  CHECK(contains(explained.output, "telegram:200"));

  const ProcessResult unsaid = world.command({"memory", "path", ann});
  CHECK(unsaid.status == 1);
  CHECK(contains(unsaid.errors, "--discord-role"));
  const ProcessResult said = world.command({"memory", "path", ann, "--discord-role", "1098765432109876543"});
  CHECK(said.output == (world.dir / "data/default/memory/shared" / (std::string(ann_digest) + ".db")).string() + "\n");
  CHECK(said.errors.empty());

  for (const std::vector<std::string>& nonsense :
       std::initializer_list<std::vector<std::string>>{{ann, "--discord-role", "abc"},
                                                       {ann, "--discord-role", "1", "--guild", "x"},
                                                       {"telegram:5", "--discord-role", "1"}}) {
    std::vector<std::string> words{"explain"};
    words.insert(words.end(), nonsense.begin(), nonsense.end());
    CHECK(world.command(words).status == 1);
  }
}

TEST_CASE("usage of a gateway that never ran is empty, not an error") {
  World world;
  world.configure(world.common_config() + World::shop_roles());
  ProcessResult result = world.command({"usage", "--json"});
  CHECK(result.status == 0);
  CHECK(parse_json(result.output).has_value());
}

TEST_CASE("usage of a role or tenant that the configuration does not have is an error") {
  World world;
  world.configure(world.common_config() + World::shop_roles());
  CHECK(world.command({"usage", "--role", "buyer"}).status == 0);
  ProcessResult role = world.command({"usage", "--role", "buyr"});
  CHECK(role.status == 1);
  CHECK(contains(role.errors, "buyr"));
  CHECK(world.command({"usage", "--tenant", "acme", "--json"}).status == 1);
}

TEST_CASE("check --running --json is one JSON object that tells the pid") {
  World world;
  world.configure(world.common_config() + World::shop_roles());
  ProcessResult before = world.command({"check", "--running", "--json"});
  CHECK(before.status == 1);
  CHECK(contains(before.output, "\"running_pid\":null"));
  world.run();
  CHECK(json_of(world.command({"check", "--running", "--json"})).at("running_pid").is_int64());
}

TEST_CASE("help and version need no configuration") {
  World world;
  auto run = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), USHER_BINARY);
    return run_process({.command = arguments, .directory = world.dir.path()});
  };
  ProcessResult help = run({"--help"});
  CHECK(help.status == 0);
  for (const char* command : {"run", "check", "chat", "explain", "roles", "memory", "usage"}) {
    CAPTURE(command);
    CHECK(contains(help.output, command));
    CHECK(run({command, "--help"}).status == 0);
  }
  ProcessResult version = run({"--version"});
  CHECK(version.status == 0);
  CHECK(contains(version.output, USHER_VERSION));
  ProcessResult unknown = run({"dance"});
  CHECK(unknown.status == 1);
  CHECK(contains(unknown.errors, "no command 'dance'"));
  CHECK(run({}).status != 0);
}

}  // namespace
}  // namespace usher::e2e
