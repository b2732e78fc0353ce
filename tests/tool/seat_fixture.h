// A seat in temporary directories for the tests of the built-in tools, and a pool for their blocking work.
#pragma once

#include <boost/asio/thread_pool.hpp>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "support/fake_ledger.h"
#include "support/manual_clock.h"
#include "support/run_task.h"
#include "support/temp_dir.h"
#include "tool/builtin.h"
#include "tool/gate.h"

namespace usher::testing {

struct SeatFixture {
  TempDir dir;
  std::filesystem::path root = dir / "workspace", files = dir / "data" / "files" / "digest",
                        knowledge = dir / "knowledge";
  ManualClock clock;
  asio::io_context loop{1};  // outlives the pool, whose threads post to it
  asio::thread_pool pool{1};
  std::shared_ptr<rbac::RoleContext> context = std::make_shared<rbac::RoleContext>();
  FakeLedger ledger;
  tool::Seat seat;

  SeatFixture() {
    context->role = "buyer";
    context->autonomy = config::Autonomy::full;
    context->tool_filters = {{"buyer", policy::GlobSet({"*"}), policy::GlobSet()}};
    context->rag_access = {{"public"}};
    seat.context = context;
    seat.workspace = std::make_shared<const rbac::Workspace>(rbac::Workspace{
        "shared", root, files, dir / "memory.db", dir / "index.db", knowledge, dir / "knowledge-index"});
    seat.sender_digest = std::string(64, 'a');
    seat.pool = pool.get_executor();
    seat.records = {&ledger, "main/1"};
    std::filesystem::create_directories(root);
    std::filesystem::create_directories(knowledge);
  }
  ~SeatFixture() { pool.join(); }

  void put(const std::filesystem::path& file, const std::string& text) const {
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
  }
  // One call through the gate, as the loop would make it.
  Result<tool::ToolOutput> call(const std::string& name, const std::string& arguments) {
    std::unique_ptr<tool::Tool> tool = tool::make_builtin(name, seat);
    if (!tool) return fail(ErrorKind::not_found, "no such tool");
    tool::GatedTool gated(std::move(tool), context, seat.records);
    json::value parsed = json::parse(arguments);
    return run_task(loop, gated.call(parsed.as_object(), Deadline::in(std::chrono::minutes(1))));
  }
  // The output, or "kind: message".
  std::string say(const std::string& name, const std::string& arguments) {
    Result<tool::ToolOutput> output = call(name, arguments);
    return output ? output->text : std::string(to_string(output.error().kind)) + ": " + output.error().message;
  }
};

}  // namespace usher::testing
