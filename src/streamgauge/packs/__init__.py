"""Ready-made streams and monitors: one configuration file per system that many have, called as what it watches.

A pack is an ordinary configuration with parameters (``${KAFKA_BROKERS:-localhost:9092}``), which its first lines list. It
is taken in as ``include:`` takes in a file, so what it declares cannot be declared twice.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from streamgauge.config import Config, ConfigErrors, load
from streamgauge.errors import ConfigError
from streamgauge.packs.blaming import PARAMETER, named
from streamgauge.settings import nearest, tells_of_secret

_FOLDER = Path(__file__).parent


def names() -> list[str]:
    """The packs there are."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def file_of(pack: str) -> Path:
    """Where a pack lies.

    Raises:
        ConfigError: there is no such pack.
    """
    if pack not in names():
        raise ConfigError(f"--pack: there is no pack {pack!r}; {nearest(pack, names())}")
    return _FOLDER / f"{pack}.yaml"


def parameters(pack: str) -> list[str]:
    """The names that may be set, in the order in which the pack uses them."""
    return list(dict.fromkeys(PARAMETER.findall(file_of(pack).read_text("utf-8"))))


def addresses(packs: Sequence[str]) -> dict[str, str]:
    """By stream of these packs, the parameter that says where it looks; raises as :func:`file_of`."""
    import yaml

    found = {}
    for pack in packs:
        told = yaml.safe_load(file_of(pack).read_text("utf-8"))
        for name, stream in told.get("streams", {}).items():
            source = stream["source"]
            (where,) = [source[key] for key in ("url", "urls", "brokers") if key in source]
            found[name] = PARAMETER.findall(where)[0]
    return found


def load_with(
    packs: Sequence[str], file: Path | None = None, given: Mapping[str, str] | None = None
) -> Config:
    """A configuration of packs, and of a file where there is one.

    Args:
        packs: by name; one that is named twice counts once.
        file: a configuration that may watch the packs' streams, and says where the store is and who is told.
        given: parameters by name; they go before the environment's.

    Raises:
        ConfigErrors: everything that is wrong, such as one name in two of the files; a parameter by its name.
        ConfigError: there is no such pack or parameter.
    """
    for pack in packs if file is None else ():
        _needs_no_file(pack)
    files = [file_of(pack) for pack in dict.fromkeys(packs)]
    known = [name for pack in packs for name in parameters(pack)]
    for name in given or {}:
        if name not in known:
            raise ConfigError(f"--set: the packs have no parameter {name!r}; {nearest(name, known)}")
    plain = [name for name in known if not tells_of_secret(name)]
    environ = {**os.environ, **(given or {})}
    try:
        return load(file if file is not None else {}, environ=environ, also=files, plain=plain)
    except ConfigErrors as errors:
        raise ConfigErrors(named(errors.mistakes, files, given or {})) from None


def _needs_no_file(pack: str) -> None:
    """Raises ConfigError for a pack that watches a stream which only a file can declare."""
    import yaml

    told = yaml.safe_load(file_of(pack).read_text("utf-8"))
    there = {*told.get("streams", {}), *told["monitors"]}
    for monitor in told["monitors"].values():
        if monitor["stream"] not in there:
            raise ConfigError(
                f"the pack `{pack}` watches the stream `{monitor['stream']}`, which a file of yours declares: "
                f"`streamgauge run own.yaml --pack {pack}`; see docs/health/{pack}.md"
            )
