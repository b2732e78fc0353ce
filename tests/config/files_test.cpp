// The checks that look at the disk: permissions, folders, time zones, the shipped example.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>

#include "config/support.h"
#include "support/temp_dir.h"

namespace usher::config::testing {
namespace {

namespace fs = std::filesystem;
using usher::testing::TempDir;

constexpr std::string_view kDesk = R"([rbac]
default_role = "buyer"
[rbac.roles.buyer]
workspace = "desk"
[rbac.workspaces.desk]
path = "desk"
)";

void write(const fs::path& path, std::string_view bytes, mode_t mode = 0600) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
  ::chmod(path.c_str(), mode);
}

// The problems of a config file in `dir`, with the folder's name taken off.
std::string problems_of(const TempDir& dir, std::string_view text, mode_t mode = 0600, Variables variables = {}) {
  write(dir / "config.toml", text, mode);
  std::string found;
  for (std::string line : lines_of(load(dir / "config.toml", from(std::move(variables))).problems)) {
    const std::string prefix = dir.path().string() + "/";
    if (line.starts_with(prefix)) line.erase(0, prefix.size());
    found += line + "\n";
  }
  return found;
}

}  // namespace

TEST_CASE("a secret in a file that others can read is refused, with the remedy") {
  const TempDir dir;
  const std::string text = "agent.senders = []\n[[channels.telegram]]\ntoken = \"1:abc\"\n";
  const std::string refusal =
      "config.toml:3:9: error: 'token' is a secret in a file that others can read; run chmod 600 config.toml, or write "
      "${NAME} and set the variable\n";
  const std::string silence =
      "config.toml:2:1: warning: nobody may write here: there is no [rbac], and 'senders' in [agent] is empty\n";
  CHECK(problems_of(dir, text, 0640) == silence + refusal);
  CHECK(problems_of(dir, text, 0604) == silence + refusal);
  CHECK(problems_of(dir, text, 0600) == silence);
}

TEST_CASE("placeholders are no secrets, their fallbacks and what stands beside them are") {
  const TempDir dir;
  const auto is_refused = [&](const std::string& written) {
    const std::string text = "[providers.a]\nkind = \"openai\"\nbase_url = \"https://x\"\napi_key = \"" + written +
                             "\"\n[models.default]\nprovider = \"a\"\nmodel = \"m\"\n";
    return problems_of(dir, text, 0644, {{"A", "sk-a"}}).contains("chmod 600");
  };
  CHECK_FALSE(is_refused("${A}"));
  CHECK_FALSE(is_refused("${A}${A}"));
  CHECK(is_refused("${A:-sk-literal}"));
  CHECK(is_refused("sk-${A}"));
  CHECK(is_refused("$${A}"));
}

TEST_CASE("a workspace folder that is missing is an error, one without AGENTS.md a warning") {
  const TempDir dir;
  CHECK(problems_of(dir, kDesk) ==
        "config.toml:6:8: error: workspace 'desk' does not exist as a folder in 'workspaces_dir'\n");
  fs::create_directories(dir / "workspaces/desk");
  CHECK(problems_of(dir, kDesk) ==
        "config.toml:6:8: warning: workspace 'desk' has no AGENTS.md: its turns will fail\n");
  write(dir / "workspaces/desk/AGENTS.md", "x");
  CHECK(problems_of(dir, kDesk).empty());
}

TEST_CASE("a collection that has no folder is a warning with a suggestion, for a role as for [agent]") {
  const TempDir dir;
  write(dir / "workspaces/desk/AGENTS.md", "x");
  std::string desk(kDesk);
  desk.insert(desk.find("workspace ="), "rag_access = [\"pubilc\", \"internal\"]\n");
  const std::string agent = "[agent]\nsenders = [\"*\"]\nworkspace = \"desk\"\nrag_access = [\"pubilc\"]\n";
  const std::string missing = " does not exist as a folder of 'knowledge' in 'workspaces_dir'";
  CHECK(problems_of(dir, desk) == "config.toml:4:15: warning: collection 'pubilc'" + missing +
                                      "\nconfig.toml:4:25: warning: collection 'internal'" + missing + "\n");
  write(dir / "workspaces/knowledge/public/a.md", "x");
  write(dir / "workspaces/knowledge/internal", "a file");
  CHECK(problems_of(dir, desk) == "config.toml:4:15: warning: collection 'pubilc'" + missing +
                                      "; did you mean 'public'?\nconfig.toml:4:25: warning: collection 'internal'" +
                                      missing + "\n");
  CHECK(problems_of(dir, agent) ==
        "config.toml:4:15: warning: collection 'pubilc'" + missing + "; did you mean 'public'?\n");
  for (const char* known : {"public", "*"}) {
    desk = kDesk;
    desk.insert(desk.find("workspace ="), std::string("rag_access = [\"") + known + "\"]\n");
    CHECK(problems_of(dir, desk).empty());
  }
}

