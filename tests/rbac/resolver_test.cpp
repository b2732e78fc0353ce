// Which role a sender has in a place, and why.
#include <doctest/doctest.h>

#include "config_of.h"
#include "rbac/role.h"

namespace usher::rbac {
namespace {

using testing::config_of;

constexpr std::string_view kShop = R"([rbac]
default_role = "buyer"
[rbac.roles.buyer]
autonomy = "readonly"
allowed_tools = ["product_*"]
workspace = "shared"
rag_access = ["public"]
rate_limit_per_minute = 10
cost_daily_limit_usd = 0.5
[rbac.roles.developer]
autonomy = "supervised"
allowed_tools = ["file_*", "product_info"]
denied_tools = ["file_write"]
workspace = "dev"
memory_isolation = false
rag_access = ["internal", "public"]
rate_limit_per_minute = 60
rate_limit_per_minute_total = 100
approval = "role:owner"
[rbac.roles.owner]
autonomy = "full"
allowed_tools = ["*"]
workspace = "owner"
rag_access = ["*"]
[rbac.workspaces.shared]
path = "shared"
[rbac.workspaces.dev]
path = "dev"
[rbac.workspaces.owner]
path = "owner"
[[rbac.assignments]]
sender = "telegram:1"
role = "owner"
[[rbac.assignments]]
discord_role = "70"
guild = "7"
role = "owner"
[[rbac.assignments]]
discord_role = "71"
role = "developer"
[[rbac.assignments]]
discord_role = "70"
role = "developer"
[[rbac.assignments]]
sender = "discord:9007199254740993"
role = "buyer"
[[rbac.groups]]
chat = "telegram:-100"
ceiling = "buyer"
[[rbac.groups]]
chat = "telegram:-200"
ceiling = "developer"
[tenants.acme.rbac]
default_role = "deny"
[tenants.acme.rbac.roles.clerk]
workspace = "desk"
[tenants.acme.rbac.workspaces.desk]
path = "acme"
[[tenants.acme.rbac.assignments]]
sender = "telegram:2"
role = "clerk"
)";

const RoleResolver& shop() {
  static const RoleResolver kResolver(config_of(kShop));
  return kResolver;
}

const Place kPrivate{"telegram", "1", false};
const Place kBuyersGroup{"telegram", "-100", true};
const Place kDevelopersGroup{"telegram", "-200", true};

std::shared_ptr<const RoleContext> seat(const Sender& sender, const Place& place = kPrivate,
                                        std::span<const PlatformRoles> roles = {}) {
  Result<std::shared_ptr<const RoleContext>> context = shop().resolve(sender, place, roles);
  REQUIRE(context);
  return *context;
}

std::string refusal(const RoleResolver& resolver, const Sender& sender, const Place& place = kPrivate) {
  const Result<std::shared_ptr<const RoleContext>> context = resolver.resolve(sender, place);
  REQUIRE_FALSE(context);
  CHECK(context.error().kind == ErrorKind::denied);
  return context.error().message;
}

const Sender kOwner{"default", "telegram", "1"};
const Sender kStranger{"default", "telegram", "999"};

}  // namespace

TEST_CASE("an exact sender has the assigned role, and the place of the assignment is told") {
  const auto context = seat(kOwner);
  CHECK(context->role == "owner");
  CHECK(context->sender == kOwner);
  CHECK(context->matched.rule == "assignment");
  CHECK(context->matched.source.file == "/etc/usher/config.toml");
  CHECK(context->matched.source.line == 31);
  CHECK_FALSE(context->ceiling);
}

TEST_CASE("everybody else has the default role") {
  const auto context = seat(kStranger);
  CHECK(context->role == "buyer");
  CHECK(context->matched.rule == "default_role");
  CHECK(seat({"default", "telegram", "11"})->role == "buyer");
  CHECK(seat({"default", "telegram", "01"})->role == "buyer");
  CHECK(seat({"default", "discord", "1"})->role == "buyer");
  CHECK(seat({"default", "Telegram", "1"})->role == "buyer");
}

