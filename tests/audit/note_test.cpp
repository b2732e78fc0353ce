#include <doctest/doctest.h>

#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "audit/note/checkpoint.h"
#include "audit/note/checkpoint_file.h"
#include "audit/note/key_file.h"
#include "audit/note/note.h"
#include "audit/tree/frontier.h"
#include "support/temp_dir.h"

using namespace usher;
using namespace usher::audit;

namespace {

// The key of RFC 8032's first test; the texts and the signature were made by Python's hashlib and the openssl command.
constexpr const char* kPrivateText = "PRIVATE+KEY+usher+32b96553+AZ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g";
constexpr const char* kPublicText = "usher+32b96553+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea";
constexpr const char* kRoot = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328";
constexpr const char* kNote =
    "usher\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n\n"
    "— usher MrllU5wvTm/4g2+4NBItJCkMETGy/JZJydjSh0GT7wf9kOVeo87J1L7dTDJf4RTCvOoMJGc6j0UyP5itmECuFogWEAA=\n";

SigningKey known_key() {
  Result<SigningKey> key = SigningKey::parse(Secret(kPrivateText));
  REQUIRE(key);
  return *key;
}

Checkpoint checkpoint_of(std::uint64_t size) { return {"usher", size, leaf_hash(std::to_string(size))}; }

std::string text_of(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

void put(const std::filesystem::path& file, const std::string& text) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << text;
}

}  // namespace

TEST_CASE("keys, checkpoint and signature have the bytes that another implementation makes") {
  const SigningKey key = known_key();
  CHECK(key.verify_key().text() == kPublicText);
  CHECK(key.text().expose() == kPrivateText);
  const Checkpoint checkpoint{"usher", 8, *digest_from_hex(kRoot)};
  CHECK(key.sign(checkpoint.text()) == kNote);
  Result<Checkpoint> opened = open_checkpoint(kNote, *VerifyKey::parse(kPublicText));
  REQUIRE(opened);
  CHECK(*opened == checkpoint);
}

TEST_CASE("no byte of a signed checkpoint can be changed") {
  const VerifyKey key = known_key().verify_key();
  const std::string note = kNote;
  for (std::size_t i = 0; i < note.size(); ++i) {
    for (const char flip : {1, 32, 64}) {
      std::string changed = note;
      changed[i] = static_cast<char>(changed[i] ^ flip);
      CAPTURE(changed);
      CHECK_FALSE(open_checkpoint(changed, key));
    }
    CHECK_FALSE(open_checkpoint(note.substr(0, i), key));
  }
}

TEST_CASE("another key of the same name is another key") {
  const SigningKey other = SigningKey::make("usher");
  Result<Checkpoint> opened = open_checkpoint(kNote, other.verify_key());
  REQUIRE_FALSE(opened);
  CHECK(opened.error().kind == ErrorKind::denied);
}

TEST_CASE("signatures of others do not matter, wherever they stand") {
  const SigningKey key = known_key();
  const std::string body = checkpoint_of(3).text();
  const std::string own = key.sign(body);
  const std::string other = SigningKey::make("witness").sign(body);
  const std::string both = other + own.substr(body.size() + 1);
  CHECK(open_checkpoint(both, key.verify_key()));
  CHECK_FALSE(open_checkpoint(other, key.verify_key()));
}

