#include "gateway/dispatch/typing.h"

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <unordered_map>
#include <utility>

namespace usher::gateway {
namespace {

constexpr std::chrono::milliseconds kLook{500};   // how often running turns are looked at
constexpr std::chrono::milliseconds kAfter{700};  // quick answers need no sign
constexpr std::chrono::seconds kRepeat{4};

using Time = std::chrono::steady_clock::time_point;

struct Turn {
  channel::Channel* channel;
  std::string chat, thread;
  Time began, shown;
};

}  // namespace

struct Typing::State : std::enable_shared_from_this<Typing::State> {
  explicit State(asio::any_io_executor loop) : timer(std::move(loop)) {}

  // One timer for all; it rests while nothing runs.
  void watch() {
    if (is_watching || is_stopped) return;
    is_watching = true;
    timer.expires_after(kLook);
    timer.async_wait([weak = weak_from_this()](boost::system::error_code error) {
      const std::shared_ptr<State> self = weak.lock();
      if (!self) return;
      self->is_watching = false;
      if (error || self->is_stopped) return;
      self->show();
      if (!self->turns.empty()) self->watch();
    });
  }

  void show() {
    const Time now = std::chrono::steady_clock::now();
    for (auto& [lane, turn] : turns) {
      if (now - turn.began < kAfter || now - turn.shown < kRepeat) continue;
      turn.shown = now;
      turn.channel->show_typing(turn.chat, turn.thread);
    }
  }

  asio::steady_timer timer;
  std::unordered_map<std::string, Turn> turns;  // by lane
  bool is_watching = false;
  bool is_stopped = false;
};

Typing::Typing(asio::any_io_executor loop) : state_(std::make_shared<State>(std::move(loop))) {}
Typing::~Typing() = default;

void Typing::begin(const std::string& lane, channel::Channel& channel, std::string chat, std::string thread) {
  state_->turns[lane] = {&channel, std::move(chat), std::move(thread), std::chrono::steady_clock::now(), {}};
  state_->watch();
}

void Typing::end(const std::string& lane) { state_->turns.erase(lane); }

void Typing::stop() {
  state_->is_stopped = true;
  state_->timer.cancel();
}

}  // namespace usher::gateway
