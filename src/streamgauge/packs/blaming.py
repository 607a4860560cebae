"""A wrong parameter is told by the name under which it was given, not by the place within the pack where it ends up."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from streamgauge.config import Mistake

PARAMETER = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-[^}]*)?\}")
"""How a pack names a parameter; the first group is the name."""

_STEP = re.compile(r'\.([^.\[]+)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]')


def named(mistakes: Iterable[Mistake], packs: Sequence[Path], given: Mapping[str, str]) -> list[Mistake]:
    """The mistakes, of which those that parameters brought into packs stand where these were given.

    Args:
        mistakes: as they were found.
        packs: the files of the packs.
        given: parameters of the command line; others come from the environment.
    """
    files = {str(pack): pack for pack in packs}
    found: dict[tuple[Any, ...], Mistake] = {}
    for one in mistakes:
        whose = _parameters(files[one.file], one.path) if one.file in files else []
        places = [_place(name, given) for name in whose if name in given or name in os.environ]
        if places:
            told = replace(one, file=" and ".join(places), line=None, column=None)
            found.setdefault((told.file, told.message), told)  # once, in however many places it stands
        else:
            found[one.file, one.line, one.column, one.path, one.message] = one
    return list(found.values())


def _place(name: str, given: Mapping[str, str]) -> str:
    return f"--set {name}" if name in given else f"environment variable {name}"


def _parameters(pack: Path, path: str) -> list[str]:
    """The parameters in what the pack says at ``path``, such as ``$.streams.kafka-cluster.source.every``."""
    import yaml

    here: Any = yaml.safe_load(pack.read_text("utf-8"))
    for key, position, quoted in _STEP.findall(path):
        step = int(position) if position else json.loads(quoted) if quoted else key
        try:
            here = here[step]
        except (KeyError, IndexError, TypeError):
            break
    return list(dict.fromkeys(PARAMETER.findall(here))) if isinstance(here, str) else []
