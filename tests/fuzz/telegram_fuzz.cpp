// links: telegram
// Any bytes as the body of an answer: every one is a typed error or updates whose fields keep their promises.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/text.h"
#include "channels/telegram/codec.h"

using namespace usher;
using namespace usher::telegram;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

bool is_decimal(std::string_view id) {
  return !id.empty() && id.find_first_not_of("0123456789") == std::string_view::npos &&
         (id == "0" || id.front() != '0');
}

void check(const channel::Incoming& in) {
  require(in.kind == "telegram" && in.channel == "fuzz");
  require(is_decimal(in.platform_id));
  require(in.sender_id.empty() || is_decimal(in.sender_id));
  require(!in.chat.empty());
  require(is_valid_utf8(in.text) && is_valid_utf8(in.display_name));
  require(!in.text.empty() || !in.attachments.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const GroupMode groups = static_cast<GroupMode>(data[0] % 3);
  const std::string_view body(reinterpret_cast<const char*>(data + 1), size - 1);
  const ApiResult result = decode_answer(200, body, body.substr(0, 8));
  if (!result) {
    (void)to_error(result.error(), "getUpdates");
    return 0;
  }
  (void)decode_identity(*result);
  (void)decode_file(*result);
  const Result<Batch> batch = decode_updates(*result, {"fuzz", {4242, "fuzz_bot"}, groups});
  if (!batch) return 0;
  require(batch->messages.size() <= batch->updates);
  for (const channel::Incoming& message : batch->messages) check(message);
  return 0;
}
