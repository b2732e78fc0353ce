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

TEST_CASE("all headers are kept on demand, in order and with lower-case names; trailers are not") {
  const std::string bytes =
      "HTTP/1.1 100 Continue\r\nX-Early: no\r\n\r\n"
      "HTTP/1.1 429 Too Many\r\nX-RateLimit-Bucket: aBc \r\nretry-after: 0.5\r\nX-Twice: 1\r\nx-twice: "
      "2\r\nX-Empty:\r\n"
      "Transfer-Encoding: chunked\r\n\r\n0\r\nX-Late: no\r\n\r\n";
  for (const bool keeps_headers : {true, false}) {
    const BodySink none;
    Answer answer(1000, false, none, keeps_headers);
    Answer::ErrorCode error;
    answer.feed(bytes, error);
    REQUIRE(answer.is_complete());
    const HttpResponse response = answer.take();
    std::string headers;
    for (const Header& header : response.headers) headers += header.name + '=' + header.value + ';';
    CHECK(headers == (keeps_headers ? "x-ratelimit-bucket=aBc;retry-after=0.5;x-twice=1;x-twice=2;x-empty=;"
                                      "transfer-encoding=chunked;"
                                    : ""));
    CHECK(response.retry_after == "0.5");
  }
}

}  // namespace usher::net
