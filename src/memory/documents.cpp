#include "memory/documents.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/beneath.h"
#include "base/log.h"
#include "base/text.h"
#include "memory/index.h"
#include "memory/passages.h"

namespace usher::memory {

namespace {

constexpr const char* catalog_name = "catalog.jsonl";
constexpr std::size_t max_catalog_bytes = 64u << 20;
constexpr std::size_t max_collection_bytes = 64u << 20;
constexpr std::size_t max_files = 2000;
constexpr std::size_t max_entries_of_folder = 10'000;
constexpr int max_folder_depth = 4;

// Bad lines are skipped: one typo must not hide the other products.
Result<void> read_catalog(const Beneath& root, const FileEntry& source, const Index::Add& add) {
  Result<std::string> bytes = root.read(source.path, max_catalog_bytes);
  if (!bytes) return fail(std::move(bytes.error()));
  std::size_t number = 0, bad = 0, first_bad = 0;
  std::string_view rest = *bytes;
  if (rest.starts_with("\xef\xbb\xbf")) rest.remove_prefix(3);
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = trim(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    ++number;
    if (line.empty()) continue;
    Result<Product> product = product_of(line);
    if (!product) {
      if (bad++ == 0) first_bad = number;
      continue;
    }
    Result<void> added = add({product->id, product->name, std::string(line), product->words});
    if (!added) return added;
  }
  if (bad > 0) {
    spdlog::warn("{}: {} of {} lines skipped, the first is line {}: not a JSON object with id and name", source.path,
                 bad, number, first_bad);
  }
  return {};
}

// Open and up to date.
Result<Index> catalog(const std::filesystem::path& index_db, const std::filesystem::path& workspace_root) {
  Result<Beneath> root = Beneath::open(workspace_root);
  if (!root) return fail(std::move(root.error()));
  Result<FileEntry> source = root->stat(catalog_name);
  if (!source) return fail(std::move(source.error()));
  if (source->is_directory) return fail(ErrorKind::not_found, fmt::format("{} is a directory", catalog_name));
  source->path = catalog_name;
  Result<Index> index = Index::open(index_db);
  if (!index) return index;
  Result<void> refreshed = index->refresh(
      {*source}, [&](const FileEntry& entry, const Index::Add& add) { return read_catalog(*root, entry, add); });
  if (!refreshed) return fail(std::move(refreshed.error()));
  return index;
}

bool is_text(std::string_view name) { return name.ends_with(".md") || name.ends_with(".txt"); }

// A folder beneath the knowledge root; its files are named relative to it.
struct Collection {
  const Beneath& root;
  std::string name;

