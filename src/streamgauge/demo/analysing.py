"""``streamgauge demo --ui``: the demo's stream with monitors to look at, and the analysis app beside it.

These monitors tell nobody, so the table of planted against found stays what it is.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamgauge.dashboard.process import App

REFERENCE = "usual.reference"
USUAL = 20_000
"""Records of a day without faults, which the reference is made of."""
FEATURES = ("amount", "country", "status")
FIELDS = """\
      at: timestamp
      score:    # an invented model: it sees most refusals, and takes what is dear for one
        type: float
        compute: case when status = 'refused' and amount > 12 then 0.9 when amount > 150 then 0.6 else 0.03 end
      refused: {type: bool, compute: status = 'refused'}
"""


def rules(shipped: str, reference: Path) -> str:
    """The shipped file with what there is to look at; marks stay marks."""
    more = files("streamgauge.demo").joinpath("analysis.yaml").read_text("utf-8")
    more = more.replace("@reference", json.dumps(str(reference.resolve())))
    found = shipped.replace("      at: timestamp\n", FIELDS, 1).replace(
        "\nchannels:", f"{more}\nchannels:", 1
    )
    assert FIELDS in found
    assert more in found
    return found


def write_reference(file: Path, seed: int) -> None:
    """What is usual: a day of the same world in which nothing is planted."""
    import msgspec
    import numpy as np

    from streamgauge.sources import scenarios
    from streamgauge.sources.scenarios.contract import start_run
    from streamgauge.sources.synthetic import Generation
    from streamgauge.statistics.reference import build
    from streamgauge.statistics.reference_file import encoded

    world = scenarios.find("payments")
    day = Generation(world, start_run(world, seed=seed + 1, start=0, rate=None, faults=False))
    records: list[dict[str, Any]] = []
    while len(records) < USUAL:
        read = day.read(len(records), USUAL - len(records))
        records += [msgspec.json.decode(payload) for payload in read.payloads]
    columns: dict[str, Any] = {name: [record[name] for record in records] for name in FEATURES}
    columns["amount"] = np.array(columns["amount"], np.float64)
    file.write_bytes(encoded(build(columns)))


@contextmanager
def beside(port: int) -> Iterator[App]:
    """The analysis app over the demo's server; its own port, or a free one where that is taken.

    Raises:
        OutsideError: Streamlit is not installed.
    """
    from streamgauge.dashboard.process import PORT, App
    from streamgauge.dashboard.reach import Reach
    from streamgauge.errors import OutsideError
    from streamgauge.server.pages.analysis import ADDRESS

    url = f"http://127.0.0.1:{port}"
    app = App(Reach(url, url), port=PORT, quiet=True)
    try:
        app.start()
    except OutsideError:
        app = App(Reach(url, url), port=0, quiet=True)
        app.start()
    os.environ[ADDRESS] = app.url  # so that the pages of incidents, served by this process, link to it
    try:
        yield app
    finally:
        del os.environ[ADDRESS]
        app.stop()
