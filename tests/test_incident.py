"""What an incident is made of."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from streamgauge.incident import Incident, IncidentState, changed
from tests.incidents.given import incident


def test_a_changed_incident_is_the_one_that_replace_makes():
    one = incident(at=5, notices=1, told=("ops",))
    assert changed(one) == one
    assert changed(one) is not one
    over: dict[str, Any] = {"state": IncidentState.RESOLVED, "resolved_at": 9, "notices": 2}
    assert changed(one, **over) == replace(one, **over)
    assert one == incident(at=5, notices=1, told=("ops",))


def test_each_field_can_be_changed():
    one = incident()
    for name in [each.name for each in fields(Incident)]:
        assert getattr(changed(one, **{name: "x"}), name) == "x"


def test_a_field_that_is_not_there_is_an_error():
    with pytest.raises(KeyError):
        changed(incident(), colour="red")