TEST_CASE("texts that are no keys are refused") {
  const std::string good = kPublicText;
  CHECK(VerifyKey::parse(good));
  for (const std::string& bad : {std::string(), std::string("usher"), std::string("usher+32b96553"), good + "=",
                                 "x" + good, good.substr(0, good.size() - 1), "us her" + good.substr(5),
                                 std::string("usher+32b96554+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea"),
                                 std::string("usher+32b9655+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea"),
                                 std::string("usher+32b96553+AtdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea"),
                                 std::string(kPrivateText), std::string(10'000, '+')}) {
    CAPTURE(bad);
    CHECK_FALSE(VerifyKey::parse(bad));
  }
  CHECK_FALSE(SigningKey::parse(Secret(good)));
}

TEST_CASE("a checkpoint has one spelling") {
  const std::string root = "XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=";
  CHECK(Checkpoint::parse("usher\n8\n" + root + "\n"));
  CHECK(Checkpoint::parse("usher\n8\n" + root + "\nan extension\n"));
  for (const std::string& bad :
       {"usher\n08\n" + root + "\n", "usher\n+8\n" + root + "\n", "usher\n-1\n" + root + "\n", "\n8\n" + root + "\n",
        "usher\n8\n" + root, std::string("usher\n8\nAAAA\n"), "usher\n8 \n" + root + "\n",
        "usher\n18446744073709551616\n" + root + "\n", std::string("usher\n8\n")}) {
    CAPTURE(bad);
    CHECK_FALSE(Checkpoint::parse(bad));
  }
}

TEST_CASE("the newest checkpoint of a file is the last that was appended") {
  testing::TempDir dir;
  const SigningKey key = known_key();
  const auto file = dir / "checkpoints";
  CHECK(!*newest_checkpoint(file, key.verify_key()));
  // More than is read of a file's end.
  std::string many;
  for (std::uint64_t size = 1; size <= 390; ++size) many += key.sign(checkpoint_of(size).text()) + "\n";
  put(file, many);
  for (std::uint64_t size = 391; size <= 400; ++size) {
    REQUIRE(append_checkpoint(file, checkpoint_of(size), key));
    REQUIRE(**newest_checkpoint(file, key.verify_key()) == checkpoint_of(size));
  }
  CHECK(split_notes(text_of(file)).notes.size() == 400);
}

TEST_CASE("a checkpoint of fewer rows than the newest is not appended") {
  testing::TempDir dir;
  const SigningKey key = known_key();
  const auto file = dir / "checkpoints";
  REQUIRE(append_checkpoint(file, checkpoint_of(5), key));
  const std::string before = text_of(file);
  CHECK(append_checkpoint(file, checkpoint_of(4), key));
  CHECK(append_checkpoint(file, checkpoint_of(5), key));
  CHECK(text_of(file) == before);
  struct stat info{};
  REQUIRE(::stat(file.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
}

TEST_CASE("wherever writing a checkpoint was interrupted, the one before counts and the next one is whole") {
  testing::TempDir dir;
  const SigningKey key = known_key();
  const auto file = dir / "checkpoints";
  REQUIRE(append_checkpoint(file, checkpoint_of(1), key));
  const std::string one = text_of(file);
  REQUIRE(append_checkpoint(file, checkpoint_of(2), key));
  const std::string two = text_of(file);
  for (std::size_t cut = one.size(); cut < two.size(); ++cut) {
    put(file, two.substr(0, cut));
    const bool is_whole = cut == two.size() - 1;  // only the blank line behind it is missing
    Result<std::optional<Checkpoint>> newest = newest_checkpoint(file, key.verify_key());
    REQUIRE(newest);
    CHECK((*newest)->size == (is_whole ? 2 : 1));
    REQUIRE(append_checkpoint(file, checkpoint_of(3), key));
    const std::string three = text_of(file);
    CHECK(split_notes(three).notes.size() == (is_whole ? 3 : 2));
    CHECK(split_notes(three).whole_bytes == three.size());
  }
}

TEST_CASE("a torn first checkpoint is as none") {
  testing::TempDir dir;
  const SigningKey key = known_key();
  const auto file = dir / "checkpoints";
  REQUIRE(append_checkpoint(file, checkpoint_of(1), key));
  const std::string one = text_of(file);
  put(file, one.substr(0, one.size() - 10));
  CHECK(!*newest_checkpoint(file, key.verify_key()));
  REQUIRE(append_checkpoint(file, checkpoint_of(1), key));
  CHECK(text_of(file) == one);
}

TEST_CASE("nothing is appended to a file whose newest checkpoint is not the key's") {
  testing::TempDir dir;
  const auto file = dir / "checkpoints";
  REQUIRE(append_checkpoint(file, checkpoint_of(1), SigningKey::make("usher")));
  const std::string before = text_of(file);
  CHECK_FALSE(append_checkpoint(file, checkpoint_of(2), known_key()));
  CHECK(text_of(file) == before);
  put(file, std::string(200'000, 'x'));
  CHECK_FALSE(append_checkpoint(file, checkpoint_of(2), known_key()));
  CHECK_FALSE(newest_checkpoint(file, known_key().verify_key()));
}

TEST_CASE("a key file is private, made once, and never overwritten") {
  testing::TempDir dir;
  const auto file = dir / "ledger.key";
  Result<SigningKey> made = read_or_make_key_file(file, "usher");
  REQUIRE(made);
  Result<SigningKey> again = read_or_make_key_file(file, "usher");
  REQUIRE(again);
  CHECK(again->verify_key() == made->verify_key());
  CHECK(text_of(dir / "ledger.pub") == made->verify_key().text() + "\n");
  CHECK_FALSE(make_key_file(file, "usher"));
  struct stat info{};
  REQUIRE(::stat(file.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  REQUIRE(::chmod(file.c_str(), 0640) == 0);
  CHECK(read_key_file(file).error().kind == ErrorKind::denied);
}
