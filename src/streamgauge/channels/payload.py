"""A notice as bytes: the same JSON for every channel that sends JSON, whatever values it carries."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import msgspec


def encode(notice: Any) -> bytes:
    r"""The notice as one line of JSON in UTF-8; NaN and infinity become null, odd values become text.

    >>> encode({"notice": "a-1", "observed": {"events": 3, "share": float("nan")}})
    b'{"notice":"a-1","observed":{"events":3,"share":null}}'
    >>> encode({"text": "half a pair: \ud800"})  # not to be had in UTF-8: escaped
    b'{"text":"half a pair: \\ud800"}'
    """
    try:
        return msgspec.json.encode(notice, enc_hook=_plain)
    except (TypeError, ValueError, OverflowError):  # a lone surrogate, an integer beyond 64 bits
        return json.dumps(_finite(notice), separators=(",", ":"), default=_plain).encode()


def _plain(value: Any) -> Any:
    """NumPy's numbers as numbers, anything else by its text."""
    item = getattr(value, "item", None)
    return str(value) if item is None else item()


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): _finite(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value
