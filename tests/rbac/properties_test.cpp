// Laws of the resolver over random configs, senders and places.
#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>

#include "rbac/role.h"

namespace usher::rbac {
namespace {

const std::vector<std::string> kTools = {"file_read", "file_write", "web_search", "memory_store", "shell"};
const std::vector<std::string> kGlobs = {"*", "file_*", "web_*", "memory_store", "?hell", "[fm]*", "nothing"};
const std::vector<std::string> kRoles = {"a", "b", "c"};
const std::vector<std::string> kTenants = {"default", "acme"};
const std::vector<std::string> kKinds = {"telegram", "discord"};
const std::vector<std::string> kIds = {"1", "2", "11", "12"};
const std::vector<std::string> kCollections = {"public", "internal", "*"};

template <class T>
rc::Gen<std::optional<T>> maybe(rc::Gen<T> gen) {
  return rc::gen::oneOf(rc::gen::just(std::optional<T>()),
                        rc::gen::map(std::move(gen), [](T value) { return std::optional<T>(value); }));
}

config::Role arbitrary_role(const std::string& name) {
  config::Role role;
  role.name = name;
  role.autonomy = *rc::gen::element(config::Autonomy::readonly, config::Autonomy::supervised, config::Autonomy::full);
  role.allowed_tools = *rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(kGlobs));
  role.denied_tools = *rc::gen::resize(2, rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(kGlobs)));
  role.rag_access = *rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(kCollections));
  role.workspace = *rc::gen::element<std::string>("x", "y");
  role.memory_isolation = *rc::gen::arbitrary<bool>();
  role.limits.per_minute = *maybe(rc::gen::inRange<std::int64_t>(0, 5));
  role.limits.per_minute_total = *maybe(rc::gen::inRange<std::int64_t>(0, 5));
  role.limits.daily_cost =
      *maybe(rc::gen::map(rc::gen::inRange<std::int64_t>(0, 5), [](std::int64_t v) { return MicroUsd{v}; }));
  role.limits.daily_cost_total =
      *maybe(rc::gen::map(rc::gen::inRange<std::int64_t>(0, 5), [](std::int64_t v) { return MicroUsd{v}; }));
  return role;
}

Sender arbitrary_sender() {
  return {*rc::gen::elementOf(kTenants), *rc::gen::elementOf(kKinds), *rc::gen::elementOf(kIds)};
}

config::Tenant arbitrary_tenant(const std::string& name) {
  config::Tenant tenant;
  tenant.name = name;
  for (const std::string& role : kRoles) tenant.roles[role] = arbitrary_role(role);
  tenant.default_role = *maybe(rc::gen::elementOf(kRoles));
  for (const std::string& kind : kKinds) {
    for (const std::string& id : kIds) {
      if (*rc::gen::arbitrary<bool>())
        tenant.assignments.push_back({{name, kind, id}, *rc::gen::elementOf(kRoles), {}});
    }
  }
  for (const std::string& id : kIds) {
    config::PlatformRoleAssignment assignment;
    assignment.platform_role = id;
    assignment.guild = *rc::gen::element<std::string>("", "g");
    assignment.role = *rc::gen::elementOf(kRoles);
    tenant.platform_assignments.push_back(assignment);
  }
  if (*rc::gen::arbitrary<bool>()) tenant.groups.push_back({"telegram", "-1", *rc::gen::elementOf(kRoles), {}});
  return tenant;
}

std::shared_ptr<config::Config> arbitrary_config() {
  auto config = std::make_shared<config::Config>();
  for (const std::string& name : kTenants) config->tenants[name] = arbitrary_tenant(name);
  return config;
}

PlatformRoles arbitrary_platform_roles() {
  return {*rc::gen::element<std::string>("", "g", "h"),
          *rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(kIds))};
}

template <class T>
bool is_within(const std::optional<T>& narrow, const std::optional<T>& wide) {
  return !wide || (narrow && *narrow <= *wide);
}
bool is_within(const config::Limits& narrow, const config::Limits& wide) {
  return is_within(narrow.per_minute, wide.per_minute) && is_within(narrow.per_minute_total, wide.per_minute_total) &&
         is_within(narrow.daily_cost, wide.daily_cost) && is_within(narrow.daily_cost_total, wide.daily_cost_total);
}
bool is_within(const RoleContext& narrow, const RoleContext& wide) {
  bool holds = narrow.autonomy <= wide.autonomy && is_within(narrow.limits, wide.limits);
  for (const std::string& tool : kTools) {
    holds = holds && (!narrow.permits_tool(tool).allowed || wide.permits_tool(tool).allowed);
    holds = holds && narrow.allows_tool(tool) == narrow.permits_tool(tool).allowed;
  }
  for (const std::string& collection : kCollections) {
    holds = holds && (!narrow.permits_collection(collection) || wide.permits_collection(collection));
  }
  return holds;
}

const Place kElsewhere{"telegram", "-2", true};
const Place kUnderCeiling{"telegram", "-1", true};

