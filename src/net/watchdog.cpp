#include "net/watchdog.h"

#include <boost/asio/steady_timer.hpp>

#include <utility>

namespace usher::net {

struct Watchdog::Core {
  Core(const asio::any_io_executor& executor, std::function<void()> callback)
      : timer(executor), on_expiry(std::move(callback)) {}

  static void arm(const std::shared_ptr<Core>& core) {
    core->armed_for = core->due;
    core->timer.expires_at(core->due);
    core->timer.async_wait([weak = std::weak_ptr<Core>(core)](const boost::system::error_code& error) {
      const std::shared_ptr<Core> self = weak.lock();
      if (!error && self) on_timer(self);
    });
  }

  static void on_timer(const std::shared_ptr<Core>& core) {
    core->armed_for = Time::max();
    if (core->due == Time::max()) return;
    if (std::chrono::steady_clock::now() < core->due) {
      arm(core);
      return;
    }
    core->due = Time::max();
    core->on_expiry();
  }

  asio::steady_timer timer;
  std::function<void()> on_expiry;
  Time due = Time::max();
  Time armed_for = Time::max();
};

Watchdog::Watchdog(const asio::any_io_executor& executor, std::function<void()> on_expiry)
    : core_(std::make_shared<Core>(executor, std::move(on_expiry))) {}

Watchdog::~Watchdog() { stop(); }

void Watchdog::give_until(Time due) {
  core_->due = due;
  if (due < core_->armed_for) Core::arm(core_);
}

void Watchdog::stop() {
  core_->due = core_->armed_for = Time::max();
  core_->timer.cancel();
}

}  // namespace usher::net
