// Holds every file of src/ and channels/ against the layers that CMake declares, after showing that the checker does
// see each kind of violation when one is planted.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "architecture/includes.h"

namespace usher::architecture {
namespace {

namespace fs = std::filesystem;

const std::vector<Module> sample_modules = {
    {"base", "src/base", {}},
    {"store", "src/store", {"base"}},
    {"memory", "src/memory", {"base", "store"}},
    {"tool", "src/tool", {"base", "memory"}},
    {"telegram", "channels/telegram", {"base"}},
};

// The files that a planted one may include.
std::vector<std::string> planted(const std::string& path, const std::string& text) {
  return violations(sample_modules, {{"src/base/text.h", ""},
                                     {"src/base/hash.cpp", "#include <openssl/evp.h>\n"},
                                     {"src/store/sqlite.h", ""},
                                     {"src/memory/memory.h", ""},
                                     {"channels/telegram/codec.h", ""},
                                     {path, text}});
}

bool is_source(const fs::path& path) {
  constexpr std::array<std::string_view, 7> extensions = {".h", ".hpp", ".cpp", ".cc", ".cxx", ".ipp", ".inc"};
  return std::ranges::find(extensions, path.extension().string()) != extensions.end();
}

std::string text_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<File> sources_of(const fs::path& project) {
  std::vector<File> files;
  for (const char* top : {"src", "channels"}) {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(project / top)) {
      if (!entry.is_regular_file() || !is_source(entry.path())) continue;
      files.push_back({entry.path().lexically_relative(project).generic_string(), text_of(entry.path())});
    }
  }
  std::ranges::sort(files, {}, &File::path);
  return files;
}

TEST_CASE("every include of the tree is one that its module declared") {
  const std::vector<Module> modules = parse_modules(text_of(USHER_MODULES_FILE));
  const std::vector<File> files = sources_of(USHER_SOURCE_DIR);
  REQUIRE(modules.size() >= 10);
  REQUIRE(files.size() >= 40);
  for (const std::string& violation : violations(modules, files)) FAIL_CHECK(violation);
}

TEST_CASE("declared and own includes pass") {
  CHECK(
      planted("src/tool/a.cpp", "#include \"memory/memory.h\"\n#include \"base/text.h\"\n#include <vector>\n").empty());
  CHECK(planted("src/memory/a.cpp", "#include \"memory/memory.h\"\n#include \"memory.h\"\n").empty());
  CHECK(planted("channels/telegram/a.cpp", "#include \"channels/telegram/codec.h\"\n#include <md4c-html.h>\n").empty());
  CHECK(planted("src/store/a.cpp", "#include <sqlite3.h>\n").empty());
}

TEST_CASE("an include of a module that is not declared is found, even when a used module uses it") {
  // tool uses memory, memory uses store: tool still may not reach past memory.
  CHECK(planted("src/tool/a.cpp", "#include <map>\n#include \"store/sqlite.h\"\n") ==
        std::vector<std::string>{
            "src/tool/a.cpp:2: module tool includes \"store/sqlite.h\" but does not declare USES store"});
  CHECK(planted("src/base/a.h", "#include \"memory/memory.h\"\n").size() == 1);
  CHECK(planted("channels/telegram/a.cpp", "#include \"memory/memory.h\"\n").size() == 1);
}

TEST_CASE("no spelling of an include gets past the layers") {
  CHECK(planted("src/base/a.cpp", "  #  include   <memory/memory.h>\n").size() == 1);
  CHECK(planted("src/base/a.cpp", "#include \"src/memory/memory.h\"\n").size() == 1);
  CHECK(planted("src/base/a.cpp", "#include \"./src/memory/memory.h\"\n").size() == 1);
  CHECK(planted("src/base/a.cpp", "#include\"memory/memory.h\" // why\r\n").size() == 1);
  CHECK(planted("src/base/a.cpp", "#include \"channels/telegram/codec.h\"\n").size() == 1);
  CHECK(planted("src/base/a.cpp", "#include CHOSEN_HEADER\n").size() == 1);
}

TEST_CASE("a header of the system that is named like a module is not that module") {
  CHECK(planted("src/base/a.cpp", "#include <memory>\n#include <net/if.h>\n#include <store/other.h>\n").empty());
}

TEST_CASE("a library stays with the module that hides it") {
  for (const char* header : {"boost/beast/http.hpp", "boost/beast.hpp", "boost/asio/ssl.hpp", "openssl/ssl.h",
                             "openssl/evp.h", "sqlite3.h", "toml++/toml.h", "md4c.h", "CLI/CLI.hpp"}) {
    CAPTURE(header);
    CHECK(planted("src/tool/a.cpp", "#include <" + std::string(header) + ">\n").size() == 1);
    CHECK(planted("src/tool/a.cpp", "#include \"" + std::string(header) + "\"\n").size() == 1);
  }
  CHECK(planted("src/base/other.cpp", "#include <openssl/evp.h>\n").size() == 1);
}

TEST_CASE("base hashes, compares and signs with OpenSSL, and takes nothing else of it") {
  CHECK(violations(sample_modules, {{"src/base/signature.cpp", "#include <openssl/evp.h>\n"}}).empty());
  CHECK(violations(sample_modules, {{"src/base/signature.cpp", "#include <openssl/crypto.h>\n"}}).size() == 1);
  CHECK(violations(sample_modules, {{"src/base/hash.cpp", "#include <openssl/evp.h>\n#include <openssl/crypto.h>\n"}})
            .empty());
  CHECK(violations(sample_modules, {{"src/base/hash.cpp", "#include <openssl/ssl.h>\n"}}).size() == 1);
}

TEST_CASE("an include that climbs with .. is found") {
  CHECK(planted("src/memory/a.cpp", "#include \"../base/text.h\"\n").size() == 1);
  CHECK(planted("src/memory/a.cpp", "#include \"memory/../base/text.h\"\n").size() == 1);
  CHECK(planted("src/memory/a.cpp", "#include \"base/text..h\"\n").empty());
}

TEST_CASE("a source file outside every declared module is found") {
  CHECK(planted("src/stray/a.cpp", "").size() == 1);
  CHECK(planted("src/main.cpp", "").size() == 1);
  CHECK(planted("src/base2/a.cpp", "").size() == 1);
}

TEST_CASE("CMake's list is read as name, folder and uses") {
  const std::vector<Module> modules = parse_modules("base src/base \nstore src/store base\n\n");
  REQUIRE(modules.size() == 2);
  CHECK(modules[0].uses.empty());
  CHECK(modules[1].name == "store");
  CHECK(modules[1].dir == "src/store");
  CHECK(modules[1].uses == std::vector<std::string>{"base"});
}

}  // namespace
}  // namespace usher::architecture
