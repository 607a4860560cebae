"""Find every mistake of a configuration file, without starting anything."""

from __future__ import annotations

import json as _json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streamgauge.cli._packs import Brokers, Given, Packs, configured

if TYPE_CHECKING:
    from streamgauge.config import Config, Mistake


def command(  # noqa: PLR0917  typer's options are its parameters
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="The configuration.", show_default=False)
    ] = None,
    pack: Packs = None,
    brokers: Brokers = None,
    set_: Given = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="STORE",
            help="Also tell which monitors keep the state that this store (a URL or a file) holds.",
            show_default=False,
        ),
    ] = None,
    engine: Annotated[
        str, typer.Option(help="Also find what this engine cannot do: embedded, which can all, or spark.")
    ] = "embedded",
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object for each mistake, warning and monitor.")
    ] = False,
) -> None:
    """Find every mistake of a configuration file, without starting anything.

    Prints `file:line:column: $.path: what was expected` for each mistake and ends with 2; `ok` and 0 if there
    is none, with each monitor's kind: who owns its state, and why. Warnings do not change the exit code.

    Example: streamgauge check payments.yaml
    """
    from streamgauge.config import ConfigErrors
    from streamgauge.errors import ConfigError

    if file is None and not pack:
        raise ConfigError("say what to check: `check FILE`, `check --pack kafka`, or both")
    try:
        config = configured(file, pack or [], brokers, set_ or [])
        if file is not None:
            _refuse_wrong_calls(config, file)
    except ConfigErrors as errors:
        _tell("mistake", errors.mistakes, json=json)
        raise typer.Exit(errors.exit_code) from None
    _refuse_for(engine, config, json=json)
    if not json:
        print(f"ok: {', '.join([*([str(file)] if file else []), *(f'pack {name}' for name in pack or [])])}")
    _tell("warning", config.warnings, json=json)
    _tell_kinds(config, json=json)
    if engine == "spark":
        _tell_sent(config, json=json)
    if against is not None:
        _tell_inherited(config, against, json=json)


def _refuse_wrong_calls(config: Config, file: Path) -> None:
    """Raises ConfigErrors for jobs that call no verb as it wants to be called."""
    from streamgauge.cli._jobs import wrong_calls
    from streamgauge.config import ConfigErrors

    if wrong := wrong_calls(config, file):
        raise ConfigErrors(wrong)


def _refuse_for(engine: str, config: Config, *, json: bool) -> None:
    """Ends with 2 where an engine cannot do what the file asks for, with each place and its reason."""
    from streamgauge.errors import ConfigError

    if engine == "embedded":
        return
    if engine != "spark":
        raise ConfigError(f"--engine: there is no engine {engine!r}; write embedded or spark")
    from streamgauge.engines.spark.refusals import refused

    found = refused(config)
    for one in found:
        plain = {"kind": "refused", "engine": engine, "path": one.path, "what": one.what, "why": one.why}
        print(_json.dumps(plain, ensure_ascii=False) if json else one)
    if found:
        raise typer.Exit(ConfigError.exit_code)


def _tell_kinds(config: Config, *, json: bool) -> None:
    """Who owns each monitor's state, and why."""
    from streamgauge.plan import make_plan

    for name, monitor in make_plan(config).monitors.items():
        if json:
            print(
                _json.dumps({"kind": "monitor", "monitor": name, "state": monitor.kind, "why": monitor.why})
            )
        else:
            print(f"{name}: {monitor.kind}: {monitor.why}")


def _tell_sent(config: Config, *, json: bool) -> None:
    """Which monitors Spark does not judge, and who does."""
    from streamgauge.engines.spark.forwarding import sent_of

    why = "its records leave the cluster, and `notify` judges them in one process"
    for name in sent_of(config):
        print(_json.dumps({"kind": "sent", "monitor": name, "why": why}) if json else f"{name}: {why}")


def _tell_inherited(config: Config, store: str, *, json: bool) -> None:
    """Which monitors would go on with what the store holds."""
    from contextlib import closing

    from streamgauge.engines.running.inheritance import inherited
    from streamgauge.plan import make_plan
    from streamgauge.stores import open_reading

    url = store if "://" in store else f"sqlite:///{store}"
    with closing(open_reading(url)) as look:
        found = inherited(make_plan(config), look)
    for one in found:
        if json:
            print(_json.dumps({"kind": "state", "monitor": one.monitor, "keeps": one.keeps, "why": one.why}))
        else:
            print(f"{one.monitor}: {'keeps its state' if one.keeps else 'starts new'}: {one.why}")


def _tell(kind: str, found: tuple[Mistake, ...], *, json: bool) -> None:
    for one in found:
        if json:
            print(_json.dumps({"kind": kind} | one.as_json(), ensure_ascii=False))
        else:
            print(one if kind == "mistake" else f"warning: {one}")
