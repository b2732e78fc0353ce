# usher as a container: an unprivileged user, a root file system that may be read-only, everything kept in /data.
#
#   docker build -t usher .
#   docker run --read-only --cap-drop ALL --security-opt no-new-privileges --stop-timeout 30 \
#     -v usher-data:/data -v ./config:/config:ro --env-file .env usher
#
# /config/config.toml should say data_dir = "/data" and workspaces_dir = "/usr/share/usher/workspaces" (or a folder of
# yours beneath /config). See docs/operating.md.
FROM debian:bookworm-slim AS build
WORKDIR /src
# The package list alone first: this layer stays while only sources change.
COPY dev ./
RUN ./dev install build && rm -rf /var/lib/apt/lists/*
COPY . .
RUN ./dev build && strip -o /usher build/release/usher

FROM debian:bookworm-slim
RUN apt-get update \
  && apt-get install -y --no-install-recommends \
    ca-certificates tzdata libboost-container1.81.0 libboost-json1.81.0 libboost-url1.81.0 libfmt9 libmd4c0 \
    libspdlog1.10 libsqlite3-0 libssl3 libutf8proc2 zlib1g \
  && rm -rf /var/lib/apt/lists/* \
  && groupadd --gid 10001 usher \
  && useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin usher \
  && install -d -o usher -g usher -m 0700 /data \
  && install -d -m 0755 /config
COPY --from=build /usher /usr/bin/usher
COPY workspaces /usr/share/usher/workspaces
# Fails the build when a shared library is missing above.
RUN usher --version

USER 10001:10001
WORKDIR /data
VOLUME ["/data", "/config"]
# Without asking the API, which may be off: alive is whoever holds the lock of data_dir.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 \
  CMD ["usher", "check", "--config", "/config/config.toml", "--running"]
ENTRYPOINT ["usher"]
CMD ["run", "--config", "/config/config.toml"]
