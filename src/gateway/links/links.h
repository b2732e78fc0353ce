// Who has joined whom by a one-time code: two accounts of one person, kept durably in <data_dir>/links.db. Joining has
// a direction: whoever entered the code is joined to whoever asked for it, and has their memory, budget and role; never
// the other way round. Never across tenants.
//
// Event-loop thread; questions are answered from memory at once, changes resolve when they are committed
// (synchronous=FULL). Errors: io, busy.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/async.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/sender.h"

namespace usher::gateway {

constexpr std::chrono::minutes kLinkCodeLifetime{10};

class Links {
 public:
  virtual ~Links() = default;

  // Whom the sender has joined.
  virtual std::optional<Sender> joined_to(const Sender& sender) const = 0;
  // Who has joined that sender.
  virtual std::vector<Sender> joined_by(const Sender& keeper) const = 0;

  // A new code, 10 characters of [0-9A-Z], good once and for kLinkCodeLifetime; replaces an earlier one of `keeper`.
  virtual Task<Result<std::string>> issue_code(const Sender& keeper) = 0;
  // Who asked for that code; nullopt when there is none that is still good in that tenant. Case, spaces and hyphens do
  // not matter.
  virtual Task<Result<std::optional<Sender>>> issuer_of(std::string tenant, std::string_view code) = 0;
  // Uses the code up. not_found when it is no longer good; denied when the sender has joined somebody or been joined,
  // or the issuer has joined somebody: there are no chains.
  virtual Task<Result<void>> join(const Sender& sender, std::string_view code) = 0;
  // Makes a code good for nobody any more.
  virtual Task<Result<void>> forget(std::string tenant, std::string_view code) = 0;
  // Ends what the sender has joined, what has joined the sender, and the code by which somebody else could.
  virtual Task<Result<void>> separate(const Sender& sender) = 0;
};

// Creates the file (0600). Opening blocks: call it before the loop runs. `clock` must outlive it.
Result<std::unique_ptr<Links>> open_links(const std::filesystem::path& file, asio::any_io_executor loop,
                                          const Clock& clock);
// For commands beside a running gateway: whom that sender has joined. A file that is not there knows nobody.
Result<std::optional<Sender>> read_joined_to(const std::filesystem::path& file, const Sender& sender);

}  // namespace usher::gateway
