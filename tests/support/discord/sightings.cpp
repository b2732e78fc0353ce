// What tests can see of the simulated Discord.
#include <algorithm>

#include "support/discord/state.h"

namespace usher::testing {

std::vector<DiscordMessage> DiscordSimulator::sent() const {
  const std::lock_guard lock(state_->mutex);
  std::vector<DiscordMessage> out;
  for (const std::string& id : state_->world.order) {
    const DiscordMessage& message = state_->world.messages.at(id);
    if (message.author == state_->world.bot()) out.push_back(message);
  }
  return out;
}

std::vector<DiscordMessage> DiscordSimulator::visible(const std::string& channel) const {
  const std::lock_guard lock(state_->mutex);
  std::vector<DiscordMessage> out;
  for (const std::string& id : state_->world.order) {
    const DiscordMessage& message = state_->world.messages.at(id);
    if (message.channel == channel && !message.is_deleted && !message.is_ephemeral()) out.push_back(message);
  }
  return out;
}

std::vector<DiscordAck> DiscordSimulator::acknowledgements() const {
  const std::lock_guard lock(state_->mutex);
  return state_->acknowledgements;
}

std::vector<DiscordReaction> DiscordSimulator::reactions() const {
  const std::lock_guard lock(state_->mutex);
  return state_->reactions;
}

std::vector<std::string> DiscordSimulator::typing() const {
  const std::lock_guard lock(state_->mutex);
  return state_->typing;
}

json::array DiscordSimulator::commands() const {
  const std::lock_guard lock(state_->mutex);
  return state_->commands;
}

std::size_t DiscordSimulator::count(const std::string& route) const {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->calls.find(route);
  return found == state_->calls.end() ? 0 : found->second.size();
}

std::vector<json::object> DiscordSimulator::requests(const std::string& route) const {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->calls.find(route);
  return found == state_->calls.end() ? std::vector<json::object>{} : found->second;
}

std::size_t DiscordSimulator::refused_calls() const {
  const std::lock_guard lock(state_->mutex);
  return state_->refused_calls;
}

std::vector<GatewayConnection> DiscordSimulator::connections() const {
  const std::lock_guard lock(state_->mutex);
  return state_->gateway.seen();
}

std::size_t DiscordSimulator::identifies() const {
  const std::lock_guard lock(state_->mutex);
  return state_->gateway.identifies();
}

std::size_t DiscordSimulator::resumes() const {
  const std::lock_guard lock(state_->mutex);
  return state_->gateway.resumes();
}

int DiscordSimulator::open_connections() const {
  const std::vector<GatewayConnection> all = connections();
  return static_cast<int>(
      std::count_if(all.begin(), all.end(), [](const GatewayConnection& connection) { return connection.is_open; }));
}

}  // namespace usher::testing
