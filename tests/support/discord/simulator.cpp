// The Discord simulator put together: servers, the world's changes, faults, and what there is to see.
#include <algorithm>
#include <boost/asio/post.hpp>

#include "support/discord/state.h"

namespace usher::testing {

DiscordState::DiscordState(asio::any_io_executor e, DiscordSimulatorOptions o)
    : executor(std::move(e)),
      options(std::move(o)),
      world(options.bot, options.application),
      gateway(world, options),
      limits(options.limit, options.limits, options.calls_per_second) {
  world.add_channel({.id = options.channel, .guild = options.guild});
}

void DiscordState::start() {
  const HttpServer::Handler handler = [weak = weak_from_this()](HttpCall call) -> Task<HttpReply> {
    // Not a coroutine itself: the one that it hands out holds the state.
    struct Call {
      static Task<HttpReply> run(std::shared_ptr<DiscordState> self, HttpCall own) {
        if (!self) co_return HttpReply{.reset = true};
        HttpReply reply = co_await self->serve(std::move(own));
        co_return reply;
      }
    };
    return Call::run(weak.lock(), std::move(call));
  };
  if (const auto& tls = options.certificate) {
    http = std::make_unique<HttpServer>(executor, handler, tls->certificate_pem, tls->key_pem, options.port);
    socket = std::make_unique<WebSocketServer>(executor, callbacks(false), tls->certificate_pem, tls->key_pem);
    resume_socket = std::make_unique<WebSocketServer>(executor, callbacks(true), tls->certificate_pem, tls->key_pem);
  } else {
    http = std::make_unique<HttpServer>(executor, handler, options.port);
    socket = std::make_unique<WebSocketServer>(executor, callbacks(false));
    resume_socket = std::make_unique<WebSocketServer>(executor, callbacks(true));
  }
  world.files_url = http->url();
  gateway.url = socket->url();
  gateway.resume_url = resume_socket->url();
}

WebSocketServer::Callbacks DiscordState::callbacks(bool is_resume_url) {
  const auto with_lock = [weak = weak_from_this()](auto what) {
    const std::shared_ptr<DiscordState> self = weak.lock();
    if (!self) return;
    const std::lock_guard lock(self->mutex);
    what(self->gateway);
    self->wake();
  };
  return {.admit =
              [with_lock, is_resume_url](const WebSocketServer::Peer&) {
                bool is_admitted = false;
                with_lock([&](DiscordGateway& gateway) { is_admitted = gateway.admits(is_resume_url); });
                return is_admitted;
              },
          .on_open =
              [with_lock, is_resume_url](WebSocketServer::PeerPtr peer) {
                with_lock([&](DiscordGateway& gateway) { gateway.opened(peer, is_resume_url); });
              },
          .on_message =
              [with_lock](WebSocketServer::PeerPtr peer, std::string message) {
                with_lock([&](DiscordGateway& gateway) { gateway.received(peer, message); });
              },
          .on_close =
              [with_lock](WebSocketServer::PeerPtr peer, std::optional<std::uint16_t> code) {
                with_lock([&](DiscordGateway& gateway) { gateway.closed(peer, code); });
              }};
}

void DiscordState::wake() {
  changed.notify_all();
  asio::post(executor, [weak = weak_from_this()] {
    if (const std::shared_ptr<DiscordState> self = weak.lock()) self->perform_steps();
  });
}

void DiscordState::perform_steps() {
  using Kind = DiscordGateway::Step::Kind;
  std::vector<DiscordGateway::Step> steps;
  {
    const std::lock_guard lock(mutex);
    steps = gateway.take_steps();
  }
  // Without the lock: a peer that is closed may say so at once.
  for (DiscordGateway::Step& step : steps) {
    switch (step.kind) {
      case Kind::text:
        step.peer->send_text(std::move(step.bytes));
        break;
      case Kind::binary:
        step.peer->send_binary(std::move(step.bytes));
        break;
      case Kind::close:
        step.peer->close(step.code);
        break;
      case Kind::cut:
        step.peer->cut();
        break;
      case Kind::freeze:
        step.peer->freeze();
        break;
    }
  }
}

DiscordSimulator::DiscordSimulator(asio::any_io_executor executor, DiscordSimulatorOptions options)
    : state_(std::make_shared<DiscordState>(executor, std::move(options))) {
  state_->start();
}

DiscordSimulator::~DiscordSimulator() {
  state_->http->stop();
  state_->socket->stop();
  state_->resume_socket->stop();
}

std::string DiscordSimulator::api_root() const { return state_->http->url() + "/api/v10"; }
std::string DiscordSimulator::gateway_url() const { return state_->gateway.url; }
const DiscordSimulatorOptions& DiscordSimulator::options() const { return state_->options; }
int DiscordSimulator::http_connections() const { return state_->http->connections(); }

bool DiscordSimulator::wait_until(const std::function<bool()>& done, std::chrono::milliseconds timeout) const {
  const auto end = std::chrono::steady_clock::now() + timeout;
  while (!done()) {
    std::unique_lock lock(state_->mutex);
    if (std::chrono::steady_clock::now() >= end) return false;
    // `done` looks at more than our own state, so the wait is short even when nothing happens here.
    state_->changed.wait_for(lock, std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace usher::testing
