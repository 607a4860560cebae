"""Find what keeps a configuration from working, from the brokers to the receivers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streamgauge.cli._store import JsonOption, load_file

if TYPE_CHECKING:
    from streamgauge.checkup.contract import Finding

_MARKS = {"fine": "ok", "unknown": "?", "warning": "warning", "wrong": "WRONG", "missing": "MISSING"}


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The configuration.", show_default=False)],
    json: JsonOption = False,
) -> None:
    """Find what keeps a configuration from working, from the brokers to the receivers.

    Looks and changes nothing: no record is written, no group joined, no notice posted. Also while `run` runs.

    Example: streamgauge doctor payments.yaml
    """
    from streamgauge.checkup.examination import examine, exit_code
    from streamgauge.checkup.patient import Patient

    config = load_file(file)
    findings = []
    with Patient(config) as patient:
        for finding in examine(patient):
            findings.append(finding)
            _print(finding, json=json)
    if not json:
        print(_summary(findings))
    raise typer.Exit(exit_code(findings))


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
    return f"{len(findings)} checks, {troubles or 'no'} {'fault' if troubles == 1 else 'faults'}"
