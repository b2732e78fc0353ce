#include "audit/row.h"

#include <doctest/doctest.h>

#include <set>

#include "base/text.h"

using namespace usher;
using namespace usher::audit;

namespace {

Row sample() {
  return {.number = 1,
          .at = WallTime(std::chrono::milliseconds(1'790'000'000'000)),
          .record = {.kind = Kind::decision,
                     .outcome = Outcome::allowed,
                     .tenant = "default",
                     .who = "telegram:123",
                     .role = "buyer",
                     .source = "main/812345",
                     .action = "tool:call:file_write",
                     .resource = "nötes.txt",
                     .sensitivity = 2,
                     .rule = "allowed_actions",
                     .detail = "Action 'x' allowed",
                     .policy_hash = "abababababababababababababababababababababababababababababababab"}};
}

}  // namespace

TEST_CASE("a row has the hash that another implementation computes") {
  Row first = sample();
  first.hash = hash_of(first, {});
  CHECK(to_hex(first.hash) == "935a492564875dafe67984587276db80100edc55f3cb5298409d056b5bd71337");
  const Row second{.number = 2, .at = first.at, .record = {.kind = Kind::process, .sensitivity = -1}};
  CHECK(to_hex(hash_of(second, first.hash)) == "b402e0340c04d1a06040f66abfc36ee0798ef3135ae47f1323e87ef58011691b");
}

TEST_CASE("every column, and what moves between columns, changes the hash") {
  const Row row = sample();
  std::set<Digest> hashes{hash_of(row, {})};
  std::size_t changes = 1;
  const auto note = [&](const Row& changed, const Digest& previous = {}) {
    hashes.insert(hash_of(changed, previous));
    ++changes;
  };
  for (std::string Record::* text : {&Record::tenant, &Record::who, &Record::role, &Record::source, &Record::action,
                                     &Record::resource, &Record::rule, &Record::detail, &Record::policy_hash}) {
    Row changed = row;
    changed.record.*text += '\0';
    note(changed);
    changed.record.*text = "";
    note(changed);
  }
  Row changed = row;
  changed.number = 2;
  note(changed);
  changed = row;
  changed.at += std::chrono::milliseconds(1);
  note(changed);
  changed = row;
  changed.record.kind = Kind::limit;
  note(changed);
  changed = row;
  changed.record.outcome = Outcome::denied;
  note(changed);
  changed = row;
  changed.record.sensitivity = 3;
  note(changed);
  note(row, hash_of(row, {}));
  changed = row;
  changed.record.tenant += "t";
  changed.record.who.erase(0, 1);  // "t" moved over the border
  note(changed);
  CHECK(hashes.size() == changes);
}

TEST_CASE("a row survives JSON word for word") {
  Row row = sample();
  row.record.detail = std::string("quote \" newline \n zero \0 end", 28);
  row.hash = hash_of(row, {});
  Result<Row> read = parse_row(json::parse(json::serialize(to_json(row))));
  REQUIRE(read);
  CHECK(hash_of(*read, {}) == row.hash);
  CHECK(read->hash == row.hash);
}

TEST_CASE("anything but exactly a row is refused") {
  Row row = sample();
  const json::object good = to_json(row);
  REQUIRE(parse_row(good));
  for (const auto& member : good) {
    json::object bad = good;
    bad.erase(member.key());
    CHECK_FALSE(parse_row(bad));
    bad = good;
    bad[member.key()] = nullptr;
    CHECK_FALSE(parse_row(bad));
    bad[member.key()] = member.value().is_string() ? json::value(1) : json::value("1");
    CHECK_FALSE(parse_row(bad));
  }
  json::object more = good;
  more["more"] = 1;
  CHECK_FALSE(parse_row(more));
  CHECK_FALSE(parse_row(json::array{}));
}

TEST_CASE("texts are cut and repaired, never refused") {
  Record record;
  record.detail = std::string(10'000, 'x');
  record.who =
      "a\xff"
      "b";
  record.resource = std::string(kMaxTextBytes - 1, 'x') + "ö";
  record.rule = std::string(kMaxTextBytes, 'x');
  const Record kept = bounded(record);
  CHECK(kept.detail.size() == kMaxTextBytes);
  CHECK(kept.detail.ends_with("x…[cut]"));
  CHECK(kept.who ==
        "a\xEF\xBF\xBD"
        "b");
  CHECK(kept.resource.size() <= kMaxTextBytes);
  CHECK(is_valid_utf8(kept.resource));
  CHECK(kept.resource.ends_with("…[cut]"));
  CHECK(kept.rule == record.rule);
}
