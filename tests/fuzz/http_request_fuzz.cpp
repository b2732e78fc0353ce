// links: net
// Bytes as HTTP requests, as a client of the server sends them: whatever the pieces in which they arrive, the same
// requests or the same refusal come out, within the bounds, and nothing that could add a line or a header to anything.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "net/server/request_reader.h"

namespace {

using usher::net::Header;
using usher::net::RequestHead;
using usher::net::RequestReader;
using State = RequestReader::State;

constexpr std::size_t max_head_bytes = 512;

void must(bool holds) {
  if (!holds) std::abort();
}

bool has_control(std::string_view text) {
  return std::ranges::any_of(text,
                             [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; });
}

void check_head(const RequestHead& head) {
  must(!head.method.empty() && head.target.starts_with('/') && head.method != "CONNECT");
  must(!has_control(head.method) && !has_control(head.target));
  must(head.target.find_first_of(" \t#") == std::string::npos);
  std::size_t bytes = head.method.size() + head.target.size(), framings = 0, hosts = 0;
  for (const Header& header : head.headers) {
    must(!header.name.empty() && !has_control(header.name) && !has_control(header.value));
    must(header.name.find_first_of(" \t:ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string::npos);
    bytes += header.name.size() + header.value.size();
    framings += header.name == "content-length" || header.name == "transfer-encoding";
    hosts += header.name == "host";
  }
  must(bytes <= max_head_bytes && framings <= 1 && hosts <= 1);
}

struct Talk {
  std::string told;
  RequestReader reader{max_head_bytes};
  std::size_t max_body = 0;

  // One step of what is possible without more bytes; false when there is none.
  bool advance() {
    if (reader.state() == State::has_head) {
      const bool keeps_alive = reader.keeps_alive(), waits = reader.wants_continue(), is_head = reader.is_head_method();
      const RequestHead head = reader.take_head();
      check_head(head);
      told += head.method + ' ' + head.target + (keeps_alive ? " keep" : "") + (waits ? " wait" : "") +
              (is_head ? " head" : "") + '\n';
      for (const Header& header : head.headers) told += header.name + ':' + header.value + '\n';
      reader.begin_body(max_body);
      return true;
    }
    if (reader.state() == State::complete) {
      const std::string body = reader.take_body();
      must(body.size() <= max_body);
      told += "body " + body + '\n';
      reader.next();
      return true;
    }
    return false;
  }
};

std::string requests_in(std::string_view stream, std::size_t piece_bytes, std::size_t max_body) {
  Talk talk;
  talk.max_body = max_body;
  std::string pending;
  while (!stream.empty() && talk.reader.state() != State::refused) {
    pending += stream.substr(0, piece_bytes);
    stream.remove_prefix(std::min(piece_bytes, stream.size()));
    for (bool moves = true; moves;) {
      const std::size_t taken = talk.reader.feed(pending);
      must(taken <= pending.size());
      pending.erase(0, taken);
      moves = talk.advance();
    }
    must(talk.reader.state() == State::refused || pending.size() <= 4096);
  }
  if (talk.reader.state() == State::refused) {
    talk.told += std::to_string(talk.reader.refusal().status);
    talk.told += talk.reader.refusal().detail;
  }
  return talk.told;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::size_t max_body = data[0] * 8u;
  const std::string whole = requests_in(stream, stream.size() + 1, max_body);
  must(whole == requests_in(stream, 1, max_body));
  must(whole == requests_in(stream, 2 + data[1] % 64, max_body));
  const std::size_t cut = data[1] * stream.size() / 256;
  must(whole == requests_in(stream, cut + 1, max_body));
  return 0;
}
