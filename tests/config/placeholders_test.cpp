// What ${NAME} becomes, and from where.
#include <doctest/doctest.h>

#include <fstream>

#include "base/secret.h"
#include "config/support.h"
#include "support/temp_dir.h"

namespace usher::config::testing {
namespace {

using usher::testing::TempDir;

// The value that a bot's token ends up with; "" when the config is refused.
std::string token_of(const std::string& written, const Variables& variables) {
  const std::string toml = "agent.senders = [\"5\"]\n[[channels.telegram]]\ntoken = \"" + written + "\"\n";
  const Loaded loaded = load_from(toml, variables);
  return loaded.config ? loaded.config->telegram.at(0).token.expose() : "";
}

std::string problem_of(const std::string& written, const Variables& variables) {
  const std::string toml = "agent.senders = [\"5\"]\n[[channels.telegram]]\ntoken = \"" + written + "\"\n";
  return joined(load_from(toml, variables).problems);
}

void write(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// A string that is quoted back whole: the words of an unknown log level.
std::string echo(const std::string& written, const Variables& variables) {
  const Loaded loaded = load_from(
      "[models.default]\nprovider = \"d\"\nmodel = \"" + written + "\"\n[providers.d]\nkind = \"demo\"\n", variables);
  return loaded.config ? loaded.config->models.at("default").model : "refused";
}

}  // namespace

TEST_CASE("a placeholder is replaced from the environment, anywhere in a string and more than once") {
  CHECK(token_of("${T}", {{"T", "1:abc"}}) == "1:abc");
  CHECK(token_of("${ID}:${SECRET_2}x", {{"ID", "7"}, {"SECRET_2", "abc"}}) == "7:abcx");
}

TEST_CASE("a fallback is used for a variable that is missing or empty, and only then") {
  CHECK(echo("${M:-small}", {}) == "small");
  CHECK(echo("${M:-small}", {{"M", ""}}) == "small");
  CHECK(echo("${M:-small}", {{"M", "big"}}) == "big");
  CHECK(echo("a${M:-}b", {}) == "ab");
  CHECK(echo("${M:-a:-b}", {}) == "a:-b");
}

TEST_CASE("a doubled dollar is a literal placeholder, a lone one is itself") {
  CHECK(echo("$${M}", {{"M", "x"}}) == "${M}");
  CHECK(echo("$$${M}", {{"M", "x"}}) == "$${M}");
  CHECK(echo("5$ and $M and $$", {{"M", "x"}}) == "5$ and $M and $$");
}

TEST_CASE("a value is not looked through for placeholders again") {
  CHECK(echo("${M}", {{"M", "${N}"}, {"N", "x"}}) == "${N}");
}

TEST_CASE("NAME_FILE gives the content of a file less one trailing line break") {
  const TempDir dir;
  const auto from_file = [&](std::string_view bytes) {
    write(dir / "t", bytes);
    return token_of("${T}", {{"T_FILE", dir / "t"}});
  };
  CHECK(from_file("1:abc") == "1:abc");
  CHECK(from_file("1:abc\n") == "1:abc");
  CHECK(from_file("1:abc\r\n") == "1:abc");
  CHECK(from_file("1:abc\n\n") == "");
  CHECK(from_file("\n") == "");
  CHECK(from_file("") == "");
  CHECK(from_file(std::string_view("1:a\0b", 5)) == "");
  CHECK(from_file("1:\xff") == "");
}

TEST_CASE("a file that is named but cannot be read is an error even beside a fallback") {
  const std::string problem = problem_of("${T:-1:fallback}", {{"T_FILE", "/nonexistent/t"}});
  CHECK(
      problem.starts_with("config.toml:3:9: error: 'channels.telegram.token': cannot read the file that T_FILE names"));
}

TEST_CASE("setting both NAME and NAME_FILE is an error") {
  CHECK(problem_of("${T}", {{"T", "1:abc"}, {"T_FILE", "/etc/hostname"}}) ==
        "config.toml:3:9: error: 'channels.telegram.token': T and T_FILE are both set; unset one of them\n");
}

TEST_CASE("a systemd credential stands in for a variable that is not set") {
  const TempDir dir;
  write(dir / "T", "1:credential\n");
  CHECK(token_of("${T}", {{"CREDENTIALS_DIRECTORY", dir.path()}}) == "1:credential");
  CHECK(token_of("${T}", {{"CREDENTIALS_DIRECTORY", dir.path()}, {"T", "1:variable"}}) == "1:variable");
  CHECK(token_of("${T:-1:fallback}", {{"CREDENTIALS_DIRECTORY", dir.path()}}) == "1:credential");
  CHECK(token_of("${U:-1:fallback}", {{"CREDENTIALS_DIRECTORY", dir.path()}}) == "1:fallback");
  CHECK(problem_of("${U}", {{"CREDENTIALS_DIRECTORY", dir.path()}}) ==
        "config.toml:3:9: error: 'channels.telegram.token': the environment variable U is not set\n");
}

TEST_CASE("no message shows a looked-up value, wherever it was put") {
  const Variables variables = {{"S", "sk very-secret"}};
  for (const char* key : {"timezone", "listen", "log_level", "log_format"}) {
    const std::string text = joined(load_from(std::string("[gateway]\n") + key + " = \"${S}\"\n", variables).problems);
    CAPTURE(text);
    CHECK(text.contains("error"));
    CHECK_FALSE(text.contains("very-secret"));
  }
  for (const char* line :
       {"[rbac]\ndefault_role = \"${S}\"", "[agent]\nsenders = [\"${S}\"]", "[agent]\nworkspace = \"../${S}\"",
        "[agent]\nmodel_hint = \"${S}\"", "[agent]\nautonomy = \"${S}\"", "[channels.console]\ntenant = \"${S}\"",
        "[providers.a]\nkind = \"${S}\"", "[providers.a]\nkind = \"openai\"\nbase_url = \"${S}\"",
        "[[channels.telegram]]\ntoken = \"${S}\"",
        "[[channels.telegram]]\nname = \"${S}/\"\ntoken = \"${S}\"\nmode = \"${S}\"\napi_root = \"${S}\"",
        "[rbac]\ndefault_role=\"deny\"\n[[rbac.groups]]\nchat = \"${S}\"\nceiling = \"${S}\""}) {
    const std::string text = joined(load_from(line, variables).problems);
    CAPTURE(text);
    CHECK(text.contains("error"));
    CHECK_FALSE(text.contains("very-secret"));
  }
}

}  // namespace usher::config::testing
