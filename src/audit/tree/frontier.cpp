#include "audit/tree/frontier.h"

#include <array>
#include <bit>
#include <cstring>

namespace usher::audit {
namespace {

constexpr std::size_t kHexDigits = sizeof(Digest) * 2;

}  // namespace

Digest leaf_hash(std::string_view bytes) {
  std::string prefixed;
  prefixed.reserve(bytes.size() + 1);
  prefixed.push_back('\0');
  prefixed.append(bytes);
  return sha256(prefixed);
}

Digest node_hash(const Digest& left, const Digest& right) {
  std::array<char, 1 + 2 * sizeof(Digest)> bytes{};
  bytes[0] = 1;
  std::memcpy(&bytes[1], left.data(), left.size());
  std::memcpy(&bytes[1 + left.size()], right.data(), right.size());
  return sha256(std::string_view(bytes.data(), bytes.size()));
}

void Frontier::add(const Digest& leaf) {
  Digest hash = leaf;
  // As a binary counter carries: two subtrees of one height become one.
  for (std::uint64_t rest = size_; (rest & 1) != 0; rest >>= 1) {
    hash = node_hash(peaks_.back(), hash);
    peaks_.pop_back();
  }
  peaks_.push_back(hash);
  ++size_;
}

Digest Frontier::root() const {
  if (peaks_.empty()) return sha256("");
  Digest hash = peaks_.back();
  for (std::size_t i = peaks_.size() - 1; i > 0; --i) hash = node_hash(peaks_[i - 1], hash);
  return hash;
}

std::string Frontier::to_text() const {
  std::string text;
  text.reserve(peaks_.size() * kHexDigits);
  for (const Digest& peak : peaks_) text += to_hex(peak);
  return text;
}

std::optional<Frontier> Frontier::parse(std::uint64_t size, std::string_view text) {
  if (text.size() != static_cast<std::size_t>(std::popcount(size)) * kHexDigits) return std::nullopt;
  Frontier frontier;
  frontier.size_ = size;
  for (; !text.empty(); text.remove_prefix(kHexDigits)) {
    const std::optional<Digest> peak = digest_from_hex(text.substr(0, kHexDigits));
    if (!peak) return std::nullopt;
    frontier.peaks_.push_back(*peak);
  }
  return frontier;
}

}  // namespace usher::audit
