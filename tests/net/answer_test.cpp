#include "net/http1/answer.h"

#include <doctest/doctest.h>

namespace usher::net {

namespace {

// The body of an answer that arrives in pieces of that size; "broken" when it does not end.
std::string body_in_pieces(std::string_view bytes, std::size_t piece_bytes) {
  const BodySink none;
  Answer answer(1000, false, none);
  std::string pending;
  while (!bytes.empty() && !answer.is_complete()) {
    pending += bytes.substr(0, piece_bytes);
    bytes.remove_prefix(std::min(piece_bytes, bytes.size()));
    Answer::ErrorCode error;
    pending.erase(0, answer.feed(pending, error));
    if (error) return "broken";
  }
  return answer.is_complete() && pending.empty() ? answer.take().body : "broken";
}

}  // namespace

TEST_CASE("a chunked answer is the same in any pieces, empty or not") {
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (std::size_t piece_bytes = 1; piece_bytes < 80; ++piece_bytes) {
    CAPTURE(piece_bytes);
    CHECK(body_in_pieces(head + "0\r\n\r\n", piece_bytes).empty());
    CHECK(body_in_pieces(head + "0\r\nA: b\r\n\r\n", piece_bytes).empty());
    CHECK(body_in_pieces(head + "1\r\na\r\n2;x\r\nbc\r\n0\r\n\r\n", piece_bytes) == "abc");
  }
}

}  // namespace usher::net
