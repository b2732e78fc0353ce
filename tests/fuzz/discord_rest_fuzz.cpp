// links: discord
// Any bytes as an answer of Discord's REST API: a value or a named error, and limits that can be waited for.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <string>
#include <string_view>

#include "channels/discord/gateway/start_limit.h"
#include "channels/discord/rest/answer.h"

using namespace usher;
using namespace usher::discord;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

// The first line, which is taken off.
std::string take_line(std::string_view& rest) {
  const std::string line(rest.substr(0, rest.find('\n')));
  rest.remove_prefix(std::min(line.size() + 1, rest.size()));
  return line;
}

void check(const RestAnswer& answer, int status) {
  using std::chrono::hours;
  if (answer.limits) {
    require(!answer.limits->bucket.empty() && answer.limits->limit >= 0 && answer.limits->remaining >= 0);
    require(answer.limits->reset_after.count() >= 0 && answer.limits->reset_after <= hours(1));
  }
  require(!answer.too_many || status == 429);
  if (answer.too_many) require(answer.too_many->retry_after.count() > 0 && answer.too_many->retry_after <= hours(1));
  require(answer.result.has_value() || answer.result.error().status == status);
  if (!answer.result) require(!to_error(answer.result.error(), "a call").message.empty());
}

void check_gateway(const json::value& body) {
  const Result<GatewayInfo> info = decode_gateway(body, false);
  if (!info) return;
  require(info->url.starts_with("wss://") && info->shards >= 1 && info->max_concurrency >= 1);
  require(info->remaining >= 0 && info->remaining <= info->total && info->reset_after <= std::chrono::hours(24));
  StartLimit limit(*info, Time());
  require(limit.reserve(0, Time()) >= Time());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr int kStatus[] = {200, 204, 301, 400, 401, 403, 404, 429, 500, 502};
  if (size < 1) return 0;
  std::string_view rest(reinterpret_cast<const char*>(data + 1), size - 1);
  net::HttpResponse response;
  response.status = kStatus[data[0] % std::size(kStatus)];
  for (const char* name : {"x-ratelimit-bucket", "x-ratelimit-limit", "x-ratelimit-remaining",
                           "x-ratelimit-reset-after", "x-ratelimit-scope"}) {
    response.headers.push_back({name, take_line(rest)});
  }
  response.retry_after = take_line(rest);
  response.body = rest;
  for (const bool is_interaction : {false, true}) check(read_answer(response, is_interaction), response.status);
  if (const Result<json::value> body = parse_json(rest)) check_gateway(*body);
  return 0;
}
