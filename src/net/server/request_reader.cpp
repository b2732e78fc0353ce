#include "net/server/request_reader.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"
#include "net/http1/empty_chunked_body.h"
#include "net/http1/field_text.h"

namespace usher::net {

namespace http = boost::beast::http;

namespace {

using ErrorCode = boost::system::error_code;
using StringView = boost::beast::string_view;

// What is offered to the parser at once; also the longest line of a chunk and the longest trailer section, because
// those are taken whole or not at all.
constexpr std::size_t window_bytes = 4u << 10;
constexpr std::size_t max_extension_bytes = 16u << 10;
constexpr std::size_t first_body_bytes = 16u << 10;  // reserved before any of it has arrived

bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// Origin form. The scanner lets only visible ASCII through.
bool is_origin_form(std::string_view target) {
  return target.starts_with('/') && target.find('#') == std::string_view::npos;
}

std::string_view detail_of(const ErrorCode& error) {
  if (error == http::error::bad_version) return "only HTTP/1.0 and HTTP/1.1 are spoken here";
  if (error == http::error::bad_method || error == http::error::bad_target) return "malformed request line";
  if (error == http::error::bad_content_length || error == http::error::multiple_content_length ||
      error == http::error::bad_transfer_encoding) {
    return "contradictory or malformed Content-Length or Transfer-Encoding";
  }
  return "malformed request head";
}

std::size_t count(const RequestHead& head, std::string_view name) {
  return static_cast<std::size_t>(
      std::ranges::count_if(head.headers, [name](const Header& header) { return header.name == name; }));
}

}  // namespace

// Beast's parser without its containers.
class RequestReader::Parser final : public http::basic_parser<true> {
 public:
  Parser() {
    body_limit(boost::none);  // counted here, against the bound that the exchange names
    eager(true);
  }

  // What is wrong with the head beyond what Beast refuses.
  std::optional<Refusal> fault() const;

  RequestHead head;
  bool is_old = false;  // HTTP/1.0
  bool is_head_method = false;
  bool wants_continue = false;
  bool keeps_alive = false;
  std::string body;
  std::size_t max_body_bytes = 0;
  bool is_too_large = false;
  bool has_chunk = false;

 private:
  std::optional<Refusal> framing_fault() const;

  void on_request_impl(http::verb, StringView method, StringView target, int version, ErrorCode&) override {
    head.method = std::string(method);
    head.target = std::string(target);
    is_old = version < 11;
    is_head_method = method == "HEAD";
  }
  void on_response_impl(int, StringView, int, ErrorCode&) override {}
  void on_field_impl(http::field, StringView name, StringView value, ErrorCode&) override {
    if (is_in_head_) head.headers.push_back({lower_ascii(name), std::string(value)});  // trailers are dropped
  }
  void on_header_impl(ErrorCode&) override { is_in_head_ = false; }
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, ErrorCode&) override {
    if (length) body.reserve(std::min<std::uint64_t>(*length, first_body_bytes));
  }
  std::size_t on_body_impl(StringView piece, ErrorCode&) override {
    body.append(piece);
    return piece.size();
  }
  void on_chunk_header_impl(std::uint64_t size, StringView extension, ErrorCode& error) override {
    has_chunk = true;
    extension_bytes_ += extension.size();
    is_too_large = size > max_body_bytes - body.size();
    if (is_too_large) error = http::error::body_limit;
    if (extension_bytes_ > max_extension_bytes) error = http::error::bad_chunk_extension;
  }
  std::size_t on_chunk_body_impl(std::uint64_t, StringView piece, ErrorCode&) override {
    body.append(piece);
    return piece.size();
  }
  void on_finish_impl(ErrorCode&) override {}

  bool is_in_head_ = true;
  std::size_t extension_bytes_ = 0;
};

std::optional<Refusal> RequestReader::Parser::fault() const {
  if (head.method == "CONNECT" || !is_origin_form(head.target)) {
    return Refusal{400, "the request target must be a path"};
  }
  const std::size_t hosts = count(head, "host");
  if (hosts > 1 || (hosts == 0 && !is_old)) return Refusal{400, "the request must have one Host header"};
  if (const std::optional<Refusal> fault = framing_fault()) return fault;
  // RFC 9110, 10.1.1: of an HTTP/1.0 client the header means nothing.
  const std::size_t expectations = is_old ? 0 : count(head, "expect");
  if (expectations > 1 || (expectations == 1 && !equals_ignoring_case(*head.header("expect"), "100-continue"))) {
    return Refusal{417, "only Expect: 100-continue is known here"};
  }
  return std::nullopt;
}

