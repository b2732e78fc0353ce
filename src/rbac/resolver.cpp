#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <stdexcept>
#include <unordered_map>

#include "rbac/role.h"

namespace usher::rbac {
namespace {

std::size_t hash_of(std::string_view a, std::string_view b, std::string_view c) {
  constexpr std::size_t kMix = 0x9e3779b97f4a7c15;
  const std::hash<std::string_view> hash;
  return (hash(a) * kMix + hash(b)) * kMix + hash(c);
}

struct SenderHash {
  std::size_t operator()(const Sender& sender) const { return hash_of(sender.tenant, sender.kind, sender.id); }
};

template <class T>
std::optional<T> smaller(const std::optional<T>& a, const std::optional<T>& b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

config::Limits smaller(const config::Limits& a, const config::Limits& b) {
  return {smaller(a.per_minute, b.per_minute), smaller(a.per_minute_total, b.per_minute_total),
          smaller(a.daily_cost, b.daily_cost), smaller(a.daily_cost_total, b.daily_cost_total)};
}

// Narrows `context` to what the ceiling grants too, and seats it in the ceiling's room.
void apply_ceiling(RoleContext& context, const RoleContext& ceiling) {
  context.ceiling = ceiling.role;
  if (ceiling.role == context.role) return;
  context.autonomy = std::min(context.autonomy, ceiling.autonomy);
  context.tool_filters.push_back(ceiling.tool_filters.front());
  context.policies.insert(context.policies.end(), ceiling.policies.begin(), ceiling.policies.end());
  context.rag_access.push_back(ceiling.rag_access.front());
  context.limits = smaller(context.limits, ceiling.limits);
  context.workspace = ceiling.workspace;
  context.model_hint = ceiling.model_hint;
  context.memory_isolation = ceiling.memory_isolation;
  if (context.approval == "self")
    context.approval = ceiling.approval;  // asking somebody else is the narrower of the two
}

PolicyLayer layer_of(const config::Role& role) {
  Result<std::shared_ptr<const policy::Policy>> compiled = policy::Policy::compile(*role.policy);
  if (!compiled) throw std::logic_error("a role with a policy that config lets nobody write");
  return {role.name, std::move(*compiled)};
}

struct Grant {
  std::shared_ptr<const RoleContext> role;
  Matched matched;
};

struct PlatformGrant {
  std::string kind;
  std::string guild;  // "" = any
  Grant grant;
};

}  // namespace

std::shared_ptr<const RoleContext> context_of(const config::Role& role) {
  auto context = std::make_shared<RoleContext>();
  context->role = role.name;
  context->autonomy = role.autonomy;
  context->tool_filters.push_back({role.name, policy::GlobSet(role.allowed_tools), policy::GlobSet(role.denied_tools)});
  if (role.policy) context->policies.push_back(layer_of(role));
  context->rag_access.push_back(role.rag_access);
  context->workspace = role.workspace;
  context->model_hint = role.model_hint;
  context->memory_isolation = role.memory_isolation;
  context->limits = role.limits;
  context->approval = role.approval;
  return context;
}

struct RoleResolver::Index {
  struct Tenant {
    std::unordered_map<std::string, std::shared_ptr<const RoleContext>> roles;
    std::optional<Grant> default_grant;
    std::string turned_away;                                                     // the reason when there is none
    std::vector<PlatformGrant> platform_grants;                                  // in file order
    std::unordered_map<std::string, std::vector<std::size_t>> by_platform_role;  // into platform_grants
    std::set<std::string> kinds_with_ceilings;
  };

  std::shared_ptr<const config::Config> config;
  std::unordered_map<std::string, Tenant> tenants;
  std::unordered_map<Sender, Grant, SenderHash> people;
  std::unordered_map<Sender, const config::Identity*, SenderHash> identities;  // by member
  // Keyed by tenant, kind and chat: the same three parts as a sender.
  std::unordered_map<Sender, std::shared_ptr<const RoleContext>, SenderHash> ceilings;