// The role that SEMANTICS gives, written down as plainly as possible.
std::optional<std::string> role_by_the_book(const config::Tenant& tenant, const Sender& sender,
                                            const PlatformRoles& held) {
  for (const config::Assignment& assignment : tenant.assignments) {
    if (assignment.sender == sender) return assignment.role;
  }
  for (const config::PlatformRoleAssignment& assignment : tenant.platform_assignments) {
    const bool is_held = std::ranges::find(held.roles, assignment.platform_role) != held.roles.end();
    const bool is_here = assignment.guild.empty() || assignment.guild == held.guild;
    if (sender.kind == assignment.kind && is_held && is_here) return assignment.role;
  }
  return tenant.default_role;
}

}  // namespace

TEST_CASE("the role is that of the plain reading of the rules") {
  CHECK(rc::check([] {
    const auto config = arbitrary_config();
    const Sender sender = arbitrary_sender();
    const PlatformRoles held = arbitrary_platform_roles();
    const auto context = RoleResolver(config).resolve(sender, kElsewhere, {&held, 1});
    const std::optional<std::string> expected = role_by_the_book(config->tenants.at(sender.tenant), sender, held);
    RC_ASSERT(context.has_value() == expected.has_value());
    if (context) RC_ASSERT((*context)->role == *expected);
    if (context) RC_ASSERT((*context)->sender == sender);
  }));
}

TEST_CASE("a ceiling never widens: tools, collections, autonomy and limits stay within both roles") {
  CHECK(rc::check([] {
    const auto config = arbitrary_config();
    const Sender sender = arbitrary_sender();
    const PlatformRoles held = arbitrary_platform_roles();
    const RoleResolver resolver(config);
    const auto free = resolver.resolve(sender, kElsewhere, {&held, 1});
    const auto bound = resolver.resolve(sender, kUnderCeiling, {&held, 1});
    RC_ASSERT(free.has_value() == bound.has_value());
    if (!bound) return;
    RC_ASSERT(is_within(**bound, **free));
    const config::Tenant& tenant = config->tenants.at(sender.tenant);
    RC_ASSERT((*bound)->ceiling.has_value() == !tenant.groups.empty());
    if (tenant.groups.empty()) return;
    // What the ceiling's own holders have there.
    auto holder = std::make_shared<config::Config>(*config);
    holder->tenants.at(sender.tenant).assignments = {{sender, tenant.groups[0].ceiling, {}}};
    const auto ceiling = RoleResolver(holder).resolve(sender, kElsewhere);
    RC_ASSERT(is_within(**bound, **ceiling));
    RC_ASSERT((*bound)->workspace == (*ceiling)->workspace);
    RC_ASSERT((*bound)->model_hint == (*ceiling)->model_hint);
    RC_ASSERT((*bound)->memory_isolation == (*ceiling)->memory_isolation);
    for (const std::string& tool : kTools) {  // and it is the whole intersection
      RC_ASSERT((*bound)->permits_tool(tool).allowed ==
                ((*free)->permits_tool(tool).allowed && (*ceiling)->permits_tool(tool).allowed));
    }
  }));
}

TEST_CASE("what another tenant's config says changes nothing") {
  CHECK(rc::check([] {
    const auto config = arbitrary_config();
    const Sender sender = arbitrary_sender();
    auto other = std::make_shared<config::Config>(*config);
    const std::string neighbour = sender.tenant == "acme" ? "default" : "acme";
    other->tenants[neighbour] = arbitrary_tenant(neighbour);
    const auto before = RoleResolver(config).resolve(sender, kUnderCeiling);
    const auto after = RoleResolver(other).resolve(sender, kUnderCeiling);
    RC_ASSERT(before.has_value() == after.has_value());
    if (!before) return;
    RC_ASSERT((*before)->role == (*after)->role);
    RC_ASSERT((*before)->ceiling == (*after)->ceiling);
    RC_ASSERT(is_within(**before, **after) && is_within(**after, **before));
  }));
}

TEST_CASE("a tenant that is not configured is refused, whatever the sender") {
  CHECK(rc::check([](const std::string& tenant) {
    RC_PRE(std::ranges::find(kTenants, tenant) == kTenants.end());
    Sender sender = arbitrary_sender();
    sender.tenant = tenant;
    const PlatformRoles held = arbitrary_platform_roles();
    const auto context = RoleResolver(arbitrary_config()).resolve(sender, kUnderCeiling, {&held, 1});
    RC_ASSERT(!context.has_value());
    RC_ASSERT(context.error().kind == ErrorKind::denied);
  }));
}

TEST_CASE("an id that differs from every assigned one in anything is a stranger") {
  CHECK(rc::check([](const std::string& prefix, const std::string& suffix) {
    RC_PRE(!prefix.empty() || !suffix.empty());
    auto config = std::make_shared<config::Config>();
    config::Tenant& tenant = config->tenants["default"] = arbitrary_tenant("default");
    tenant.default_role.reset();
    tenant.platform_assignments.clear();
    tenant.assignments = {{{"default", "telegram", "4711"}, "a", {}}};
    RC_ASSERT(!RoleResolver(config).resolve({"default", "telegram", prefix + "4711" + suffix}, kElsewhere));
    RC_ASSERT(!RoleResolver(config).resolve({"default", "telegram" + suffix, prefix + "4711"}, kElsewhere));
    RC_ASSERT(RoleResolver(config).resolve({"default", "telegram", "4711"}, kElsewhere).has_value());
  }));
}

}  // namespace usher::rbac
