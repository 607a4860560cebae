"""A job that runs in a Flink of the tests, and its faults."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import httpx


class Job:
    """Counts payments per account and second, from one topic to another; saves a checkpoint each second.

    Attributes:
        id: Flink's.
        folder: where it saves checkpoints and looks for its faults.
    """

    NAME = "payments_per_second"

    def __init__(self, web: httpx.Client, folder: Path) -> None:
        self.id = ""
        self.folder = folder
        self._web = web

    def told(self, path: str = "") -> Any:
        """What ``/jobs/ID`` or a path below it answers."""
        return self._web.get(f"/jobs/{self.id}{path}").json()

    def runs(self) -> bool:
        """Whether all of its tasks run."""
        told = self.told()
        return told.get("state") == "RUNNING" and all(
            vertex["status"] == "RUNNING" for vertex in told["vertices"]
        )

    def checkpoints(self) -> int:
        """How many completed."""
        return int(self.told("/checkpoints")["counts"]["completed"])

    # faults

    def slow_down(self) -> None:
        """Each payment takes a tenth of a second from now on, in the task behind the source."""
        (self.folder / "slow").touch()

    def speed_up(self) -> None:
        """As it was."""
        (self.folder / "slow").unlink()

    def lose_checkpoints(self) -> None:
        """The folder of the checkpoints cannot be written any more: a file has its name."""
        shutil.rmtree(self.folder / "checkpoints")
        (self.folder / "checkpoints").touch()

    def find_checkpoints(self) -> None:
        """It can be written again."""
        (self.folder / "checkpoints").unlink()
        (self.folder / "checkpoints").mkdir()
