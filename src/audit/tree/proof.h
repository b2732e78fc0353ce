// Proofs over the Merkle tree of RFC 6962: that a leaf is in it (inclusion), and that a tree is the beginning of a
// larger one (consistency). Making one needs the leaves once, in order; checking one needs the proof and the roots
// alone. Values; any thread.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "audit/tree/frontier.h"
#include "base/hash.h"

namespace usher::audit {

using Proof = std::vector<Digest>;
constexpr std::size_t kMaxProof = 65;  // hashes: of a tree of 2^64 leaves

// Makes one proof from a stream of leaves. Memory is O(log² n).
class ProofMaker {
 public:
  // For the leaf `index` (from 0) of a tree of `size` leaves; needs index < size.
  static ProofMaker inclusion(std::uint64_t index, std::uint64_t size);
  // Between the trees of the first `old_size` and the first `size` leaves; needs 0 < old_size <= size.
  static ProofMaker consistency(std::uint64_t old_size, std::uint64_t size);

  // Every leaf of the tree, from the first on; those beyond it are ignored.
  void add(const Digest& leaf);
  // After the last leaf.
  Proof proof() const;

 private:
  // The subtree over the leaves begin ≤ i < end.
  struct Part {
    std::uint64_t begin;
    std::uint64_t end;
    Frontier frontier;
  };
  static void add_path(std::uint64_t index, std::uint64_t begin, std::uint64_t end, std::vector<Part>& parts);
  static void add_subproof(std::uint64_t old_end, std::uint64_t begin, std::uint64_t end, bool is_old_root_known,
                           std::vector<Part>& parts);

  std::vector<Part> parts_;  // in the order of the proof
  std::uint64_t next_ = 0;
};

// RFC 9162, 2.1.3.2
bool is_included(const Digest& leaf, std::uint64_t index, std::uint64_t size, const Proof& proof, const Digest& root);
// RFC 9162, 2.1.4.2
bool is_consistent(std::uint64_t old_size, std::uint64_t size, const Proof& proof, const Digest& old_root,
                   const Digest& root);

}  // namespace usher::audit
