// What the measured usher is configured with, but for its channels.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace usher::bench {

// Writes config.toml and a workspace into `directory`. `channels` is what else stands in the file; the key of the model
// is the variable BENCH_KEY. Everybody is a customer whom no limit stops.
void write_config(const std::filesystem::path& directory, std::uint16_t model_port, std::string_view channels);

}  // namespace usher::bench
