# In place of busybox:…, with Debian's.
FROM debian:bookworm AS made
RUN apt-get update -q && apt-get install -q -y --no-install-recommends busybox-static && rm -rf /var/lib/apt/lists/* \
    && mkdir -p /made/bin && cp /bin/busybox /made/bin/ && busybox --install -s /made/bin \
    && for one in /made/bin/*; do if [ -L "$one" ]; then ln -sf busybox "$one"; fi; done
FROM scratch
COPY --from=made /made /
