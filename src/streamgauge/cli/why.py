"""Tell why a monitor did, or did not, fire."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from streamgauge.cli._store import HERE, ConfigOption, StoreOption, ask, load_file
from streamgauge.errors import ConfigError, OutsideError


def command(
    monitor: Annotated[str, typer.Argument(metavar="MONITOR", help="Its name.", show_default=False)],
    key: Annotated[
        str | None,
        typer.Argument(
            metavar="KEY",
            help="Whose windows: a value, or several separated by commas. Default: the key with the newest incident.",
            show_default=False,
        ),
    ] = None,
    config: ConfigOption = None,
    store: StoreOption = None,
    server: Annotated[
        str | None,
        typer.Option(help=f"A running server; default: the configuration's, {HERE}.", show_default=False),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the answer as one JSON object.")] = False,
) -> None:
    """Tell why a monitor did, or did not, fire.

    Shows the key's last windows with the truth of each part of the condition, how far event time has come, and
    what holds it back. Asks the running server; where none answers it reads the store, which needs `--config`.

    Example: streamgauge why burst a-7 --config payments.yaml
    """
    from streamgauge.cli._table import print_lines

    found = _found(monitor, key, config, store, server)
    if json:
        print_lines([found])
        return
    for line in told(found):
        print(line)


def told(found: Mapping[str, Any]) -> Iterator[str]:
    """The answer in lines for people."""
    from streamgauge.channels.wording import printable

    key = found["key"]
    label = " · ".join(map(str, key)) if isinstance(key, list) else key
    subject = found["monitor"] if label is None else f"{found['monitor']} of {label}"
    yield printable(f"{subject}: {found['answer']}")
    for window in found["windows"]:
        yield ""
        yield from map(printable, _window(window, found["when"]))
    yield ""
    yield f"watermark  {found['time']['watermark'] or 'none yet'}  ({found['kind']}: {found['why_this_kind']})"
    for sentence in found["time"]["held_back"]:
        yield printable(f"held back  {sentence}")
    for note in found["notes"]:
        yield printable(f"note       {note}")


def _window(window: Mapping[str, Any], when: str | None) -> Iterator[str]:
    values = ", ".join(f"{name} = {_short(value)}" for name, value in window["values"].items())
    yield f"window     {window['window_start']} to {window['window_end']}: {values}"
    if when is None:
        return
    yield f"           {_truth(window['holds'])}  {when}"
    if len(window["parts"]) > 1:
        for part in window["parts"]:
            yield f"             {_truth(part['holds'])}  {part['text']}"


def _truth(holds: bool | None) -> str:
    return {True: "true   ", False: "false  ", None: "missing"}[holds]


def _short(value: Any) -> str:
    return "missing" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def _found(
    monitor: str, key: str | None, config: Path | None, store: str | None, server: str | None
) -> dict[str, Any]:
    """From the running server, else from the store."""
    loaded = load_file(config) if config is not None else None
    if store is None and server is None and loaded is not None and loaded.server.port == 0:
        print("the server takes any free port, so it is not asked: reading the store", file=sys.stderr)
        store = loaded.store.url
    url = server or (HERE if loaded is None else f"http://{loaded.server.host}:{loaded.server.port}")
    parameters = {} if key is None else {"key": key}
    if store is None:
        try:
            return ask(url, f"/api/v1/why/{monitor}", **parameters)
        except OutsideError:
            if loaded is None or server is not None:
                raise
            print(f"no server answers at {url}: reading the store", file=sys.stderr)
    if loaded is None:
        raise ConfigError("`--store` alone does not say what the monitor asks: add `--config FILE`")
    from contextlib import closing

    from streamgauge.stores import open_reading
    from streamgauge.why import why

    with closing(open_reading(store or loaded.store.url)) as look:
        return why(loaded, look, monitor, key, None)
