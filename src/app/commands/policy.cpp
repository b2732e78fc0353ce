#include "app/commands/policy.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <optional>

#include "app/cli/output.h"
#include "app/exit_status.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"

namespace usher::app {
namespace {

constexpr std::size_t kMaxRequestBytes = 1u << 20;
constexpr std::size_t kChunkBytes = 64u << 10;

Result<policy::PolicyDocument> read_policy(const std::string& file) {
  Result<std::string> text = read_file(file, policy::kMaxDocumentBytes);
  if (!text) return fail(std::move(text.error()));
  Result<policy::PolicyDocument> document = policy::parse_policy(*text);
  if (!document) return fail(document.error().kind, fmt::format("{}: {}", file, document.error().message));
  return document;
}

int complain(const Error& error, int status) {
  fmt::print(stderr, "usher: {}\n", error.message);
  return status;
}

// A request as a line writes it; the views are of `line`.
struct WrittenRequest {
  json::value line;
  std::string_view action, resource;
  int sensitivity = 0;
};

// nullopt, or why this member is no member of a request.
std::optional<std::string> read_member(const json::key_value_pair& member, WrittenRequest& request) {
  const std::string_view name(member.key().data(), member.key().size());
  const json::value& value = member.value();
  if (name == "action" || name == "resource") {
    const json::string* text = value.if_string();
    if (name == "resource" && value.is_null()) return std::nullopt;
    if (!text) return fmt::format("'{}' must be a string", name);
    (name == "action" ? request.action : request.resource) = std::string_view(text->data(), text->size());
    return std::nullopt;
  }
  if (name == "sensitivity") {
    if (value.is_null()) return std::nullopt;
    const std::int64_t* level = value.if_int64();
    if (!level || *level < 0 || *level > std::numeric_limits<int>::max()) {
      return "'sensitivity' must be a whole number from 0";
    }
    request.sensitivity = static_cast<int>(*level);
    return std::nullopt;
  }
  return fmt::format("'{}' is no member of a request", printable(name, 60));
}

Result<WrittenRequest> read_request(std::string_view line) {
  WrittenRequest request;
  Result<json::value> parsed = parse_json(line, kMaxRequestBytes);
  if (!parsed) return fail(std::move(parsed.error()));
  request.line = std::move(*parsed);
  const json::object* object = request.line.if_object();
  if (!object) return fail(ErrorKind::invalid, "a request is a JSON object");
  if (!object->contains("action")) return fail(ErrorKind::invalid, "'action' is missing");
  for (const json::key_value_pair& member : *object) {
    const std::optional<std::string> wrong = read_member(member, request);
    if (wrong) return fail(ErrorKind::invalid, *wrong);
  }
  if (has_repeated_member(line)) return fail(ErrorKind::invalid, "a member is written twice");
  return request;
}

// Answers lines into a buffer that the caller writes out.
class Decider {
 public:
  explicit Decider(std::shared_ptr<const policy::Policy> policy) : policy_(std::move(policy)) {}

  void answer(std::string_view line) {
    Result<WrittenRequest> request = read_request(line);
    if (!request) return refuse(request.error().message);
    const policy::Decision decision = policy_->decide({request->action, request->resource, request->sensitivity});
    add(decision.allowed, decision.detail, policy::to_string(decision.rule));
  }
  void refuse(std::string_view why) {
    has_refused_ = true;
    add(false, fmt::format("malformed request: {}", why), "malformed");
  }
  bool has_refused() const { return has_refused_; }

  bool write_out() {
    std::string_view rest = answers_;
    while (!rest.empty()) {
      const ssize_t written = ::write(STDOUT_FILENO, rest.data(), rest.size());
      if (written < 0 && errno != EINTR) return false;
      if (written > 0) rest.remove_prefix(static_cast<std::size_t>(written));
    }
    answers_.clear();
    return true;
  }

