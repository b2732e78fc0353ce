// The sockets that a simulator's stop() shuts down. Only descriptors are kept: shutdown(2) is safe from any thread,
// takes effect at once and wakes whoever waits, whether or not the loop can still run handlers of ours.
#pragma once

#include <sys/socket.h>

#include <memory>
#include <mutex>
#include <set>
#include <utility>

namespace usher::testing {

class OpenSockets {
 public:
  void add(int descriptor) {
    std::lock_guard lock(mutex_);
    descriptors_.insert(descriptor);
    if (is_stopped_) ::shutdown(descriptor, SHUT_RDWR);
  }
  void remove(int descriptor) {
    std::lock_guard lock(mutex_);
    const auto found = descriptors_.find(descriptor);
    if (found != descriptors_.end()) descriptors_.erase(found);
  }
  void stop() {
    std::lock_guard lock(mutex_);
    is_stopped_ = true;
    for (int descriptor : descriptors_) ::shutdown(descriptor, SHUT_RDWR);
  }
  bool is_stopped() const {
    std::lock_guard lock(mutex_);
    return is_stopped_;
  }
  void count_connection() {
    std::lock_guard lock(mutex_);
    ++accepted_;
  }
  int accepted() const {
    std::lock_guard lock(mutex_);
    return accepted_;
  }

 private:
  mutable std::mutex mutex_;
  std::multiset<int> descriptors_;  // a number may be in use again before its last user has removed it
  bool is_stopped_ = false;
  int accepted_ = 0;
};

// Keeps one descriptor in the set while it lives; must be destroyed before the socket that owns the descriptor.
class Registration {
 public:
  Registration(std::shared_ptr<OpenSockets> sockets, int descriptor)
      : sockets_(std::move(sockets)), descriptor_(descriptor) {
    sockets_->add(descriptor_);
  }
  Registration(Registration&& other) noexcept : sockets_(std::move(other.sockets_)), descriptor_(other.descriptor_) {}
  Registration& operator=(Registration&&) = delete;
  ~Registration() {
    if (sockets_) sockets_->remove(descriptor_);
  }

 private:
  std::shared_ptr<OpenSockets> sockets_;
  int descriptor_;
};

}  // namespace usher::testing