TEST_CASE("a workspace cannot leave its root, or enter another, by a symbolic link") {
  const TempDir dir;
  write(dir / "elsewhere/AGENTS.md", "x");
  fs::create_directories(dir / "workspaces");
  fs::create_directory_symlink(dir / "elsewhere", dir / "workspaces/desk");
  CHECK(problems_of(dir, kDesk) ==
        "config.toml:6:8: error: workspace 'desk' leaves 'workspaces_dir' by a symbolic link\n");
  fs::remove(dir / "workspaces/desk");
  write(dir / "workspaces/back/inner/AGENTS.md", "x");
  write(dir / "workspaces/back/AGENTS.md", "x");
  fs::create_directory_symlink(dir / "workspaces/back/inner", dir / "workspaces/desk");
  CHECK(problems_of(dir, std::string(kDesk) + "[rbac.workspaces.back]\npath = \"back\"\n") ==
        "config.toml:8:8: error: workspace 'back' encloses workspace 'desk' of line 6\n");
}

TEST_CASE("a workspace cannot hold the config file") {
  const TempDir dir;
  write(dir / "desk/AGENTS.md", "x");
  write(dir / "desk/config.toml",
        "[gateway]\nworkspaces_dir = \"..\"\ndata_dir = \"/nonexistent\"\n" + std::string(kDesk));
  CHECK(joined(load(dir / "desk/config.toml", from({})).problems).contains("workspace 'desk' holds the config file"));
}

TEST_CASE("without senders the implicit role's folder need not exist, with one it must") {
  const TempDir dir;
  CHECK(problems_of(dir, "") == "");
  CHECK(problems_of(dir, "agent.senders = [\"5\"]\n").contains("workspace 'shared' does not exist"));
}

TEST_CASE("a time zone is a zoneinfo file; a near miss is named") {
  const TempDir dir;
  const auto zone = [&](const std::string& name) { return problems_of(dir, "gateway.timezone = \"" + name + "\"\n"); };
  CHECK(zone("UTC").empty());
  if (fs::exists("/usr/share/zoneinfo/Europe/Berlin")) {
    CHECK(zone("Europe/Berlin").empty());
    CHECK(zone("Europe/Berln") ==
          "config.toml:1:20: error: unknown timezone 'Europe/Berln'; did you mean 'Europe/Berlin'?\n");
    CHECK(zone("tzdata.zi").contains("unknown timezone"));
    CHECK(zone("zone.tab").contains("unknown timezone"));
  }
  CHECK(zone("Europe").contains("unknown timezone"));
  CHECK(zone("../zoneinfo/UTC").contains("unknown timezone"));
  CHECK(zone("/usr/share/zoneinfo/Europe/Berlin").contains("unknown timezone"));
}

TEST_CASE("a file that is missing, no file or too large is one error without a line") {
  const TempDir dir;
  const std::vector<Problem> missing = load(dir / "config.toml", from({})).problems;
  REQUIRE(missing.size() == 1);
  CHECK(to_string(missing[0]).starts_with((dir / "config.toml").string() + ": error: "));
  CHECK_FALSE(load(dir.path(), from({})).config);
  CHECK_FALSE(load("/dev/zero", from({})).config);
}

TEST_CASE("the example loads without a variable, an error or a warning") {
  const Loaded loaded = load(source_root() / "config.toml.example", from({}));
  CHECK(joined(loaded.problems) == "");
  REQUIRE(loaded.config);
  CHECK(loaded.config->console.enabled);
  const Tenant& tenant = loaded.config->tenants.at("default");
  CHECK(tenant.default_role == "buyer");
  CHECK(tenant.assignments.at(0).sender == Sender{"default", "console", "local"});
  CHECK(tenant.assignments.at(0).role == "owner");
}

}  // namespace usher::config::testing
