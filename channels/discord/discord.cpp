#include "channels/discord/discord.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/children.h"
#include "channel/trouble.h"
#include "channels/discord/events/messages.h"
#include "channels/discord/events/snowflake.h"
#include "channels/discord/interactions/address.h"
#include "channels/discord/interactions/interactions.h"
#include "channels/discord/members/members.h"
#include "channels/discord/outbound/outbound.h"
#include "channels/discord/rest/rest.h"
#include "channels/discord/shards/shards.h"
#include "channels/discord/threads/threads.h"

namespace usher::discord {
namespace {

class Bot final : public Discord {
 public:
  Bot(net::HttpClient& http, net::WebSocketConnector& sockets, channel::Bookmark& bookmark, DiscordOptions options)
      : options_(std::move(options)),
        kind_("discord"),
        rest_(http, options_.token, options_.api_root, options_.name, options_.ban_guard),
        members_(rest_, options_),
        threads_(rest_),
        interactions_(rest_, options_),
        shards_(rest_, sockets, bookmark, options_) {}

  const std::string& name() const override { return options_.name; }
  const std::string& kind() const override { return kind_; }
  const std::string& tenant() const override { return options_.tenant; }
  std::string health() const override { return shards_.health(); }

  Task<void> run(channel::Intake intake) override;
  void stop() override { shards_.stop(); }
  Task<HttpInteractionAnswer> take(HttpInteraction interaction) override;

  Task<Result<channel::Delivery>> send(const channel::Outgoing& message, channel::Passage& passage,
                                       Deadline deadline) override;
  bool can_send_now(const std::string& chat) const override { return !outbound_ || outbound_->can_send_now(chat); }
  std::chrono::seconds resends_for(const channel::Outgoing& message) const override {
    return Outbound::resends_for(message);
  }
  bool awaits_answer(const channel::Incoming& message) const override {
    return interaction_address(message.message_id).has_value();
  }
  Task<Result<std::vector<channel::GuildRoles>>> roles_of(const channel::Incoming& message, Deadline deadline) override;
  Task<Result<std::string>> parent_of(const channel::Incoming& message, Deadline deadline) override;
  void show_typing(const std::string& chat, const std::string& thread) override;
  void show_progress(const channel::Outgoing& answer, std::string_view piece) override;
  Task<Result<std::string>> fetch(const channel::Attachment& attachment, std::size_t max_bytes,
                                  Deadline deadline) override {
    return rest_.download(attachment.platform_id, max_bytes, deadline);
  }

 private:
  using Handler = Task<Result<void>> (Bot::*)(const json::value& event);
  struct Kind {
    std::string_view type;
    Handler handler;
  };

  bool wants(std::string_view type) const;
  Task<Result<void>> on_event(std::string_view type, const json::value& event);
  Task<Result<void>> on_start(const json::value& event);
  Task<Result<void>> on_message(const json::value& event);
  Task<Result<void>> on_interaction(const json::value& event);
  Task<Result<void>> on_guild(const json::value& event);
  Task<Result<void>> on_guild_gone(const json::value& event);
  Task<Result<void>> on_member(const json::value& event);
  Task<void> register_commands(std::string application_id);
  Outbound& outbound(asio::any_io_executor executor);

  // What is read; everything else is passed over. MESSAGE_UPDATE is not among them: an edit never runs again.
  static const std::array<Kind, 8> kKinds;

