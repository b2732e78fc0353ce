#include "app/commands/look_up.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "base/text.h"
#include "gateway/links/links.h"

namespace usher::app {
namespace {

// "telegram:-100…" → a group's place; "" = a private chat.
Result<rbac::Place> place_of(const Sender& sender, const std::string& chat) {
  if (chat.empty()) return rbac::Place{.kind = sender.kind, .chat = sender.id};
  const std::size_t colon = chat.find(':');
  const bool is_numbered =
      colon != std::string::npos && (chat.starts_with("telegram:") || chat.starts_with("discord:"));
  const std::size_t id = colon + (is_numbered && chat.starts_with("telegram:-") ? 2 : 1);
  if (colon == std::string::npos || id >= chat.size() ||
      (is_numbered && chat.find_first_not_of("0123456789", id) != std::string::npos)) {
    return fail(ErrorKind::invalid, fmt::format("'{}' is no chat: write telegram:-1001234567890", printable(chat)));
  }
  return rbac::Place{.kind = chat.substr(0, colon), .chat = chat.substr(colon + 1), .is_group = true};
}

// A thread has its channel's ceiling, and only Discord knows which channel that is: to leave it out would show a role
// that its sender does not have there.
Result<rbac::Place> place_of(const Sender& sender, const Whereabouts& where, const rbac::RoleResolver& resolver) {
  Result<rbac::Place> place = place_of(sender, where.chat);
  if (!place) return place;
  const bool may_be_thread = place->is_group && place->kind == "discord";
  if (where.parent.empty() && !(may_be_thread && resolver.asks_parent(sender.tenant, place->kind))) return place;
  if (where.parent.empty()) {
    return fail(
        ErrorKind::invalid,
        fmt::format("whether {} is a thread is not known here, and the ceiling of its channel would bind it: say "
                    "--parent discord:CHANNEL, or --parent none",
                    where.chat));
  }
  if (!may_be_thread) return fail(ErrorKind::invalid, "--parent goes with a --chat of Discord");
  if (where.parent == "none") return place;
  const Result<rbac::Place> parent = place_of(sender, where.parent);
  if (!parent || parent->kind != place->kind) return fail(ErrorKind::invalid, "--parent names no channel of Discord");
  place->parent = parent->chat;
  return place;
}

json::object joined_json(const rbac::RoleResolver& resolver, const Sender& sender,
                         const std::optional<Sender>& joined_to) {
  if (const config::Identity* identity = resolver.identity_of(sender)) {
    json::array senders;
    for (const Sender& each : identity->senders) senders.emplace_back(to_string(each));
    return {{"identity", identity->name},
            {"senders", std::move(senders)},
            {"file", identity->source.file},
            {"line", identity->source.line}};
  }
  if (!joined_to) return {};
  return {{"joined_to", to_string(*joined_to)}, {"by", "a one-time code (/link)"}};
}

// "" when these can be roles of that sender.
std::string mistake_in(const Sender& sender, const Whereabouts& where) {
  if (where.discord_roles.empty()) return "";
  if (sender.kind != "discord") return fmt::format("--discord-role goes with a sender of Discord, not {}", sender.kind);
  const auto is_id = [](const std::string& text) {
    return !text.empty() && text.size() <= 20 && text.find_first_not_of("0123456789") == std::string::npos;
  };
  for (const std::string& role : where.discord_roles) {
    if (!is_id(role)) return fmt::format("--discord-role '{}' is no id of Discord: write its digits", printable(role));
  }
  if (where.guild.empty() || is_id(where.guild)) return "";
  return fmt::format("--guild '{}' is no id of Discord: write its digits", printable(where.guild));
}

}  // namespace

Result<FoundSender> look_up(const std::shared_ptr<const config::Config>& config, const Sender& sender,
                            const Whereabouts& where) {
  std::string mistake = mistake_in(sender, where);
  if (!mistake.empty()) return fail(ErrorKind::invalid, std::move(mistake));
  const rbac::RoleResolver resolver(config);
  Result<rbac::Place> place = place_of(sender, where, resolver);
  if (!place) return fail(std::move(place.error()));
  Result<std::optional<Sender>> joined_to = gateway::read_joined_to(config->gateway.data_dir / "links.db", sender);
  if (!joined_to) return fail(std::move(joined_to.error()));
  const rbac::PlatformRoles held{where.guild, where.discord_roles};
  const std::size_t holds = where.discord_roles.empty() ? 0 : 1;
  auto context = resolver.resolve(sender, *place, {&held, holds}, *joined_to);
  FoundSender found{.joined = joined_json(resolver, sender, *joined_to),
                    .has_unasked_roles = holds == 0 && resolver.asks_platform(sender, *joined_to)};
  if (context) found.context = std::move(*context);
  if (context || context.error().kind == ErrorKind::denied) {
    found.why = context ? "" : context.error().message;
    return found;
  }
  return fail(std::move(context.error()));
}

}  // namespace usher::app
