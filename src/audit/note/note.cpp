#include "audit/note/note.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/hash.h"
#include "base/text.h"

namespace usher::audit {
namespace {

constexpr std::string_view kPrivatePrefix = "PRIVATE+KEY+";
constexpr std::string_view kSignaturePrefix = "\xE2\x80\x94 ";  // an em dash and a blank
constexpr char kEd25519 = 1;
constexpr std::size_t kMaxKeyText = 256;
constexpr std::size_t kHashBytes = 4;

std::string_view view_of(const PublicKey& key) { return {reinterpret_cast<const char*>(key.data()), key.size()}; }

std::uint32_t to_number(std::string_view four_bytes) {
  std::uint32_t number = 0;
  for (const char c : four_bytes.substr(0, kHashBytes)) number = number << 8 | static_cast<unsigned char>(c);
  return number;
}

std::string to_bytes(std::uint32_t number) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(number >> shift & 0xff));
  return bytes;
}

// The first four bytes of SHA-256(name ‖ newline ‖ 0x01 ‖ public key).
std::uint32_t key_hash(const std::string& name, const PublicKey& key) {
  const Digest digest = sha256(fmt::format("{}\n{}{}", name, kEd25519, view_of(key)));
  return to_number(std::string_view(reinterpret_cast<const char*>(digest.data()), kHashBytes));
}

// name+hash+base64(0x01 ‖ 32 bytes), of both kinds of key.
struct KeyText {
  std::string name;
  std::uint32_t hash = 0;
  std::string bytes;
};

std::unexpected<Error> no_key() {
  return fail(ErrorKind::invalid,
              "this is no key: it is written name+8 hex digits+base64, as `usher audit keygen` does");
}

Result<KeyText> split_key(std::string_view text) {
  const std::size_t first = text.find('+');
  const std::size_t second = first == std::string_view::npos ? first : text.find('+', first + 1);
  if (text.size() > kMaxKeyText || second == std::string_view::npos) return no_key();
  KeyText key{.name = std::string(text.substr(0, first))};
  const std::string_view hash = text.substr(first + 1, second - first - 1);
  const auto [end, error] = std::from_chars(hash.data(), hash.data() + hash.size(), key.hash, 16);
  const bool is_hash = hash.size() == 2 * kHashBytes && error == std::errc() && end == hash.data() + hash.size();
  std::optional<std::string> bytes = from_base64(text.substr(second + 1));
  if (!is_hash || !is_key_name(key.name) || !bytes || bytes->size() != 33 || bytes->front() != kEd25519)
    return no_key();
  key.bytes = bytes->substr(1);
  return key;
}

Result<NoteSignature> parse_signature(std::string_view line) {
  const std::size_t blank = line.rfind(' ');
  if (!line.starts_with(kSignaturePrefix) || blank < kSignaturePrefix.size()) {
    return fail(ErrorKind::invalid, "a line behind the text is no signature");
  }
  NoteSignature signature{.name = std::string(line.substr(kSignaturePrefix.size(), blank - kSignaturePrefix.size()))};
  std::optional<std::string> bytes = from_base64(line.substr(blank + 1));
  if (!is_key_name(signature.name) || !bytes || bytes->size() <= kHashBytes) {
    return fail(ErrorKind::invalid, "a signature is malformed");
  }
  signature.key_hash = to_number(*bytes);
  signature.bytes = bytes->substr(kHashBytes);
  return signature;
}

}  // namespace

bool is_key_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && is_valid_utf8(name) && std::ranges::none_of(name, [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == '+' || c == 0x7f;
  });
}

VerifyKey::VerifyKey(std::string name, const PublicKey& key)
    : name_(std::move(name)), key_(key), hash_(key_hash(name_, key_)) {}

Result<VerifyKey> VerifyKey::parse(std::string_view text) {
  Result<KeyText> parts = split_key(text);
  if (!parts) return fail(std::move(parts.error()));
  PublicKey raw{};
  std::ranges::copy(parts->bytes, raw.begin());
  VerifyKey key(std::move(parts->name), raw);
  if (key.hash() != parts->hash) return no_key();
  return key;
}

std::string VerifyKey::text() const {
  return fmt::format("{}+{:08x}+{}", name_, hash_, to_base64(fmt::format("{}{}", kEd25519, view_of(key_))));
}

SigningKey::SigningKey(std::string name, Secret private_key)
    : private_key_(std::move(private_key)), verify_key_(std::move(name), public_key_of(private_key_)) {}

SigningKey SigningKey::make(std::string name) { return SigningKey(std::move(name), make_private_key()); }

Result<SigningKey> SigningKey::parse(const Secret& text) {
  std::string_view rest = text.expose();
  if (!rest.starts_with(kPrivatePrefix)) {
    return fail(ErrorKind::invalid,
                "this is no private key: it begins with PRIVATE+KEY+, as `usher audit keygen` writes it");
  }
  rest.remove_prefix(kPrivatePrefix.size());
  Result<KeyText> parts = split_key(rest);
  if (!parts) return fail(std::move(parts.error()));
  SigningKey key(std::move(parts->name), Secret(std::move(parts->bytes)));
  if (key.verify_key().hash() != parts->hash) return no_key();
  return key;
}

Secret SigningKey::text() const {
  return Secret(fmt::format("{}{}+{:08x}+{}", kPrivatePrefix, verify_key_.name(), verify_key_.hash(),
                            to_base64(fmt::format("{}{}", kEd25519, private_key_.expose()))));
}

std::string SigningKey::sign(std::string_view text) const {
  const Signature signature = usher::sign(private_key_, text);
  const std::string_view raw(reinterpret_cast<const char*>(signature.data()), signature.size());
  return fmt::format("{}\n{}{} {}\n", text, kSignaturePrefix, verify_key_.name(),
                     to_base64(to_bytes(verify_key_.hash()) + std::string(raw)));
}

Result<Note> Note::parse(std::string_view note) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\n'; };
  if (note.size() > kMaxNoteBytes || !is_valid_utf8(note) || std::ranges::any_of(note, is_control)) {
    return fail(ErrorKind::invalid, "too long for a note, or not plain text");
  }
  // The last blank line: the text may hold others.
  const std::size_t end = note.rfind("\n\n");
  if (end == std::string_view::npos || !note.ends_with('\n') || end + 2 == note.size()) {
    return fail(ErrorKind::invalid, "a note is a text, a blank line and signatures");
  }
  Note parsed{.text = std::string(note.substr(0, end + 1))};
  for (std::string_view rest = note.substr(end + 2); !rest.empty();) {
    const std::size_t line_end = rest.find('\n');
    Result<NoteSignature> signature = parse_signature(rest.substr(0, line_end));
    if (!signature) return fail(std::move(signature.error()));
    parsed.signatures.push_back(std::move(*signature));
    if (parsed.signatures.size() > kMaxSignatures) return fail(ErrorKind::invalid, "too many signatures");
    rest.remove_prefix(line_end + 1);
  }
  return parsed;
}

Result<void> Note::verify(const VerifyKey& key) const {
  const auto found = std::ranges::find_if(
      signatures, [&](const NoteSignature& each) { return each.name == key.name() && each.key_hash == key.hash(); });
  if (found == signatures.end()) {
    return fail(ErrorKind::denied, fmt::format("it is not signed by the key {}+{:08x}", key.name(), key.hash()));
  }
  if (is_signed_by(key.key(), text, found->bytes)) return {};
  return fail(ErrorKind::denied, fmt::format("the signature of {}+{:08x} is wrong", key.name(), key.hash()));
}

}  // namespace usher::audit