  DiscordOptions options_;
  std::string kind_;
  Rest rest_;
  Members members_;
  Threads threads_;
  Interactions interactions_;
  Shards shards_;
  Children children_;
  std::optional<Outbound> outbound_;  // once an executor is known
  std::optional<asio::any_io_executor> executor_;
  channel::Intake intake_;
  bool has_started_ = false;
};

constexpr std::array<Bot::Kind, 8> Bot::kKinds{{
    {"READY", &Bot::on_start},
    {"RESUMED", &Bot::on_start},
    {"MESSAGE_CREATE", &Bot::on_message},
    {"INTERACTION_CREATE", &Bot::on_interaction},
    {"GUILD_CREATE", &Bot::on_guild},
    {"GUILD_DELETE", &Bot::on_guild_gone},
    {"GUILD_MEMBER_UPDATE", &Bot::on_member},
    {"GUILD_MEMBER_REMOVE", &Bot::on_member},
}};

Task<void> Bot::run(channel::Intake intake) {
  executor_ = co_await asio::this_coro::executor;
  intake_ = std::move(intake);
  outbound(*executor_);
  ShardsCallbacks callbacks;
  callbacks.wants = [this](std::string_view type) { return wants(type); };
  callbacks.sink = [this](std::string_view type, const json::value& event) { return on_event(type, event); };
  callbacks.learned_guilds = [this] { return members_.learned(); };
  callbacks.recall_guilds = [this](const std::vector<std::string>& guilds) { members_.recall(guilds); };
  callbacks.previews = [this] { return outbound_->standing(); };
  co_await shards_.run(std::move(callbacks));
  co_await asio::this_coro::reset_cancellation_state();
  intake_ = {};  // nothing comes over HTTP any more either
  co_await children_.join();
  co_await interactions_.stop();
  co_await outbound_->stop();
}

// ---- events ---------------------------------------------------------------------------------------------------------

// A guild is megabytes, and tells nothing but which roles are its own.
bool Bot::wants(std::string_view type) const {
  if (type == "GUILD_CREATE" && options_.roles.empty()) return false;
  return std::ranges::find(kKinds, type, &Kind::type) != kKinds.end();
}

Task<Result<void>> Bot::on_event(std::string_view type, const json::value& event) {
  const auto kind = std::ranges::find(kKinds, type, &Kind::type);
  if (kind == kKinds.end()) co_return Result<void>{};
  Result<void> taken = co_await (this->*kind->handler)(event);
  co_return taken;
}

Task<Result<void>> Bot::on_start(const json::value& event) {
  members_.begin(event);
  const std::optional<Identity>& identity = shards_.identity();
  if (!identity || std::exchange(has_started_, true)) co_return Result<void>{};
  spdlog::info("{}: Discord bot {}", options_.name, identity->bot_id);
  if (options_.sets_commands) children_.spawn(*executor_, register_commands(identity->application_id));
  co_return Result<void>{};
}

Task<Result<void>> Bot::on_message(const json::value& event) {
  const std::optional<Identity>& identity = shards_.identity();
  if (!identity) co_return fail(ErrorKind::internal, "a message came before Discord said who this bot is");
  std::string problem;
  std::optional<channel::Incoming> message =
      decode_message(event, {options_.name, identity->bot_id, options_.groups}, problem);
  if (!problem.empty()) spdlog::warn("{}: skipped {}", options_.name, problem);
  if (!message) co_return Result<void>{};
  std::vector<channel::Incoming> batch{*message};
  const Result<channel::TakenIn> taken = co_await intake_(std::move(batch));
  if (!taken) co_return fail(taken.error().kind, "the inbox takes nothing in: " + taken.error().message);
  // What comes again may have been answered.
  if (taken->fresh > 0) outbound_->acknowledge(*message);
  co_return Result<void>{};
}

Task<Result<void>> Bot::on_interaction(const json::value& event) { return interactions_.take(event, intake_); }

Task<Result<void>> Bot::on_guild(const json::value& event) {
  members_.learn(event);
  co_return Result<void>{};
}

// An outage of Discord's takes guilds away as well, and brings them back.
Task<Result<void>> Bot::on_guild_gone(const json::value& event) {
  const std::string_view guild = string_at(&event, "id").value_or("");
  if (!bool_at(&event, "unavailable").value_or(false)) members_.leave(std::string(guild));
  co_return Result<void>{};
}

Task<Result<void>> Bot::on_member(const json::value& event) {
  const std::string_view user = string_at(member(&event, "user"), "id").value_or("");
  if (is_snowflake(user)) members_.forget(std::string(user));
  co_return Result<void>{};
}

// Until it is done or refused: a bad minute of Discord's at the start must not cost the commands until the next one.
Task<void> Bot::register_commands(std::string application_id) {
  channel::Trouble trouble(options_.first_backoff, options_.max_backoff);
  while (true) {
    const Result<void> done =
        co_await interactions_.register_commands(application_id, Deadline::in(options_.call_timeout));
    if (done) co_return;
    if (trouble.note(done.error().message))
      spdlog::warn("{}: the slash commands were not registered: {}", options_.name, done.error().message);
    const ErrorKind kind = done.error().kind;
    if (kind != ErrorKind::unavailable && kind != ErrorKind::busy && kind != ErrorKind::timeout) co_return;
    const bool has_waited =
        co_await sleep_for(std::max(trouble.next_wait(), done.error().retry_after.value_or(options_.first_backoff)));
    if (!has_waited) co_return;
  }
}

Task<HttpInteractionAnswer> Bot::take(HttpInteraction interaction) {
  if (!intake_) co_return HttpInteractionAnswer{.status = 503};
  HttpInteractionAnswer answer = co_await interactions_.take(std::move(interaction), intake_);
  co_return answer;
}

// ---- what is sent ---------------------------------------------------------------------------------------------------

Outbound& Bot::outbound(asio::any_io_executor executor) {
  if (outbound_) return *outbound_;
  outbound_.emplace(std::move(executor), rest_, options_);
  outbound_->recall(shards_.previews_left(), [this] { shards_.previews_changed(); });
  return *outbound_;
}

Task<Result<channel::Delivery>> Bot::send(const channel::Outgoing& message, channel::Passage& passage,
                                          Deadline deadline) {
  Outbound& out = outbound(co_await asio::this_coro::executor);
  Result<channel::Delivery> delivery = co_await out.send(message, passage, deadline);
  co_return delivery;
}

void Bot::show_typing(const std::string& chat, const std::string& thread) {
  if (outbound_) outbound_->show_typing(chat, thread);
}

void Bot::show_progress(const channel::Outgoing& answer, std::string_view piece) {
  if (outbound_) outbound_->show_progress(answer, piece);
}

Task<Result<std::vector<channel::GuildRoles>>> Bot::roles_of(const channel::Incoming& message, Deadline deadline) {
  if (!message.guild.empty()) return Channel::roles_of(message, deadline);
  return members_.roles_of(message.sender_id, deadline);
}

Task<Result<std::string>> Bot::parent_of(const channel::Incoming& message, Deadline deadline) {
  if (message.guild.empty()) return Channel::parent_of(message, deadline);  // there are no threads
  return threads_.parent_of(message.chat, deadline);
}

}  // namespace

std::unique_ptr<Discord> make_discord(net::HttpClient& http, net::WebSocketConnector& sockets,
                                      channel::Bookmark& bookmark, DiscordOptions options) {
  return std::make_unique<Bot>(http, sockets, bookmark, std::move(options));
}

}  // namespace usher::discord
