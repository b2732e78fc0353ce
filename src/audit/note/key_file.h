// The file of a private key (0600), with its public key beside it in a file that ends in .pub. Blocks.
#pragma once

#include <filesystem>

#include "audit/note/note.h"
#include "base/result.h"

namespace usher::audit {

// Errors: not_found; denied when others may use the file; invalid when it holds no private key.
Result<SigningKey> read_key_file(const std::filesystem::path& file);
// Makes a pair, both files whole and synced. invalid when there is a file already.
Result<SigningKey> make_key_file(const std::filesystem::path& file, const std::string& name);
// Reads it, or makes it where there is none. Two processes that do so at once get the same pair.
Result<SigningKey> read_or_make_key_file(const std::filesystem::path& file, const std::string& name);
// "ledger.pub" of "ledger.key".
std::filesystem::path public_key_file(const std::filesystem::path& file);

}  // namespace usher::audit
