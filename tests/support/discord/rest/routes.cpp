// From an HTTP call to the method of the API that it asks for: routes, credentials, limits, faults.
#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"
#include "support/discord/state.h"

namespace usher::testing {
namespace {

constexpr std::string_view kPrefix = "/api/v10";

constexpr std::array kRoutes = std::to_array<RestRoute>({
    {"GET", "/gateway", &DiscordState::get_gateway, false},
    {"GET", "/gateway/bot", &DiscordState::get_gateway_bot},
    {"GET", "/users/@me", &DiscordState::get_me},
    {"GET", "/applications/@me", &DiscordState::get_application},
    {"GET", "/oauth2/applications/@me", &DiscordState::get_application},
    {"POST", "/users/@me/channels", &DiscordState::open_direct_channel},
    {"GET", "/channels/:channel", &DiscordState::get_channel},
    {"POST", "/channels/:channel/messages", &DiscordState::create_message},
    {"GET", "/channels/:channel/messages/:message", &DiscordState::get_message},
    {"PATCH", "/channels/:channel/messages/:message", &DiscordState::edit_message},
    {"DELETE", "/channels/:channel/messages/:message", &DiscordState::delete_message},
    {"POST", "/channels/:channel/typing", &DiscordState::show_typing},
    {"PUT", "/channels/:channel/messages/:message/reactions/:emoji/@me", &DiscordState::add_reaction},
    {"DELETE", "/channels/:channel/messages/:message/reactions/:emoji/@me", &DiscordState::remove_reaction},
    {"GET", "/guilds/:guild/members/:user", &DiscordState::get_member},
    {"GET", "/applications/:application/commands", &DiscordState::get_commands},
    {"PUT", "/applications/:application/commands", &DiscordState::put_commands},
    {"POST", "/interactions/:interaction/:token/callback", &DiscordState::acknowledge, false, true},
    {"POST", "/webhooks/:application/:token", &DiscordState::follow_up, false, true},
    {"GET", "/webhooks/:application/:token/messages/:message", &DiscordState::get_follow_up, false, true},
    {"PATCH", "/webhooks/:application/:token/messages/:message", &DiscordState::edit_follow_up, false, true},
    {"DELETE", "/webhooks/:application/:token/messages/:message", &DiscordState::delete_follow_up, false, true},
});

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(std::strtol(std::string(text.substr(i + 1, 2)).c_str(), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string_view take_segment(std::string_view& path) {
  path.remove_prefix(1);  // the slash
  const std::size_t end = std::min(path.find('/'), path.size());
  const std::string_view segment = path.substr(0, end);
  path.remove_prefix(end);
  return segment;
}

bool matches(std::string_view pattern, std::string_view path, std::map<std::string, std::string>& ids) {
  while (pattern.starts_with('/') && path.starts_with('/')) {
    const std::string_view wanted = take_segment(pattern), found = take_segment(path);
    if (wanted.starts_with(':') && !found.empty()) {
      ids[std::string(wanted.substr(1))] = percent_decoded(found);
    } else if (wanted != found) {
      return false;
    }
  }
  return pattern.empty() && path.empty();
}

const RestRoute* find_route(std::string_view method, std::string_view path, RestRequest& request) {
  for (const RestRoute& route : kRoutes) {
    request.ids.clear();
    if (route.method != method || !matches(route.path, path, request.ids)) continue;
    request.route = std::string(method) + " " + std::string(route.path);
    return &route;
  }
  return nullptr;
}

// Joins `attachments` of the body with the files that came beside it, as files[n].
bool read_files(const std::vector<FormPart>& parts, RestRequest& request) {
  const json::value body(request.body);
  const json::array* attachments = array_at(&body, "attachments");
  for (const FormPart& part : parts) {
    if (part.name == "payload_json") continue;
    if (!part.name.starts_with("files[") || !part.name.ends_with("]")) return false;
    const std::string number = part.name.substr(6, part.name.size() - 7);
    DiscordFile file{part.filename, part.media_type, part.bytes, ""};
    for (std::size_t i = 0; attachments && i < attachments->size(); ++i) {
      const json::value* id = member(&(*attachments)[i], "id");
      const bool is_this = id && (id->is_string() ? id->as_string() == number : json::serialize(*id) == number);
      if (is_this) file.name = string_at(&(*attachments)[i], "filename").value_or(file.name);
    }
    request.files.push_back(std::move(file));
  }
  return true;
}

// False for a body that is neither JSON nor a form that holds JSON.
bool read_body(const HttpCall& call, RestRequest& request) {
  if (call.body.empty()) return true;
  const auto type = call.headers.find("content-type");
  const bool is_form = type != call.headers.end() && type->second.starts_with("multipart/form-data");
  std::string text = is_form ? "{}" : call.body;
  std::vector<FormPart> parts;
  if (is_form) {
    Result<std::vector<FormPart>> form = read_form_data(type->second, call.body);
    if (!form) return false;
    parts = std::move(*form);
    for (const FormPart& part : parts) text = part.name == "payload_json" ? part.bytes : text;
  }
  const Result<json::value> body = parse_json(text);
  if (!body || (!body->is_object() && !body->is_array())) return false;
  if (body->is_array()) request.list = body->as_array();
  if (body->is_object()) request.body = body->as_object();
  return read_files(parts, request);
}

std::string header(const HttpCall& call, const std::string& name) {
  const auto found = call.headers.find(name);
  return found == call.headers.end() ? "" : found->second;
}

HttpReply page(int status, const std::string& text) {
  HttpReply reply;
  reply.status = status;
  reply.content_type = "text/html";
  reply.body = text;
  return reply;
}

std::string major_of(const RestRequest& request) {
  for (const char* name : {"channel", "guild", "token"}) {
    if (const auto found = request.ids.find(name); found != request.ids.end()) return found->second;
  }
  return "";
}

}  // namespace

HttpReply rest_ok(const json::value& value, int status) {
  HttpReply reply;
  reply.status = status;
  reply.body = json::serialize(value);
  return reply;
}

HttpReply rest_none() {
  HttpReply reply;
  reply.status = 204;
  reply.content_type = "text/html; charset=utf-8";  // there is no JSON to read
  return reply;
}

HttpReply rest_error(int status, int code, const std::string& message) {
  return rest_ok(json::object{{"message", message}, {"code", code}}, status);
}

HttpReply rest_invalid(const std::string& field, const std::string& problem) {
  const json::object error{{"code", "BASE_TYPE_BAD"}, {"message", problem}};
  return rest_ok(json::object{{"message", "Invalid Form Body"},
                              {"code", 50035},
                              {"errors", json::object{{field, json::object{{"_errors", json::array{error}}}}}}},
                 400);
}

Task<HttpReply> DiscordState::serve(HttpCall call) {
  const std::string path = call.target.substr(0, call.target.find('?'));
  const bool is_ours = path.starts_with(kPrefix) || path.starts_with("/attachments/");
  if (is_ours || !options.other) co_return on_call(call);
  HttpReply reply = co_await options.other(std::move(call));
  co_return reply;
}

HttpReply DiscordState::on_call(const HttpCall& call) {
  const std::size_t mark = std::min(call.target.find('?'), call.target.size());
  const std::string path = call.target.substr(0, mark);
  if (path.starts_with("/attachments/")) return download(path);
  RestRequest request;
  request.query = call.target.substr(mark);
  const bool is_api = path.starts_with(kPrefix);
  const RestRoute* route = is_api ? find_route(call.method, path.substr(kPrefix.size()), request) : nullptr;
  if (!route) return rest_error(404, 0, "404: Not Found");
  if (!read_body(call, request)) return rest_error(400, 50109, "The request body contains invalid JSON.");

  if (options.watch) options.watch(request.route, request.body, nullptr);
  HttpReply reply;
  {
    const std::lock_guard lock(mutex);
    reply = counted(answer(call, *route, request));
    wake();
  }
  if (options.watch) options.watch(request.route, request.body, &reply);
  return reply;
}

HttpReply DiscordState::counted(HttpReply reply) {
  const auto scope = std::find(reply.headers.begin(), reply.headers.end(),
                               std::pair<std::string, std::string>("X-RateLimit-Scope", "shared"));
  const bool is_refused = reply.status == 401 || reply.status == 403 || reply.status == 429;
  if (is_refused && scope == reply.headers.end()) ++refused_calls;
  return reply;
}

HttpReply DiscordState::answer(const HttpCall& call, const RestRoute& route, const RestRequest& request) {
  calls[request.route].push_back(request.body);
  HttpHeaders headers;
  if (std::optional<HttpReply> refusal = refuse(call, route, request, headers)) return std::move(*refusal);
  HttpReply reply = (this->*route.handler)(request);
  reply.headers.insert(reply.headers.end(), headers.begin(), headers.end());
  int& losses = lost[request.route];
  if (losses > 0) --losses, reply.reset = true;
  return reply;
}

// `headers` become those of the answer, when it is not a refusal.
std::optional<HttpReply> DiscordState::refuse(const HttpCall& call, const RestRoute& route, const RestRequest& request,
                                              HttpHeaders& headers) {
  if (refused_calls >= static_cast<std::size_t>(options.ban_after)) {
    HttpReply ban = page(429, "<html><body>error code: 1015</body></html>");
    ban.headers = {{"Retry-After", "3600"}};
    return ban;
  }
  if (std::deque<HttpReply>& scripted = faults[request.route]; !scripted.empty()) {
    HttpReply fault = std::move(scripted.front());
    scripted.pop_front();
    return fault;
  }
  if (!header(call, "user-agent").starts_with("DiscordBot (")) {
    return page(403, "<html><body>error code: 1010</body></html>");
  }
  const bool is_known = header(call, "authorization") == "Bot " + options.token && !gateway.is_token_reset();
  if (route.needs_token && !is_known) return rest_error(401, 0, "401: Unauthorized");
  DiscordLimits::Verdict verdict = limits.admit(request.route, major_of(request), route.is_exempt, Clock::now());
  headers = std::move(verdict.headers);
  return std::move(verdict.refusal);
}

HttpReply DiscordState::download(const std::string& path) {
  const std::lock_guard lock(mutex);
  const std::string route = "GET /attachments";
  calls[route].push_back({{"path", path}});
  wake();
  if (std::deque<HttpReply>& scripted = faults[route]; !scripted.empty()) {
    HttpReply fault = std::move(scripted.front());
    scripted.pop_front();
    return fault;
  }
  for (const auto& [id, message] : world.messages) {
    for (const DiscordFile& file : message.files) {
      if (percent_decoded(path) != "/attachments/" + message.channel + "/" + file.id + "/" + file.name) continue;
      HttpReply reply;
      reply.content_type = file.media_type;
      reply.body = file.bytes;
      return reply;
    }
  }
  return page(404, "This content is no longer available.");
}

}  // namespace usher::testing
