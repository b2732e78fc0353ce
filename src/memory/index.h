// One full-text index: documents of some source files, found by words (BM25) or id. A cache: one that is found damaged
// (ErrorKind::corrupt, in opening it or later) may be removed and made anew. An object is used by one thread; several
// may have the same file open.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/beneath.h"
#include "base/result.h"
#include "memory/documents.h"
#include "store/sqlite.h"

namespace usher::memory {

class Index {
 public:
  // Makes the file when there is none. One of a newer version is refused: two versions at work would make it anew for
  // each other at every search.
  static Result<Index> open(const std::filesystem::path& file);
  // With its companions. Who still has it open reads on in what was removed.
  static void remove(const std::filesystem::path& file);

  // The documents of one source, given to `add` one by one.
  struct Document {
    std::string id, title;
    std::string text;   // what a hit shows; "" = the words
    std::string words;  // what is searched, beside the title
  };
  using Add = std::function<Result<void>(const Document& document)>;
  using Read = std::function<Result<void>(const FileEntry& source, const Add& add)>;

  // Brings the index to exactly these sources: reads those that are new or whose size, time or inode has changed,
  // forgets those that are gone. All in one transaction, and one process or thread at a time.
  Result<void> refresh(const std::vector<FileEntry>& sources, const Read& read);

  struct Scored {
    Hit hit;
    double score = 0;  // lower is better
  };
  Result<std::vector<Scored>> search(std::string_view query, std::size_t max_hits);
  Result<Hit> by_id(std::string_view id);

 private:
  explicit Index(store::Database database) : database_(std::move(database)) {}
  Result<std::vector<FileEntry>> known();
  Result<void> forget(std::string_view source);
  Result<void> index(const FileEntry& source, const Read& read);
  Result<void> add(std::string_view source, const Document& document);

  store::Database database_;
};

}  // namespace usher::memory
