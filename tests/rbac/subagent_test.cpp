#include "rbac/subagent.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>

namespace usher::rbac {
namespace {

constexpr int kDeepest = 3;

const std::vector<std::string> kTools = {"file_read", "file_write", "web_search", "delegate"};
const std::vector<std::string> kToolGlobs = {"*", "file_*", "web_*", "*_write", "delegate", "[fw]*"};
const std::vector<std::string> kActions = {"file:read:files", "file:write:files", "web:read:page",
                                           "agent:delegate:task"};
const std::vector<std::string> kActionGlobs = {"*:*:*", "file:*", "*:read:*", "file:write:files", "web:*"};
const std::vector<std::string> kResources = {"", "files/a", "files/b/c", "https://example.com"};
const std::vector<std::string> kResourceGlobs = {"*", "files/*", "files/a", "https:*", ""};

using Context = std::shared_ptr<const RoleContext>;
using Texts = std::vector<std::string>;

Context narrow(const RoleContext& parent, std::optional<Texts> tools,
               std::optional<policy::PolicyDocument> policy = {}) {
  Result<Context> child = narrowed(parent, {std::move(tools), std::move(policy), kDeepest});
  if (!child) FAIL(child.error().message);
  return *child;
}
Error refusal(const RoleContext& parent, std::optional<Texts> tools,
              std::optional<policy::PolicyDocument> policy = {}) {
  Result<Context> child = narrowed(parent, {std::move(tools), std::move(policy), kDeepest});
  REQUIRE_FALSE(child);
  return child.error();
}

PolicyLayer layer(const std::string& role, policy::PolicyDocument document) {
  return {role, policy::Policy::compile(std::move(document)).value()};
}

RoleContext buyer() {
  RoleContext context;
  context.sender = {"default", "telegram", "7"};
  context.role = "buyer";
  context.autonomy = config::Autonomy::supervised;
  context.tool_filters = {{"buyer", policy::GlobSet({"file_*", "delegate"}), policy::GlobSet({"file_write"})}};
  context.rag_access = {{"public"}};
  context.limits.per_minute = 5;
  context.limits.daily_cost = MicroUsd{70};
  context.workspace = "shop";
  context.model_hint = "small";
  context.approval = "role:owner";
  return context;
}

bool may(const RoleContext& context, const policy::Request& request) {
  const std::optional<policy::Decision> decision = context.decide(request);
  return !decision || decision->allowed;
}

Texts some_of(const Texts& from, int most) {
  const auto count = static_cast<std::size_t>(*rc::gen::inRange(0, most + 1));
  return *rc::gen::container<Texts>(count, rc::gen::elementOf(from));
}
policy::PolicyDocument arbitrary_policy() {
  return {.allowed_actions = some_of(kActionGlobs, 3),
          .denied_actions = some_of(kActionGlobs, 1),
          .allowed_resources = some_of(kResourceGlobs, 3),
          .denied_resources = some_of(kResourceGlobs, 1),
          .max_sensitivity_level = *rc::gen::inRange(0, policy::kMaxSensitivity + 1)};
}
RoleContext arbitrary_parent() {
  RoleContext context = buyer();
  context.tool_filters.clear();
  for (int i = *rc::gen::inRange(0, 3); i > 0; --i) {
    context.tool_filters.push_back(
        {"buyer", policy::GlobSet(some_of(kToolGlobs, 3)), policy::GlobSet(some_of(kToolGlobs, 1))});
  }
  for (int i = *rc::gen::inRange(0, 3); i > 0; --i) context.policies.push_back(layer("buyer", arbitrary_policy()));
  return context;
}
// Anything, or what the parent's last layer says with some more denied: so that many are granted.
policy::PolicyDocument arbitrary_wish(const RoleContext& parent) {
  if (parent.policies.empty() || *rc::gen::arbitrary<bool>()) return arbitrary_policy();
  policy::PolicyDocument wish = parent.policies.back().policy->document();
  wish.denied_actions.push_back(*rc::gen::elementOf(kActionGlobs));
  return wish;
}
SubagentLimits arbitrary_ask(const RoleContext& parent) {
  SubagentLimits ask{.tools = {}, .policy = {}, .max_depth = kDeepest};
  if (*rc::gen::arbitrary<bool>()) ask.tools = some_of(*rc::gen::arbitrary<bool>() ? kTools : kToolGlobs, 3);
  if (*rc::gen::arbitrary<bool>()) ask.policy = arbitrary_wish(parent);
  return ask;
}

void assert_within(const RoleContext& child, const RoleContext& parent) {
  for (const std::string& tool : kTools) {
    RC_ASSERT(!child.permits_tool(tool).allowed || parent.permits_tool(tool).allowed);
  }
  for (const std::string& action : kActions) {
    for (const std::string& resource : kResources) {
      for (int level = 0; level <= policy::kMaxSensitivity; ++level) {
        const policy::Request request{action, resource, level};
        RC_ASSERT(!may(child, request) || may(parent, request));
      }
    }
  }
}

}  // namespace

TEST_CASE("whatever a subagent is permitted, each of its callers is permitted too") {
  int granted = 0, refused = 0;
  CHECK(rc::check([&] {
    auto parent = std::make_shared<const RoleContext>(arbitrary_parent());
    const Context root = parent;
    for (int depth = 1; depth <= kDeepest; ++depth) {
      const SubagentLimits ask = arbitrary_ask(*parent);
      Result<Context> child = narrowed(*parent, ask);
      ++(child ? granted : refused);
      if (!child) {
        RC_ASSERT(child.error().kind == ErrorKind::denied);
        return;
      }
      RC_ASSERT((*child)->depth == depth);
      assert_within(**child, *parent);
      assert_within(**child, *root);
      for (const std::string& tool : kTools) {  // and it is held to what was asked
        const bool is_asked = !ask.tools || policy::GlobSet(*ask.tools).matches(tool);
        RC_ASSERT((*child)->permits_tool(tool).allowed == (is_asked && parent->permits_tool(tool).allowed));
      }
      parent = *child;
    }
  }));
  CHECK(granted > 15);
  CHECK(refused > 15);
}

TEST_CASE("a subagent is charged, asked and seated as the sender is") {
  RoleContext parent = buyer();
  parent.ceiling = "guest";
  parent.matched.rule = "assignment";
  parent.memory_isolation = false;
  const Context child = narrow(parent, Texts{"file_read"}, policy::PolicyDocument{});
  CHECK(child->sender == parent.sender);
  CHECK(child->role == "buyer");
  CHECK(child->ceiling == parent.ceiling);
  CHECK(child->matched.rule == "assignment");
  CHECK(child->autonomy == config::Autonomy::supervised);
  CHECK(child->rag_access == parent.rag_access);
  CHECK(child->limits.per_minute == 5);
  CHECK(child->limits.daily_cost == MicroUsd{70});
  CHECK(child->workspace == "shop");
  CHECK(child->model_hint == "small");
  CHECK_FALSE(child->memory_isolation);
  CHECK(child->approval == "role:owner");
  CHECK(child->depth == 1);
}

TEST_CASE("without an ask a subagent has what its caller has; with an empty list of tools it has none") {
  const RoleContext parent = buyer();
  CHECK(narrow(parent, {})->permits_tool("file_read").allowed);
  CHECK_FALSE(narrow(parent, {})->permits_tool("file_write").allowed);
  CHECK_FALSE(narrow(parent, Texts{})->permits_tool("file_read").allowed);
}

TEST_CASE("a caller without any role's word on tools has none, and neither has its subagent") {
  RoleContext parent = buyer();
  parent.tool_filters.clear();
  CHECK_FALSE(narrow(parent, Texts{"*"})->permits_tool("file_read").allowed);
}

TEST_CASE(
    "a glob is intersected with the caller's tools; a name that the caller lacks is refused, each by its sentence") {
  const RoleContext parent = buyer();
  const Context child = narrow(parent, Texts{"*"});
  CHECK(child->permits_tool("file_read").allowed);
  CHECK_FALSE(child->permits_tool("file_write").allowed);
  CHECK_FALSE(child->permits_tool("web_search").allowed);
  const Error error = refusal(parent, Texts{"file_read", "file_write", "web_search"});
  CHECK(error.kind == ErrorKind::denied);
  CHECK(error.message.find("'file_write'") != std::string::npos);
  CHECK(error.message.find("'web_search'") != std::string::npos);
  CHECK(error.message.find("'file_read'") == std::string::npos);
}

TEST_CASE("a policy beyond any one layer of the caller is refused with every violation") {
  RoleContext parent = buyer();
  parent.policies = {layer("buyer", {.allowed_actions = {"file:*"}, .max_sensitivity_level = 2}),
                     layer("guest", {.denied_resources = {"files/secret*"}})};
  const Error error =
      refusal(parent, Texts{"web_search"},
              policy::PolicyDocument{.allowed_actions = {"file:*", "web:*"}, .max_sensitivity_level = 3});
  CHECK(error.kind == ErrorKind::denied);
  for (const char* part : {"'web_search'", "'buyer'", "web:*", "max_sensitivity_level", "'guest'", "files/secret"}) {
    CAPTURE(part);
    CAPTURE(error.message);
    CHECK(error.message.find(part) != std::string::npos);
  }
}

TEST_CASE("the caller's own policy is within it, and so is what denies more; the subagent is held to it") {
  RoleContext parent = buyer();
  policy::PolicyDocument document{.allowed_actions = {"file:*"}, .denied_actions = {"file:write:*"}};
  parent.policies = {layer("buyer", document)};
  CHECK(narrow(parent, {}, document)->policies.size() == 2);
  document.denied_resources = {"files/a"};
  const Context child = narrow(parent, {}, document);
  CHECK(may(parent, {"file:read:files", "files/a", 0}));
  CHECK_FALSE(may(*child, {"file:read:files", "files/a", 0}));
  CHECK(may(*child, {"file:read:files", "files/b", 0}));
}

TEST_CASE("no subagent is deeper than the bound, and a broken policy makes none") {
  RoleContext parent = buyer();
  parent.depth = kDeepest - 1;
  CHECK(narrow(parent, {})->depth == kDeepest);
  parent.depth = kDeepest;
  CHECK(refusal(parent, {}).kind == ErrorKind::denied);
  policy::PolicyDocument broken;
  broken.max_sensitivity_level = 9;
  CHECK(refusal(buyer(), {}, broken).kind == ErrorKind::invalid);
}

}  // namespace usher::rbac
