"""Find what keeps a configuration from working, from the brokers to the receivers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streamgauge.cli._packs import Brokers, Given, Packs, configured
from streamgauge.cli._store import JsonOption
from streamgauge.errors import ConfigError

if TYPE_CHECKING:
    from streamgauge.checkup.contract import Finding
    from streamgauge.config import Config

_MARKS = {"fine": "ok", "unknown": "?", "warning": "warning", "wrong": "WRONG", "missing": "MISSING"}


Dashboards = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Instead: are the metrics there that these dashboards and rules ask for?",
        show_default=False,
    ),
]
Url = Annotated[str, typer.Option(metavar="URL", help="The Prometheus that dashboards ask.")]


def command(  # noqa: PLR0917  typer's options are its parameters
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="The configuration.", show_default=False)
    ] = None,
    pack: Packs = None,
    brokers: Brokers = None,
    set_: Given = None,
    dashboards: Dashboards = None,
    prometheus: Url = "http://127.0.0.1:9090",
    json: JsonOption = False,
) -> None:
    """Find what keeps a configuration from working, from the brokers to the receivers.

    Looks and changes nothing: no record is written, no group joined, no notice posted. Also while `run` runs.

    Example: streamgauge doctor payments.yaml
    """
    from streamgauge.checkup.examination import exit_code

    if (file is None and not pack) == (dashboards is None):
        raise ConfigError("give a configuration, a pack (`--pack kafka`), or `--dashboards FOLDER`")
    findings = []
    if dashboards is not None:
        found = _of_dashboards(dashboards, prometheus)
    else:
        found = _of_config(configured(file, pack or [], brokers, set_ or []))
    for finding in found:
        findings.append(finding)
        _print(finding, json=json)
    if not json:
        print(_summary(findings))
    raise typer.Exit(exit_code(findings))


def _of_config(config: Config) -> Iterator[Finding]:
    from streamgauge.checkup.examination import examine
    from streamgauge.checkup.patient import Patient

    with Patient(config) as patient:
        yield from examine(patient)


def _of_dashboards(folder: Path, prometheus: str) -> Iterator[Finding]:
    from streamgauge.checkup.metric_names.comparison import examine, known_to
    from streamgauge.checkup.metric_names.questions import files_of

    files = files_of(folder)
    return examine(files, known_to(prometheus))


def _print(finding: Finding, *, json: bool) -> None:
    from dataclasses import asdict

    from streamgauge.cli._table import print_lines

    if json:
        print_lines([asdict(finding)])
        return
    mark = _MARKS[finding.grade]
    print(f"{mark:<8}{finding.check}, {finding.about}: {finding.found}", flush=True)
    if finding.advice:
        print(f"{'':8}→ {finding.advice}", flush=True)


def _summary(findings: list[Finding]) -> str:
    troubles = sum(finding.grade in ("warning", "wrong", "missing") for finding in findings)
    checks = "1 check" if len(findings) == 1 else f"{len(findings)} checks"
    return f"{checks}, {troubles or 'no'} {'fault' if troubles == 1 else 'faults'}"
