#include "limits/zone_rules.h"

#include <algorithm>
#include <limits>

namespace usher::limits {

namespace {

constexpr std::size_t header_bytes = 44;
// Real files have some 300 transitions and a dozen types.
constexpr std::uint32_t max_count = 1u << 16;

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

struct Header {
  std::uint32_t universal = 0, standard = 0, leaps = 0, times = 0, types = 0, characters = 0;

  std::size_t data_bytes(std::size_t time_bytes) const {
    return std::size_t{times} * (time_bytes + 1) + std::size_t{types} * 6 + characters +
           std::size_t{leaps} * (time_bytes + 4) + standard + universal;
  }
};

std::unexpected<Error> malformed(const char* what) { return fail(ErrorKind::invalid, what); }

Result<Header> take_header(std::string_view& bytes) {
  if (bytes.size() < header_bytes || !bytes.starts_with("TZif")) return malformed("not a zoneinfo file");
  if (bytes[4] < '2') return malformed("a zoneinfo file of version 1, which ends in 2037");
  const auto count = [&](std::size_t index) {
    return static_cast<std::uint32_t>(big_endian(bytes.substr(20 + index * 4, 4)));
  };
  const Header header{count(0), count(1), count(2), count(3), count(4), count(5)};
  for (std::size_t i = 0; i < 6; ++i) {
    if (count(i) > max_count) return malformed("a zoneinfo file with too many entries");
  }
  bytes.remove_prefix(header_bytes);
  return header;
}

}  // namespace

Result<ZoneRules> ZoneRules::parse(std::string_view tzif) {
  Result<Header> old = take_header(tzif);
  if (!old) return fail(std::move(old.error()));
  if (tzif.size() < old->data_bytes(4)) return malformed("a zoneinfo file cut short");
  tzif.remove_prefix(old->data_bytes(4));
  Result<Header> header = take_header(tzif);
  if (!header) return fail(std::move(header.error()));
  if (tzif.size() < header->data_bytes(8)) return malformed("a zoneinfo file cut short");
  if (header->leaps != 0) return malformed("a zoneinfo file that counts leap seconds");
  if (header->types == 0) return malformed("a zoneinfo file without a local time");

  const std::string_view types = tzif.substr(std::size_t{header->times} * 9, std::size_t{header->types} * 6);
  const auto offset_of = [&](std::size_t type) -> std::int64_t {
    return static_cast<std::int32_t>(big_endian(types.substr(type * 6, 4)));
  };
  ZoneRules rules;
  rules.first_offset_ = offset_of(0);
  for (std::size_t i = 0; i < header->times; ++i) {
    const auto at = static_cast<std::int64_t>(big_endian(tzif.substr(i * 8, 8)));
    const auto type = static_cast<unsigned char>(tzif[std::size_t{header->times} * 8 + i]);
    if (type >= header->types) return malformed("a zoneinfo file that names a type it does not have");
    if (!rules.transitions_.empty() && at <= rules.transitions_.back()) {
      return malformed("a zoneinfo file whose transitions are not ascending");
    }
    rules.transitions_.push_back(at);
    rules.offsets_.push_back(offset_of(type));
  }

  tzif.remove_prefix(header->data_bytes(8));
  if (!tzif.starts_with('\n')) return malformed("a zoneinfo file without its last line");
  tzif.remove_prefix(1);
  const std::string_view line = tzif.substr(0, tzif.find('\n'));
  if (line.empty()) return rules;
  Result<RecurringRule> recurring = parse_recurring_rule(line);
  if (!recurring) return fail(std::move(recurring.error()));
  rules.recurring_ = *recurring;
  return rules;
}

ZonePiece ZoneRules::piece_at(std::int64_t seconds) const {
  constexpr std::int64_t forever = std::numeric_limits<std::int64_t>::max();
  const auto next = std::ranges::upper_bound(transitions_, seconds);
  const auto index = static_cast<std::size_t>(next - transitions_.begin());
  if (next == transitions_.end() && recurring_) {
    ZonePiece piece = piece_of(*recurring_, seconds);
    if (index > 0) piece.begin = std::max(piece.begin, transitions_.back());
    return piece;
  }
  const std::int64_t end = next == transitions_.end() ? forever : *next;
  if (index == 0) return {std::numeric_limits<std::int64_t>::min(), end, first_offset_};
  return {transitions_[index - 1], end, offsets_[index - 1]};
}

}  // namespace usher::limits