  explicit Index(std::shared_ptr<const config::Config> config);
  void add(const config::Tenant& from);
  const config::Identity* identity_of(const Sender& sender) const;
  // The grant of an assignment: the sender's own, else of those whom they are joined with.
  const Grant* find_assigned(const Sender& sender, const std::optional<Sender>& joined_to,
                             std::optional<Sender>& through) const;
  const Grant* find_among(const Sender& somebody, std::optional<Sender>& through) const;
  void apply_ceilings(RoleContext& context, const Place& place) const;
  static const Grant* find_platform_grant(const Tenant& tenant, const Sender& sender,
                                          std::span<const PlatformRoles> held);
};

RoleResolver::Index::Index(std::shared_ptr<const config::Config> given) : config(std::move(given)) {
  for (const auto& [name, tenant] : config->tenants) add(tenant);
  for (const config::Identity& identity : config->identities) {
    for (const Sender& sender : identity.senders) identities.emplace(sender, &identity);
  }
}

void RoleResolver::Index::add(const config::Tenant& from) {
  Tenant& tenant = tenants[from.name];
  auto& roles = tenant.roles;
  for (const auto& [name, role] : from.roles) roles[name] = context_of(role);
  if (from.default_role) {
    tenant.default_grant =
        Grant{roles.at(*from.default_role), {from.is_implicit ? "agent" : "default_role", from.source}};
  }
  tenant.turned_away =
      from.is_implicit ? "not listed in 'senders' of [agent]" : "no assignment, and default_role is \"deny\"";
  for (const config::Assignment& assignment : from.assignments) {
    people.emplace(assignment.sender,
                   Grant{roles.at(assignment.role), {from.is_implicit ? "agent" : "assignment", assignment.source}});
  }
  for (const config::PlatformRoleAssignment& assignment : from.platform_assignments) {
    tenant.by_platform_role[assignment.platform_role].push_back(tenant.platform_grants.size());
    tenant.platform_grants.push_back(
        {assignment.kind, assignment.guild, Grant{roles.at(assignment.role), {"discord_role", assignment.source}}});
  }
  for (const config::GroupCeiling& group : from.groups) {
    ceilings.emplace(Sender{from.name, group.kind, group.chat}, roles.at(group.ceiling));
    tenant.kinds_with_ceilings.insert(group.kind);
  }
}

const Grant* RoleResolver::Index::find_platform_grant(const Tenant& tenant, const Sender& sender,
                                                      std::span<const PlatformRoles> held) {
  std::size_t first = tenant.platform_grants.size();
  for (const PlatformRoles& in : held) {
    for (const std::string& role : in.roles) {
      const auto known = tenant.by_platform_role.find(role);
      if (known == tenant.by_platform_role.end()) continue;
      for (const std::size_t at : known->second) {
        const PlatformGrant& grant = tenant.platform_grants[at];
        if (grant.kind == sender.kind && (grant.guild.empty() || grant.guild == in.guild)) first = std::min(first, at);
      }
    }
  }
  return first < tenant.platform_grants.size() ? &tenant.platform_grants[first].grant : nullptr;
}

const config::Identity* RoleResolver::Index::identity_of(const Sender& sender) const {
  const auto found = identities.find(sender);
  return found == identities.end() ? nullptr : found->second;
}

const Grant* RoleResolver::Index::find_among(const Sender& somebody, std::optional<Sender>& through) const {
  const auto find_of = [&](const Sender& sender) -> const Grant* {
    const auto person = people.find(sender);
    if (person == people.end()) return nullptr;
    through = sender;
    return &person->second;
  };
  if (const Grant* own = find_of(somebody)) return own;
  const config::Identity* identity = identity_of(somebody);
  if (!identity) return nullptr;
  for (const Sender& sender : identity->senders) {
    if (const Grant* grant = find_of(sender)) return grant;
  }
  return nullptr;
}

const Grant* RoleResolver::Index::find_assigned(const Sender& sender, const std::optional<Sender>& joined_to,
                                                std::optional<Sender>& through) const {
  const Grant* grant = find_among(sender, through);
  const bool may_borrow = !grant && joined_to && joined_to->tenant == sender.tenant && !identity_of(sender);
  if (may_borrow) grant = find_among(*joined_to, through);
  if (through == sender) through.reset();
  return grant;
}

// A thread's own ceiling comes last: it is seated in that one's room, and has no more than both.
void RoleResolver::Index::apply_ceilings(RoleContext& context, const Place& place) const {
  if (ceilings.empty()) return;
  for (const std::string* chat : {&place.parent, &place.chat}) {
    const auto ceiling = ceilings.find(Sender{context.sender.tenant, place.kind, *chat});
    if (ceiling != ceilings.end()) apply_ceiling(context, *ceiling->second);
  }
}

RoleResolver::RoleResolver(std::shared_ptr<const config::Config> config)
    : index_(std::make_shared<const Index>(std::move(config))) {}

Result<std::shared_ptr<const policy::Policy>> RoleResolver::policy_of(const std::string& tenant,
                                                                      const std::string& role) const {
  const auto in = index_->tenants.find(tenant);
  if (in != index_->tenants.end()) {
    const auto found = in->second.roles.find(role);
    if (found != in->second.roles.end()) {
      const std::vector<PolicyLayer>& layers = found->second->policies;
      return layers.empty() ? nullptr : layers.front().policy;
    }
  }
  return fail(ErrorKind::not_found, fmt::format("tenant '{}' has no role '{}'", tenant, role));
}

const config::Identity* RoleResolver::identity_of(const Sender& sender) const { return index_->identity_of(sender); }

Sender RoleResolver::keeper_of(const Sender& sender, const std::optional<Sender>& joined_to) const {
  if (const config::Identity* own = identity_of(sender)) return own->senders.front();
  if (!joined_to || joined_to->tenant != sender.tenant) return sender;
  const config::Identity* theirs = identity_of(*joined_to);
  return theirs ? theirs->senders.front() : *joined_to;
}

bool RoleResolver::asks_platform(const Sender& sender, const std::optional<Sender>& joined_to) const {
  const auto tenant = index_->tenants.find(sender.tenant);
  if (tenant == index_->tenants.end()) return false;
  const auto is_of_kind = [&](const PlatformGrant& grant) { return grant.kind == sender.kind; };
  std::optional<Sender> ignored;
  return std::ranges::any_of(tenant->second.platform_grants, is_of_kind) &&
         !index_->find_assigned(sender, joined_to, ignored);
}

bool RoleResolver::asks_parent(const std::string& tenant, const std::string& kind) const {
  const auto found = index_->tenants.find(tenant);
  return found != index_->tenants.end() && found->second.kinds_with_ceilings.contains(kind);
}

Result<std::shared_ptr<const RoleContext>> RoleResolver::resolve(const Sender& sender, const Place& place,
                                                                 std::span<const PlatformRoles> platform_roles,
                                                                 const std::optional<Sender>& joined_to) const {
  if (sender.id.empty() || sender.kind.empty())
    return fail(ErrorKind::denied, "a message without a sender is turned away");
  const auto tenant = index_->tenants.find(sender.tenant);
  if (tenant == index_->tenants.end()) {
    return fail(ErrorKind::denied, fmt::format("{} is turned away: no tenant '{}'", to_string(sender), sender.tenant));
  }
  std::optional<Sender> through;
  const Grant* grant = index_->find_assigned(sender, joined_to, through);
  if (!grant) grant = Index::find_platform_grant(tenant->second, sender, platform_roles);
  if (!grant && tenant->second.default_grant) grant = &*tenant->second.default_grant;
  if (!grant) {
    return fail(ErrorKind::denied, fmt::format("{} is turned away: {}", to_string(sender), tenant->second.turned_away));
  }
  auto context = std::make_shared<RoleContext>(*grant->role);
  context->sender = sender;
  context->keeper = keeper_of(sender, joined_to);
  context->matched = grant->matched;
  context->matched.through = std::move(through);
  index_->apply_ceilings(*context, place);
  return context;
}

}  // namespace usher::rbac
