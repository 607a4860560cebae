"""Make, list and revoke tokens of the server."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamgauge.cli._store import DEFAULT, ConfigOption, JsonOption, StoreOption, load_file
from streamgauge.errors import ConfigError

if TYPE_CHECKING:
    from streamgauge.stores.tokens import Token

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def verb() -> None:
    """Make, list and revoke tokens of the server.

    The store keeps their hashes alone. From the first one on, the server asks for a token.

    Example: streamgauge token create grafana --scope read --config payments.yaml
    """


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose it is, for lists and histories.", show_default=False)],
    *,
    scope: Annotated[
        list[str] | None,
        typer.Option(help="read, ingest, operate or admin; may be repeated.", show_default="read"),
    ] = None,
    expires: Annotated[
        str | None, typer.Option(metavar="DURATION", help="Such as 90d; default: never.", show_default=False)
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Let this file's token count, which was made elsewhere, instead of making one.",
            show_default=False,
        ),
    ] = None,
    config: ConfigOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Make a token and print it, once; or take one from a file, as often as you like.

    Example: streamgauge token create on-call --scope operate --expires 90d
    """
    from streamgauge.cli._table import print_lines
    from streamgauge.clock import SystemClock, to_micros
    from streamgauge.stores.tokens import Tokens

    scopes = _checked_scopes(scope or ["read"])
    if not name.strip() or not name.isprintable() or len(name) > 100:
        raise ConfigError("a token's name must be printable, on one line, of at most 100 characters")
    clock = SystemClock()
    expires_at = None if expires is None else clock.now() + to_micros(_duration(expires))
    with closing(Tokens(_url(config, store), clock, make=True)) as tokens:
        if token_file is not None:
            text = _written_in(token_file)
            new = tokens.take(text, name, scopes, expires_at)
            told = "counts here from now on" if new else "was taken before; nothing was changed"
            said = {"id": text.split("_")[1], "name": name, "scopes": scopes, "new": new}
        else:
            text = told = tokens.create(name, scopes, expires_at)
            said = {"token": text, "id": text.split("_")[1], "name": name, "scopes": scopes}
    if json:
        print_lines([said])
    else:
        print(f"token {said['id']} {told}" if token_file is not None else told)


@app.command("list")
def listing(config: ConfigOption = None, store: StoreOption = None, json: JsonOption = False) -> None:
    """List tokens by id and name; the tokens themselves are kept nowhere.

    Example: streamgauge token list --config payments.yaml
    """
    from streamgauge.cli._table import print_lines, print_table
    from streamgauge.clock import SystemClock
    from streamgauge.stores.tokens import Tokens

    clock = SystemClock()
    with closing(Tokens(_url(config, store), clock)) as tokens:
        found = [_shown(token, clock.now()) for token in tokens.all()]
    if json:
        print_lines(found)
    else:
        names = ("id", "name", "scopes", "state", "created", "expires")
        rows = [
            [" ".join(one["scopes"]) if name == "scopes" else one[name] for name in names] for one in found
        ]
        print_table(names, rows, "no tokens")


@app.command()
def revoke(
    id_: Annotated[str, typer.Argument(metavar="ID", help="As `token list` shows it.", show_default=False)],
    config: ConfigOption = None,
    store: StoreOption = None,
) -> None:
    """Let a token open nothing any more; a running server knows within a second.

    Example: streamgauge token revoke 1f0c2a9b --config payments.yaml
    """
    from streamgauge.clock import SystemClock
    from streamgauge.stores.tokens import Tokens

    with closing(Tokens(_url(config, store), SystemClock())) as tokens:
        if not tokens.revoke(id_):
            raise ConfigError(
                f"there is no valid token {id_!r}; `streamgauge token list` shows them by their ids"
            )
    print(f"token {id_} is revoked")


def _url(config: Any, store: str | None) -> str:
    if config is not None and store is not None:
        raise ConfigError("`--config` and `--store` both say which store it is: give one of them")
    return load_file(config).store.url if config is not None else store if store is not None else DEFAULT


def _written_in(file: Path) -> str:
    """The token of a file's first line."""
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"--token-file: {file} cannot be read ({error}); name a file that holds a token"
        ) from None
    return lines[0].strip() if lines else ""


def _checked_scopes(scopes: list[str]) -> list[str]:
    from streamgauge.settings import nearest
    from streamgauge.stores.tokens import SCOPES

    for scope in scopes:
        if scope not in SCOPES:
            raise ConfigError(f"--scope: there is no scope {scope!r}; {nearest(scope, SCOPES)}")
    return list(dict.fromkeys(scopes))


def _duration(text: str) -> Any:
    from datetime import timedelta

    from streamgauge.clock import parse_duration

    try:
        duration: timedelta = parse_duration(text)
    except ValueError as error:
        raise ConfigError(f"--expires: {error}") from None
    if duration <= timedelta(0):
        raise ConfigError("--expires: must be longer than zero")
    return duration


def _shown(token: Token, now: int) -> dict[str, Any]:
    from streamgauge.clock import iso

    state = "valid" if token.valid(now) else "revoked" if token.revoked_at is not None else "expired"
    return {
        "id": token.id,
        "name": token.name,
        "scopes": list(token.scopes),
        "state": state,
        "created": iso(token.created_at),
        "expires": iso(token.expires_at),
        "revoked": iso(token.revoked_at),
    }
