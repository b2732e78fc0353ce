// Reading chat completion requests: what the vendor refuses, and what scripts ask of them.
#include "support/model/model_request.h"

#include <algorithm>
#include <set>

#include "support/model/model_simulator.h"

namespace usher::testing {

namespace {

std::string text_of(const json::value* content) {
  if (!content) return "";
  if (const json::string* text = content->if_string()) return std::string(*text);
  std::string joined;
  if (const json::array* parts = content->if_array()) {
    for (const json::value& part : *parts) {
      if (auto text = string_at(&part, "text")) joined += *text;
    }
  }
  return joined;
}

const json::array* messages_of(const json::object& request) {
  const json::value* messages = request.if_contains("messages");
  return messages ? messages->if_array() : nullptr;
}

bool is_tool_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '-'; });
}

// "" or what is wrong; `pending` are the calls that wait for their results.
std::string complaint_about_message(const json::value& message, std::set<std::string, std::less<>>& pending) {
  auto role = string_at(&message, "role");
  if (!role) return "a message without a role";
  if (*role == "tool") {
    auto id = string_at(&message, "tool_call_id");
    if (!id || pending.erase(std::string(*id)) == 0) return "a tool message that answers no tool call before it";
    return member(&message, "content") ? "" : "a tool message without content";
  }
  if (!pending.empty()) return "an assistant message with tool_calls must be followed by a result for each of them";
  if (*role != "system" && *role != "user" && *role != "assistant") return "unknown role";
  const json::array* calls = array_at(&message, "tool_calls");
  if (*role == "assistant" && calls) {
    if (calls->empty()) return "tool_calls must not be empty";
    for (const json::value& call : *calls) {
      auto id = string_at(&call, "id");
      const json::value* function = member(&call, "function");
      auto name = string_at(function, "name");
      if (!id || string_at(&call, "type") != "function" || !name || !string_at(function, "arguments")) {
        return "a malformed tool call";
      }
      if (!is_tool_name(*name)) return "a tool call whose name is not ^[a-zA-Z0-9_-]{1,64}$";
      if (!pending.insert(std::string(*id)).second) return "two tool calls with one id";
    }
    return "";
  }
  const json::value* content = member(&message, "content");
  return content && (content->is_string() || content->is_array()) ? "" : "a message without content";
}

std::string complaint_about_tools(const json::object& request) {
  const json::value* tools = request.if_contains("tools");
  if (!tools) return "";
  if (!tools->is_array() || tools->get_array().empty()) return "tools must be a list that is not empty";
  for (const json::value& tool : tools->get_array()) {
    const json::value* function = member(&tool, "function");
    auto name = string_at(function, "name");
    if (string_at(&tool, "type") != "function" || !name || !is_tool_name(*name)) return "a malformed tool";
    if (string_at(member(function, "parameters"), "type") != "object") return "a tool whose parameters are no object";
  }
  return "";
}

}  // namespace

std::string complaint_about(const json::object& request) {
  const json::value* model = request.if_contains("model");
  if (!model || !model->is_string()) return "you must provide a model parameter";
  const json::array* messages = messages_of(request);
  if (!messages || messages->empty()) return "messages must be a list that is not empty";
  std::set<std::string, std::less<>> pending;
  for (const json::value& message : *messages) {
    std::string complaint = complaint_about_message(message, pending);
    if (!complaint.empty()) return complaint;
  }
  if (!pending.empty()) return "an assistant message with tool_calls must be followed by a result for each of them";
  return complaint_about_tools(request);
}

std::string last_text(const json::object& request, std::string_view role) {
  const json::array* messages = messages_of(request);
  if (!messages) return "";
  for (auto message = messages->rbegin(); message != messages->rend(); ++message) {
    if (string_at(&*message, "role") == role) return text_of(member(&*message, "content"));
  }
  return "";
}

std::string system_text(const json::object& request) {
  const json::array* messages = messages_of(request);
  if (!messages || messages->empty() || string_at(&messages->front(), "role") != "system") return "";
  return text_of(member(&messages->front(), "content"));
}

std::vector<std::string> offered_tools(const json::object& request) {
  std::vector<std::string> names;
  const json::value* tools = request.if_contains("tools");
  if (!tools || !tools->is_array()) return names;
  for (const json::value& tool : tools->get_array()) {
    if (auto name = string_at(member(&tool, "function"), "name")) names.emplace_back(*name);
  }
  return names;
}

}  // namespace usher::testing
