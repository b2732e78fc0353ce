// One row of the ledger and its bytes: what is hashed is every column of it, and the hash of the row before it. Pure;
// values; any thread.
//
// The bytes are these texts, each preceded by its length in bytes as four bytes, most significant first:
//   "usher ledger row 1", number, at_ms, previous, kind, outcome, tenant, who, role, source, action, resource,
//   sensitivity, rule, detail, policy_hash
// numbers in decimal, hashes as 64 hex digits; `previous` of the first row is 64 zeros. A row's hash is the hash of its
// leaf in the tree, SHA-256(0x00 ‖ bytes); so one hash makes both the chain and the tree.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "audit/ledger.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"

namespace usher::audit {

constexpr std::size_t kMaxTextBytes = 4096;  // of one text of a Record

struct Row {
  std::uint64_t number = 0;  // from 1, without a gap
  WallTime at;
  Record record;
  Digest hash{};
};

// The record with texts that are valid UTF-8 and no longer than kMaxTextBytes; what was cut ends in "…[cut]".
Record bounded(Record record);

std::string canonical_bytes(const Row& row, const Digest& previous);
// What row.hash must be.
Digest hash_of(const Row& row, const Digest& previous);

// One object with all columns by name, in the order above: {"row": 17, "at_ms": …, "kind": …, …, "hash": …}.
json::object to_json(const Row& row);
// Exactly such an object; invalid with the name of the member otherwise. The hash is not checked.
Result<Row> parse_row(const json::value& value);

// The word of to_string; nullopt for any other.
std::optional<Kind> parse_kind(std::string_view word);
std::optional<Outcome> parse_outcome(std::string_view word);

}  // namespace usher::audit
