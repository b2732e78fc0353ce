// A temporary directory, removed with everything in it.
#pragma once

#include <filesystem>
#include <string>

namespace usher::bench {

class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Makes the folders above it too.
void write_file(const std::filesystem::path& file, const std::string& text);
// "" when there is none.
std::string read_file(const std::filesystem::path& file);

}  // namespace usher::bench
