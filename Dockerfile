# Two stages: the toolchain builds a static binary, and the image has only that, its completions and its man pages.
#
#   docker build -t espalier .
#   docker run --rm -v "$PWD:/data" espalier ls model.safetensors
FROM swift:6.3.1-noble AS build
# hadolint ignore=DL3008
RUN apt-get update -qq \
  && apt-get install -y -qq --no-install-recommends python3 zlib1g-dev \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN swift build -c release --product espalier --static-swift-stdlib \
  && scripts/install --prefix /usr/local --binary .build/release/espalier

FROM ubuntu:24.04
COPY --from=build /usr/local/bin/espalier /usr/local/bin/espalier
COPY --from=build /usr/local/share /usr/local/share
# Nothing needs root: files in a mounted folder are read and written as this user, or as that of `docker run --user`.
USER 1000:1000
WORKDIR /data
ENTRYPOINT ["espalier"]
CMD ["--help"]
