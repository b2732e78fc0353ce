#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "audit/check/bundle.h"
#include "audit/tree/proof.h"

namespace usher::audit {
namespace {

constexpr std::size_t kMaxCheckpoints = 16;

// {"<from>": …, "size": …, "proof": […]}
struct Proven {
  std::uint64_t from = 0;
  std::uint64_t size = 0;
  Proof proof;
};

std::optional<std::uint64_t> number_at(const json::value& value, std::string_view name) {
  const std::optional<std::int64_t> number = integer_at(&value, name);
  if (!number || *number < 1) return std::nullopt;
  return static_cast<std::uint64_t>(*number);
}

std::optional<Proof> proof_of(const json::value& value) {
  const json::array* list = array_at(&value, "proof");
  if (!list || list->size() > kMaxProof) return std::nullopt;
  Proof proof;
  for (const json::value& each : *list) {
    const json::string* text = each.if_string();
    const std::optional<Digest> hash = text ? digest_from_hex(*text) : std::nullopt;
    if (!hash) return std::nullopt;
    proof.push_back(*hash);
  }
  return proof;
}

std::optional<std::vector<Proven>> proofs_at(const json::value& header, std::string_view name, std::string_view from) {
  const json::array* list = array_at(&header, name);
  if (!list || list->size() > kMaxCheckpoints) return std::nullopt;
  std::vector<Proven> proofs;
  for (const json::value& each : *list) {
    const std::optional<std::uint64_t> begin = number_at(each, from);
    const std::optional<std::uint64_t> size = number_at(each, "size");
    std::optional<Proof> proof = proof_of(each);
    if (!begin || !size || !proof) return std::nullopt;
    proofs.push_back({*begin, *size, std::move(*proof)});
  }
  return proofs;
}

}  // namespace

struct BundleVerifier::State {
  VerifyKey key;
  BundleReport report;
  bool has_header = false;
  std::map<std::uint64_t, Digest> roots;  // by size
  std::vector<Proven> inclusion;
  std::uint64_t next = 0;
  Digest previous{};
  Digest first_hash{};

  explicit State(VerifyKey given) : key(std::move(given)) {}

  bool found(Finding finding) {
    if (!report.finding) report.finding = std::move(finding);
    return false;
  }

  bool read_header(std::string_view line) {
    const Finding malformed{.what = "this is no bundle of usher: its first line is no header"};
    if (line.size() > kMaxHeaderBytes || has_repeated_member(line)) return found(malformed);
    Result<json::value> header = parse_json(line, kMaxHeaderBytes);
    if (!header || integer_at(&*header, "usher_bundle") != 1) return found(malformed);
    const std::optional<std::uint64_t> first = number_at(*header, "first");
    const std::optional<std::uint64_t> last = number_at(*header, "last");
    const std::optional<Digest> before = digest_from_hex(string_at(&*header, "previous").value_or(""));
    std::optional<std::vector<Proven>> rows = proofs_at(*header, "inclusion", "row");
    const std::optional<std::vector<Proven>> steps = proofs_at(*header, "consistency", "old_size");
    const json::array* notes = array_at(&*header, "checkpoints");
    if (!first || !last || *last < *first || !before || !rows || !steps || !notes) return found(malformed);
    report.range = {*first, *last};
    next = *first;
    previous = *before;
    inclusion = std::move(*rows);
    return read_checkpoints(*notes) && check_consistency(*steps);
  }

  bool read_checkpoints(const json::array& notes) {
    if (notes.empty() || notes.size() > kMaxCheckpoints) return found({.what = "it has no checkpoint, or too many"});
    for (const json::value& each : notes) {
      const json::string* note = each.if_string();
      Result<Checkpoint> checkpoint = open_checkpoint(note ? std::string_view(*note) : std::string_view(), key);
      if (!checkpoint)
        return found({.what = fmt::format("a checkpoint is not to be trusted: {}", checkpoint.error().message)});
      if (report.origin.empty()) report.origin = checkpoint->origin;
      if (checkpoint->origin != report.origin) return found({.what = "its checkpoints are of different ledgers"});
      roots[checkpoint->size] = checkpoint->root;
    }
    report.signed_rows = roots.rbegin()->first;
    return true;
  }

  // Each checkpoint must be shown to continue the one before it.
  bool check_consistency(const std::vector<Proven>& steps) {
    for (auto old = roots.begin(), now = std::next(old); now != roots.end(); old = now++) {
      const auto step = std::ranges::find_if(
          steps, [&](const Proven& each) { return each.from == old->first && each.size == now->first; });
      if (step == steps.end() || !is_consistent(old->first, now->first, step->proof, old->second, now->second)) {
        return found({.what = fmt::format("the checkpoint of {} rows is not shown to continue the one of {}",
                                          now->first, old->first)});
      }
    }
    return true;
  }

  bool read_row(std::string_view line) {
    if (next > report.range.last)
      return found({.row = next, .what = fmt::format("there is more behind row {}", next - 1)});
    const bool is_fit = line.size() <= kMaxRowBytes && !has_repeated_member(line);
    Result<json::value> value = is_fit ? parse_json(line, kMaxRowBytes) : fail(ErrorKind::invalid, "it is no row");
    Result<Row> row = value ? parse_row(*value) : fail(std::move(value.error()));
    if (!row) return found({.row = next, .what = fmt::format("row {} was changed: {}", next, row.error().message)});
    const Digest expected = hash_of(*row, previous);
    if (row->number != next || row->hash != expected) {
      return found({.row = next,
                    .what = fmt::format("row {} was changed, or the one before it", next),
                    .expected = fmt::format("row {}, {}", next, to_hex(expected)),
                    .found = fmt::format("row {}, {}", row->number, to_hex(row->hash))});
    }
    if (next == report.range.first) first_hash = row->hash;
    previous = row->hash;
    ++next;
    ++report.rows;
    return true;
  }

  void check_inclusion(std::uint64_t row, const Digest& hash) {
    for (const Proven& each : inclusion) {
      const auto root = roots.find(each.size);
      if (each.from != row || root == roots.end()) continue;
      if (is_included(hash, row - 1, each.size, each.proof, root->second)) return;
    }
    found({.row = row, .what = fmt::format("row {} is not shown to be one of those that were signed", row)});
  }
};

BundleVerifier::BundleVerifier(VerifyKey key) : state_(std::make_unique<State>(std::move(key))) {}
BundleVerifier::~BundleVerifier() = default;

bool BundleVerifier::add_line(std::string_view line) {
  if (state_->report.finding) return false;
  if (state_->has_header) return state_->read_row(line);
  state_->has_header = true;
  return state_->read_header(line);
}

BundleReport BundleVerifier::finish() {
  State& state = *state_;
  const BundleRange& range = state.report.range;
  if (!state.has_header) state.found({.what = "this is no bundle of usher: it is empty"});
  if (!state.report.finding && state.next != range.last + 1) {
    state.found({.row = state.next, .what = fmt::format("row {} is missing", state.next)});
  }
  if (!state.report.finding) state.check_inclusion(range.first, state.first_hash);
  if (!state.report.finding) state.check_inclusion(range.last, state.previous);
  return state.report;
}

}  // namespace usher::audit
