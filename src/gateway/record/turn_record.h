// What a turn has done, step by step, so that another process can go on with it: an interrupted turn runs again from
// its beginning, but what is on record is not done again. A finished model call is answered from the record and not
// paid twice; a finished tool call gives its recorded output; one that may have changed something and was cut off is
// not run, and the model is told which. So the loop knows nothing of it (agent/loop.h): it sees a Provider and Tools.
//
// Event-loop thread. Lives in the turn's frame and outlives its providers and tools.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gateway/journal.h"
#include "provider/provider.h"
#include "tool/tool.h"

namespace usher::gateway {

class TurnRecord {
 public:
  // `kept`: the steps of an earlier process. `journal` outlives the record.
  TurnRecord(Journal& journal, MessageId message, std::vector<Step> kept);

  const std::string* find(const std::string& agent, Step::Kind kind, std::int64_t number) const;
  // Resolves when the step is on disk. While the disk fails it is tried again until the deadline.
  Task<Result<void>> add(Step step, Deadline deadline);
  // Not waited for: rides along with a later commit. It is for what may be done again or is known to be cut off.
  void note(Step step);

 private:
  using Key = std::pair<std::string, std::pair<std::int64_t, std::int64_t>>;

  Journal& journal_;
  MessageId message_;
  std::map<Key, std::string> kept_;
};

// One agent's place in the record: what it has done so far is counted here. Shared by its provider and its tools.
struct AgentRecord {
  TurnRecord& turn;
  std::string agent;  // as in Step
  std::int64_t answers = 0;
  // Calls are numbered by their place in the model's answers, so that one which the loop refuses itself, in one process
  // and not in the next, shifts no number.
  std::int64_t first_call = 0;  // of the answer under way
  std::vector<std::string> names{};
  std::size_t next_in_answer = 0;
  std::int64_t call = 0;  // under way

  void begin_answer(const provider::Completion& completion);
  std::int64_t begin_call(const std::string& name);
  // The name of the subagent that the call under way starts. Calls of an agent run one after the other.
  std::string child() const;
};

// Outermost around the model: answers from the record where it has one. What the loop goes on from (an answer with
// calls, or with nothing, and each of a subagent's) is on disk before the loop sees it; a last answer is stored as the
// turn's reply.
class RecordedProvider final : public provider::ProviderWrapper {
 public:
  RecordedProvider(provider::Provider& inner, AgentRecord& record) : ProviderWrapper(inner), record_(record) {}
  Task<Result<provider::Completion>> complete(const provider::Request& request, const provider::TextSink& sink,
                                              Deadline deadline) override;

 private:
  AgentRecord& record_;
};

// Outermost around each tool, the gate included: what was judged once is not judged again.
tool::ToolSet recorded(tool::ToolSet tools, AgentRecord& record);

// Completions and outputs as JSON, as the record keeps them. Pure.
std::string completion_to_json(const provider::Completion& completion);
Result<provider::Completion> completion_from_json(std::string_view text);
std::string output_to_json(const Result<tool::ToolOutput>& output);
// The outer result fails when the text is none of output_to_json.
Result<Result<tool::ToolOutput>> output_from_json(std::string_view text);

}  // namespace usher::gateway
