// The Merkle tree of RFC 6962 as it grows: of all nodes only the frontier is kept, the roots of the perfect subtrees
// that the leaves so far make up, log2(n) at most. Values; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"

namespace usher::audit {

Digest leaf_hash(std::string_view bytes);                   // SHA-256(0x00 ‖ bytes)
Digest node_hash(const Digest& left, const Digest& right);  // SHA-256(0x01 ‖ left ‖ right)

class Frontier {
 public:
  void add(const Digest& leaf);
  std::uint64_t size() const { return size_; }
  // SHA-256 of nothing for no leaves.
  Digest root() const;

  // The hashes in hex, the largest subtree's first, nothing between them.
  std::string to_text() const;
  static std::optional<Frontier> parse(std::uint64_t size, std::string_view text);

  friend bool operator==(const Frontier&, const Frontier&) = default;

 private:
  std::uint64_t size_ = 0;
  std::vector<Digest> peaks_;  // one for each bit of size_, the highest first
};

}  // namespace usher::audit
