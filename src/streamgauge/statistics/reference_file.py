"""A reference as a file: versioned JSON with names, numbers and nothing else, that any tool can read."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from streamgauge.errors import ConfigError
from streamgauge.statistics.binning import Categories, Cells
from streamgauge.statistics.gaussian import Moments
from streamgauge.statistics.outline import Outline
from streamgauge.statistics.reference import Feature, Recipe, Reference

FORMAT = "streamgauge.reference"
VERSION = 1


def encoded(reference: Reference) -> bytes:
    """As UTF-8 JSON; the same reference gives the same bytes."""
    recipe = reference.recipe
    edges = {name: list(map(float, each)) for name, each in (recipe.edges or {}).items()}
    return msgspec.json.encode(
        {
            "format": FORMAT,
            "version": VERSION,
            "recipe": {"binning": recipe.binning, "bins": recipe.bins, "edges": edges},
            "features": [_plain(feature) for feature in reference.features.values()],
        }
    )


def decoded(data: bytes) -> Reference:
    """What :func:`encoded` wrote.

    Raises:
        ConfigError: it is no reference, or of a version that is not known here.
    """
    try:
        plain = msgspec.json.decode(data)
        if not isinstance(plain, dict) or plain.get("format") != FORMAT:
            raise ConfigError("it is no reference; `streamgauge reference build` makes one")
        if plain["version"] != VERSION:
            raise ConfigError(
                f"it has version {plain['version']}, and only {VERSION} is known here; build it again"
            )
        recipe = plain["recipe"]
        features = [_feature(each) for each in plain["features"]]
        return Reference(
            {feature.name: feature for feature in features},
            Recipe(recipe["binning"], recipe["bins"], recipe["edges"] or None),
        )
    except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, ConfigError):
            raise
        if FORMAT.encode() not in data[:64]:
            raise ConfigError("it is no reference; `streamgauge reference build` makes one") from error
        raise ConfigError(f"it is damaged ({error}); build it again") from error


def is_reference(path: Path) -> bool:
    """Whether a file begins as a reference does."""
    try:
        with path.open("rb") as file:
            return file.read(64).startswith(f'{{"format":"{FORMAT}"'.encode())
    except OSError:
        return False


def load(path: Path) -> Reference:
    """Read a file; one that did not change since is not read again.

    Raises:
        ConfigError: there is none, or :func:`decoded` refuses it; the message names the file.
    """
    try:
        found = path.stat()
        return _loaded(path.absolute(), found.st_mtime_ns, found.st_size)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise ConfigError(
            f"the reference {path} cannot be read: {reason}; make it with `streamgauge reference build`"
        ) from error
    except ConfigError as error:
        raise ConfigError(f"the reference {path}: {error}") from error


@lru_cache(maxsize=8)
def _loaded(path: Path, *_: int) -> Reference:
    return decoded(path.read_bytes())


def _plain(feature: Feature) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "name": feature.name,
        "kind": feature.kind,
        "rows": feature.rows,
        "missing": feature.missing,
        "labels": feature.bins.labels,
        "counts": feature.counts.tolist(),
    }
    if isinstance(feature.bins, Categories):
        return plain | {
            "whole": feature.whole,
            "values": [[value, count] for value, count in (feature.values or {}).items()],
            "codes": list(feature.bins.code_of.values()),
        }
    assert feature.outline is not None
    assert feature.moments is not None
    outline, moments = feature.outline, feature.moments
    return plain | {
        "edges": feature.bins.edges.tolist(),
        "cells": feature.bins.table.tolist(),
        "values": outline.values.tolist(),
        "value_counts": outline.counts.tolist(),
        "points": outline.points.tolist(),
        "rest": outline.rest,
        "infinite": feature.infinite,
        "moments": [moments.count, moments.mean, moments.second, moments.third, moments.fourth],
    }


def _feature(plain: dict[str, Any]) -> Feature:
    own = plain["name"], plain["kind"], plain["rows"], plain["missing"]
    labels, counts = tuple(plain["labels"]), np.array(plain["counts"], np.int64)
    if plain["kind"] == "category":
        values = dict(plain["values"])
        code_of = dict(zip(values, plain["codes"], strict=True))
        bins = Categories(code_of, labels, plain["whole"])
        return Feature(*own, bins, counts, None, None, values, plain["whole"])
    outline = Outline(
        np.array(plain["values"], np.float64),
        np.array(plain["value_counts"], np.int64),
        np.array(plain["points"], np.float64),
        plain["rest"],
    )
    cells = Cells(np.array(plain["edges"], np.float64), np.array(plain["cells"], np.int16), labels)
    below, above = plain["infinite"]
    return Feature(*own, cells, counts, outline, Moments(*plain["moments"]), infinite=(below, above))
