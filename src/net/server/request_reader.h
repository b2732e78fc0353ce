// One request after the other, incrementally: bytes in any pieces → a head, then a body, or the reason why the
// connection cannot go on. What it answers does not depend on the pieces. Bounded: max_head_bytes of head, the body
// that begin_body() allows, 4 KiB for a chunk's own line and for the trailers, which are dropped, 16 KiB for all chunk
// extensions. Pure.
//
//   in_head → has_head → begin_body() → in_body → complete → next();  from in_head and in_body also → refused
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "net/http_server.h"
#include "net/server/head_scanner.h"

namespace usher::net {

class RequestReader {
 public:
  enum class State { in_head, has_head, in_body, complete, refused };

  explicit RequestReader(std::size_t max_head_bytes);
  ~RequestReader();

  // Takes what it can of `bytes` and returns how many; the others must be offered again together with what follows
  // them. At most 4 KiB are left while the state is in_head or in_body; in the other states nothing is taken.
  std::size_t feed(std::string_view bytes);
  State state() const { return state_; }
  // True from the first byte of the request line on.
  bool has_begun() const;
  // In state refused.
  const Refusal& refusal() const { return refusal_; }

  // From has_head on, until next(). The peer is for the caller to fill in.
  RequestHead take_head();
  bool is_head_method() const;
  // The client waits for "100 Continue" before it sends the body.
  bool wants_continue() const;
  // The client wants the connection to stay open.
  bool keeps_alive() const;

  // Goes on from has_head: to complete when there is no body, to refused (413) when the announced one is larger.
  void begin_body(std::size_t max_bytes);
  // In state complete.
  std::string take_body();
  void next();

 private:
  class Parser;
  void judge_head();
  std::size_t feed_body(std::string_view bytes);
  void refuse(Refusal refusal);

  std::size_t max_head_bytes_;
  HeadScanner scanner_;
  std::unique_ptr<Parser> parser_;  // while a request is being read
  State state_ = State::in_head;
  Refusal refusal_;
};

}  // namespace usher::net
