#include "app/channels/interaction_door.h"

namespace usher::app {
namespace {

// Held before the signature can be verified, for each connection.
constexpr std::size_t kMaxBodyBytes = 256u << 10;
constexpr std::string_view kPrefix = "/discord/", kSuffix = "/interactions";

std::unexpected<net::ServerResponse> refused(int status, const char* detail) {
  return std::unexpected(
      net::ServerResponse{.status = status, .body = std::string(R"({"detail": ")") + detail + R"("})"});
}

class TakeInteraction final : public net::Exchange {
 public:
  TakeInteraction(discord::Discord& channel, discord::HttpInteraction interaction)
      : channel_(channel), interaction_(std::move(interaction)) {}

  std::size_t max_body_bytes() const override { return kMaxBodyBytes; }

  Task<net::ServerResponse> respond(std::string body, Deadline) override {
    interaction_.body = std::move(body);
    discord::HttpInteractionAnswer answer = co_await channel_.take(std::move(interaction_));
    net::ServerResponse response{.status = answer.status, .body = std::move(answer.body)};
    co_return response;
  }

 private:
  discord::Discord& channel_;
  discord::HttpInteraction interaction_;
};

}  // namespace

std::expected<std::unique_ptr<net::Exchange>, net::ServerResponse> InteractionDoor::admit(
    const net::RequestHead& head) const {
  std::string_view name = head.target;
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix) || name.size() < kPrefix.size() + kSuffix.size()) {
    return refused(404, "Not Found");
  }
  name = name.substr(kPrefix.size(), name.size() - kPrefix.size() - kSuffix.size());
  const auto found = channels_.find(std::string(name));
  if (found == channels_.end()) return refused(404, "Not Found");
  if (head.method != "POST") return refused(405, "only POST");
  const auto signature = head.header("x-signature-ed25519"), timestamp = head.header("x-signature-timestamp");
  if (!signature || !timestamp) return refused(401, "no signature");
  return std::make_unique<TakeInteraction>(
      *found->second, discord::HttpInteraction{std::string(*timestamp), std::string(*signature), ""});
}

}  // namespace usher::app
