"""The verbs' part: what is refused is told with its place; options of one engine do not pass silently with another."""

from pathlib import Path

import pytest

from streamgauge.cli.run import _refuse_strange
from streamgauge.engines.spark.driving import default_checkpoint
from streamgauge.engines.spark.job import require_spark, verdicts_of
from streamgauge.errors import ConfigError, OutsideError
from tests.cli.in_process import Verb

FILE = """\
streams:
  payments:
    source: {type: kafka, brokers: "127.0.0.1:1", topic: payments}
    format: json
    fields: {account: string, at: timestamp}
    partitioned_by: account
    time: at
monitors:
  burst:
    stream: payments
    window: {type: tumbling, size: 5s, by: BY}
    detect: {type: threshold, when: count > 2}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "payments.yaml"
    path.write_text(FILE.replace("BY", "account"), "utf-8")
    return path


@pytest.fixture
def by_pattern(file: Path) -> Path:
    file.write_text(FILE.replace("BY", "account").replace("topic: payments", "pattern: 'pay.*'"), "utf-8")
    return file


@pytest.fixture
def check(capsys) -> Verb:
    return Verb("check", capsys)


def test_check_finds_what_spark_cannot_do(check: Verb, by_pattern: Path):
    done = check(by_pattern, "--engine", "spark")
    assert done.code == 2
    assert done.out.startswith("$.streams.payments.source.pattern: topics by pattern: ")
    (told,) = check(by_pattern, "--engine", "spark", "--json").objects
    assert (told["kind"], told["engine"]) == ("refused", "spark")
    assert told["path"] == "$.streams.payments.source.pattern"


@pytest.mark.parametrize(
    "window", ["session, gap: 5s", "tumbling, size: 5s, include_empty: true", "count, size: 9"]
)
def test_what_needs_all_records_in_one_place_is_fine(check: Verb, file: Path, window: str):
    file.write_text(FILE.replace("tumbling, size: 5s, by: BY", window), "utf-8")
    done = check(file, "--engine", "spark")
    assert (done.code, done.lines[-1].partition(",")[0]) == (0, "burst: its records leave the cluster")
    assert check(file, "--engine", "spark", "--json").objects[-1]["kind"] == "sent"


def test_check_of_what_spark_can_do_is_fine(check: Verb, file: Path):
    assert check(file, "--engine", "spark").code == 0


def test_an_engine_that_there_is_not(check: Verb, file: Path):
    done = check(file, "--engine", "flink")
    assert (done.code, "there is no engine 'flink'" in done.err) == (2, True)
    with pytest.raises(ConfigError, match="there is no engine 'flink'"):
        _refuse_strange("flink", {})


@pytest.mark.parametrize("option", ["--master", "--topic", "--checkpoint", "--conf"])
def test_options_of_spark_fit_spark_only(option: str):
    with pytest.raises(ConfigError, match=f"`{option}` fits `--engine spark` only"):
        _refuse_strange("embedded", {"--master": None, option: "a=b"})


def test_without_pyspark_it_says_what_to_install():
    with pytest.raises(OutsideError, match="streamgauge\\[spark\\]"):
        require_spark()


def test_the_default_places_lie_beside_the_file(file: Path):
    assert verdicts_of(file) == "payments.verdicts"
    assert default_checkpoint(file) == str(file.with_suffix(".checkpoint"))
