"""Dashboards as constants of Grafana's types, which TypeScript then accepts or not: wrong names, values and types are told."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.services.fetching import alone, program, run

PACKAGES = ("@grafana/schema@13.1.0", "typescript@5.6.3")
"""The schema of the Grafana that docker-compose.monitoring.yml runs."""
_TYPES = Path(__file__).with_name("types.ts")
_CACHE = Path(__file__).parents[3] / ".cache" / "grafana-schema"
_OPTIONS = (
    "--noEmit",
    "--strict",
    "--skipLibCheck",
    "--module",
    "nodenext",
    "--moduleResolution",
    "nodenext",
)


def complaints(boards: Mapping[str, Mapping[str, Any]], folder: Path) -> list[str]:
    """What does not fit, with the name of its board and the number of its panel; nothing when all does.

    Args:
        boards: as their JSON says them, by name.
        folder: an empty one, to work in.

    Raises:
        CannotBeHadError: no node, or the packages cannot be had.
    """
    (folder / "node_modules").symlink_to(_packages())
    (folder / "package.json").write_text('{"type": "module"}')
    shutil.copy(_TYPES, folder)
    found = []
    for name, board in boards.items():
        (folder / f"{name}.ts").write_text("\n".join(_constants(board)) + "\n", "utf-8")
    files = [f"{name}.ts" for name in boards]
    compiler = folder / "node_modules" / ".bin" / "tsc"
    done = subprocess.run(
        [str(compiler), *_OPTIONS, *files], capture_output=True, text=True, check=False, cwd=folder
    )
    found += [line for line in done.stdout.splitlines() if "error TS" in line]
    assert found or done.returncode == 0, done.stdout + done.stderr
    return found


def _constants(board: Mapping[str, Any]) -> list[str]:
    """A line each for the board and its panels: a panel's number is one less than its line, and one for the import."""
    rest = {key: value for key, value in board.items() if key != "panels"}
    lines = ['import type * as grafana from "./types.js";']
    lines.append(f"export const board: grafana.board = {json.dumps(rest)};")
    for number, panel in enumerate(board["panels"]):
        lines.append(f"export const panel_{number}: grafana.{panel['type']} = {json.dumps(panel)};")
    return lines


def _packages() -> Path:
    npm = program("npm", "Grafana's schema", "npm")
    with alone(_CACHE):
        if not (_CACHE / "ready").exists():
            (_CACHE / "package.json").write_text('{"private": true}')
            run([npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", *PACKAGES], cwd=_CACHE)
            (_CACHE / "ready").touch()
    return _CACHE / "node_modules"
