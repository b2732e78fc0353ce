#include "support/http/http_request_reader.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace usher::testing {

namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
  return result;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool parse_number(std::string_view text, int base, std::size_t& value) {
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return failure == std::errc() && end == text.data() + text.size() && !text.empty();
}

}  // namespace

void RequestReader::feed(std::string_view bytes) {
  buffer_.append(bytes);
  advance();
}

void RequestReader::advance() {
  while (needs_bytes() && step()) {
  }
}

// Makes one step; false when more bytes are needed for it.
bool RequestReader::step() {
  switch (stage_) {
    case Stage::head:
      return read_head();
    case Stage::chunk_size:
      return read_chunk_size();
    case Stage::sized_body:
    case Stage::chunk_data: {
      std::size_t size = std::min(remaining_, buffer_.size() - position_);
      call_.body.append(buffer_, position_, size);
      position_ += size;
      remaining_ -= size;
      if (remaining_ > 0) return false;
      if (stage_ == Stage::sized_body) {
        stage_ = Stage::complete;
        return true;
      }
      if (buffer_.size() - position_ < 2) return false;  // the CRLF behind the chunk
      position_ += 2;
      stage_ = Stage::chunk_size;
      return true;
    }
    case Stage::trailer: {
      std::size_t end = buffer_.find("\r\n", position_);
      if (end == std::string::npos) return false;
      bool is_last = end == position_;
      position_ = end + 2;
      if (is_last) stage_ = Stage::complete;
      return true;
    }
    case Stage::complete:
    case Stage::broken:
      break;
  }
  return false;
}

bool RequestReader::read_head() {
  std::size_t end = buffer_.find("\r\n\r\n", position_);
  if (end == std::string::npos) {
    if (buffer_.size() - position_ > max_head_bytes) stage_ = Stage::broken;
    return false;
  }
  std::string head = buffer_.substr(position_, end - position_);
  position_ = end + 4;
  parse_head(head);
  return true;
}

void RequestReader::parse_head(std::string_view head) {
  std::size_t line_end = std::min(head.find("\r\n"), head.size());
  std::string_view line = head.substr(0, line_end);
  std::size_t first = line.find(' '), last = line.rfind(' ');
  if (first == std::string_view::npos || last <= first) {
    stage_ = Stage::broken;
    return;
  }
  call_.method = line.substr(0, first);
  call_.target = line.substr(first + 1, last - first - 1);
  while (line_end < head.size()) {
    std::size_t start = line_end + 2;
    line_end = std::min(head.find("\r\n", start), head.size());
    line = head.substr(start, line_end - start);
    std::size_t colon = line.find(':');
    if (colon != std::string_view::npos) {
      call_.headers[lower(line.substr(0, colon))] = trimmed(line.substr(colon + 1));
    }
  }
  auto expectation = call_.headers.find("expect");
  wants_continue_ = expectation != call_.headers.end() && lower(expectation->second) == "100-continue";
  auto length = call_.headers.find("content-length");
  auto coding = call_.headers.find("transfer-encoding");
  if (coding != call_.headers.end() && lower(coding->second) == "chunked") {
    stage_ = Stage::chunk_size;
  } else if (length == call_.headers.end()) {
    stage_ = Stage::complete;
  } else {
    bool is_good = parse_number(length->second, 10, remaining_) && remaining_ <= max_body_bytes;
    stage_ = is_good ? Stage::sized_body : Stage::broken;
  }
}

bool RequestReader::read_chunk_size() {
  std::size_t end = buffer_.find("\r\n", position_);
  if (end == std::string::npos) {
    if (buffer_.size() - position_ > 1024) stage_ = Stage::broken;
    return false;
  }
  std::string_view line = std::string_view(buffer_).substr(position_, end - position_);
  position_ = end + 2;
  bool is_good = parse_number(trimmed(line.substr(0, line.find(';'))), 16, remaining_) &&
                 call_.body.size() + remaining_ <= max_body_bytes;
  if (!is_good) {
    stage_ = Stage::broken;
  } else {
    stage_ = remaining_ == 0 ? Stage::trailer : Stage::chunk_data;
  }
  return true;
}

HttpCall RequestReader::take() {
  HttpCall call = std::exchange(call_, {});
  buffer_.erase(0, position_);
  position_ = 0;
  wants_continue_ = false;
  stage_ = Stage::head;
  advance();
  return call;
}

bool RequestReader::takes_continue() { return std::exchange(wants_continue_, false) && needs_bytes(); }

}  // namespace usher::testing
