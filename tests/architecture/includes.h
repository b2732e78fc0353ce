// The rules of docs/architecture.md about who may include what, as pure functions over file texts: the module layers
// that CMake declares, the libraries that belong to one module, and paths without "..".
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace usher::architecture {

// One usher_module(NAME … DIR … USES …) of CMake.
struct Module {
  std::string name;
  std::string dir;                // "src/policy", relative to the project
  std::vector<std::string> uses;  // modules it may include, besides itself
};

// One source file; `path` is relative to the project and uses '/'.
struct File {
  std::string path;
  std::string text;
};

struct Include {
  std::size_t line = 0;  // from 1
  std::string target;    // between the quotes or brackets; "" for `#include MACRO`
};

// Reads the list that CMake writes: "name dir use use…" a line.
std::vector<Module> parse_modules(std::string_view list);

// Every #include of a text, in order. One inside a block comment counts too: such a comment is better deleted.
std::vector<Include> includes_of(std::string_view text);

// One sentence a violation, "src/tool/gate.cpp:12: …", in the order of the files. Empty = all rules hold.
std::vector<std::string> violations(const std::vector<Module>& modules, const std::vector<File>& files);

}  // namespace usher::architecture
