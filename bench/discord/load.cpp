#include "load.h"

#include <fmt/format.h>

#include <algorithm>

#include "decoding/events.h"
#include "gateway/model.h"

namespace usher::bench {

namespace {

using std::chrono::milliseconds;

constexpr std::int64_t first_person = 2'000'000'000'000'050'000;
constexpr std::string_view answers = "POST /channels/:channel/messages";

// What the bot says; -1 when it carries no ticket.
std::int64_t ticket_of(const json::object& body) {
  const json::value* content = body.if_contains("content");
  const json::string* text = content ? content->if_string() : nullptr;
  return text ? number_after_last({text->data(), text->size()}, ticket_mark) : -1;
}

}  // namespace

DiscordLoad::DiscordLoad(int people) : discord_(thread_.executor(), options()) {
  model_port_ = server_.listen([this](const LightRequest& request) { on_model(request); });
  for (int i = 0; i < people; ++i) {
    channels_.push_back(discord_.add_channel(discord_.options().guild));
    discord_.set_member(discord_.options().guild, std::to_string(first_person + i), {});
  }
}

// Limits that nobody meets, but whose headers are there to be read.
testing::DiscordSimulatorOptions DiscordLoad::options() {
  testing::DiscordSimulatorOptions options;
  options.limit = {.calls = 1'000'000, .window = milliseconds(1000), .bucket = ""};
  options.calls_per_second = 0;
  options.identify_window = milliseconds(0);
  options.watch = [this](const std::string& route, const json::object& body, const testing::HttpReply* reply) {
    on_call(route, body, reply != nullptr);
  };
  return options;
}

void DiscordLoad::ask(int person) {
  std::int64_t ticket = 0;
  {
    const std::lock_guard lock(mutex_);
    --to_write_;
    ticket = ++last_ticket_;
    under_way_[ticket] = {.person = person, .asked = Clock::now()};
  }
  write(person,
        fmt::format("<@{}> {}{} what do you have for a rainy day?", discord_.options().bot, ticket_mark, ticket));
}

void DiscordLoad::write(int person, const std::string& words) {
  discord_.write({.user = std::to_string(first_person + person),
                  .content = words,
                  .channel = channels_.at(static_cast<std::size_t>(person))});
}

// An answer counts when the call has come; its author is heard again once it has taken effect.
void DiscordLoad::on_call(const std::string& route, const json::object& body, bool has_effect) {
  if (route != answers) return;
  const Clock::time_point now = Clock::now();
  const std::int64_t ticket = ticket_of(body);
  int next = -1;
  {
    const std::lock_guard lock(mutex_);
    if (has_effect) {
      const auto person = to_ask_again_.find(ticket);
      if (person == to_ask_again_.end()) return;
      if (to_write_ > 0) next = person->second;
      to_ask_again_.erase(person);
    } else if (const auto question = under_way_.find(ticket); question == under_way_.end()) {
      ++stray_;
    } else {
      result_.overhead_us.push_back(microseconds_between(question->second.asked, now) - question->second.model_us);
      to_ask_again_[ticket] = question->second.person;
      under_way_.erase(question);
    }
  }
  if (next >= 0) ask(next);
}

void DiscordLoad::on_model(const LightRequest& request) {
  const Clock::time_point asked = Clock::now();
  const std::int64_t ticket = number_after_last(request.body, ticket_mark);
  const std::string answer = model_stream(ticket);
  {
    const std::lock_guard lock(mutex_);
    const auto question = under_way_.find(ticket);
    if (question != under_way_.end()) question->second.model_us += microseconds_between(asked, Clock::now());
  }
  server_.reply(request.connection, answer, "text/event-stream");
}

bool DiscordLoad::wait_for_login(Clock::time_point deadline) {
  while (Clock::now() < deadline) {
    const std::vector<testing::GatewayConnection> connections = discord_.connections();
    if (!connections.empty() && !connections.back().session.empty()) return true;
    server_.poll(milliseconds(1));
  }
  return false;
}

void DiscordLoad::serve(milliseconds duration) {
  const Clock::time_point end = Clock::now() + duration;
  while (Clock::now() < end) server_.poll(milliseconds(2));
}

LoadResult DiscordLoad::take_result(Clock::time_point start) {
  const std::lock_guard lock(mutex_);
  to_write_ = 0;
  result_.seconds = microseconds_between(start, Clock::now()) / 1e6;
  return std::exchange(result_, {});
}

LoadResult DiscordLoad::run_paced(int messages, milliseconds interval, Clock::time_point deadline) {
  const Clock::time_point start = Clock::now();
  for (int i = 0; i < messages && Clock::now() < deadline; ++i) {
    const Clock::time_point next = Clock::now() + interval;
    ask(i % static_cast<int>(channels_.size()));  // to_write_ stays below one: nobody writes for having been answered
    while (Clock::now() < next || (unanswered() > 0 && Clock::now() < deadline)) server_.poll(milliseconds(2));
  }
  return take_result(start);
}

LoadResult DiscordLoad::run(int messages, int parallel, Clock::time_point deadline) {
  const Clock::time_point start = Clock::now();
  {
    const std::lock_guard lock(mutex_);
    to_write_ = messages;
  }
  for (int i = 0; i < std::min(parallel, messages); ++i) ask(i % static_cast<int>(channels_.size()));
  const auto is_done = [&] {
    const std::lock_guard lock(mutex_);
    return to_write_ <= 0 && under_way_.empty();
  };
  while (!is_done() && Clock::now() < deadline) server_.poll(milliseconds(2));
  return take_result(start);
}

void DiscordLoad::chat(int messages, milliseconds interval, Clock::time_point deadline) {
  for (int i = 0; i < messages; ++i) {
    write(i % static_cast<int>(channels_.size()), "is it going to rain tomorrow, does anybody know?");
    serve(interval);
  }
  run_paced(1, interval, deadline);
}

void DiscordLoad::add_guilds(int count) {
  for (int i = 0; i < count; ++i) {
    const json::object guild = sample_guild(i);
    discord_.dispatch("GUILD_CREATE", guild, std::string(guild.at("id").as_string()));
  }
}

int DiscordLoad::stray() const {
  const std::lock_guard lock(mutex_);
  return stray_;
}

int DiscordLoad::unanswered() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(under_way_.size());
}

}  // namespace usher::bench
