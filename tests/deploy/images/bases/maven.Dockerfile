# In place of maven:…-eclipse-temurin-17, with Debian's Maven 3.8 and Java 17.
FROM debian:bookworm
RUN apt-get update -q && apt-get install -q -y --no-install-recommends maven openjdk-17-jdk-headless ca-certificates-java \
    && rm -rf /var/lib/apt/lists/*
