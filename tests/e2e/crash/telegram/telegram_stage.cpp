#include "e2e/crash/telegram/telegram_stage.h"

#include <fmt/format.h>

namespace usher::e2e::crash {
namespace {

constexpr const char* kSecondToken = "4343:BBcrashcrashcrashcrashcrashcrashcra";

json::value result_of(const HttpReply& reply) {
  const Result<json::value> body = parse_json(reply.body);
  const json::value* result = body ? member(&*body, "result") : nullptr;
  return result ? *result : json::value();
}

}  // namespace

TelegramOptions TelegramPlatform::options(const std::string& token) {
  TelegramOptions options;
  options.token = token;
  options.watch = [this](const std::string& method, const json::object& parameters, const HttpReply* reply) {
    watch(method, parameters, reply);
  };
  return options;
}

void TelegramPlatform::attach(TelegramSimulator& telegram) {
  telegram_ = &telegram;
  recorder_.add(bot_, *this);
}

Platform::Written TelegramPlatform::write(const Person& person, const std::string& text, Writing::Form form) {
  const bool is_picture = form == Writing::Form::picture && person.group == 0;
  if (is_picture) return {.update_id = telegram_->photo(person.id, kPicture, text)};
  const std::int64_t update = person.group != 0 ? telegram_->group_message(person.id, person.group, text)
                                                : telegram_->private_message(person.id, text);
  return {.update_id = update};
}

std::string TelegramPlatform::chat_of(const Person& person) const {
  return std::to_string(person.group == 0 ? person.id : person.group);
}

void TelegramPlatform::watch(const std::string& method, const json::object& parameters, const HttpReply* reply) {
  if (method == "getupdates" && !reply) {
    has_polled_ = true;
    const json::value holder(parameters);
    // Not simply all below it: behind an update that came once more an offset is smaller than what it confirms.
    if (const auto offset = integer_at(&holder, "offset")) {
      recorder_.confirmed(bot_, telegram_->confirmed_by(*offset));
    }
  }
  if (method == "getupdates" && reply) note_updates(*reply);
  if (method == "sendmessage" && reply && reply->status == 200) note_reply(parameters, *reply);
  recorder_.passed();
}

void TelegramPlatform::note_updates(const HttpReply& reply) {
  const json::value updates = result_of(reply);
  if (!updates.is_array()) return;
  for (const json::value& update : updates.get_array()) {
    const auto message = integer_at(member(&update, "message"), "message_id");
    recorder_.numbered(bot_, integer_at(&update, "update_id").value_or(0), message.value_or(0));
  }
}

void TelegramPlatform::note_reply(const json::object& parameters, const HttpReply& reply) {
  const json::value sent = result_of(reply), holder(parameters);
  const std::string chat = std::to_string(integer_at(&holder, "chat_id").value_or(0));
  recorder_.arrived(bot_, {.id = fmt::format("{}/{}", chat, integer_at(&sent, "message_id").value_or(0)),
                           .chat = chat,
                           .quoted = integer_at(member(&holder, "reply_parameters"), "message_id").value_or(0),
                           .text = std::string(string_at(&sent, "text").value_or("")),
                           .is_answer_lost = reply.reset});
}

TelegramStage::TelegramStage(const std::string& in_bots)
    : Stage("telegram"),
      main_(recorder, "main"),
      second_(recorder, "second"),
      world_([this](const json::object& request) { return recorder.ask_model(request); },
             main_.options(TelegramOptions().token)),
      second_simulator_(world_.thread.executor(), second_.options(kSecondToken)) {
  main_.attach(world_.telegram);
  second_.attach(second_simulator_);
  const auto bot = [&](const char* name, const char* tenant, const TelegramSimulator& telegram) {
    return fmt::format(
        "\n[[channels.telegram]]\nname = \"{}\"\ntenant = \"{}\"\ntoken = \"{}\"\napi_root = \"{}\"\ngroups = \"all\"\n"
        "{}\n",
        name, tenant, telegram.token(), telegram.api_root(), in_bots);
  };
  world_.configure(config_around(
      world_, bot("main", "default", world_.telegram) + bot("second", "acme", second_simulator_), "telegram"));
}

}  // namespace usher::e2e::crash