TEST_CASE("a sender without id or kind is turned away, even where strangers are welcome") {
  CHECK(refusal(shop(), {"default", "telegram", ""}) == "a message without a sender is turned away");
  CHECK(refusal(shop(), {"default", "", "1"}) == "a message without a sender is turned away");
}

TEST_CASE("default_role deny turns strangers away") {
  CHECK(refusal(shop(), {"acme", "telegram", "1"}) ==
        "telegram:1 is turned away: no assignment, and default_role is \"deny\"");
  CHECK(seat({"acme", "telegram", "2"})->role == "clerk");
}

TEST_CASE("a tenant that does not exist is refused and never becomes the default one") {
  CHECK(refusal(shop(), {"", "telegram", "1"}) == "telegram:1 is turned away: no tenant ''");
  CHECK(refusal(shop(), {"globex", "telegram", "1"}) == "telegram:1 is turned away: no tenant 'globex'");
}

TEST_CASE("platform roles: the first assignment in file order that the sender holds, behind an exact one") {
  const Sender member{"default", "discord", "5"};
  const auto role_with = [&](const Sender& sender, PlatformRoles held) {
    return seat(sender, kPrivate, {&held, 1})->role;
  };
  CHECK(role_with(member, {"7", {"70"}}) == "owner");
  CHECK(role_with(member, {"8", {"70"}}) == "developer");  // the owner's guild is another one
  CHECK(role_with(member, {"", {"70"}}) == "developer");
  CHECK(role_with(member, {"7", {"71", "70"}}) == "owner");
  CHECK(role_with(member, {"7", {"71"}}) == "developer");
  CHECK(role_with(member, {"7", {"7", "700", ""}}) == "buyer");
  CHECK(role_with(member, {"7", {}}) == "buyer");
  CHECK(role_with({"default", "discord", "9007199254740993"}, {"7", {"70"}}) == "buyer");
  CHECK(role_with({"default", "telegram", "5"}, {"7", {"70"}}) ==
        "buyer");  // Discord's word counts for Discord's people
  PlatformRoles held{"8", {"70"}};
  CHECK(seat(member, kPrivate, {&held, 1})->matched.rule == "discord_role");
  CHECK(seat(member, kPrivate, {&held, 1})->matched.source.line == 41);
  CHECK_FALSE(shop().resolve({"acme", "discord", "5"}, kPrivate, {&held, 1}));
}

