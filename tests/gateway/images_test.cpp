#include "gateway/turn/images.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <fstream>

#include "support/temp_dir.h"

using namespace usher;
using namespace usher::gateway;

namespace {

std::string picture(std::size_t size) {
  std::string bytes = "\x89PNG\r\n\x1a\n";
  bytes.resize(size, 'x');
  return bytes;
}

std::size_t files_in(const std::filesystem::path& directory) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(directory), {}));
}

}  // namespace

TEST_CASE("a picture is known by its first bytes") {
  CHECK(image_media_type(picture(20)) == "image/png");
  CHECK(image_media_type("\xff\xd8\xff\xe0") == "image/jpeg");
  CHECK(image_media_type("RIFF\x01\x02\x03\x04WEBPVP8 ") == "image/webp");
  CHECK(image_media_type("<svg xmlns") == "");
}

TEST_CASE("whoever sends pictures without end keeps a bounded number of the newest") {
  testing::TempDir dir;
  const std::filesystem::path files = dir / "files";
  for (std::size_t i = 0; i < kMaxKeptImages + 20; ++i) {
    REQUIRE(keep_image(files, fmt::format("{}-1", i), picture(20)));
  }
  CHECK(files_in(files / "inbox") == kMaxKeptImages);
  CHECK(std::filesystem::exists(files / "inbox" / fmt::format("{}-1.png", kMaxKeptImages + 19)));
  CHECK_FALSE(std::filesystem::exists(files / "inbox" / "0-1.png"));
}

TEST_CASE("pictures are bounded in bytes too, and other files stay") {
  testing::TempDir dir;
  const std::filesystem::path files = dir / "files";
  REQUIRE(keep_image(files, "first", picture(20)));
  std::ofstream(files / "inbox" / "notes.txt") << "mine";
  for (int i = 0; i < 5; ++i) REQUIRE(keep_image(files, fmt::format("{}-1", i), picture(kMaxImageBytes)));
  CHECK(files_in(files / "inbox") == 3 + 1);
  CHECK(std::filesystem::exists(files / "inbox" / "notes.txt"));
  CHECK(std::filesystem::exists(files / "inbox" / "4-1.png"));
}
