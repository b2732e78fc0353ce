// Subagents, seen from outside: who may have one, what it can touch, what of it reaches the person.
#include <doctest/doctest.h>

#include <filesystem>

#include "e2e/world.h"

namespace usher::e2e {
namespace {

namespace fs = std::filesystem;

bool is_subagent(const json::object& request) { return contains(system_text(request), "You are now a subagent"); }

// A model that makes the one call it is told to make ("do: NAME {JSON}"), be it told by a person or by another agent,
// and then says what the tool said.
ModelAnswer obey(const json::object& request) {
  ModelAnswer answer;
  const std::string name = is_subagent(request) ? "subagent" : "agent";
  if (string_at(&request.at("messages").get_array().back(), "role") == "tool") {
    answer.text = name + " was told: " + last_text(request, "tool");
    return answer;
  }
  const std::string text = last_text(request, "user");
  const std::size_t start = text.find("do: ");
  if (start == std::string::npos) {
    answer.text = name + " has nothing to do";
    return answer;
  }
  const std::string line = text.substr(start + 4, text.find('\n', start) - start - 4);
  const std::size_t space = line.find(' ');
  answer.tool_calls.push_back({"call_1", line.substr(0, space), line.substr(space + 1)});
  return answer;
}

std::string delegate(const std::string& task, json::object more = {}) {
  more["task"] = task;
  return "do: delegate " + json::serialize(more);
}

constexpr const char* kWrite = R"(do: file_write {"path":"files/note.txt","content":"from below"})";

TEST_CASE("a subagent works with its caller's tools and answers its caller, not the person") {
  World world(obey);
  world.configure(world.common_config() + World::shop_roles());
  world.run();
  const std::string answer = world.ask(owner_id, delegate(R"(do: product_search {"query":"kettle"})"));
  CHECK(answer.starts_with("agent was told: subagent was told: "));
  CHECK(contains(answer, "Red kettle"));
  world.ask(owner_id, delegate(kWrite));
  CHECK(world.read_file(std::string("data/default/files/owner/") + owner_digest + "/note.txt") == "from below");
  CHECK(world.messages_in(owner_id).size() == 2);

  // Four requests a turn: the agent's two around the subagent's two, which know nothing of what was said before.
  const std::vector<json::object> requests = world.model.requests();
  REQUIRE(requests.size() == 8);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    CAPTURE(i);
    CHECK(is_subagent(requests[i]) == (i % 4 == 1 || i % 4 == 2));
    CHECK(contains(system_text(requests[i]), "You assist the OWNER."));
  }
  CHECK(requests[5].at("messages").get_array().size() == 2);
  CHECK(world.model.refusals().empty());
}

TEST_CASE("a subagent lacks what was left out for it, and nobody gets one whose role does not name the tool") {
  World world(obey);
  world.configure(world.common_config() + World::shop_roles());
  world.run();
  const std::string left_out = world.ask(owner_id, delegate(kWrite, {{"tools", json::array{"file_read"}}}));
  CHECK(contains(left_out, "subagent was told: error: tool 'file_write' is not available"));
  CHECK(offered_tools(world.model.requests()[1]) == std::vector<std::string>{"file_read"});

  const std::size_t before = world.model.requests().size();
  CHECK(contains(world.ask(ann, delegate(kWrite)), "agent was told: error: tool 'delegate' is not available"));
  CHECK(world.model.requests().size() == before + 2);
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(world.dir.path())) {
    CHECK(entry.path().filename() != "note.txt");
  }
  CHECK(contains(world.command({"explain", "telegram:100", "--tool", "delegate"}).output, "allowed"));
}

}  // namespace
}  // namespace usher::e2e
