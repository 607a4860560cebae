"""What verbs that take packs share: their options, and the configuration that comes of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streamgauge.cli._statements import pairs

if TYPE_CHECKING:
    from streamgauge.config import Config

Packs = Annotated[
    list[str] | None,
    typer.Option(
        "--pack",
        metavar="NAME",
        help="Ready-made monitors, such as kafka; may be repeated.",
        show_default=False,
    ),
]

Brokers = Annotated[
    str | None, typer.Option(help="Of the packs, such as localhost:9092.", show_default=False)
]
Given = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the packs; may be repeated."),
]


def configured(file: Path | None, packs: list[str], brokers: str | None, set_: list[str]) -> Config:
    """The configuration of a file, of packs, or of both.

    Raises:
        ConfigErrors: it has mistakes.
        ConfigError: there is no such pack or parameter, or there are parameters without a pack.
    """
    from streamgauge.config import load
    from streamgauge.errors import ConfigError
    from streamgauge.packs import load_with

    if packs:
        return load_with(packs, file, _given(packs, brokers, set_))
    if brokers or set_:
        raise ConfigError(
            "`--brokers` and `--set` fit packs (`--pack kafka`) and statements (`run -f FILE.sql`); write them into "
            "the file"
        )
    assert file is not None  # the verb has asked for one of them
    return load(file)


def _given(packs: list[str], brokers: str | None, set_: list[str]) -> dict[str, str]:
    from streamgauge.errors import ConfigError
    from streamgauge.packs import parameters

    given = pairs(set_, "--set", "NAME=VALUE, such as KAFKA_BROKER_COUNT=3")
    if brokers is None:
        return given
    fitting = [name for pack in packs if (name := f"{pack.upper()}_BROKERS") in parameters(pack)]
    if not fitting:
        raise ConfigError(f"`--brokers` fits no pack of {', '.join(packs)}: they ask no brokers")
    return {**dict.fromkeys(fitting, brokers), **given}
