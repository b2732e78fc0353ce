// What the API writes to the log: a line for each refusal, never a secret.
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <sstream>

#include "admin/api_fixture.h"

using namespace usher;
using admin::Scope;
using testing::ApiFixture;

namespace {

// Everything that is logged while it lives.
class CapturedLog {
 public:
  CapturedLog() : before_(spdlog::default_logger()) {
    auto logger = std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::ostream_sink_mt>(text_));
    logger->set_level(spdlog::level::trace);
    spdlog::set_default_logger(std::move(logger));
  }
  ~CapturedLog() { spdlog::set_default_logger(before_); }
  std::string take() {
    std::string text = text_.str();
    text_.str("");
    return text;
  }

 private:
  std::ostringstream text_;
  std::shared_ptr<spdlog::logger> before_;
};

long lines(const std::string& text) { return std::ranges::count(text, '\n'); }

}  // namespace

TEST_CASE("each refusal is one line of the log that names the route and no secret") {
  ApiFixture f;
  const std::string key = "legacy-key-of-the-importer";
  f.options.legacy_keys = {{.name = "importer", .key = Secret(key), .tenant = "default", .role = ""}};
  f.open();
  const std::string secret = f.add_operator({Scope::read});
  const std::string unknown = admin::make_token_secret();
  CapturedLog log;
  const auto check = [&](const std::string& needle) {
    const std::string text = log.take();
    CAPTURE(text);
    CHECK(lines(text) == 1);
    CHECK(text.find("[info]") != text.npos);
    CHECK(text.find(needle) != text.npos);
    for (const std::string& hidden : {secret.substr(4), unknown.substr(4), key}) CHECK(text.find(hidden) == text.npos);
  };
  f.send("GET", "/tokens");
  check("401 GET /tokens from 127.0.0.1: no credentials");
  f.send("GET", "/tokens", ApiFixture::with(unknown));
  check("401 GET /tokens from 127.0.0.1: an unknown token");
  f.send("GET", "/tokens", ApiFixture::with(secret));
  check(f.last_jti + ": this needs the scope admin");
  f.send("GET", "/tokens?token=" + secret, ApiFixture::with(secret));
  check("400 GET /tokens from 127.0.0.1: a credential in the query");
  f.send("GET", "/nowhere/" + secret);
  check("404 no route");
  f.send("GET", "/tokens", {{"x-api-key", key}});
  check("legacy:importer: this needs the scope admin");
  f.send("GET", "/tokens", {{"host", "evil\n.example"}});
  check("421 GET /tokens from 127.0.0.1: foreign Host 'evil\\x0a.example'");
}

TEST_CASE("an answer that makes a token is the only place that shows it") {
  ApiFixture f;
  const std::string admin = f.add_operator({Scope::admin});
  CapturedLog log;
  const testing::Answer made = f.post("/tokens/agent", admin, R"({"name":"a"})");
  const std::string text = log.take();
  CHECK(text.find(made.text_of("jti")) != text.npos);
  CHECK(text.find("ush_") == text.npos);
}
