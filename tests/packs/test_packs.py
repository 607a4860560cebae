"""Every pack is a configuration without mistakes, its parameters are told, and a file may stand beside it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from streamgauge import packs
from streamgauge.config import ConfigErrors
from streamgauge.detectors.threshold import Config as Threshold
from streamgauge.engines.embedded.session import Session
from streamgauge.errors import ConfigError
from streamgauge.sources.kafka_lag import Config as KafkaLag
from tests.cli.in_process import Verb
from tests.packs.test_pipeline import MAP

PAGES = Path(__file__).parents[2] / "docs" / "health"
OWN = """
store: sqlite:///own.db
monitors:
  {name}:
    stream: kafka-cluster
    where: kind = 'group' and lag > 1000
    detect: {{type: any, by: group}}
"""


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch):
    for pack in packs.names():
        for name in packs.parameters(pack):
            monkeypatch.delenv(name, raising=False)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.yaml"
    path.write_text(OWN.format(name="far-behind"))
    return path


@pytest.fixture
def beside(pack: str, tmp_path: Path) -> Path | None:
    """The file that a pack needs, with the stream that it watches."""
    if pack != "pipeline":
        return None
    path = tmp_path / "map.yaml"
    path.write_text(MAP)
    return path


@pytest.mark.parametrize("pack", packs.names())
class TestEachPack:
    def test_it_has_no_mistake(self, pack, beside, capsys):
        ended = Verb("check", capsys)(*([beside] if beside else []), "--pack", pack)
        assert ended.code == 0, ended.out
        assert "warning" not in ended.out

    def test_its_first_lines_and_its_page_tell_each_parameter(self, pack):
        comment = re.split(r"\n(?=streams:|monitors:)", packs.file_of(pack).read_text("utf-8"))[0]
        assert re.findall(r"^#   ([A-Z][A-Z_]+) ", comment, re.MULTILINE) == sorted(
            packs.parameters(pack), key=lambda name: comment.index(f"#   {name} ")
        )
        page = (PAGES / f"{pack}.md").read_text("utf-8")
        assert not [name for name in packs.parameters(pack) if f"`{name}`" not in page]

    def test_each_check_says_what_to_do_and_has_its_row(self, pack, beside):
        config = packs.load_with([pack], beside)
        page = (PAGES / f"{pack}.md").read_text("utf-8")
        for name, monitor in config.monitors.items():
            assert monitor.description
            assert f"| `{name}` |" in page

    def test_its_names_begin_as_it_is_called(self, pack, beside):
        config = packs.load_with([pack], beside)
        assert not [name for name in (*config.streams, *config.monitors) if not name.startswith(f"{pack}-")]


def test_parameters_come_from_the_environment_and_what_is_given_goes_before(monkeypatch):
    monkeypatch.setenv("KAFKA_BROKERS", "a:9092,b:9092")
    monkeypatch.setenv("KAFKA_BROKER_COUNT", "2")
    config = packs.load_with(["kafka"], given={"KAFKA_BROKER_COUNT": "3"})
    source = config.streams["kafka-cluster"].source
    assert isinstance(source, KafkaLag)
    assert source.brokers == ("a:9092,b:9092",)
    detect = config.monitors["kafka-brokers"].detect
    assert isinstance(detect, Threshold)
    assert detect.when == "brokers < 3"


def test_a_password_is_a_secret_and_a_count_is_none():
    config = packs.load_with(["kafka"], given={"KAFKA_BROKER_COUNT": "3", "KAFKA_PASSWORD": "s3cr3t"})
    assert set(config._secrets) == {"s3cr3t"}
    assert "s3cr3t" not in repr(config)


def test_a_file_beside_it_watches_its_streams_and_keeps_its_own_words(own: Path):
    config = packs.load_with(["kafka", "kafka"], own)
    assert config.store.url == f"sqlite:///{own.parent}/own.db"
    assert {"far-behind", "kafka-lag"} <= set(config.monitors)


def test_one_name_in_both_is_a_mistake_with_both_places(own: Path):
    own.write_text(OWN.format(name="kafka-lag"))
    with pytest.raises(ConfigErrors, match=r"kafka\.yaml:\d+.*`kafka-lag` is declared twice.*own\.yaml:4"):
        packs.load_with(["kafka"], own)


def test_what_there_is_not_is_named_with_what_comes_near():
    with pytest.raises(ConfigError, match="no pack 'kafak'; did you mean `kafka`"):
        packs.load_with(["kafak"])
    with pytest.raises(ConfigError, match="no parameter 'KAFKA_BROKER'; did you mean `KAFKA_BROKERS`"):
        packs.load_with(["kafka"], given={"KAFKA_BROKER": "a:1"})


def test_each_stream_of_a_pack_has_a_parameter_for_where_it_looks():
    found = packs.addresses(packs.names())
    assert found["kafka-cluster"] == "KAFKA_BROKERS"
    assert found["database-newest"] == "DATABASE_URL"
    assert len(found) == 8


def test_an_address_that_is_none_is_told_once():
    with pytest.raises(ConfigErrors) as told:
        packs.load_with(["jvm"], given={"JVM_URL": "broker:9404"})
    (line,) = str(told.value).splitlines()
    assert line.endswith(
        "jvm-metrics.source.urls: expected the page's address, such as http://localhost:9404/metrics"
    )


def test_a_wrong_parameter_is_told_by_the_name_under_which_it_was_given(monkeypatch):
    monkeypatch.setenv("KAFKA_BROKER_COUNT", "many")
    with pytest.raises(ConfigErrors) as caught:
        packs.load_with(["kafka"], given={"KAFKA_EVERY": "soon"})
    assert [(one.file, one.path) for one in caught.value.mistakes] == [
        ("--set KAFKA_EVERY", "$.streams.kafka-cluster.source.every"),
        ("environment variable KAFKA_BROKER_COUNT", "$.monitors.kafka-brokers.detect.when"),
    ]
    first, *_ = str(caught.value).splitlines()
    assert first.startswith(
        "--set KAFKA_EVERY: $.streams.kafka-cluster.source.every: 'soon' is not a duration"
    )


def test_a_parameter_that_stands_in_several_places_is_told_once(tmp_path: Path):
    file = tmp_path / "own.yaml"
    file.write_text(MAP)
    with pytest.raises(ConfigErrors) as caught:
        packs.load_with(["pipeline"], file, given={"PIPELINE_WITHIN": "soon"})
    assert [one.file for one in caught.value.mistakes] == ["--set PIPELINE_WITHIN"]


def test_mistakes_of_the_file_beside_a_pack_keep_their_places(own: Path):
    own.write_text(OWN.format(name="far-behind").replace("lag > 1000", "lagg > 1000"))
    with pytest.raises(ConfigErrors) as caught:
        packs.load_with(["kafka"], own, given={"KAFKA_EVERY": "soon"})
    assert {(one.file, one.line) for one in caught.value.mistakes} == {
        ("--set KAFKA_EVERY", None),
        (str(own), 6),
    }


def test_a_session_reads_pack_and_file_again(own: Path):
    def read():
        return packs.load_with(["kafka"], own)

    session = Session(read(), path=own, read=read)
    assert not session._read_again()
    own.write_text(OWN.format(name="further-behind"))
    assert session._read_again()
    assert session._fresh is not None
    assert {"further-behind", "kafka-lag"} <= set(session._fresh.monitors)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--pack", "kafka", "-f", "a.sql"], "by themselves"),
        (["--pack", "kafka", "--notify", "console"], "a file, which may stand beside `--pack`"),
        (["own.yaml", "--brokers", "a:1"], "fit packs"),
        (["--pack", "kafka", "--set", "x"], "write NAME=VALUE"),
    ],
)
def test_run_refuses_what_does_not_go_together(arguments, says, capsys):
    ended = Verb("run", capsys)(*arguments)
    assert ended.code == 2
    assert says in " ".join(ended.err.replace("│", " ").split())


def test_verbs_that_only_look_take_packs_too(own: Path, capsys):
    ended = Verb("check", capsys)(own, "--pack", "kafka", "--set", "KAFKA_BROKER_COUNT=3")
    assert (ended.code, ended.lines[0]) == (0, f"ok: {own}, pack kafka")
    assert "kafka-cluster  (kafka_lag, json" in Verb("explain", capsys)("--pack", "kafka").out
    for verb in ("check", "explain", "doctor"):
        ended = Verb(verb, capsys)()
        assert ended.code == 2
        assert "--pack" in ended.err
