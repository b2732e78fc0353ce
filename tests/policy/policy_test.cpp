#include "policy/policy.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <string>
#include <vector>

#include "policy/glob.h"
#include "policy/narrowing.h"

namespace {

using namespace usher::policy;

std::shared_ptr<const Policy> compiled(PolicyDocument document) {
  auto policy = Policy::compile(std::move(document));
  REQUIRE(policy);
  return *policy;
}

Decision decide(const PolicyDocument& document, Request request) { return compiled(document)->decide(request); }

// The six rules by their definition, over glob_matches.
Rule rule_by_definition(const PolicyDocument& document, const Request& request) {
  const auto any = [](const std::vector<std::string>& globs, std::string_view text) {
    for (const std::string& glob : globs) {
      if (glob_matches(glob, text)) return true;
    }
    return false;
  };
  if (any(document.denied_actions, request.action)) return Rule::denied_actions;
  if (!any(document.allowed_actions, request.action)) return Rule::allowed_actions;
  if (any(document.denied_resources, request.resource)) return Rule::denied_resources;
  if (!any(document.allowed_resources, request.resource)) return Rule::allowed_resources;
  if (request.sensitivity > document.max_sensitivity_level) return Rule::sensitivity;
  return Rule::allowed;
}

TEST_CASE("each rule speaks in its own words, the first one that applies") {
  const PolicyDocument document{.allowed_actions = {"web:*:*", "db:*"},
                                .denied_actions = {"db:drop:*", "*:delete:*"},
                                .allowed_resources = {"public_*", ""},
                                .denied_resources = {"*secret*"},
                                .max_sensitivity_level = 2};
  struct Case {
    Request request;
    bool allowed;
    Rule rule;
    std::string pattern, detail;
  };
  const std::vector<Case> cases{
      {{"db:drop:table", "public_x", 9},
       false,
       Rule::denied_actions,
       "db:drop:*",
       "Action 'db:drop:table' denied: matched deny pattern 'db:drop:*'"},
      {{"web:delete:page", "", 0},
       false,
       Rule::denied_actions,
       "*:delete:*",
       "Action 'web:delete:page' denied: matched deny pattern '*:delete:*'"},
      {{"mail:send:all", "secret", 9},
       false,
       Rule::allowed_actions,
       "",
       "Action 'mail:send:all' denied: matched no allow pattern"},
      {{"web:get:page", "public_secret", 9},
       false,
       Rule::denied_resources,
       "*secret*",
       "Action 'web:get:page' denied: resource 'public_secret' matched deny pattern '*secret*'"},
      {{"web:get:page", "private", 9},
       false,
       Rule::allowed_resources,
       "",
       "Action 'web:get:page' denied: resource 'private' matched no allow pattern"},
      {{"web:get:page", "", 3},
       false,
       Rule::sensitivity,
       "",
       "Action 'web:get:page' denied: sensitivity 3 exceeds maximum 2"},
      {{"db:read:table", "public_x", 2},
       true,
       Rule::allowed,
       "db:*",
       "Action 'db:read:table' allowed: matched allow pattern 'db:*'"},
  };
  for (const Case& c : cases) {
    const Decision decision = decide(document, c.request);
    CAPTURE(c.detail);
    CHECK(decision.allowed == c.allowed);
    CHECK(decision.rule == c.rule);
    CHECK(decision.pattern == c.pattern);
    CHECK(decision.detail == c.detail);
  }
}

TEST_CASE("the defaults grant every well-formed action at every level, and an explicit empty list grants none") {
  CHECK(decide({}, {"a:b:c", "", 4}).allowed);
  CHECK_FALSE(decide({}, {"a:b:c", "", 5}).allowed);
  CHECK_FALSE(decide({}, {"nonsense", "", 0}).allowed);
  CHECK(decide({.allowed_actions = {}}, {"a:b:c"}).rule == Rule::allowed_actions);
  CHECK(decide({.allowed_resources = {}}, {"a:b:c"}).rule == Rule::allowed_resources);
  CHECK(decide({.max_sensitivity_level = 0}, {"a:b:c", "", 0}).allowed);
  CHECK(decide({.max_sensitivity_level = 0}, {"a:b:c", "", 1}).rule == Rule::sensitivity);
}

TEST_CASE("an absent resource is the empty one") {
  CHECK_FALSE(decide({.allowed_resources = {"?*"}}, {"a:b:c"}).allowed);
  CHECK(decide({.denied_resources = {""}}, {"a:b:c"}).rule == Rule::denied_resources);
}

TEST_CASE("what is not valid UTF-8 or has a negative level is never allowed") {
  CHECK_FALSE(decide({.allowed_actions = {"*"}}, {"a:b:\xFF"}).allowed);
  CHECK_FALSE(decide({}, {"a:b:c", "\xC0\xAF"}).allowed);
  CHECK_FALSE(decide({}, {"a:b:c", "", -1}).allowed);
}

TEST_CASE("a decision is that of the six rules in their order") {
  CHECK(rc::check("equal to the definition", [] {
    const auto globs = [] {
      return rc::gen::resize(4, rc::gen::container<std::vector<std::string>>(rc::gen::resize(
                                    5, rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab:*?"))))));
    };
    const auto text = [] {
      return rc::gen::resize(5, rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab:"))));
    };
    const PolicyDocument document{.allowed_actions = *globs(),
                                  .denied_actions = *globs(),
                                  .allowed_resources = *globs(),
                                  .denied_resources = *globs(),
                                  .max_sensitivity_level = *rc::gen::inRange(0, 5)};
    const std::string action = *text(), resource = *text();
    const Request request{action, resource, *rc::gen::inRange(0, 5)};
    const Decision decision = decide(document, request);
    RC_ASSERT(decision.rule == rule_by_definition(document, request));
    RC_ASSERT(decision.allowed == (decision.rule == Rule::allowed));
    RC_ASSERT(!decision.detail.empty());
  }));
}

TEST_CASE("an action is domain:operation:resource in lower case") {
  for (const char* good : {"a:b:c", "web_2:get:a.b_c", "a1:b2:c.", "a:b:c..d"}) CHECK(is_action(good));
  for (const char* bad : {"", "a:b", "a:b:c:d", "A:b:c", "a:B:c", "a:b:C", "1a:b:c", "a:_b:c", "a:b:.c", "a.b:c:d",
                          "a:b:c\n", " a:b:c", "a:b:é", "a::c", "*:b:c"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_action(bad));
  }
  CHECK(is_action("a:b:" + std::string(252, 'c')));
  CHECK_FALSE(is_action("a:b:" + std::string(253, 'c')));
}

TEST_CASE("a glob matches some action exactly when there is one, and its length counts") {
  CHECK(rc::check("every action is matched by itself and by what is made of it", [] {
    const auto word = [] {
      return rc::gen::resize(6, rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab0_"))));
    };
    std::string glob = "a" + *word() + ":b" + *word() + ":c" + *word();
    RC_ASSERT(matches_some_action(glob));
    const std::size_t at = *rc::gen::inRange<std::size_t>(0, glob.size());
    glob[at] = *rc::gen::elementOf(std::string("*?A:-"));
    const bool is_wild = glob[at] == '*' || glob[at] == '?';
    RC_ASSERT(matches_some_action(glob) == (is_wild || is_action(glob)));
  }));
  CHECK_FALSE(matches_some_action("\xFF*"));
  CHECK(matches_some_action("*:" + std::string(kMaxActionBytes - 4, 'b') + ":?"));
  CHECK_FALSE(matches_some_action("*:" + std::string(kMaxActionBytes - 3, 'b') + ":?"));
}

TEST_CASE("a glob too intricate for the bound may match some action") {
  CHECK(matches_some_action("nothing like it", {.max_states = 0}));
}

TEST_CASE("a document survives its JSON, and equal documents have equal bytes and digests") {
  const PolicyDocument document{
      .allowed_actions = {"a:*:*", "é\"\\"}, .denied_resources = {"x"}, .max_sensitivity_level = 0};
  const auto parsed = parse_policy(to_json(document));
  REQUIRE(parsed);
  CHECK(*parsed == document);
  CHECK(digest_of(*parsed) == digest_of(document));
  CHECK(
      to_json(document) ==
      R"({"allowed_actions":["a:*:*","é\"\\"],"denied_actions":[],"allowed_resources":["*"],"denied_resources":["x"],"max_sensitivity_level":0})");
  CHECK(digest_of(PolicyDocument{}) != digest_of(document));
  CHECK(*parse_policy("{}") == PolicyDocument{});
}

TEST_CASE("a malformed document is refused and the sentence names the member") {
  struct Case {
    std::string json, part;
  };
  const std::vector<Case> cases{
      {"", "JSON"},
      {"[]", "object"},
      {"null", "object"},
      {R"({"allowed_actions":null})", "'allowed_actions' must be a list"},
      {R"({"allowed_actions":"*"})", "'allowed_actions' must be a list"},
      {R"({"denied_actions":[1]})", "'denied_actions' must hold nothing but strings"},
      {R"({"deny_actions":[]})", "'deny_actions' is no member"},
      {R"({"max_sensitivity_level":5})", "from 0 to 4"},
      {R"({"max_sensitivity_level":-1})", "from 0 to 4"},
      {R"({"max_sensitivity_level":2.0})", "from 0 to 4"},
      {R"({"max_sensitivity_level":true})", "from 0 to 4"},
      {R"({"max_sensitivity_level":null})", "from 0 to 4"},
      {R"({"denied_actions":["a"],"denied_actions":[]})", "twice"},
      {R"({"denied_actions":["a"],"denied\u005factions":[]})", "twice"},
      {R"({"denied_actions":["a\nb"]})", "control character"},
      {R"({"denied_actions":["a\u007fb"]})", "control character"},
      {"{\"denied_actions\":[\"\xFF\"]}", "JSON"},
      {R"({"denied_actions":[")" + std::string(kMaxPatternBytes + 1, 'a') + R"("]})", "1025 bytes"},
      {R"({} {})", "JSON"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.json);
    const auto parsed = parse_policy(c.json);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().kind == usher::ErrorKind::invalid);
    CAPTURE(parsed.error().message);
    CHECK(parsed.error().message.contains(c.part));
  }
}

TEST_CASE("a document is bounded") {
  PolicyDocument document;
  document.denied_actions.assign(kMaxPatterns, "a");
  CHECK_FALSE(check(document));  // one too many with the default allows
  document.denied_actions.resize(kMaxPatterns - 2);
  CHECK(check(document));
  CHECK_FALSE(Policy::compile({.denied_actions = {"\xFF"}}));
  CHECK_FALSE(Policy::compile({.max_sensitivity_level = 5}));
}

TEST_CASE("a policy of somebody untrusted takes bounded time, or is refused") {
  PolicyDocument ordinary;
  PolicyDocument intricate;
  for (int i = 0; i < 700; ++i) {
    ordinary.denied_actions.push_back("crm" + std::to_string(i) + ":read:*");
    ordinary.denied_resources.push_back((i < 20 ? "*/team" : "files/team") + std::to_string(i) + "/*.secret");
    intricate.denied_resources.push_back("*a" + std::to_string(i) + "*b?c*[d-f]x" + std::to_string(i % 7) + "z");
  }
  const auto bounded = Policy::compile_bounded(ordinary);
  REQUIRE(bounded);
  const Request request{"crm7:read:all", "x/team3/y.secret", 0};
  CHECK((*bounded)->decide(request).detail == compiled(ordinary)->decide(request).detail);
  const auto refused = Policy::compile_bounded(intricate);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == usher::ErrorKind::invalid);
  CHECK(compiled(intricate)->decide({"a:b:c", "a1 b c d x1z", 0}).rule == Rule::allowed);
}

}  // namespace
