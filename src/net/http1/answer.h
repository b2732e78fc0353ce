// The answer to one request, incrementally: bytes in any pieces → status, the few headers that matter, and a body that
// goes to a sink or is collected. Bounded: 64 KiB of head, max_response_bytes of body. Pure; one object a request.
#pragma once

#include <boost/beast/http/basic_parser.hpp>

#include <cstddef>
#include <optional>
#include <string_view>

#include "net/http_client.h"

namespace usher::net {

constexpr std::size_t max_head_bytes = 64u << 10;
// Of a non-2xx answer when the caller gave a sink: enough for an error object, too little to hurt.
constexpr std::size_t max_error_body_bytes = 64u << 10;

class Answer {
 public:
  using ErrorCode = boost::system::error_code;

  // `on_body` may be empty; it must outlive the answer.
  Answer(std::size_t max_body_bytes, bool is_head_request, const BodySink& on_body, bool keeps_headers = false);

  // Takes what it can of `bytes` and returns how many; the others must be offered again together with more. `error` is
  // http::error::need_more-free: only what makes the answer unusable.
  std::size_t feed(std::string_view bytes, ErrorCode& error);
  // The peer has closed. Fails with partial_message when something is missing.
  void feed_eof(ErrorCode& error);

  bool is_complete() const { return is_complete_; }
  bool has_begun() const { return has_begun_; }
  BodyNext wanted() const { return wanted_; }
  bool is_too_large() const { return is_too_large_; }
  // After is_complete(): true when the peer keeps the connection open.
  bool keeps_alive() const;
  HttpResponse take() { return std::move(response_); }

 private:
  class Parser;
  friend class Parser;
  void take_field(boost::beast::http::field field, std::string_view name, std::string_view value);
  void begin_body(std::optional<std::uint64_t> length, ErrorCode& error);
  void take_body(std::string_view piece, ErrorCode& error);
  bool is_interim() const { return response_.status / 100 == 1 && response_.status != 101; }

  // Beast's parser without its containers: only the fields that matter are copied.
  class Parser final : public boost::beast::http::basic_parser<false> {
   public:
    explicit Parser(Answer& answer);
    bool is_before_first_chunk() const { return is_header_done() && chunked() && !has_chunk_; }

   private:
    using StringView = boost::beast::string_view;
    using Length = boost::optional<std::uint64_t>;
    void on_request_impl(boost::beast::http::verb, StringView, StringView, int, ErrorCode&) override {}
    void on_response_impl(int code, StringView reason, int version, ErrorCode& error) override;
    void on_field_impl(boost::beast::http::field name, StringView text, StringView value, ErrorCode& error) override;
    void on_header_impl(ErrorCode&) override { is_in_head_ = false; }
    void on_body_init_impl(const Length& length, ErrorCode& error) override;
    std::size_t on_body_impl(StringView piece, ErrorCode& error) override;
    void on_chunk_header_impl(std::uint64_t, StringView, ErrorCode&) override;
    std::size_t on_chunk_body_impl(std::uint64_t, StringView piece, ErrorCode& error) override;
    void on_finish_impl(ErrorCode&) override {}

    Answer& answer_;
    bool is_in_head_ = true;
    bool has_chunk_ = false;
  };

  std::optional<Parser> parser_;
  const BodySink& on_body_;
  HttpResponse response_;
  std::size_t max_body_bytes_;
  std::size_t body_bytes_ = 0;
  int interim_answers_ = 0;
  BodyNext wanted_ = BodyNext::more;
  bool is_head_request_;
  bool keeps_headers_;
  bool goes_to_sink_ = false;
  bool has_begun_ = false;
  bool is_complete_ = false;
  bool is_too_large_ = false;
};

}  // namespace usher::net
