#include "base/secret.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <rapidcheck.h>

#include <atomic>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

namespace usher {
namespace {

template <class T>
concept Streamable = requires(std::ostream& out, const T& value) { out << value; };
template <class T>
concept TurnsIntoText = std::is_convertible_v<T, std::string> || std::is_convertible_v<T, std::string_view>;

static_assert(!fmt::is_formattable<Secret>::value, "a Secret must not be formattable");
static_assert(!Streamable<Secret>, "a Secret must not be streamable");
static_assert(!TurnsIntoText<Secret>, "a Secret must not turn into text unasked");

TEST_CASE("known secrets are removed wherever they stand") {
  Secret secret("tok-AAAA1111");
  CHECK(redact("tok-AAAA1111") == "[redacted]");
  CHECK(redact("GET /bottok-AAAA1111/getMe failed") == "GET /bot[redacted]/getMe failed");
  CHECK(redact("tok-AAAA1111tok-AAAA1111") == "[redacted][redacted]");
  CHECK(redact("…tok-AAAA1111") == "…[redacted]");
  CHECK(holds_secret("x tok-AAAA1111"));
}

TEST_CASE("text without a secret is left as it is") {
  Secret secret("tok-BBBB2222");
  for (std::string_view text : {"", "a", "tok-BBBB222", "tok-BBBB222x", "ok-BBBB2222", "TOK-BBBB2222"}) {
    CHECK(redact(text) == text);
    CHECK_FALSE(holds_secret(text));
  }
}

TEST_CASE("a secret outlives its Secret") {
  {
    Secret gone("tok-CCCC3333");
  }
  CHECK(redact("old tok-CCCC3333") == "old [redacted]");
}

TEST_CASE("values too short to be told from ordinary words are not redacted") {
  Secret five("qwxyz");
  Secret six("qwxyzv");
  CHECK(redact("qwxyz") == "qwxyz");
  CHECK(redact("qwxyzv") == "[redacted]");
  CHECK_FALSE(Secret().empty() == false);
}

TEST_CASE("of overlapping secrets no part is left") {
  Secret longer("overlap-abcdefgh-tail");
  Secret shorter("overlap-abcdefgh");
  Secret end("efgh-tail-and-more");
  CHECK(redact("(overlap-abcdefgh-tail)") == "([redacted])");
  CHECK(redact("(overlap-abcdefgh)") == "([redacted])");
  CHECK(redact("(overlap-abcdefgh-tail-and-more)") == "([redacted])");
}

TEST_CASE("secrets of any bytes are found between any bytes") {
  CHECK(rc::check("no registered value is left", [] {
    auto text_of = [](const std::string& alphabet) {
      return rc::gen::container<std::string>(rc::gen::elementOf(alphabet));
    };
    std::string value = *rc::gen::suchThat(text_of("ab\xC3\xA9-"), [](const std::string& s) { return s.size() >= 6; });
    std::string before = *text_of("ab\xC3\xA9-"), after = *text_of("ab\xC3\xA9-");
    Secret secret(value);
    std::string text = before + value + after;
    RC_ASSERT(holds_secret(text));
    RC_ASSERT(redact(text).find(value) == std::string::npos);
  }));
}

TEST_CASE("redaction and registration in several threads do not disturb each other") {
  std::atomic<bool> is_right = true;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t, &is_right] {
      for (int i = 0; i < 50; ++i) {
        std::string value = fmt::format("thread-{}-secret-{:03}", t, i);
        Secret secret(value);
        if (redact("<" + value + ">") != "<[redacted]>") is_right = false;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(is_right);
}

}  // namespace
}  // namespace usher
