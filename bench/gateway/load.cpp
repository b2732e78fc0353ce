#include "load.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "model.h"

namespace usher::bench {

namespace {

constexpr std::int64_t first_sender = 50'000;

std::string update_json(std::int64_t update, std::int64_t message, std::int64_t person) {
  return fmt::format(
      R"({{"update_id":{0},"message":{{"message_id":{1},"date":{2},"from":{{"id":{3},"is_bot":false,)"
      R"("first_name":"Person","language_code":"en"}},"chat":{{"id":{3},"type":"private","first_name":"Person"}},)"
      R"("text":"{4}{0} what do you have for a rainy day?"}}}})",
      update, message, std::time(nullptr), person, ticket_mark);
}

}  // namespace

Load::Load(int senders) : senders_(senders) {
  telegram_port_ = server_.listen([this](const LightRequest& request) { on_telegram(request); });
  model_port_ = server_.listen([this](const LightRequest& request) { on_model(request); });
}

void Load::on_telegram(const LightRequest& request) {
  std::string_view method = request.target.substr(request.target.rfind('/') + 1);
  method = method.substr(0, method.find('?'));
  if (method == "getUpdates") return on_poll(request);
  if (method == "sendMessage") return on_send(request);
  if (method == "getMe") {
    server_.reply(request.connection,
                  R"({"ok":true,"result":{"id":4242,"is_bot":true,"first_name":"Bench","username":"bench_bot"}})");
    return;
  }
  server_.reply(request.connection, R"({"ok":true,"result":true})");
}

void Load::on_poll(const LightRequest& request) {
  if (!first_poll_) first_poll_ = Clock::now();
  std::int64_t offset = number_after_last(request.body, "\"offset\":");
  while (!updates_.empty() && updates_.front() < offset) updates_.pop_front();
  std::int64_t timeout = std::max<std::int64_t>(0, number_after_last(request.body, "\"timeout\":"));
  poll_ = Poll{request.connection, Clock::now() + std::chrono::seconds(timeout)};
  deliver();
}

void Load::deliver() {
  if (!poll_ || updates_.empty()) return;
  std::string body = R"({"ok":true,"result":[)";
  Clock::time_point now = Clock::now();
  int count = 0;
  for (std::int64_t update : updates_) {
    auto found = under_way_.find(update);
    if (found == under_way_.end()) continue;  // answered before it was confirmed
    if (++count > 100) break;
    if (count > 1) body += ',';
    body += update_json(update, ++message_id_, first_sender + found->second.sender);
    if (!found->second.is_delivered) found->second.delivered = now;
    found->second.is_delivered = true;
  }
  if (count == 0) return;
  ConnectionId connection = poll_->connection;
  poll_.reset();
  server_.reply(connection, body + "]}");
}

void Load::on_model(const LightRequest& request) {
  Clock::time_point asked = Clock::now();
  std::int64_t ticket = number_after_last(request.body, ticket_mark);
  std::string answer = model_stream(ticket);
  auto found = under_way_.find(ticket);
  if (found != under_way_.end()) found->second.model_us += microseconds_between(asked, Clock::now());
  server_.reply(request.connection, answer, "text/event-stream");
}

void Load::on_send(const LightRequest& request) {
  Clock::time_point now = Clock::now();
  auto found = under_way_.find(number_after_last(request.body, ticket_mark));
  server_.reply(request.connection,
                fmt::format(R"({{"ok":true,"result":{{"message_id":{},"date":1,"chat":{{"id":1,"type":"private"}}}}}})",
                            ++message_id_));
  if (found == under_way_.end()) {
    ++stray_;
    return;
  }
  Message message = found->second;
  under_way_.erase(found);
  result_.overhead_us.push_back(microseconds_between(message.delivered, now) - message.model_us);
  // A lone conversation wanders through all senders; parallel ones stay with theirs.
  if (to_write_ > 0 && parallel_ > 0) write_next(parallel_ == 1 ? (message.sender + 1) % senders_ : message.sender);
}

void Load::write_next(int sender) {
  --to_write_;
  std::int64_t update = ++last_update_;
  under_way_[update] = Message{.sender = sender};
  updates_.push_back(update);
}

void Load::turn(std::chrono::milliseconds patience) {
  server_.poll(patience);
  deliver();
  if (poll_ && Clock::now() >= poll_->ends) {
    server_.reply(poll_->connection, R"({"ok":true,"result":[]})");
    poll_.reset();
  }
}

std::optional<Clock::time_point> Load::wait_for_first_poll(Clock::time_point deadline) {
  while (!first_poll_ && Clock::now() < deadline) turn(std::chrono::milliseconds(1));
  return first_poll_;
}

void Load::serve(std::chrono::milliseconds duration) {
  Clock::time_point end = Clock::now() + duration;
  while (Clock::now() < end) turn(std::chrono::milliseconds(10));
}

LoadResult Load::run(int messages, int parallel, Clock::time_point deadline) {
  result_ = {};
  to_write_ = messages;
  parallel_ = parallel;
  Clock::time_point start = Clock::now();
  for (int i = 0; i < std::min(parallel, messages); ++i) write_next(i % senders_);
  while (static_cast<int>(result_.overhead_us.size()) < messages && Clock::now() < deadline) {
    turn(std::chrono::milliseconds(20));
  }
  result_.seconds = microseconds_between(start, Clock::now()) / 1e6;
  return result_;
}

LoadResult Load::run_paced(int messages, std::chrono::milliseconds interval, Clock::time_point deadline) {
  result_ = {};
  to_write_ = messages;
  parallel_ = 0;  // nobody writes for having been answered
  Clock::time_point start = Clock::now();
  for (int i = 0; i < messages && Clock::now() < deadline; ++i) {
    Clock::time_point next = Clock::now() + interval;
    write_next(i % senders_);
    deliver();
    while (Clock::now() < next || (unanswered() > 0 && Clock::now() < deadline)) turn(std::chrono::milliseconds(2));
  }
  result_.seconds = microseconds_between(start, Clock::now()) / 1e6;
  return result_;
}

}  // namespace usher::bench
