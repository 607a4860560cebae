"""A configuration with other monitors than the file's: for trying a draft out beside what runs.

Drafts come from people with a browser, not from whoever writes the file: they name no variables and no files that the
file does not name itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from streamgauge.config.checks import check
from streamgauge.config.document import Document
from streamgauge.config.folders import Folders, folders_of, place_again
from streamgauge.config.load import shaped
from streamgauge.config.mistakes import ConfigErrors, Mistake
from streamgauge.config.models import Config
from streamgauge.config.statements import SAID, translate
from streamgauge.errors import ConfigError

FILES = ("reference", "path", "file", "model", "values_file")
"""Keys of a detector whose text may name a file."""


def written(config: Config, monitor: str) -> dict[str, Any]:
    """A monitor as plain data, as it is written in the file; of SQL the statement."""
    plain: dict[str, Any] = config.monitors[monitor].model_dump(
        mode="json", by_alias=True, exclude_unset=True
    )
    if "sql" in plain:
        plain = {key: value for key, value in plain.items() if key not in SAID}
    return plain


def packed(config: Config) -> dict[str, Any]:
    """What :func:`unpacked` makes a configuration of again, in another process; it holds secrets."""
    monitors = {name: written(config, name) for name in config.monitors}
    plain = {"streams": _plain(config.streams), "channels": _plain(config.channels), "monitors": monitors}
    return {"plain": plain, "folders": dict(folders_of(config))}


def unpacked(plain: dict[str, Any]) -> Config:
    """A configuration out of what :func:`packed` made.

    Raises:
        ConfigErrors: what it refers to has changed meanwhile, such as a reference.
    """
    return _made(plain["plain"], plain["folders"])


def drafted(config: Config, monitors: Mapping[str, Any]) -> Config:
    """The streams and channels of ``config`` with ``monitors`` (plain data, by name) and those whose rows they watch.

    Raises:
        ConfigErrors: everything that is wrong with them, each with its place.
        ConfigError: they name variables, or files that ``config`` does not.
    """
    _refuse_outside(config, monitors)
    every = dict(monitors)
    waiting = [monitor.get("stream") for monitor in monitors.values() if isinstance(monitor, Mapping)]
    while waiting:
        name = waiting.pop()
        if name in config.monitors and name not in config.streams and name not in every:
            every[name] = written(config, name)
            waiting.append(config.monitors[name].stream)
    plain = {"streams": _plain(config.streams), "channels": _plain(config.channels), "monitors": every}
    return _made(plain, folders_of(config))


def _made(plain: dict[str, Any], folders: Folders) -> Config:
    document = Document(plain)
    place_again(document, folders)
    wrong, gone = translate(document)
    made, shape, pruned = shaped(document)
    pruned.paths |= gone
    mistakes: list[Mistake] = wrong + shape
    if made is not None:
        mistakes += check(made, document, pruned).mistakes
    if mistakes or made is None:
        raise ConfigErrors(mistakes)
    return made


def _plain(models: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: model.model_dump(mode="json", by_alias=True, exclude_unset=True)
        for name, model in models.items()
    }


def _refuse_outside(config: Config, monitors: Mapping[str, Any]) -> None:
    named = {text for one in config.monitors for _, text in _texts(written(config, one))}
    for key, text in _texts(dict(monitors)):
        if "${" in text:
            raise ConfigError("a draft names no variables such as ${NAME}: write what it stands for")
        if key in FILES and text not in named:
            raise ConfigError(
                f"{key}: a draft uses only files that the running configuration names in its monitors, and {text!r} is none"
            )


def _texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every text within plain data, with the key that it stands at."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _texts(str(name), "name")
            yield from _texts(item, str(name))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item, key)
