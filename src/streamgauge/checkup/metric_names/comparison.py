"""Names that are asked for against those that a Prometheus knows."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from streamgauge.checkup.contract import Finding, Grade
from streamgauge.checkup.metric_names.questions import Asked, Name, asked_in
from streamgauge.errors import OutsideError
from streamgauge.settings import nearest

NAME = "dashboard"
PATIENCE = 10.0
"""Seconds that a Prometheus may take to list its names."""


def known_to(url: str) -> frozenset[str]:
    """Names of all series that a Prometheus holds.

    Raises:
        OutsideError: it does not answer as one.
    """
    import httpx

    try:
        answer = httpx.get(f"{url.rstrip('/')}/api/v1/label/__name__/values", timeout=PATIENCE)
        return frozenset(answer.raise_for_status().json()["data"])
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
        raise OutsideError(
            f"no Prometheus answers at {url} ({error}); name yours with `--prometheus URL`"
        ) from error


def examine(files: Collection[Path], known: Collection[str]) -> Iterator[Finding]:
    """One line for each file, and before it one for each name in it that nobody tells.

    Raises:
        ConfigError: a file cannot be read.
    """
    for path in files:
        asked = asked_in(path)
        if not asked.queries:
            continue
        unknown = list(_unknown(asked.names, known))
        for where, why in asked.unread:
            found = f"{where}: this is no PromQL: {why}"
            yield Finding(NAME, str(path), Grade.WRONG, found, "mend the query")
        for text, places in unknown:
            found = f"there is no metric {text}; asked for by {', '.join(places)}"
            yield Finding(NAME, str(path), Grade.WRONG, found, _advice(text, known))
        if not unknown and not asked.unread:
            yield Finding(NAME, str(path), Grade.FINE, _counted(asked))


def _unknown(names: Collection[Name], known: Collection[str]) -> Iterator[tuple[str, list[str]]]:
    """Each name that nothing fits, with the places that ask for it."""
    places: dict[str, list[str]] = {}
    for name in names:
        fits = any(re.fullmatch(name.text, one) for one in known) if name.pattern else name.text in known
        if not fits and name.where not in places.setdefault(name.text, []):
            places[name.text].append(name.where)
    yield from ((text, where) for text, where in places.items() if where)


def _advice(text: str, known: Collection[str]) -> str:
    said = nearest(text, known) if known else ""
    return (
        said
        if said.startswith("did you")
        else "scrape what tells it, or wait until it was told once; some series begin with the first event"
    )


def _counted(asked: Asked) -> str:
    names = len({name.text for name in asked.names})
    return f"{asked.queries} queries ask for {names} metrics, and all are there"
