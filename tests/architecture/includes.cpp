#include "architecture/includes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <set>
#include <sstream>

namespace usher::architecture {
namespace {

// A library that one module hides from the others: each further translation unit that sees it costs compile time, and
// each further user is a second way to do the same thing.
struct Reserved {
  std::string_view prefix;                     // of the included path
  std::string_view owner;                      // the module that may include it
  std::array<std::string_view, 2> exceptions;  // files elsewhere that may
};
constexpr std::array<Reserved, 10> reserved_libraries{{
    {"boost/beast", "net", {}},
    {"boost/asio/ssl", "net", {}},
    {"openssl/evp.h", "net", {"src/base/hash.cpp", "src/base/signature.cpp"}},
    {"openssl/crypto.h", "net", {"src/base/hash.cpp"}},
    {"openssl/", "net", {}},
    {"sqlite3.h", "store", {}},
    {"toml++/", "config", {}},
    {"toml.hpp", "config", {}},
    {"md4c", "telegram", {}},
    {"CLI/", "app", {}},
}};

std::string_view without_leading_blanks(std::string_view text) {
  const std::size_t start = text.find_first_not_of(" \t");
  return start == std::string_view::npos ? std::string_view{} : text.substr(start);
}

// The target of one line when it is an include; "" for an include of a macro.
std::optional<std::string> include_target(std::string_view line) {
  line = without_leading_blanks(line);
  if (!line.starts_with('#')) return std::nullopt;
  line = without_leading_blanks(line.substr(1));
  constexpr std::string_view keyword = "include";
  if (!line.starts_with(keyword)) return std::nullopt;
  line = without_leading_blanks(line.substr(keyword.size()));
  if (line.empty() || (line.front() != '"' && line.front() != '<')) return std::string{};
  const char closing = line.front() == '"' ? '"' : '>';
  const std::size_t end = line.find(closing, 1);
  return end == std::string_view::npos ? std::string{} : std::string(line.substr(1, end - 1));
}

bool is_beneath(std::string_view path, std::string_view dir) {
  return path.size() > dir.size() && path.starts_with(dir) && path[dir.size()] == '/';
}

const Module* module_of(const std::vector<Module>& modules, std::string_view path) {
  auto found = std::ranges::find_if(modules, [&](const Module& module) { return is_beneath(path, module.dir); });
  return found == modules.end() ? nullptr : &*found;
}

bool has_parent_step(std::string_view target) {
  const std::filesystem::path path(target);
  return std::ranges::any_of(path, [](const std::filesystem::path& part) { return part == ".."; });
}

class Checker {
 public:
  Checker(const std::vector<Module>& modules, const std::vector<File>& files) : modules_(modules) {
    for (const File& file : files) known_.insert(file.path);
  }

  void check(const File& file) {
    const Module* own = module_of(modules_, file.path);
    if (own == nullptr) {
      found_.push_back(fmt::format("{}: stands in no module; declare its folder with usher_module", file.path));
      return;
    }
    for (const Include& include : includes_of(file.text)) check(file, *own, include);
  }

  std::vector<std::string> take() { return std::move(found_); }

 private:
  void check(const File& file, const Module& own, const Include& include) {
    const auto report = [&](std::string_view what) {
      found_.push_back(fmt::format("{}:{}: {}", file.path, include.line, what));
    };
    if (include.target.empty()) return report("includes a macro, which nobody can check");
    if (has_parent_step(include.target)) {
      return report(fmt::format("\"{}\" climbs with ..; write it from src/ on", include.target));
    }
    if (const Reserved* library = reserved_from(own, file.path, include.target)) {
      return report(fmt::format("<{}> belongs to module {} alone", include.target, library->owner));
    }
    const std::optional<std::string> path = resolve(file.path, include.target);
    const Module* other = path ? module_of(modules_, *path) : nullptr;
    if (other == nullptr || other == &own) return;
    if (std::ranges::find(own.uses, other->name) != own.uses.end()) return;
    report(
        fmt::format("module {} includes \"{}\" but does not declare USES {}", own.name, include.target, other->name));
  }

  // The first row whose prefix fits decides.
  static const Reserved* reserved_from(const Module& own, std::string_view file, std::string_view target) {
    const auto row = std::ranges::find_if(reserved_libraries,
                                          [&](const Reserved& library) { return target.starts_with(library.prefix); });
    if (row == reserved_libraries.end() || own.name == row->owner ||
        std::ranges::find(row->exceptions, file) != row->exceptions.end())
      return nullptr;
    return &*row;
  }

  // Where the compiler finds it: beside the file, beneath src/, beneath the project. nullopt = not ours.
  std::optional<std::string> resolve(const std::string& from, const std::string& target) const {
    const std::filesystem::path folder = std::filesystem::path(from).parent_path();
    for (const std::filesystem::path& base : {folder, std::filesystem::path("src"), std::filesystem::path()}) {
      const std::string candidate = (base / target).lexically_normal().generic_string();
      if (known_.contains(candidate)) return candidate;
    }
    return std::nullopt;
  }

  const std::vector<Module>& modules_;
  std::set<std::string> known_;
  std::vector<std::string> found_;
};

}  // namespace

std::vector<Module> parse_modules(std::string_view list) {
  std::vector<Module> modules;
  std::istringstream lines{std::string(list)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    Module module;
    if (!(words >> module.name >> module.dir)) continue;
    for (std::string used; words >> used;) module.uses.push_back(used);
    modules.push_back(std::move(module));
  }
  return modules;
}

std::vector<Include> includes_of(std::string_view text) {
  std::vector<Include> includes;
  std::istringstream lines{std::string(text)};
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    std::optional<std::string> target = include_target(line);
    if (target) includes.push_back({number, std::move(*target)});
  }
  return includes;
}

std::vector<std::string> violations(const std::vector<Module>& modules, const std::vector<File>& files) {
  Checker checker(modules, files);
  for (const File& file : files) checker.check(file);
  return checker.take();
}

}  // namespace usher::architecture