 private:
  void add(bool allowed, std::string_view detail, std::string_view rule) {
    answers_ += json::serialize(json::object{{"allowed", allowed}, {"detail", detail}, {"rule", rule}});
    answers_ += '\n';
  }

  std::shared_ptr<const policy::Policy> policy_;
  std::string answers_;
  bool has_refused_ = false;
};

// Cuts what is read into lines; of one that is too long only the fact is kept.
class Lines {
 public:
  explicit Lines(Decider& decider) : decider_(decider) {}

  void add(std::string_view chunk) {
    for (std::size_t end = chunk.find('\n'); end != std::string_view::npos; end = chunk.find('\n')) {
      keep(chunk.substr(0, end));
      finish();
      chunk.remove_prefix(end + 1);
    }
    keep(chunk);
  }
  // What stands behind the last line break.
  void end() {
    if (!line_.empty() || is_too_long_) finish();
  }

 private:
  void keep(std::string_view part) {
    is_too_long_ = is_too_long_ || line_.size() + part.size() > kMaxRequestBytes;
    if (is_too_long_) {
      line_.clear();
    } else {
      line_ += part;
    }
  }
  void finish() {
    if (is_too_long_) {
      decider_.refuse(fmt::format("a line of more than {} bytes", kMaxRequestBytes));
    } else {
      decider_.answer(line_);
    }
    line_.clear();
    is_too_long_ = false;
  }

  Decider& decider_;
  std::string line_;
  bool is_too_long_ = false;
};

void print_result(const policy::NarrowingResult& result) {
  if (result.within) {
    fmt::print("within\n");
    return;
  }
  fmt::print("{}\n", result.undecided ? "undecided: the policies are too intricate to compare, so the child is refused"
                                      : "not within");
  for (const policy::Violation& violation : result.violations) {
    fmt::print("  {:22} {}  (for example: {})\n", violation.rule, printable(violation.pattern),
               printable(violation.witness));
  }
}

json::object result_json(const policy::NarrowingResult& result) {
  json::array violations;
  for (const policy::Violation& violation : result.violations) {
    violations.push_back(
        json::object{{"rule", violation.rule}, {"pattern", violation.pattern}, {"witness", violation.witness}});
  }
  json::object out{{"within", result.within}, {"violations", std::move(violations)}};
  if (result.undecided) out["undecided"] = true;
  return out;
}

}  // namespace

int policy_decide(const std::string& policy_file) {
  Result<policy::PolicyDocument> document = read_policy(policy_file);
  if (!document) return complain(document.error(), kBadConfiguration);
  auto policy = policy::Policy::compile(std::move(*document));
  if (!policy) return complain(policy.error(), kBadConfiguration);
  Decider decider(std::move(*policy));
  Lines lines(decider);
  std::array<char, kChunkBytes> chunk;
  while (true) {
    const ssize_t got = ::read(STDIN_FILENO, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return complain({ErrorKind::io, fmt::format("stdin: {}", std::strerror(errno))}, kError);
    if (got == 0) break;
    lines.add({chunk.data(), static_cast<std::size_t>(got)});
    if (!decider.write_out()) return complain(output_error(errno), kError);
  }
  lines.end();
  if (!decider.write_out()) return complain(output_error(errno), kError);
  return decider.has_refused() ? kError : kFine;
}

int policy_narrow(const NarrowRequest& request, bool as_json) {
  const Result<policy::PolicyDocument> parent = read_policy(request.parent_file);
  if (!parent) return complain(parent.error(), kBadConfiguration);
  const Result<policy::PolicyDocument> child = read_policy(request.child_file);
  if (!child) return complain(child.error(), kBadConfiguration);
  const auto mode = request.mode == "effective" ? policy::Narrowing::effective : policy::Narrowing::strict;
  const policy::NarrowingResult result = policy::check_narrowing(*parent, *child, mode);
  if (as_json) {
    fmt::print("{}\n", json::serialize(result_json(result)));
  } else {
    print_result(result);
  }
  return result.within ? kFine : kGateTripped;
}

}  // namespace usher::app
