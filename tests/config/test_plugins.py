"""The word after ``type:``: found in the folder, or offered by another package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from streamgauge.config import ConfigErrors, load, plugins
from streamgauge.errors import ConfigError

OTHER = """\
from streamgauge.sources.contract import SourceConfig


class Config(SourceConfig):
    '''Reads the weather.'''

    city: str
"""
FILE = """\
streams:
  weather: {source: {type: weather, city: Bergen}, format: json, fields: {rain: float}}
"""


@pytest.fixture
def other_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A really installed package, as far as Python can tell: a module and its metadata on the path."""
    (tmp_path / "weather_source.py").write_text(OTHER)
    info = tmp_path / "weather_source-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: weather-source\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[streamgauge.sources]\nweather = weather_source\nbroken = no_such_module_here\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("other_package")
def test_other_packages_join_by_entry_points():
    config = load(FILE, environ={})
    assert config.streams["weather"].source.model_dump() == {"type": "weather", "city": "Bergen"}
    assert "weather" in plugins.names("sources")


@pytest.mark.usefixtures("other_package")
def test_their_models_are_held_to_the_same_rules():
    with pytest.raises(ConfigErrors, match="unknown key; did you mean `city`"):
        load(FILE.replace("city", "town_city"), environ={})


@pytest.mark.usefixtures("other_package")
def test_a_plugin_that_cannot_be_imported_is_a_mistake_with_a_place():
    with pytest.raises(ConfigErrors) as caught:
        load(FILE.replace("weather, city: Bergen", "broken"), environ={})
    assert caught.value.mistakes[0].path == "$.streams.weather.source.type"
    assert "no_such_module_here" in caught.value.mistakes[0].message


def test_without_the_package_the_type_is_unknown():
    with pytest.raises(
        ConfigErrors,
        match="unknown type `weather`; expected one of: connect, exposition, files, flink, http, kafka, kafka_lag, pipeline, probe, prometheus, spark, sql, synthetic",
    ):
        load(FILE, environ={})


@pytest.mark.parametrize("name", ["contract", "__init__", "../detectors/silence", "scenarios", "", "os"])
def test_a_type_is_never_any_other_module(name: str):
    with pytest.raises(ConfigError, match="unknown type"):
        plugins.module("sources", name)


def test_only_the_named_module_is_imported():
    code = (
        "import sys; from streamgauge.config import load;"
        "load({'streams': {'a': {'source': {'type': 'files', 'path': 'x'}, 'format': 'json',"
        " 'fields': {'b': 'int'}}}}, environ={});"
        "print(sorted(m for m in sys.modules if m.startswith('streamgauge.sources.')))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "streamgauge.sources.files" in out
    assert "kafka" not in out
    assert "synthetic" not in out
