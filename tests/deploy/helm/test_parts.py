"""The library chart that the others carry packed: as its text says it, and in the version that they name."""

from __future__ import annotations

import tarfile

import pytest
import yaml

from deploy.helm import packing
from tests.deploy.helm.charts import CHARTS, NAMES, Helm, RefusedError


def test_every_chart_uses_it():
    assert packing.users() == [CHARTS / name for name in NAMES]


@pytest.mark.parametrize("chart", NAMES)
def test_what_a_chart_carries_is_what_the_text_says(chart):
    """`make charts` makes it so."""
    library = yaml.safe_load((packing.LIBRARY / "Chart.yaml").read_text("utf-8"))
    (named,) = yaml.safe_load((CHARTS / chart / "Chart.yaml").read_text("utf-8"))["dependencies"]
    assert (named["name"], named["version"]) == (library["name"], library["version"])
    (carried,) = (CHARTS / chart / "charts").iterdir()
    assert carried.name == f"parts-{library['version']}.tgz"
    with tarfile.open(carried) as archive:
        content = {one.name: archive.extractfile(one).read() for one in archive}  # type: ignore[union-attr]  # all are files
    assert content == packing.files()


def test_the_same_text_is_packed_to_the_same_bytes():
    assert packing.packed() == packing.packed()


def test_a_former_version_is_not_left_behind(tmp_path, monkeypatch):
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "Chart.yaml").write_text("version: 0.2.0", "utf-8")
    (tmp_path / "a" / "charts").mkdir(parents=True)
    (tmp_path / "a" / "Chart.yaml").write_text("dependencies: [{name: parts}]", "utf-8")
    (tmp_path / "a" / "charts" / "parts-0.1.0.tgz").touch()
    monkeypatch.setattr(packing, "CHARTS", tmp_path)
    monkeypatch.setattr(packing, "LIBRARY", tmp_path / "parts")
    packing.vendor()
    assert [path.name for path in (tmp_path / "a" / "charts").iterdir()] == ["parts-0.2.0.tgz"]


@pytest.mark.parametrize("chart", NAMES)
def test_nothing_can_be_set_for_it(helm: Helm, chart):
    with pytest.raises(RefusedError, match="parts"):
        helm.objects(chart, {"parts": {"name": "x"}})
