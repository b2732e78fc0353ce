// Kills, restarts, shutdowns, and many conversations at once: nobody who was heard stays without an answer.
#include <doctest/doctest.h>
#include <signal.h>

#include <atomic>
#include <set>

#include "e2e/world.h"

namespace usher::e2e {
namespace {

ModelAnswer never() {
  ModelAnswer answer;
  answer.instead = HttpReply{};
  answer.instead->hang = true;
  return answer;
}

ModelAnswer echo_of(const json::object& request) {
  ModelAnswer answer;
  answer.text = "echo: " + last_text(request, "user");
  return answer;
}

TEST_CASE("after kill -9 in the middle of turns every accepted message is answered") {
  constexpr int people = 20;
  std::atomic<bool> hangs = true;
  World world([&](const json::object& request) { return hangs ? never() : echo_of(request); });
  world.configure(world.common_config() + World::shop_roles());
  world.run();
  for (int i = 0; i < people; ++i) world.telegram.private_message(1000 + i, "message " + std::to_string(i));
  // All are confirmed, so Telegram will never deliver them again, and some are in the middle of their turn.
  world.wait_until([&] { return world.telegram.unconfirmed().empty() && !world.model.requests().empty(); },
                   "everything is accepted");
  CHECK(world.telegram.sent().empty());
  world.kill();
  hangs = false;
  world.run();
  for (int i = 0; i < people; ++i) {
    CHECK(contains(world.wait_for_message(1000 + i, 1).text, "message " + std::to_string(i)));
  }
  for (int i = 0; i < people; ++i) CHECK(world.messages_in(1000 + i).size() == 1);
}

TEST_CASE("kills at any moment lose nothing, where twice is better than never") {
  World world;
  std::string config = world.common_config();
  config.replace(config.find("name = \"main\""), 0, "resend_unknown = true\n");
  world.configure(config + World::shop_roles());
  constexpr int rounds = 4, people = 12;
  for (int round = 0; round < rounds; ++round) {
    world.run();
    for (int i = 0; i < people; ++i) {
      world.telegram.private_message(1000 + i, "round " + std::to_string(round) + " of " + std::to_string(i));
    }
    std::size_t target = world.telegram.sent().size() + static_cast<std::size_t>(round * people / rounds);
    world.wait_until([&] { return world.telegram.sent().size() >= target; }, "some answers");
    world.kill();
  }
  world.run();
  world.wait_until(
      [&] {
        std::set<std::pair<int, int>> answered;
        for (const SentMessage& message : world.telegram.sent()) {
          for (int round = 0; round < rounds; ++round) {
            for (int i = 0; i < people; ++i) {
              std::string words = "round " + std::to_string(round) + " of " + std::to_string(i);
              if (message.chat_id == 1000 + i && contains(message.text, words)) answered.insert({round, i});
            }
          }
        }
        return answered.size() == rounds * people;
      },
      "an answer for every message of every round");
}

TEST_CASE("an answer is in the next request's history after a kill") {
  World world;
  world.configure(world.common_config() + World::shop_roles());
  world.run();
  world.ask(ann, "my colour is turquoise");
  world.ask(bob, "give it a moment");  // by its end the turn before is written down
  world.kill();
  world.run();
  world.ask(ann, "what is my colour?");
  CHECK(contains(json::serialize(world.model.requests().back()), "my colour is turquoise"));
}

TEST_CASE("SIGTERM lets a running turn finish and ends with 0") {
  World world([](const json::object& request) {
    ModelAnswer answer = echo_of(request);
    answer.transport.delay = std::chrono::milliseconds(700);
    return answer;
  });
  world.configure(world.common_config() + World::shop_roles());
  world.run();
  world.telegram.private_message(ann, "one more thing");
  world.wait_until([&] { return world.model.requests().size() == 1; }, "the model is asked");
  CHECK(world.stop() == 0);
  REQUIRE(world.messages_in(ann).size() == 1);
  CHECK(contains(world.messages_in(ann)[0].text, "one more thing"));
}

TEST_CASE("SIGTERM while idle ends with 0, SIGINT too") {
  for (int number : {SIGTERM, SIGINT}) {
    World world;
    world.configure(world.common_config() + World::shop_roles());
    Process& usher = world.run();
    usher.signal(number);
    CHECK(usher.wait(patience) == 0);
  }
}

TEST_CASE("a turn that outlives the grace is answered after the next start") {
  std::atomic<bool> hangs = true;
  World world([&](const json::object& request) { return hangs ? never() : echo_of(request); });
  std::string config = world.common_config();
  config.replace(config.find("data_dir"), 0, "shutdown_grace_s = 1\n");
  world.configure(config + World::shop_roles());
  world.run();
  world.telegram.private_message(ann, "take your time");
  world.wait_until([&] { return world.model.requests().size() == 1; }, "the model is asked");
  CHECK(world.stop() == 0);
  hangs = false;
  if (world.messages_in(ann).empty()) {
    world.run();
    CHECK(contains(world.wait_for_message(ann, 1).text, "take your time"));
  }
  CHECK(world.messages_in(ann).size() == 1);
}

TEST_CASE("a second signal quits at once") {
  World world([](const json::object&) { return never(); });
  world.configure(world.common_config() + World::shop_roles());
  Process& usher = world.run();
  world.telegram.private_message(ann, "hello");
  world.wait_until([&] { return world.model.requests().size() == 1; }, "the model is asked");
  auto start = std::chrono::steady_clock::now();
  usher.signal(SIGTERM);
  // Two signals at once may arrive as one, so it is asked again until it ends.
  while (!usher.wait(std::chrono::milliseconds(100)) && std::chrono::steady_clock::now() - start < patience) {
    usher.signal(SIGTERM);
  }
  CHECK(usher.wait(std::chrono::milliseconds(0)).has_value());
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(15));  // the grace is 20 s
}

TEST_CASE("a second gateway on the same data is refused with the pid of the first") {
  World world;
  world.configure(world.common_config() + World::shop_roles());
  Process& first = world.run();
  ProcessResult second = world.command({"run"});
  CHECK(second.status == 1);
  CHECK(contains(second.errors, std::to_string(first.pid())));
  CHECK(contains(world.ask(ann, "still there?"), "still there?"));
  world.kill();
  world.run();  // a killed one leaves no lock behind
  CHECK(contains(world.ask(ann, "and now?"), "and now?"));
}

TEST_CASE("one conversation that hangs does not hold up the others") {
  World world([](const json::object& request) {
    return contains(last_text(request, "user"), "hang here") ? never() : echo_of(request);
  });
  world.configure(world.common_config() + World::shop_roles());
  world.run();
  world.telegram.private_message(ann, "hang here");
  world.wait_until([&] { return world.model.requests().size() == 1; }, "the model is asked");
  CHECK(contains(world.ask(bob, "quick question"), "quick question"));
  CHECK(contains(world.ask(carl, "another one"), "another one"));
  CHECK(world.messages_in(ann).empty());
}

TEST_CASE("/stop ends the turn that runs, and the next message is answered") {
  World world([](const json::object& request) {
    return contains(last_text(request, "user"), "hang here") ? never() : echo_of(request);
  });
  world.configure(world.common_config() + World::shop_roles());
  world.run();
  world.telegram.private_message(ann, "hang here");
  world.wait_until([&] { return world.model.requests().size() == 1; }, "the model is asked");
  check_is_for_people(world.ask(ann, "/stop"));
  CHECK(contains(world.ask(ann, "something else"), "something else"));
}

TEST_CASE("in each conversation answers come in the order of the questions") {
  std::atomic<int> asked = 0;
  World world([&](const json::object& request) {
    ModelAnswer answer = echo_of(request);
    answer.transport.delay = std::chrono::milliseconds((++asked * 37) % 60);
    return answer;
  });
  world.configure(world.common_config() + World::shop_roles());
  world.run();
  constexpr int people = 12, messages = 4;
  for (int number = 0; number < messages; ++number) {
    for (int i = 0; i < people; ++i) world.telegram.private_message(1000 + i, "number " + std::to_string(number));
  }
  for (int i = 0; i < people; ++i) {
    world.wait_for_message(1000 + i, messages);
    std::vector<SentMessage> answers = world.messages_in(1000 + i);
    REQUIRE(answers.size() == messages);
    for (int number = 0; number < messages; ++number) {
      CHECK(contains(answers[static_cast<std::size_t>(number)].text, "number " + std::to_string(number)));
    }
  }
}

TEST_CASE("a data directory that cannot be written keeps the gateway from starting, and says which") {
  World world;
  world.write_file("data", "this is a file");
  world.configure(world.common_config() + World::shop_roles());
  ProcessResult result = world.command({"run"});
  CHECK(result.status != 0);
  CHECK(contains(result.errors, "data"));
  CHECK(world.telegram.count("getupdates") == 0);
}

}  // namespace
}  // namespace usher::e2e
