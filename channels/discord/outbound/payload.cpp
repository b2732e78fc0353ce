#include "channels/discord/outbound/payload.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "base/hash.h"
#include "base/text.h"

namespace usher::discord {
namespace {

constexpr std::size_t kMaxButtons = 5;
constexpr std::size_t kMaxLabelUnits = 80;
constexpr std::size_t kMaxCustomId = 100;
// Nobody fetches what an answer links to until a person does: whoever makes the model write an address must not be told
// by the preview of it.
constexpr int kSuppressEmbeds = 1 << 2;

json::array components_of(const std::vector<channel::Choice>& choices) {
  json::array buttons;
  std::vector<std::string> ids;
  for (const channel::Choice& choice : choices) {
    const std::string id = std::string(kSays) + choice.says;
    const bool is_known = std::ranges::find(ids, id) != ids.end();  // Discord refuses an id that comes twice
    if (choice.label.empty() || choice.says.empty() || id.size() > kMaxCustomId || is_known) continue;
    if (buttons.size() == kMaxButtons) break;
    const std::string label = choice.label.substr(0, prefix_within_utf16(choice.label, kMaxLabelUnits));
    buttons.push_back({{"type", 2}, {"style", 2}, {"label", label}, {"custom_id", id}});
    ids.push_back(id);
  }
  if (buttons.empty()) return {};
  return {json::object{{"type", 1}, {"components", std::move(buttons)}}};
}

json::object message_json(const Said& said) {
  json::object message;
  message["content"] = said.content;
  message["allowed_mentions"] = {{"parse", json::array()}, {"replied_user", false}};
  message["flags"] = kSuppressEmbeds;
  message["components"] = components_of(said.choices);
  if (!said.file.empty()) message["attachments"] = {{{"id", 0}, {"filename", kAnswerFile}}};
  return message;
}

void append_part(std::string& out, std::string_view boundary, std::string_view disposition, std::string_view type,
                 std::string_view content) {
  out.append("--").append(boundary).append("\r\nContent-Disposition: form-data; ").append(disposition);
  out.append("\r\nContent-Type: ").append(type).append("\r\n\r\n").append(content).append("\r\n");
}

void put_body(RestCall& call, const json::object& message, const std::string& file) {
  call.body = json::serialize(message);
  if (file.empty()) return;
  std::string boundary = "usher-part";
  while (file.find(boundary) != std::string::npos || call.body.find(boundary) != std::string::npos) boundary += '-';
  std::string body;
  body.reserve(call.body.size() + file.size() + 512);
  append_part(body, boundary, "name=\"payload_json\"", "application/json", call.body);
  append_part(body, boundary, fmt::format("name=\"files[0]\"; filename=\"{}\"", kAnswerFile),
              "text/markdown; charset=utf-8", file);
  body.append("--").append(boundary).append("--\r\n");
  call.body = std::move(body);
  call.content_type = "multipart/form-data; boundary=" + boundary;
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    if (is_plain)
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::string without_space(std::string_view text) {
  std::string out(text);
  std::erase_if(out, [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; });
  return out;
}

}  // namespace

std::string messages_route(std::string_view chat) { return fmt::format("/channels/{}/messages", chat); }

RestCall create_message(const std::string& chat, const Said& said, const std::string& nonce,
                        const std::string& reply_to) {
  RestCall call;
  call.method = "POST";
  call.target = call.route = messages_route(chat);
  json::object message = message_json(said);
  if (!nonce.empty()) {
    message["nonce"] = nonce;
    message["enforce_nonce"] = true;
    call.is_repeatable = true;
  }
  if (!reply_to.empty()) message["message_reference"] = {{"message_id", reply_to}, {"fail_if_not_exists", false}};
  put_body(call, message, said.file);
  return call;
}

RestCall edit_message(const std::string& chat, const std::string& message, const Said& said) {
  RestCall call;
  call.method = "PATCH";
  call.target = messages_route(chat) + "/" + message;
  call.route = messages_route(chat) + "/:message";
  call.is_repeatable = true;
  put_body(call, message_json(said), said.file);
  return call;
}

RestCall edit_response(const InteractionAddress& address, const Said& said) {
  RestCall call;
  call.method = "PATCH";
  call.target = fmt::format("/webhooks/{}/{}/messages/@original", address.application, address.token);
  const std::string digest = to_hex(sha256(address.token)).substr(0, 16);
  call.route = fmt::format("/webhooks/{}:{}/messages/@original", address.application, digest);
  call.is_interaction = true;
  call.is_repeatable = true;
  put_body(call, message_json(said), said.file);
  return call;
}

RestCall typing(const std::string& chat) {
  RestCall call;
  call.method = "POST";
  call.target = call.route = fmt::format("/channels/{}/typing", chat);
  call.is_patient = false;
  return call;
}

RestCall react(const std::string& chat, const std::string& message, std::string_view emoji, bool is_put) {
  RestCall call;
  call.method = is_put ? "PUT" : "DELETE";
  call.target = fmt::format("{}/{}/reactions/{}/@me", messages_route(chat), message, percent_encoded(emoji));
  call.route = messages_route(chat) + "/:message/reactions/:emoji/@me";
  call.is_repeatable = true;
  return call;
}

bool says(const json::value& message, const Said& said) {
  const json::array* components = array_at(&message, "components");
  const json::array* attachments = array_at(&message, "attachments");
  const bool has_buttons = components && !components->empty(), has_file = attachments && !attachments->empty();
  return without_space(string_at(&message, "content").value_or("")) == without_space(said.content) &&
         has_buttons == !components_of(said.choices).empty() && has_file == !said.file.empty();
}

}  // namespace usher::discord