TEST_CASE("a ceiling gives the intersection, in the ceiling's room") {
  const auto context = seat(kOwner, kBuyersGroup);
  CHECK(context->role == "owner");
  CHECK(context->ceiling == "buyer");
  CHECK(context->autonomy == config::Autonomy::readonly);
  CHECK(context->permits_tool("product_search").allowed);
  CHECK_FALSE(context->permits_tool("file_read").allowed);
  CHECK(context->permits_collection("public"));
  CHECK_FALSE(context->permits_collection("internal"));
  CHECK(context->limits.per_minute == 10);
  CHECK(context->limits.daily_cost == MicroUsd{500'000});
  CHECK_FALSE(context->limits.per_minute_total);
  CHECK(context->workspace == "shared");
}

TEST_CASE("a ceiling above the sender's own role gives nothing but the room") {
  const auto context = seat(kStranger, kDevelopersGroup);
  CHECK(context->autonomy == config::Autonomy::readonly);
  CHECK(context->permits_tool("product_info").allowed);
  CHECK_FALSE(context->permits_tool("product_search").allowed);
  CHECK_FALSE(context->permits_tool("file_read").allowed);
  CHECK(context->limits.per_minute == 10);
  CHECK(context->limits.per_minute_total == 100);
  CHECK(context->workspace == "dev");
  CHECK_FALSE(context->memory_isolation);
  CHECK(context->approval == "role:owner");
}

TEST_CASE("a ceiling that is the sender's own role changes nothing") {
  const auto context = seat(kStranger, kBuyersGroup);
  CHECK(context->ceiling == "buyer");
  CHECK(context->tool_filters.size() == 1);
  CHECK(context->limits.per_minute == 10);
}

TEST_CASE("in a thread the ceilings of its channel and its own both bind") {
  const auto beneath = seat(kOwner, {"telegram", "-5", true, kBuyersGroup.chat});
  CHECK(beneath->ceiling == "buyer");
  CHECK_FALSE(beneath->permits_tool("file_read").allowed);
  const auto both = seat(kOwner, {"telegram", kDevelopersGroup.chat, true, kBuyersGroup.chat});
  CHECK(both->ceiling == "developer");
  CHECK(both->workspace == "dev");
  CHECK_FALSE(both->permits_tool("file_read").allowed);
  CHECK(both->autonomy == config::Autonomy::readonly);
  CHECK_FALSE(seat(kOwner, {"discord", "-5", true, kBuyersGroup.chat})->ceiling);
  CHECK(shop().asks_parent("default", "telegram"));
  CHECK_FALSE(shop().asks_parent("default", "discord"));
  CHECK_FALSE(shop().asks_parent("acme", "telegram"));
}

TEST_CASE("a ceiling belongs to one chat of one channel kind and tenant") {
  CHECK_FALSE(seat(kOwner, {"discord", "-100", true})->ceiling);
  CHECK_FALSE(seat(kOwner, {"telegram", "-1001", true})->ceiling);
  CHECK_FALSE(seat(kOwner, {"telegram", "100", true})->ceiling);
  CHECK_FALSE(seat({"acme", "telegram", "2"}, kBuyersGroup)->ceiling);
}

TEST_CASE("a tool decision names the pattern and the role that decided") {
  const auto developer_filter = [] {
    RoleContext context;
    context.tool_filters = {{"developer", policy::GlobSet({"file_*"}), policy::GlobSet({"file_w*"})}};
    return context;
  }();
  CHECK(developer_filter.permits_tool("file_read").detail ==
        "tool 'file_read' is allowed by 'file_*' in allowed_tools of role 'developer'");
  CHECK(developer_filter.permits_tool("file_write").detail ==
        "tool 'file_write' is denied by 'file_w*' in denied_tools of role 'developer'");
  CHECK(developer_filter.permits_tool("shell").detail == "tool 'shell' is not in allowed_tools of role 'developer'");
  const auto context = seat(kOwner, kBuyersGroup);
  CHECK(context->permits_tool("file_read").detail ==
        "tool 'file_read' is not in allowed_tools of role 'buyer', the ceiling of this chat");
  CHECK(context->permits_tool("product_info").detail ==
        "tool 'product_info' is allowed by '*' in allowed_tools of role 'owner' and by 'product_*' in allowed_tools of "
        "role 'buyer', the ceiling of this chat");
}

TEST_CASE("a context that nobody made permits nothing") {
  CHECK_FALSE(RoleContext().permits_tool("product_search").allowed);
  CHECK_FALSE(RoleContext().permits_collection("public"));
}

TEST_CASE("the implicit role seats its senders and turns others away") {
  const RoleResolver listed(config_of("[agent]\nsenders = [\"5\"]\nallowed_tools = [\"memory_*\"]\n"));
  const Result<std::shared_ptr<const RoleContext>> context = listed.resolve({"default", "telegram", "5"}, kPrivate);
  REQUIRE(context);
  CHECK((*context)->role == "agent");
  CHECK((*context)->matched.rule == "agent");
  CHECK((*context)->permits_tool("memory_store").allowed);
  CHECK(refusal(listed, kStranger) == "telegram:999 is turned away: not listed in 'senders' of [agent]");
  CHECK(RoleResolver(config_of("agent.senders = [\"*\"]")).resolve(kStranger, kPrivate).value()->matched.rule ==
        "agent");
  CHECK_FALSE(RoleResolver(config_of("")).resolve(kStranger, kPrivate));
}

}  // namespace usher::rbac
