"""Which store, and which running server, a looking verb asks: options that they share."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamgauge.errors import ConfigError, OutsideError

if TYPE_CHECKING:
    from streamgauge.config.models import Config
    from streamgauge.stores.sql import SqlVisitor

DEFAULT = "sqlite:///streamgauge.db"
HERE = "http://127.0.0.1:8000"
TOKEN = "STREAMGAUGE_TOKEN"  # noqa: S105  the variable's name
"""The environment's variable with the token that verbs show a server."""
PATIENCE = 5.0
"""Seconds to wait for a server's answer."""
DOING = 15.0
"""Seconds to wait until something is done; longer than the server itself waits."""

SERVER = "STREAMGAUGE_SERVER"
"""The environment's variable with the server that verbs ask."""
ServerOption = Annotated[str, typer.Option(help="The running server.", envvar=SERVER)]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="The configuration whose store it is.", show_default=False),
]
StoreOption = Annotated[
    str | None,
    typer.Option("--store", metavar="URL", help=f"The store itself; default: {DEFAULT}.", show_default=False),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")]


def open_look(
    config: Path | None, store: str | None, *, read_only: bool = True
) -> AbstractContextManager[SqlVisitor]:
    """The store that the options name.

    Raises:
        ConfigError: both are given, or the file has mistakes.
        StoreError: there is none.
    """
    from streamgauge.stores import open_reading

    if config is not None and store is not None:
        raise ConfigError("`--config` and `--store` both say which store it is: give one of them")
    url = load_file(config).store.url if config is not None else store if store is not None else DEFAULT
    return closing(open_reading(url, read_only=read_only))


def load_file(file: Path) -> Config:
    """A configuration.

    Raises:
        ConfigErrors: everything that is wrong.
    """
    from streamgauge.config import load

    return load(file)


def ask(url: str, path: str, **parameters: str) -> dict[str, Any]:
    """What a running server answers.

    Raises:
        ConfigError: it says that the question is wrong.
        OutsideError: none answers there, or it fails.
    """
    return _answered("GET", url, path, parameters, None)


def tell(url: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """What a running server answers to something that is to be done.

    Raises:
        ConfigError: it refuses.
        OutsideError: none answers there, or it fails.
    """
    return _answered("POST", url, path, {}, body)


def _answered(
    method: str, url: str, path: str, parameters: Mapping[str, str], body: Mapping[str, Any] | None
) -> dict[str, Any]:
    import httpx

    patience = PATIENCE if body is None else DOING
    try:
        answer = httpx.request(
            method,
            url.rstrip("/") + path,
            params=dict(parameters),
            json=body,
            headers=bearer(),
            timeout=patience,
            trust_env=False,
        )
        found: dict[str, Any] = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise OutsideError(
            f"no Streamgauge server answers at {url} ({error}); start one with `streamgauge run`, or name "
            "another with `--server`"
        ) from error
    if answer.status_code in (401, 403):
        raise ConfigError(f"{found.get('error', answer.text)}. Set {TOKEN} to a token of this server")
    if answer.status_code in (400, 404, 409, 422):
        raise ConfigError(str(found.get("error", answer.text)))
    if answer.status_code not in (200, 201):
        raise OutsideError(f"the server at {url} fails: {found.get('error', answer.status_code)}")
    return found


def bearer() -> dict[str, str]:
    """The header with the environment's token; nothing where there is none."""
    token = os.environ.get(TOKEN, "").strip()
    return {"Authorization": f"Bearer {token}"} if token else {}
