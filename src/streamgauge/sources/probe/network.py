"""One try of a page over HTTP, and one of a TCP port: a new connection each time, as a new user makes it."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from streamgauge.clock import SECOND, Clock
from streamgauge.sources.probe.config import Config, host_and_port

if TYPE_CHECKING:
    import httpx

MOST = 4 * 1024**2
"""Bytes of a page that are read, and looked through for its text."""
_DAY = 86_400


class Pages:
    """Tries pages; the rules and the authorities are the same for all of them.

    Raises:
        OSError: the authority's file cannot be read.
    """

    def __init__(self, config: Config, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._tls = ssl.create_default_context(cafile=config.ca)

    def try_one(self, url: str, seconds: float) -> dict[str, Any]:
        """The record of one try."""
        import httpx

        began = time.perf_counter()
        row: dict[str, Any] = {"kind": "http", "target": url, "ok": False}
        try:
            with (
                httpx.Client(verify=self._tls, follow_redirects=True, timeout=seconds) as client,
                client.stream("GET", url) as answer,
            ):
                row |= {"status": answer.status_code, **self._certificate(answer)}
                row["error"] = self._wrong(answer, began + seconds)
        except httpx.TimeoutException:
            row["error"] = f"no answer within {seconds:g} s"
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            row["error"] = f"cannot be reached: {error}"
        return {**row, "ok": row["error"] is None, "seconds": time.perf_counter() - began}

    def _wrong(self, answer: httpx.Response, until: float) -> str | None:
        """What is not as it should be; reads the body."""
        body = bytearray()
        for part in answer.iter_bytes():
            body += part
            if time.perf_counter() > until:
                return "no whole answer in time"
            if len(body) > MOST:
                break
        good, text = self._config.status, self._config.contains
        if answer.status_code not in good if good else answer.status_code >= 400:
            return f"answers {answer.status_code}"
        if text is not None and text.encode(answer.encoding or "utf-8", "replace") not in body:
            return f"does not contain {text!r}"
        return None

    def _certificate(self, answer: httpx.Response) -> Mapping[str, float]:
        """How long the certificate is good for; nothing without TLS."""
        connection = answer.extensions["network_stream"].get_extra_info("ssl_object")
        ends = (connection.getpeercert() or {}).get("notAfter") if connection is not None else None
        if ends is None:
            return {}
        return {"certificate_days": (ssl.cert_time_to_seconds(ends) - self._clock.now() / SECOND) / _DAY}


def try_port(place: str, seconds: float) -> dict[str, Any]:
    """The record of one try of ``host:port``; nothing is sent."""
    began = time.perf_counter()
    error = None
    try:
        socket.create_connection(host_and_port(place), seconds).close()
    except TimeoutError:
        error = f"no connection within {seconds:g} s"
    except OSError as refused:
        error = f"cannot be reached: {refused}"
    took = time.perf_counter() - began
    return {"kind": "tcp", "target": place, "ok": error is None, "seconds": took, "error": error}
