# What the stand-ins with Java share: Debian's Java 17.
FROM debian:bookworm
RUN apt-get update -q && apt-get install -q -y --no-install-recommends openjdk-17-jre-headless ca-certificates-java wget \
    && rm -rf /var/lib/apt/lists/*
