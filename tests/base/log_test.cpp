#include "base/log.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <functional>
#include <string>

#include "base/files.h"
#include "base/json.h"
#include "base/secret.h"
#include "support/temp_dir.h"

namespace usher {
namespace {

// What `write` logs to stderr, with the logger put back afterwards.
std::string logged(const std::string& level, LogFormat format, const std::function<void()>& write) {
  testing::TempDir dir;
  auto before = spdlog::default_logger();
  int kept = ::dup(STDERR_FILENO);
  int file = ::open((dir / "log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::dup2(file, STDERR_FILENO);
  set_up_logging(level, format);
  write();
  spdlog::default_logger()->flush();
  ::dup2(kept, STDERR_FILENO);
  ::close(kept);
  ::close(file);
  spdlog::set_default_logger(before);
  return read_file(dir / "log", 1 << 20).value();
}

TEST_CASE("a text line is time, level, message") {
  std::string line = logged("info", LogFormat::text, [] { spdlog::warn("disk is {} % full", 91); });
  REQUIRE(line.size() > 25);
  CHECK(line.substr(4, 1) == "-");
  CHECK(line.substr(23, 2) == "Z ");
  CHECK(line.substr(24) == " warn  disk is 91 % full\n");
}

TEST_CASE("a JSON line is one object, whatever the message holds") {
  std::string line = logged("info", LogFormat::json, [] { spdlog::error("say \"hi\"\n\\ {}", "\xFF"); });
  CHECK(line.find('\n') == line.size() - 1);
  Result<json::value> value = parse_json(line);
  REQUIRE(value.has_value());
  CHECK(value->as_object().size() == 3);
  CHECK(string_at(&*value, "level") == "error");
  CHECK(string_at(&*value, "message") == "say \"hi\"\n\\ \uFFFD");
  CHECK(string_at(&*value, "time")->size() == 24);
}

TEST_CASE("no log line shows a secret, also one that escaping would disguise") {
  Secret plain("log-secret-1234");
  Secret quoted("log\"secret\\5678");
  for (LogFormat format : {LogFormat::text, LogFormat::json}) {
    std::string lines = logged("trace", format, [] {
      spdlog::info("GET /bot{}/getMe", "log-secret-1234");
      spdlog::trace("key log\"secret\\5678 refused");
    });
    CHECK(lines.find("1234") == std::string::npos);
    CHECK(lines.find("5678") == std::string::npos);
    CHECK(lines.find("/bot[redacted]/getMe") != std::string::npos);
    CHECK(lines.find("key [redacted] refused") != std::string::npos);
  }
}

TEST_CASE("foreign text cannot begin a log line of its own") {
  std::string lines =
      logged("info", LogFormat::text, [] { spdlog::info("name: {}", "x\n2026-01-01T00:00:00.000Z info fake"); });
  CHECK(lines.find('\n') == lines.size() - 1);
}

TEST_CASE("lines below the level are not written") {
  CHECK(logged("warn", LogFormat::text, [] { spdlog::info("quiet"); }).empty());
  CHECK(logged("off", LogFormat::text, [] { spdlog::error("quiet"); }).empty());
  CHECK_FALSE(logged("error", LogFormat::text, [] { spdlog::error("loud"); }).empty());
  CHECK_FALSE(logged("debug", LogFormat::text, [] { spdlog::debug("loud"); }).empty());
}

}  // namespace
}  // namespace usher
