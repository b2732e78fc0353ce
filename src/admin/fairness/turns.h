// Turns at something that is done one piece at a time, in the order in which they were asked for. A family (see
// Caller::family) has few of them at once, so that the others wait for those and not for all that it asks. Event-loop
// thread; must outlive its turns.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "base/async.h"
#include "base/result.h"

namespace usher::admin {

struct TurnBounds {
  std::size_t of_family = 2;  // that a family has or waits for
  std::size_t waiting = 64;   // of all families
};

class Turns {
 public:
  // Ends with its life: the next one begins.
  class Turn {
   public:
    Turn(Turns& turns, std::string family, const asio::any_io_executor& loop);
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn();

   private:
    friend class Turns;
    Turns& turns_;
    std::string family_;
    asio::steady_timer begun_;  // cancelled then
  };

  explicit Turns(TurnBounds bounds) : bounds_(bounds) {}
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;

  // Waits for it. limit when the family has enough of them, busy when too many wait; cancelled with the caller, and
  // then nothing is left behind.
  Task<Result<std::unique_ptr<Turn>>> take(std::string family);

 private:
  void begin_next();

  TurnBounds bounds_;
  Turn* running_ = nullptr;
  std::list<Turn*> waiting_;
  std::map<std::string, std::size_t> of_families_;  // none is 0
};

}  // namespace usher::admin
