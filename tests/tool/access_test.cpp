// What the built-in tools say that their calls touch, over many arguments that fit their schemas.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <set>

#include "policy/glob.h"
#include "policy/policy.h"
#include "tool/schema.h"
#include "tool/seat_fixture.h"

namespace {

using namespace usher;
using testing::SeatFixture;

// Random values that fit a schema, with a liking for what paths, names and policies trip over. The same ones each time.
class Arguments {
 public:
  explicit Arguments(unsigned seed) : random_(seed) {}

  json::object object_of(const json::object& schema) {
    std::set<std::string> required;
    if (const json::value* names = schema.if_contains("required")) {
      for (const json::value& name : names->as_array()) required.emplace(name.as_string().c_str());
    }
    json::object made;
    for (const json::key_value_pair& property : schema.at("properties").as_object()) {
      if (required.contains(std::string(property.key())) || below(2) == 0)
        made.emplace(property.key(), value_of(property.value().as_object()));
    }
    return made;
  }

 private:
  json::value value_of(const json::object& schema) {
    const json::string& type = schema.at("type").as_string();
    if (type == "object") return object_of(schema);
    if (type == "integer") return whole_of(schema);
    if (type == "string") return json::value(text_of(bound(schema, "minLength", 0), bound(schema, "maxLength", 40)));
    REQUIRE(type == "array");
    json::array items;
    const std::int64_t count = below(std::min<std::int64_t>(bound(schema, "maxItems", 4), 4) + 1);
    for (std::int64_t i = 0; i < count; ++i) items.push_back(value_of(schema.at("items").as_object()));
    return items;
  }

  json::value whole_of(const json::object& schema) {
    const std::int64_t least = bound(schema, "minimum", -5), most = bound(schema, "maximum", 5);
    const std::int64_t whole = below(3) == 0 ? most : std::min(most, least + below(100));
    return below(4) == 0 ? json::value(static_cast<double>(whole)) : json::value(whole);
  }

  std::string text_of(std::int64_t least, std::int64_t most) {
    static const std::vector<std::string> kPieces = {"workspace",
                                                     "files",
                                                     "/",
                                                     "//",
                                                     "..",
                                                     ".",
                                                     "public",
                                                     "internal",
                                                     "all",
                                                     "other",
                                                     "unknown",
                                                     "a",
                                                     "Z",
                                                     "_",
                                                     "-",
                                                     "7",
                                                     " ",
                                                     ":",
                                                     "*",
                                                     "ü",
                                                     "\n",
                                                     "\t",
                                                     std::string("\0", 1),
                                                     "\\",
                                                     "files/notes.txt",
                                                     "workspace/",
                                                     "files/../workspace",
                                                     "😀"};
    std::string text;
    std::int64_t length = 0;  // in code points
    for (std::int64_t pieces = below(7); pieces > 0 || length < least; --pieces) {
      const std::string& piece = kPieces[static_cast<std::size_t>(below(static_cast<std::int64_t>(kPieces.size())))];
      const std::int64_t more = std::ranges::count_if(piece, [](char c) { return (c & 0xC0) != 0x80; });
      if (length + more > most) break;
      text += piece;
      length += more;
    }
    return text;
  }

  static std::int64_t bound(const json::object& schema, const char* name, std::int64_t otherwise) {
    const json::value* value = schema.if_contains(name);
    return value ? value->as_int64() : otherwise;
  }
  std::int64_t below(std::int64_t bound) { return std::uniform_int_distribution<std::int64_t>(0, bound - 1)(random_); }