std::optional<Refusal> RequestReader::Parser::framing_fault() const {
  const std::size_t lengths = count(head, "content-length");
  const std::size_t codings = count(head, "transfer-encoding");
  if (lengths + codings > 1 || (codings == 1 && is_old)) {
    return Refusal{400, "contradictory Content-Length and Transfer-Encoding"};
  }
  if (lengths == 1 && !is_number(*head.header("content-length"))) return Refusal{400, "malformed Content-Length"};
  if (codings == 1 && !equals_ignoring_case(*head.header("transfer-encoding"), "chunked")) {
    return Refusal{501, "the only Transfer-Encoding known here is chunked"};
  }
  return std::nullopt;
}

RequestReader::RequestReader(std::size_t max_head_bytes) : max_head_bytes_(max_head_bytes), scanner_(max_head_bytes) {}

RequestReader::~RequestReader() = default;

bool RequestReader::has_begun() const { return state_ != State::in_head || scanner_.has_begun(); }

std::size_t RequestReader::feed(std::string_view bytes) {
  if (state_ == State::in_body) return feed_body(bytes);
  if (state_ != State::in_head) return 0;
  const std::size_t taken = scanner_.feed(bytes);
  if (scanner_.refusal()) {
    refuse(*scanner_.refusal());
  } else if (scanner_.is_complete()) {
    judge_head();
  }
  return taken;
}

void RequestReader::judge_head() {
  parser_ = std::make_unique<Parser>();
  parser_->header_limit(static_cast<std::uint32_t>(scanner_.head().size() + 1));
  ErrorCode error;
  const std::size_t taken = parser_->put(boost::asio::buffer(scanner_.head()), error);
  if (error) return refuse({400, detail_of(error)});
  if (taken != scanner_.head().size() || !parser_->is_header_done()) return refuse({400, "malformed request head"});
  scanner_.release();
  if (const std::optional<Refusal> fault = parser_->fault()) return refuse(*fault);
  parser_->wants_continue = !parser_->is_old && parser_->head.has_header("expect");
  parser_->keeps_alive = parser_->keep_alive();
  state_ = State::has_head;
}

RequestHead RequestReader::take_head() { return std::move(parser_->head); }
bool RequestReader::is_head_method() const { return parser_ && parser_->is_head_method; }
bool RequestReader::wants_continue() const { return parser_ && parser_->wants_continue; }
bool RequestReader::keeps_alive() const { return parser_ && parser_->keeps_alive; }

void RequestReader::begin_body(std::size_t max_bytes) {
  parser_->max_body_bytes = max_bytes;
  const std::uint64_t announced = parser_->content_length().value_or(0);
  if (announced > max_bytes) return refuse({413, "the request body is too large"});
  state_ = parser_->is_done() ? State::complete : State::in_body;
}

std::size_t RequestReader::feed_body(std::string_view bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size() && state_ == State::in_body) {
    const std::string_view window = bytes.substr(taken, window_bytes);
    if (parser_->chunked() && !parser_->has_chunk && window.size() < empty_chunked_body.size()) break;
    ErrorCode error;
    const std::size_t some = parser_->put(boost::asio::buffer(window), error);
    taken += some;
    const bool is_short = error == http::error::need_more;
    if (parser_->is_too_large) {
      refuse({413, "the request body is too large"});
    } else if (is_short && some == 0 && window.size() == window_bytes) {
      refuse({400, "a chunk's line or the trailers are too long"});
    } else if (error && !is_short) {
      refuse({400, "malformed chunk"});
    } else if (parser_->is_done()) {
      state_ = State::complete;
    } else if (some == 0) {
      break;
    }
  }
  return taken;
}

std::string RequestReader::take_body() { return std::move(parser_->body); }

void RequestReader::next() {
  scanner_ = HeadScanner(max_head_bytes_);
  parser_.reset();
  state_ = State::in_head;
}

void RequestReader::refuse(Refusal refusal) {
  refusal_ = refusal;
  state_ = State::refused;
}

}  // namespace usher::net
