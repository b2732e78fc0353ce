// Which conversation runs next: serial within one, fair across all. Each conversation is a lane; lanes with work wait
// in a ring, and a lane that has had its turn goes to the ring's end. Pure; used by the event loop.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace usher::gateway {

template <class Item>
class Lanes {
 public:
  explicit Lanes(std::size_t max_running) : max_running_(max_running) {}

  void push(const std::string& lane, Item item) {
    Lane& entry = lanes_[lane];
    entry.items.push_back(std::move(item));
    ++waiting_;
    if (!entry.is_running && entry.items.size() == 1) ready_.push_back(lane);
  }

  // Ahead of what waits in a lane that runs.
  void push_front(const std::string& lane, Item item) {
    lanes_[lane].items.push_front(std::move(item));
    ++waiting_;
  }

  // The next item to run, with its lane; nullopt when none is ready or max_running run. The lane is busy until
  // finish().
  std::optional<std::pair<std::string, Item>> next() {
    if (ready_.empty() || running_ >= max_running_) return std::nullopt;
    std::string lane = std::move(ready_.front());
    ready_.pop_front();
    Lane& entry = lanes_[lane];
    Item item = std::move(entry.items.front());
    entry.items.pop_front();
    entry.is_running = true;
    --waiting_;
    ++running_;
    return std::pair(std::move(lane), std::move(item));
  }

  void finish(const std::string& lane) {
    auto found = lanes_.find(lane);
    --running_;
    found->second.is_running = false;
    if (found->second.items.empty()) {
      lanes_.erase(found);
    } else {
      ready_.push_back(lane);
    }
  }

  // Whether anything waits or runs there.
  bool is_busy(const std::string& lane) const { return lanes_.contains(lane); }
  // Whether an item pushed now would be next at once.
  bool would_run_now(const std::string& lane) const {
    return ready_.empty() && running_ < max_running_ && !lanes_.contains(lane);
  }
  // Forgets what waits in a lane that runs.
  void drop_waiting(const std::string& lane) {
    auto found = lanes_.find(lane);
    if (found == lanes_.end()) return;
    waiting_ -= found->second.items.size();
    found->second.items.clear();
  }

  std::size_t waiting() const { return waiting_; }
  std::size_t running() const { return running_; }

 private:
  struct Lane {
    std::deque<Item> items;
    bool is_running = false;
  };
  std::size_t max_running_;
  std::size_t waiting_ = 0;
  std::size_t running_ = 0;
  std::unordered_map<std::string, Lane> lanes_;
  std::deque<std::string> ready_;
};

}  // namespace usher::gateway
