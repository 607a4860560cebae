"""Is the server's port free, or is it ours already; and does anybody scrape ``/metrics``?"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import suppress

from streamgauge.checkup.contract import Finding, Grade
from streamgauge.checkup.patient import PATIENCE, Patient

NAME = "server"
METRICS = "metrics"
_SCRAPES = re.compile(r'^http_requests_total\{[^}]*handler="/metrics"[^}]*\} ([0-9.e+]+)', re.MULTILINE)


def examine(patient: Patient) -> Iterator[Finding]:
    """The port; and the metrics where a Streamgauge answers there."""
    server = patient.config.server
    if server.port == 0:
        yield Finding(NAME, "server", Grade.FINE, "takes any free port")
        return
    taken = _taken(server.host, server.port)
    where = f"{server.host}:{server.port}"
    if taken is None:
        yield Finding(NAME, "server", Grade.FINE, f"{where} is free")
        return
    page = _page(server.host, server.port)
    if page is None:
        yield Finding(
            NAME, "server", Grade.WRONG, f"{where} cannot be listened at ({taken}), and no Streamgauge answers there",
            "end what listens there, or write another `server.port` (0 takes a free one)",
        )  # fmt: skip
        return
    yield Finding(NAME, "server", Grade.FINE, f"a running Streamgauge answers at {where}")
    yield _scraped(page, where)


def _taken(host: str, port: int) -> str | None:
    """Why one cannot listen there; None when one can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return (error.strerror or str(error)).lower()
    return None


def _page(host: str, port: int) -> str | None:
    """The metrics page of a Streamgauge; None when something else answers, or nothing."""
    import httpx

    shown = f"[{host}]" if ":" in host else host
    with suppress(httpx.HTTPError, ValueError):
        text = httpx.get(f"http://{shown}:{port}/metrics", timeout=PATIENCE, trust_env=False).text
        return text if "streamgauge_" in text else None
    return None


def _scraped(page: str, where: str) -> Finding:
    scrapes = sum(float(count) for count in _SCRAPES.findall(page))
    if scrapes:
        return Finding(
            METRICS,
            "server",
            Grade.FINE,
            f"http://{where}/metrics was read {scrapes:,.0f} times before this look",
        )
    return Finding(
        METRICS, "server", Grade.UNKNOWN, f"http://{where}/metrics answers, and nobody has read it since the start",
        "let Prometheus scrape it, if you have one",
    )  # fmt: skip
