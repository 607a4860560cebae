"""The compose file as its own program reads it: includes, what is filled in, what one file changes of another.

Small and ours, so that the docs' table and the tests need no engine; ``test_compose_loader`` holds it to Compose's own
loader.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
EXAMPLE = ROOT / ".env.example"
_VARIABLE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>\w+)(?:(?P<how>:-|:\?)(?P<rest>[^}]*))?\})")


class Instead(list[Any]):
    """A list that takes the place of another file's, which else it would lengthen (``!override``)."""


class _Loader(yaml.SafeLoader):
    pass


_Loader.add_constructor("!override", lambda loader, node: Instead(loader.construct_sequence(node, deep=True)))  # type: ignore[arg-type]  # only lists are so marked


@dataclass(frozen=True, slots=True)
class Published:
    """A port of this machine that leads to one of a service."""

    service: str
    address: str
    outside: int
    inside: int


def settings(path: Path = EXAMPLE) -> dict[str, str]:
    """The variables of a file like ``.env``."""
    lines = [line for line in path.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    return {name: value.strip('"') for name, _, value in (line.partition("=") for line in lines)}


def services(environment: Mapping[str, str] | None = None) -> dict[str, dict[str, Any]]:
    """All services of all profiles, with what is included; without an environment as it comes, without ``.env``."""
    given = environment or {}
    read = _file([FILE], given)
    found: dict[str, dict[str, Any]] = dict(read["services"])
    for included in read["include"]:
        paths = [ROOT / path for path in included["path"]]
        found |= _file(paths, settings(ROOT / included["env_file"]) | dict(given))["services"]
    return found


def profiles() -> list[str]:
    """The names that ``--profile`` takes, in the order of the file."""
    return list(dict.fromkeys(name for one in services().values() for name in one.get("profiles", ())))


def started_by(chosen: set[str]) -> set[str]:
    """The services that run with these profiles."""
    return {
        name
        for name, one in services().items()
        if not one.get("profiles") or chosen.intersection(one["profiles"])
    }


def published(environment: Mapping[str, str] | None = None) -> list[Published]:
    """Every port of this machine, in the order of the file."""
    found = []
    for name, one in services(environment).items():
        for port in one.get("ports", ()):
            address, outside, inside = port.split(":")
            found.append(Published(name, address, int(outside), int(inside)))
    return found


def variables() -> dict[str, set[str]]:
    """The variables that the files name, each with what it is where nobody sets it."""
    named: dict[str, set[str]] = {}
    included = [ROOT / path for one in _raw(FILE)["include"] for path in one["path"]]
    extended = [
        path.parent / one["extends"]["file"]
        for path in included
        for one in _raw(path)["services"].values()
        if "extends" in one
    ]
    for path in [FILE, *included, *extended]:
        lines = [line for line in path.read_text("utf-8").splitlines() if not line.lstrip().startswith("#")]
        for match in _VARIABLE.finditer("\n".join(lines)):
            if match["name"]:
                named.setdefault(match["name"], set()).update(
                    [match["rest"] or ""] if match["how"] == ":-" else []
                )
    return named


def volumes() -> set[str]:
    """The volumes that have names."""
    included = [ROOT / path for one in _raw(FILE)["include"] for path in one["path"]]
    return {name for path in [FILE, *included] for name in _raw(path).get("volumes", ())}


def bound(path: str, service: str) -> Path:
    """Where a file that a service mounts lies here."""
    included = service in _raw(ROOT / "deploy/monitoring/docker-compose.monitoring.yml")["services"]
    return ((ROOT / "deploy/monitoring" if included else ROOT) / path).resolve()


@cache
def _raw(path: Path) -> Any:
    return yaml.load(path.read_text("utf-8"), _Loader)  # a safe loader that knows one more tag


def _file(paths: list[Path], environment: Mapping[str, str]) -> dict[str, Any]:
    """Several files as one; paths are those of the first."""
    made: Any = {}
    for path in paths:
        read = _filled(_raw(path), environment)
        for one in read.get("services", {}).values():
            if extends := one.pop("extends", None):
                theirs = _filled(_raw(path.parent / extends["file"]), environment)
                one |= {**theirs["services"][extends["service"]], **one}
        made = _over(made, read)
    return dict(made)


def _over(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        return old | {name: _over(old.get(name), value) for name, value in new.items()}
    if isinstance(old, list) and isinstance(new, list) and not isinstance(new, Instead):
        return [*old, *new]
    return new


def _filled(value: Any, environment: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _filled(one, environment) for name, one in value.items()}
    if isinstance(value, list):
        return type(value)(_filled(one, environment) for one in value)
    return _VARIABLE.sub(lambda match: _one(match, environment), value) if isinstance(value, str) else value


def _one(match: re.Match[str], environment: Mapping[str, str]) -> str:
    if match["dollar"]:
        return "$"
    if found := environment.get(match["name"]):
        return found
    assert match["how"] != ":?", f"{match['name']} must be set: {match['rest']}"
    return match["rest"] or ""
