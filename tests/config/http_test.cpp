// Where the HTTP API listens, under which names and with which certificate.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>

#include "config/support.h"
#include "support/temp_dir.h"

namespace usher::config::testing {
namespace {

using usher::testing::TempDir;

constexpr const char* kPublic =
    "error: 'listen' is a public address without TLS: write 'tls_certificate' and 'tls_key', or behind_proxy = true "
    "where a proxy that speaks TLS stands before it, or listen on 127.0.0.1\n";
constexpr const char* kNameless =
    "warning: 'listen' is a public address and there are no 'hosts': requests under a name that is not listed there "
    "are refused\n";

std::string problems_of(const std::string& gateway) { return joined(load_from("[gateway]\n" + gateway).problems); }

Gateway gateway_of(const std::string& gateway) {
  const Loaded loaded = load_from("[gateway]\n" + gateway);
  CAPTURE(joined(loaded.problems));
  REQUIRE(loaded.config);
  return loaded.config->gateway;
}

void write(const std::filesystem::path& path, mode_t mode) {
  std::ofstream(path) << "x";
  ::chmod(path.c_str(), mode);
}

// The problems of a config in `dir` that names cert.pem and key.pem.
std::string tls_problems(const TempDir& dir) {
  std::ofstream(dir / "config.toml")
      << "[gateway]\nlisten = \"0.0.0.0:8787\"\nhosts = [\"x.example\"]\ntls_certificate = \"cert.pem\"\n"
         "tls_key = \"key.pem\"\n";
  ::chmod((dir / "config.toml").c_str(), 0600);
  std::string found = joined(load(dir / "config.toml", from({})).problems);
  const std::string prefix = dir.path().string() + "/";
  while (found.contains(prefix)) found.erase(found.find(prefix), prefix.size());
  return found;
}

}  // namespace

TEST_CASE("without a word about it the API listens on this machine alone, and a port that is written is told apart") {
  CHECK(gateway_of("").listen == "127.0.0.1:8787");
  CHECK(gateway_of("").is_listen_default);
  CHECK_FALSE(gateway_of("").behind_proxy);
  CHECK_FALSE(gateway_of("listen = \"127.0.0.1:8787\"").is_listen_default);
  CHECK(gateway_of("listen = \"127.0.0.1:0\"").listen == "127.0.0.1:0");
  CHECK(gateway_of("listen = \"off\"").listen == "off");
}

TEST_CASE("a loopback address needs nothing, and every other one TLS or a proxy that has it") {
  for (const char* host : {"127.0.0.1", "127.255.0.9", "localhost", "[::1]", "[0:0::0:1]"}) {
    CAPTURE(host);
    CHECK(problems_of("listen = \"" + std::string(host) + ":8787\"") == "");
    CHECK(problems_of("behind_proxy = true\nlisten = \"" + std::string(host) + ":8787\"") == "");
  }
  for (const char* host :
       {"0.0.0.0", "[::]", "192.168.1.5", "10.0.0.1", "128.0.0.1", "[::ffff:127.0.0.1]", "[fe80::1]"}) {
    CAPTURE(host);
    const std::string listen = "listen = \"" + std::string(host) + ":8787\"\n";
    CHECK(problems_of(listen) == std::string("config.toml:2:10: ") + kPublic);
    CHECK(problems_of(listen + "behind_proxy = false\n") == std::string("config.toml:2:10: ") + kPublic);
    CHECK(problems_of(listen + "behind_proxy = true\n") == std::string("config.toml:2:10: ") + kNameless);
    CHECK(problems_of(listen + "tls_certificate = \"a\"\ntls_key = \"b\"\n") ==
          std::string("config.toml:2:10: ") + kNameless);
    CHECK(problems_of(listen + "behind_proxy = true\nhosts = [\"x.example\"]\n") == "");
  }
  CHECK(problems_of("listen = \"off\"\n") == "");
}

TEST_CASE("what is no address is refused") {
  for (const char* listen : {"8787",
                             ":8787",
                             "127.0.0.1",
                             "127.0.0.1:",
                             "127.0.0.1:65536",
                             "127.0.0.1:-1",
                             "::1:80",
                             "[::1]",
                             "[::1:80",
                             "[1]:80",
                             "[::g]:80",
                             "a b:80",
                             "a..b:80",
                             ".:80",
                             "-a:80",
                             "http://localhost:80",
                             "localhost:80/",
                             "OFF",
                             "usher.example.com:80",
                             "127.0.0.1.example.com:80",
                             "127.1:80",
                             "localhost.example.com:80"}) {
    CAPTURE(listen);
    CHECK(problems_of("listen = \"" + std::string(listen) + "\"") ==
          "config.toml:2:10: error: 'listen' must be a numeric address and a port, like '127.0.0.1:8787', or 'off', "
          "not '" +
              std::string(listen) + "'\n");
  }
}

TEST_CASE("hosts are kept in lower case, each once, with or without a port") {
  CHECK(gateway_of("hosts = [\"Usher.Example.COM\", \"usher.example.com\", \"b:8443\", \"[::1]:80\", \"10.0.0.1\"]")
            .hosts == std::vector<std::string>{"usher.example.com", "b:8443", "[::1]:80", "10.0.0.1"});
  for (const char* host : {"https://usher.example.com", "*", "*.example.com", "a/b", "a:port", "a@b", "ü.example"}) {
    CAPTURE(host);
    CHECK(problems_of("hosts = [\"x\", \"" + std::string(host) + "\"]") ==
          "config.toml:2:15: error: '" + std::string(host) +
              "' in 'hosts' is not a host; write a name like 'usher.example.com', or 'usher.example.com:8443'\n");
  }
}

TEST_CASE("certificate and key come together, relative to the config file") {
  const std::string together = "error: 'tls_certificate' and 'tls_key' go together; write both, or neither\n";
  CHECK(problems_of("tls_certificate = \"a\"") == "config.toml:2:19: " + together);
  CHECK(problems_of("tls_key = \"a\"\nlisten = \"0.0.0.0:1\"\nhosts = [\"a\"]") == "config.toml:2:11: " + together);
  const Loaded loaded = load_from("[gateway]\ntls_certificate = \"tls/../cert.pem\"\ntls_key = \"/etc/key.pem\"\n");
  REQUIRE(loaded.config);
  CHECK(loaded.config->gateway.tls_certificate == loaded.config->file.parent_path() / "cert.pem");
  CHECK(loaded.config->gateway.tls_key == "/etc/key.pem");
  CHECK(gateway_of("").tls_key.empty());
}

TEST_CASE("certificate and key are files, and the key is its owner's alone") {
  const TempDir dir;
  CHECK(tls_problems(dir) ==
        "config.toml:4:19: error: 'tls_certificate' names no file: 'cert.pem'\n"
        "config.toml:5:11: error: 'tls_key' names no file: 'key.pem'\n");
  write(dir / "cert.pem", 0644);
  std::filesystem::create_directory(dir / "key.pem");
  CHECK(tls_problems(dir) == "config.toml:5:11: error: 'tls_key' names no file: 'key.pem'\n");
  std::filesystem::remove(dir / "key.pem");
  for (const mode_t mode : {0640u, 0604u, 0644u}) {
    write(dir / "key.pem", mode);
    CHECK(tls_problems(dir) ==
          "config.toml:5:11: error: 'tls_key' is a file that others can read; run chmod 600 key.pem\n");
  }
  write(dir / "key.pem", 0600);
  CHECK(tls_problems(dir) == "");
  std::filesystem::rename(dir / "key.pem", dir / "real.pem");
  std::filesystem::create_symlink("real.pem", dir / "key.pem");
  CHECK(tls_problems(dir) == "");
  ::chmod((dir / "real.pem").c_str(), 0640);
  CHECK(tls_problems(dir).contains("others can read"));
}

}  // namespace usher::config::testing
