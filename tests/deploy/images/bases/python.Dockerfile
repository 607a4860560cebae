# In place of python:…-slim-bookworm, with what Debian itself has of Python 3.11.
FROM debian:bookworm
RUN apt-get update -q && apt-get install -q -y --no-install-recommends python3.11 python3-pip ca-certificates \
    && rm -rf /var/lib/apt/lists/* /usr/lib/python3.11/EXTERNALLY-MANAGED \
    && ln -s /usr/bin/python3.11 /usr/local/bin/python && ln -s /usr/bin/python3.11 /usr/local/bin/python3
# Whoever checks certificates looks where Debian keeps them.
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
