#include "gateway/journal/incoming_json.h"

#include "base/json.h"

namespace usher::gateway {
namespace {

// What was accepted must be readable again. Escapes make a text six times longer; a platform's message is bounded by
// its channel.
constexpr std::size_t kMaxStoredBytes = 64u << 20;

// The text members by name, in one place for both directions.
struct TextMember {
  const char* name;
  std::string channel::Incoming::* member;
};
constexpr TextMember kTextMembers[] = {
    {"channel", &channel::Incoming::channel},
    {"platform_id", &channel::Incoming::platform_id},
    {"kind", &channel::Incoming::kind},
    {"sender_id", &channel::Incoming::sender_id},
    {"display_name", &channel::Incoming::display_name},
    {"chat", &channel::Incoming::chat},
    {"thread", &channel::Incoming::thread},
    {"message_id", &channel::Incoming::message_id},
    {"text", &channel::Incoming::text},
    {"guild", &channel::Incoming::guild},
};

json::array attachments_of(const channel::Incoming& incoming) {
  json::array out;
  for (const channel::Attachment& attachment : incoming.attachments) {
    out.push_back(json::object{{"image", attachment.kind == channel::Attachment::Kind::image},
                               {"id", attachment.platform_id},
                               {"name", attachment.name},
                               {"type", attachment.media_type},
                               {"bytes", attachment.bytes}});
  }
  return out;
}

channel::Attachment attachment_from(const json::value& value) {
  channel::Attachment out;
  if (bool_at(&value, "image").value_or(false)) out.kind = channel::Attachment::Kind::image;
  out.platform_id = string_at(&value, "id").value_or("");
  out.name = string_at(&value, "name").value_or("");
  out.media_type = string_at(&value, "type").value_or("");
  out.bytes = static_cast<std::size_t>(integer_at(&value, "bytes").value_or(0));
  return out;
}

}  // namespace

std::string to_json(const channel::Incoming& incoming) {
  json::object out(one_piece());
  for (const TextMember& text : kTextMembers) {
    const std::string& value = incoming.*text.member;
    if (!value.empty()) out[text.name] = value;
  }
  if (incoming.is_group) out["group"] = true;
  out["sent_at"] = incoming.sent_at;
  if (!incoming.attachments.empty()) out["attachments"] = attachments_of(incoming);
  if (!incoming.platform_roles.empty()) {
    out["platform_roles"] = json::array(incoming.platform_roles.begin(), incoming.platform_roles.end());
  }
  return json::serialize(out);
}

Result<channel::Incoming> incoming_from_json(std::string_view text) {
  Result<json::value> parsed = parse_json(text, kMaxStoredBytes);
  if (!parsed) return fail(std::move(parsed.error()));
  const json::value* in = &*parsed;
  channel::Incoming out;
  for (const TextMember& member : kTextMembers) out.*member.member = string_at(in, member.name).value_or("");
  out.is_group = bool_at(in, "group").value_or(false);
  out.sent_at = integer_at(in, "sent_at").value_or(0);
  if (const json::array* attachments = array_at(in, "attachments")) {
    for (const json::value& attachment : *attachments) out.attachments.push_back(attachment_from(attachment));
  }
  if (const json::array* roles = array_at(in, "platform_roles")) {
    for (const json::value& role : *roles) {
      if (role.is_string()) out.platform_roles.emplace_back(role.get_string());
    }
  }
  return out;
}

}  // namespace usher::gateway
