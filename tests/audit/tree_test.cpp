#include <doctest/doctest.h>

#include <random>

#include "audit/tree/frontier.h"
#include "audit/tree/proof.h"

using namespace usher;
using namespace usher::audit;

namespace {

// The leaves, roots and proofs that implementations of Certificate Transparency are tested with.
const std::vector<std::string> kLeaves = {std::string(),
                                          std::string("\0", 1),
                                          "\x10",
                                          "\x20\x21",
                                          "\x30\x31",
                                          "\x40\x41\x42\x43",
                                          "\x50\x51\x52\x53\x54\x55\x56\x57",
                                          "\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f"};
const std::vector<std::string> kRoots = {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                                         "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                                         "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                                         "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                                         "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                                         "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                                         "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                                         "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                                         "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};

struct Vector {
  std::uint64_t first, size;
  std::vector<std::string> proof;
};
const std::vector<Vector> kInclusion = {{0, 1, {}},
                                        {0,
                                         8,
                                         {"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                                          "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                                          "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"}},
                                        {5,
                                         8,
                                         {"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                                          "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                                          "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}},
                                        {2, 3, {"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"}},
                                        {1,
                                         5,
                                         {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                                          "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                                          "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"}}};
const std::vector<Vector> kConsistency = {{1, 1, {}},
                                          {1,
                                           8,
                                           {"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                                            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                                            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"}},
                                          {6,
                                           8,
                                           {"0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                                            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                                            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}},
                                          {2,
                                           5,
                                           {"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                                            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"}}};

using Leaves = std::vector<Digest>;

Leaves known_leaves() {
  Leaves leaves;
  for (const std::string& leaf : kLeaves) leaves.push_back(leaf_hash(leaf));
  return leaves;
}

// The definition of RFC 6962, 2.1, word for word.
Digest naive_root(std::span<const Digest> leaves) {
  if (leaves.empty()) return sha256("");
  if (leaves.size() == 1) return leaves.front();
  std::size_t k = 1;
  while (k * 2 < leaves.size()) k *= 2;
  return node_hash(naive_root(leaves.first(k)), naive_root(leaves.subspan(k)));
}

Digest root_of(std::span<const Digest> leaves) {
  Frontier frontier;
  for (const Digest& leaf : leaves) frontier.add(leaf);
  return frontier.root();
}

Proof proof_from(ProofMaker maker, const Leaves& leaves) {
  for (const Digest& leaf : leaves) maker.add(leaf);
  return maker.proof();
}

std::vector<std::string> hex_of(const Proof& proof) {
  std::vector<std::string> texts;
  for (const Digest& hash : proof) texts.push_back(to_hex(hash));
  return texts;
}

// Every way to spoil a proof by one hash: each is refused.
template <class F>
void check_spoiled(const Proof& proof, F&& is_accepted) {
  for (std::size_t i = 0; i < proof.size(); ++i) {
    Proof spoiled = proof;
    spoiled[i][i % 32] ^= 1;
    CHECK_FALSE(is_accepted(spoiled));
    spoiled = proof;
    spoiled.erase(spoiled.begin() + static_cast<std::ptrdiff_t>(i));
    CHECK_FALSE(is_accepted(spoiled));
  }
  Proof longer = proof;
  longer.push_back(Digest{});
  CHECK_FALSE(is_accepted(longer));
  longer.pop_back();
  longer.insert(longer.begin(), Digest{});
  CHECK_FALSE(is_accepted(longer));
}

}  // namespace

TEST_CASE("roots are those of the published vectors") {
  const Leaves leaves = known_leaves();
  for (std::size_t size = 0; size <= leaves.size(); ++size) {
    CHECK(to_hex(root_of(std::span(leaves).first(size))) == kRoots[size]);
  }
}

TEST_CASE("proofs are those of the published vectors") {
  const Leaves leaves = known_leaves();
  for (const Vector& vector : kInclusion) {
    CHECK(hex_of(proof_from(ProofMaker::inclusion(vector.first, vector.size), leaves)) == vector.proof);
  }
  for (const Vector& vector : kConsistency) {
    CHECK(hex_of(proof_from(ProofMaker::consistency(vector.first, vector.size), leaves)) == vector.proof);
  }
}

TEST_CASE("every proof of every tree up to 40 leaves verifies, and none that was spoiled") {
  std::mt19937_64 random(1);
  Leaves leaves;
  for (std::uint64_t size = 1; size <= 40; ++size) {
    leaves.push_back(leaf_hash(std::to_string(random())));
    const Digest root = naive_root(leaves);
    REQUIRE(root_of(leaves) == root);
    for (std::uint64_t index = 0; index < size; ++index) {
      const Proof proof = proof_from(ProofMaker::inclusion(index, size), leaves);
      CHECK(is_included(leaves[index], index, size, proof, root));
      CHECK_FALSE(is_included(leaf_hash("another"), index, size, proof, root));
      CHECK_FALSE(is_included(leaves[index], index + 1, size, proof, root));
      check_spoiled(proof,
                    [&](const Proof& spoiled) { return is_included(leaves[index], index, size, spoiled, root); });
    }
    for (std::uint64_t old_size = 1; old_size <= size; ++old_size) {
      const Digest old_root = naive_root(std::span(leaves).first(old_size));
      const Proof proof = proof_from(ProofMaker::consistency(old_size, size), leaves);
      CHECK(is_consistent(old_size, size, proof, old_root, root));
      CHECK_FALSE(is_consistent(old_size, size, proof, leaf_hash("another"), root));
      CHECK_FALSE(is_consistent(old_size, size, proof, old_root, leaf_hash("another")));
      check_spoiled(proof,
                    [&](const Proof& spoiled) { return is_consistent(old_size, size, spoiled, old_root, root); });
    }
  }
}

TEST_CASE("proofs of large trees verify") {
  std::mt19937_64 random(2);
  for (int round = 0; round < 20; ++round) {
    Leaves leaves(1 + random() % 3000);
    for (Digest& leaf : leaves) leaf = leaf_hash(std::to_string(random()));
    const Digest root = naive_root(leaves);
    const std::uint64_t index = random() % leaves.size();
    const std::uint64_t old_size = 1 + random() % leaves.size();
    CHECK(is_included(leaves[index], index, leaves.size(),
                      proof_from(ProofMaker::inclusion(index, leaves.size()), leaves), root));
    CHECK(is_consistent(old_size, leaves.size(), proof_from(ProofMaker::consistency(old_size, leaves.size()), leaves),
                        naive_root(std::span(leaves).first(old_size)), root));
  }
}

TEST_CASE("a frontier goes on from its text as if it had never stopped") {
  Frontier whole;
  Frontier resumed;
  for (int i = 0; i < 300; ++i) {
    const Digest leaf = leaf_hash(std::to_string(i));
    whole.add(leaf);
    resumed.add(leaf);
    const std::optional<Frontier> read = Frontier::parse(resumed.size(), resumed.to_text());
    REQUIRE(read);
    REQUIRE(*read == whole);
    resumed = *read;
  }
}

TEST_CASE("a text that is no frontier of that size is refused") {
  Frontier frontier;
  for (int i = 0; i < 5; ++i) frontier.add(leaf_hash(std::to_string(i)));
  const std::string text = frontier.to_text();
  CHECK(Frontier::parse(5, text));
  CHECK_FALSE(Frontier::parse(7, text));
  CHECK_FALSE(Frontier::parse(5, text.substr(1)));
  CHECK_FALSE(Frontier::parse(5, text + text));
  CHECK_FALSE(Frontier::parse(5, "G" + text.substr(1)));
  CHECK_FALSE(Frontier::parse(0, text));
}
