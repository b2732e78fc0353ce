#include "net/http1/answer.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>

#include <algorithm>

#include "base/text.h"
#include "net/http1/empty_chunked_body.h"

namespace usher::net {

namespace http = boost::beast::http;

namespace {

constexpr int max_interim_answers = 8;

// "Text/HTML; charset=x" → "text/html".
std::string media_type(std::string_view value) {
  std::string type(value.substr(0, value.find(';')));
  while (type.ends_with(' ') || type.ends_with('\t')) type.pop_back();
  for (char& c : type) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return type;
}

}  // namespace

Answer::Parser::Parser(Answer& answer) : answer_(answer) {
  header_limit(max_head_bytes);
  body_limit(boost::none);  // counted by Answer, which knows whether the body is kept
  eager(true);
  skip(answer.is_head_request_);
}

void Answer::Parser::on_response_impl(int code, StringView, int, ErrorCode&) { answer_.response_.status = code; }

void Answer::Parser::on_field_impl(http::field field, StringView name, StringView value, ErrorCode&) {
  if (is_in_head_) answer_.take_field(field, name, value);  // trailers are dropped
}

void Answer::Parser::on_body_init_impl(const Length& length, ErrorCode& error) {
  answer_.begin_body(length ? std::optional<std::uint64_t>(*length) : std::nullopt, error);
}

std::size_t Answer::Parser::on_body_impl(StringView piece, ErrorCode& error) {
  answer_.take_body(std::string_view(piece.data(), piece.size()), error);
  return piece.size();
}

void Answer::Parser::on_chunk_header_impl(std::uint64_t, StringView, ErrorCode&) { has_chunk_ = true; }

std::size_t Answer::Parser::on_chunk_body_impl(std::uint64_t, StringView piece, ErrorCode& error) {
  answer_.take_body(std::string_view(piece.data(), piece.size()), error);
  return piece.size();
}

Answer::Answer(std::size_t max_body_bytes, bool is_head_request, const BodySink& on_body, bool keeps_headers)
    : on_body_(on_body),
      max_body_bytes_(max_body_bytes),
      is_head_request_(is_head_request),
      keeps_headers_(keeps_headers) {
  parser_.emplace(*this);
}

std::size_t Answer::feed(std::string_view bytes, ErrorCode& error) {
  std::size_t taken = 0;
  error = {};
  has_begun_ = has_begun_ || !bytes.empty();
  while (taken < bytes.size() && !is_complete_) {
    const std::string_view rest = bytes.substr(taken);
    if (parser_->is_before_first_chunk() && rest.size() < empty_chunked_body.size()) break;
    taken += parser_->put(boost::asio::const_buffer(rest.data(), rest.size()), error);
    if (error == http::error::need_more) {
      error = {};
      break;
    }
    if (error) break;
    is_complete_ = parser_->is_done();
    if (!is_complete_ || !is_interim()) continue;
    if (++interim_answers_ > max_interim_answers) {
      error = http::error::bad_status;
      break;
    }
    response_ = {};
    parser_.emplace(*this);
    is_complete_ = false;
  }
  return taken;
}

void Answer::feed_eof(ErrorCode& error) {
  error = {};
  if (!parser_->got_some()) {
    error = http::error::partial_message;
    return;
  }
  parser_->put_eof(error);
  is_complete_ = !error && parser_->is_done();
}

bool Answer::keeps_alive() const { return is_complete_ && response_.status != 101 && parser_->keep_alive(); }

void Answer::take_field(http::field field, std::string_view name, std::string_view value) {
  if (keeps_headers_) response_.headers.push_back({lower_ascii(name), std::string(value)});
  if (field == http::field::content_type) {
    response_.content_type = media_type(value.substr(0, 256));
  } else if (field == http::field::retry_after) {
    response_.retry_after = std::string(value.substr(0, 256));
  } else if (field == http::field::date) {
    response_.date = std::string(value.substr(0, 64));
  }
}

void Answer::begin_body(std::optional<std::uint64_t> length, ErrorCode& error) {
  goes_to_sink_ = on_body_ && response_.status / 100 == 2;
  if (on_body_ && !goes_to_sink_) return;
  if (length && *length > max_body_bytes_) {
    is_too_large_ = true;
    error = http::error::body_limit;
  } else if (length && !goes_to_sink_) {
    response_.body.reserve(std::min<std::uint64_t>(*length, max_error_body_bytes));
  }
}

void Answer::take_body(std::string_view piece, ErrorCode& error) {
  body_bytes_ += piece.size();
  const bool is_cut_error = on_body_ && !goes_to_sink_;
  if (is_cut_error) {
    const std::size_t room = max_error_body_bytes - std::min(max_error_body_bytes, response_.body.size());
    response_.body.append(piece.substr(0, room));
    if (piece.size() > room) wanted_ = BodyNext::stop;
    return;
  }
  if (body_bytes_ > max_body_bytes_) {
    is_too_large_ = true;
    error = http::error::body_limit;
    return;
  }
  if (!goes_to_sink_) {
    response_.body.append(piece);
  } else if (wanted_ != BodyNext::stop) {
    wanted_ = std::max(wanted_, on_body_(piece));
  }
}

}  // namespace usher::net
