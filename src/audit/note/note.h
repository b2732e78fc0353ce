// Signed notes (C2SP signed-note): a text, a blank line, and one line a signature. Keys are Ed25519, written as Go's
// sumdb/note writes them. Pure; values; any thread. Errors are ErrorKind::invalid; bounds are kMaxNoteBytes and
// kMaxSignatures.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "base/signature.h"

namespace usher::audit {

constexpr std::size_t kMaxNoteBytes = 16u << 10;
constexpr std::size_t kMaxSignatures = 16;

// Checks one signer's signatures: "usher+5d2c8a1f+AQ…".
class VerifyKey {
 public:
  static Result<VerifyKey> parse(std::string_view text);
  VerifyKey(std::string name, const PublicKey& key);

  const std::string& name() const { return name_; }
  std::uint32_t hash() const { return hash_; }
  const PublicKey& key() const { return key_; }
  std::string text() const;

  friend bool operator==(const VerifyKey&, const VerifyKey&) = default;

 private:
  std::string name_;
  PublicKey key_;
  std::uint32_t hash_;
};

// Makes them: "PRIVATE+KEY+usher+5d2c8a1f+AQ…".
class SigningKey {
 public:
  static SigningKey make(std::string name);  // a new pair; `name` is a key name
  static Result<SigningKey> parse(const Secret& text);

  const VerifyKey& verify_key() const { return verify_key_; }
  Secret text() const;
  // `text` ends with a newline. The whole note.
  std::string sign(std::string_view text) const;

 private:
  SigningKey(std::string name, Secret private_key);
  Secret private_key_;
  VerifyKey verify_key_;
};

// 1 to 64 characters without blanks, controls and '+'.
bool is_key_name(std::string_view name);

struct NoteSignature {
  std::string name;
  std::uint32_t key_hash = 0;
  std::string bytes;
};

struct Note {
  std::string text;  // signed; ends with a newline
  std::vector<NoteSignature> signatures;

  // The form alone; nothing is verified.
  static Result<Note> parse(std::string_view note);
  // denied when no signature is that key's, or it is a wrong one. Signatures of others do not matter.
  Result<void> verify(const VerifyKey& key) const;
};

}  // namespace usher::audit
