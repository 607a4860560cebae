"""``make demo-fraud`` as it is: five days with Prometheus beside them, and the page at the end."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.examples import fraud_demo
from tests.monitoring import asked
from tests.services.kafka import Broker
from tests.services.missing import CannotBeHadError, skip_or_fail

pytestmark = [pytest.mark.services, pytest.mark.soak, pytest.mark.timeout(900)]


def test_the_whole_story(kafka: Broker, tmp_path: Path):
    said: list[str] = []
    try:
        course, told = fraud_demo.whole(tmp_path, kafka, pace=0.3, say=said.append)
    except CannotBeHadError as missing:
        skip_or_fail(str(missing))
    assert [one.exposed for one in told.values] == pytest.approx(
        [one.reckoned for one in told.values], abs=1e-6
    )
    assert [one.kind for one in told.moments] == ["", "", "planted", "told", "", "told", "", ""]
    assert [one["feature"] for one in told.features if one["state"] != "no_drift"] == ["distance"]
    panels = {panel.title for panel in told.panels}
    assert panels == {panel["title"] for panel in asked.panels(asked.boards()["fraud"])}
    shown = {
        panel.title: line[-1][1] for panel in told.panels if panel.newest for line in panel.series.values()
    }
    at_the_end = {one.name: one.exposed for one in told.values}
    assert shown["Recall"] == at_the_end["fraud_model_recall"]
    assert shown["Drift score"] == at_the_end['fraud_model_feature_drift{feature=""}']
    page = (tmp_path / "index.html").read_text("utf-8")
    assert page.count("<svg") == 1 + len([panel for panel in told.panels if not panel.newest])
    assert "http" not in page
    assert len(said) == 1 + len(course.moments)
