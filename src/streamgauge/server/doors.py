"""Which scope opens which door: pure rules over a method and a path.

A door that no rule names asks for ``read`` where it only looks, else for ``operate``: a new route is never open by
having been forgotten.
"""

from __future__ import annotations

import re

OPEN = "open"
"""Needs no token: it tells nothing, or proves who asks in another way."""
OWN = "own"
"""The stream's own token, one for ``ingest``, or where it comes from; the route itself looks."""

LOOKING = frozenset({"GET", "HEAD"})

_RULES: tuple[tuple[re.Pattern[str], frozenset[str], str], ...] = tuple(
    (re.compile(path), frozenset(methods), scope)
    for path, methods, scope in (
        (r"/healthz|/readyz", LOOKING, OPEN),
        (r"/sign-in", {*LOOKING, "POST"}, OPEN),
        (r"/sign-out", {"POST"}, OPEN),
        (r"/pages/static/[^/]+|/docs/static/[^/]+", LOOKING, OPEN),
        (r"/api/slack/interactions", {"POST"}, OPEN),  # signed by Slack
        (r"/api/v1/streams/[^/]+/events", {"POST"}, OWN),
        (r"/predict", {"POST"}, "ingest"),
        (r"/update_metrics", {"POST"}, OWN),
        (r"/api/v1/replay", {"POST"}, "operate"),
        (r"/api/v1/tokens(/.*)?", {*LOOKING, "POST", "DELETE"}, "admin"),
    )
)


def scope_of(method: str, path: str) -> str:
    """What opens this door.

    >>> scope_of("GET", "/healthz"), scope_of("GET", "/metrics"), scope_of("POST", "/api/v1/monitors/burst/pause")
    ('open', 'read', 'operate')
    """
    for pattern, methods, scope in _RULES:
        if method in methods and pattern.fullmatch(path):
            return scope
    return "read" if method in LOOKING else "operate"