  std::string path_of(std::string_view file) const { return fmt::format("{}/{}", name, file); }
};

void find_texts(const Collection& collection, const std::string& folder, int depth, std::vector<FileEntry>& found) {
  Result<std::vector<FileEntry>> entries = collection.root.list(folder, max_entries_of_folder);
  if (!entries) return;
  for (FileEntry& entry : *entries) {
    if (entry.is_directory && depth < max_folder_depth) {
      find_texts(collection, entry.path, depth + 1, found);
    } else if (!entry.is_directory && is_text(entry.path) && found.size() < max_files) {
      entry.path.erase(0, collection.name.size() + 1);
      found.push_back(std::move(entry));
    }
  }
}

// What of a collection is searched: as many of its files as fit.
std::vector<FileEntry> texts_of(const Collection& collection) {
  std::vector<FileEntry> found;
  find_texts(collection, collection.name, 0, found);
  std::size_t bytes = 0;
  const auto first_beyond =
      std::ranges::find_if(found, [&](const FileEntry& file) { return (bytes += file.size) > max_collection_bytes; });
  if (first_beyond != found.end()) {
    spdlog::warn("knowledge collection {}: only the first {} MiB are searched, {} files are left out", collection.name,
                 max_collection_bytes >> 20, found.end() - first_beyond);
    found.erase(first_beyond, found.end());
  }
  return found;
}

Result<void> read_text(const Collection& collection, const FileEntry& source, const Index::Add& add) {
  Result<std::string> bytes = collection.root.read(collection.path_of(source.path), max_collection_bytes);
  if (!bytes) {
    // Gone or made unreadable since it was listed: the rest is still worth searching.
    spdlog::warn("knowledge file {} cannot be read: {}", source.path, bytes.error().message);
    return {};
  }
  std::size_t number = 0;
  for (Passage& passage : passages_of(source.path, *bytes)) {
    Result<void> added =
        add({fmt::format("{}#{}", source.path, ++number), std::move(passage.title), "", std::move(passage.text)});
    if (!added) return added;
  }
  return {};
}

// What `use` finds in the index; when that is damaged, what it finds in one made anew.
template <class F>
std::invoke_result_t<F> with_sound_index(const std::filesystem::path& index_db, F use) {
  std::invoke_result_t<F> found = use();
  if (found || found.error().kind != ErrorKind::corrupt) return found;
  spdlog::warn("a search index is damaged and made anew: {}", found.error().message);
  Index::remove(index_db);
  return use();
}

Result<std::vector<Index::Scored>> search_catalog_once(const std::filesystem::path& index_db,
                                                       const std::filesystem::path& workspace_root,
                                                       std::string_view query, std::size_t max_hits) {
  Result<Index> index = catalog(index_db, workspace_root);
  if (!index) return fail(std::move(index.error()));
  return index->search(query, max_hits);
}

Result<Hit> product_once(const std::filesystem::path& index_db, const std::filesystem::path& workspace_root,
                         std::string_view id) {
  Result<Index> index = catalog(index_db, workspace_root);
  if (!index) return fail(std::move(index.error()));
  Result<Hit> hit = index->by_id(id);
  if (!hit && hit.error().kind == ErrorKind::not_found) {
    return fail(ErrorKind::not_found, fmt::format("no product with the id {}", printable(id, 80)));
  }
  return hit;
}

Result<std::vector<Index::Scored>> search_collection(const std::filesystem::path& index_db,
                                                     const Collection& collection, std::string_view query,
                                                     std::size_t max_hits) {
  Result<Index> index = Index::open(index_db);
  if (!index) return fail(std::move(index.error()));
  Result<void> refreshed = index->refresh(texts_of(collection), [&](const FileEntry& entry, const Index::Add& add) {
    return read_text(collection, entry, add);
  });
  if (!refreshed) return fail(std::move(refreshed.error()));
  return index->search(query, max_hits);
}

bool is_collection_name(const std::string& name) {
  return is_plain_relative_path(name) && !name.starts_with('.') && name.find('/') == std::string::npos &&
         name.size() <= 200;
}

}  // namespace

Result<std::vector<Hit>> search_catalog(const std::filesystem::path& index_db,
                                        const std::filesystem::path& workspace_root, std::string_view query,
                                        std::size_t max_hits) {
  Result<std::vector<Index::Scored>> found =
      with_sound_index(index_db, [&] { return search_catalog_once(index_db, workspace_root, query, max_hits); });
  if (!found) return fail(std::move(found.error()));
  std::vector<Hit> hits;
  for (Index::Scored& scored : *found) hits.push_back(std::move(scored.hit));
  return hits;
}

Result<Hit> product(const std::filesystem::path& index_db, const std::filesystem::path& workspace_root,
                    std::string_view id) {
  return with_sound_index(index_db, [&] { return product_once(index_db, workspace_root, id); });
}

Result<std::vector<Hit>> search_knowledge(const std::filesystem::path& index_dir,
                                          const std::filesystem::path& knowledge_root,
                                          std::span<const std::string> collections, std::string_view query,
                                          std::size_t max_hits) {
  Result<Beneath> root = Beneath::open(knowledge_root);
  if (!root) return std::vector<Hit>();
  std::vector<Index::Scored> found;
  // An index each: what stands in a collection that is not searched cannot even shift the ranks.
  for (const std::string& name : collections) {
    if (!is_collection_name(name)) continue;
    Result<FileEntry> folder = root->stat(name);
    if (!folder || !folder->is_directory) continue;
    const std::filesystem::path index_db = index_dir / (name + ".db");
    Result<std::vector<Index::Scored>> hits = with_sound_index(
        index_db, [&] { return search_collection(index_db, Collection{*root, name}, query, max_hits); });
    if (!hits) return fail(std::move(hits.error()));
    std::ranges::move(*hits, std::back_inserter(found));
  }
  std::ranges::sort(found, [](const Index::Scored& a, const Index::Scored& b) {
    return std::tie(a.score, a.hit.source, a.hit.id) < std::tie(b.score, b.hit.source, b.hit.id);
  });
  std::vector<Hit> hits;
  for (std::size_t i = 0; i < found.size() && i < max_hits; ++i) hits.push_back(std::move(found[i].hit));
  return hits;
}

std::vector<std::string> collections_of(const std::filesystem::path& knowledge_root) {
  std::vector<std::string> names;
  Result<Beneath> root = Beneath::open(knowledge_root);
  if (!root) return names;
  Result<std::vector<FileEntry>> entries = root->list("", max_entries_of_folder);
  if (!entries) return names;
  for (const FileEntry& entry : *entries) {
    if (entry.is_directory && is_collection_name(entry.path)) names.push_back(entry.path);
  }
  return names;
}

}  // namespace usher::memory
