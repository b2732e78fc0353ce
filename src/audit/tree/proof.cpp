#include "audit/tree/proof.h"

#include <bit>

namespace usher::audit {
namespace {

// The leaves left of the root of a tree with `size` > 1 leaves: the largest power of two below it.
std::uint64_t left_size(std::uint64_t size) { return std::bit_floor(size - 1); }

}  // namespace

ProofMaker ProofMaker::inclusion(std::uint64_t index, std::uint64_t size) {
  ProofMaker maker;
  add_path(index, 0, size, maker.parts_);
  return maker;
}

ProofMaker ProofMaker::consistency(std::uint64_t old_size, std::uint64_t size) {
  ProofMaker maker;
  add_subproof(old_size, 0, size, true, maker.parts_);
  return maker;
}

// PATH of RFC 6962, 2.1.1: from the leaf upwards the sibling of each node.
void ProofMaker::add_path(std::uint64_t index, std::uint64_t begin, std::uint64_t end, std::vector<Part>& parts) {
  if (end - begin < 2) return;
  const std::uint64_t middle = begin + left_size(end - begin);
  if (index < middle) {
    add_path(index, begin, middle, parts);
    parts.push_back({middle, end, {}});
  } else {
    add_path(index, middle, end, parts);
    parts.push_back({begin, middle, {}});
  }
}

// SUBPROOF of RFC 6962, 2.1.2.
void ProofMaker::add_subproof(std::uint64_t old_end, std::uint64_t begin, std::uint64_t end, bool is_old_root_known,
                              std::vector<Part>& parts) {
  if (old_end == end) {
    if (!is_old_root_known) parts.push_back({begin, end, {}});
    return;
  }
  const std::uint64_t middle = begin + left_size(end - begin);
  if (old_end <= middle) {
    add_subproof(old_end, begin, middle, is_old_root_known, parts);
    parts.push_back({middle, end, {}});
  } else {
    add_subproof(old_end, middle, end, false, parts);
    parts.push_back({begin, middle, {}});
  }
}

void ProofMaker::add(const Digest& leaf) {
  for (Part& part : parts_) {
    if (next_ >= part.begin && next_ < part.end) part.frontier.add(leaf);
  }
  ++next_;
}

Proof ProofMaker::proof() const {
  Proof proof;
  for (const Part& part : parts_) proof.push_back(part.frontier.root());
  return proof;
}

bool is_included(const Digest& leaf, std::uint64_t index, std::uint64_t size, const Proof& proof, const Digest& root) {
  if (index >= size) return false;
  std::uint64_t node = index;
  std::uint64_t last = size - 1;
  Digest hash = leaf;
  for (const Digest& sibling : proof) {
    if (last == 0) return false;
    if ((node & 1) != 0 || node == last) {
      hash = node_hash(sibling, hash);
      while ((node & 1) == 0 && node != 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      hash = node_hash(hash, sibling);
    }
    node >>= 1;
    last >>= 1;
  }
  return last == 0 && hash == root;
}

bool is_consistent(std::uint64_t old_size, std::uint64_t size, const Proof& proof, const Digest& old_root,
                   const Digest& root) {
  if (old_size == 0 || old_size > size) return false;
  if (old_size == size) return proof.empty() && old_root == root;
  // A whole left subtree is its own proof.
  const bool is_whole = std::has_single_bit(old_size);
  if (proof.empty() && !is_whole) return false;
  std::uint64_t node = old_size - 1;
  std::uint64_t last = size - 1;
  while ((node & 1) != 0) {
    node >>= 1;
    last >>= 1;
  }
  Digest old_hash = is_whole ? old_root : proof.front();
  Digest hash = old_hash;
  for (std::size_t i = is_whole ? 0 : 1; i < proof.size(); ++i) {
    if (last == 0) return false;
    if ((node & 1) != 0 || node == last) {
      old_hash = node_hash(proof[i], old_hash);
      hash = node_hash(proof[i], hash);
      while ((node & 1) == 0 && node != 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      hash = node_hash(hash, proof[i]);
    }
    node >>= 1;
    last >>= 1;
  }
  return last == 0 && old_hash == old_root && hash == root;
}

}  // namespace usher::audit