  std::mt19937 random_;
};

// A seat in which every built-in tool has its place.
struct FullSeat : SeatFixture {
  FullSeat() {
    seat.delegate = [](tool::Delegation, Deadline) -> Task<Result<std::string>> { co_return ""; };
  }
};

constexpr int kRounds = 3000;

TEST_CASE(
    "whatever the arguments, a tool names a well-formed action that its spec announces, and no lower sensitivity") {
  FullSeat f;
  Arguments arguments(20240607);
  for (const tool::ToolSpec& spec : tool::builtin_specs()) {
    CAPTURE(spec.name);
    REQUIRE_FALSE(spec.actions.empty());
    const policy::GlobSet announced(spec.actions);
    std::unique_ptr<tool::Tool> tool = tool::make_builtin(spec.name, f.seat);
    REQUIRE(tool);
    int wrong = 0;
    for (int i = 0; i < kRounds && wrong == 0; ++i) {
      const json::object given = arguments.object_of(spec.parameters);
      REQUIRE(tool::validate(spec.parameters, given));
      const tool::Access access = tool->access(given);
      const bool is_right = policy::is_action(access.action) && announced.matches(access.action) &&
                            access.sensitivity >= spec.least_sensitivity &&
                            access.sensitivity <= policy::kMaxSensitivity;
      wrong += is_right ? 0 : 1;
      CHECK_MESSAGE(is_right, json::serialize(given), " → ", access.action, " ", access.sensitivity);
    }
  }
}

TEST_CASE("every announced action and the least sensitivity are named by some call") {
  FullSeat f;
  Arguments arguments(7);
  for (const tool::ToolSpec& spec : tool::builtin_specs()) {
    CAPTURE(spec.name);
    std::unique_ptr<tool::Tool> tool = tool::make_builtin(spec.name, f.seat);
    std::set<std::string> named;
    int least = policy::kMaxSensitivity;
    for (int i = 0; i < kRounds; ++i) {
      const tool::Access access = tool->access(arguments.object_of(spec.parameters));
      for (const std::string& glob : spec.actions) {
        if (policy::glob_matches(glob, access.action)) named.insert(glob);
      }
      least = std::min(least, access.sensitivity);
    }
    CHECK(named == std::set<std::string>(spec.actions.begin(), spec.actions.end()));
    CHECK(least == spec.least_sensitivity);
  }
}

TEST_CASE("the access is what the call will touch") {
  FullSeat f;
  const auto access = [&](const std::string& name, const std::string& arguments) {
    const tool::Access named = tool::make_builtin(name, f.seat)->access(json::parse(arguments).as_object());
    return named.action + " '" + named.resource + "' " + std::to_string(named.sensitivity);
  };
  CHECK(access("product_search", R"({"query":"mug"})") == "product:read:catalog 'mug' 0");
  CHECK(access("knowledge_search", R"({"query":"x"})") == "knowledge:read:all '' 1");
  CHECK(access("knowledge_search", R"({"query":"x","collection":"public"})") == "knowledge:read:public 'public' 1");
  CHECK(access("knowledge_search", R"({"query":"x","collection":"a-b"})") == "knowledge:read:other 'a-b' 1");
  CHECK(access("knowledge_search", R"({"query":"x","collection":"all"})") == "knowledge:read:other 'all' 1");
  CHECK(access("knowledge_search", R"({"query":"x","collection":"other"})") == "knowledge:read:other 'other' 1");
  CHECK(access("memory_recall", R"({})") == "memory:read:facts '' 2");
  CHECK(access("memory_forget", R"({"id":7})") == "memory:write:facts '7' 2");
  CHECK(access("file_list", R"({})") == "file:read:all '' 2");
  CHECK(access("file_list", R"({"path":"workspace"})") == "file:read:workspace 'workspace/' 1");
  CHECK(access("file_read", R"({"path":"files/a.txt"})") == "file:read:files 'files/a.txt' 2");
  CHECK(access("file_read", R"({"path":"files/../workspace/a"})") == "file:read:unknown 'files/../workspace/a' 2");
  CHECK(access("file_write", R"({"path":"workspace/a","content":""})") == "file:write:workspace 'workspace/a' 2");
  CHECK(access("delegate", R"({"task":"x"})") == "agent:delegate:task '' 0");
}

}  // namespace
