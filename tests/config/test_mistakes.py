"""Every mistake is reported at its place, in its words; all of a file's mistakes in one go."""

from __future__ import annotations

import pytest

from streamgauge.config import ConfigErrors, Mistake, load
from streamgauge.errors import ConfigError
from tests.config.reading import HERE, Bad, bad_files

BAD = bad_files()


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_one_mistake_is_reported_once_where_it_is(bad: Bad):
    with pytest.raises(ConfigErrors) as caught:
        load(bad.path, environ={})
    expected = Mistake(bad.where, bad.message, str(bad.path), bad.line, bad.column)
    assert caught.value.mistakes == (expected,)
    assert str(caught.value) == f"{bad.path}:{bad.line}:{bad.column}: {bad.where}: {bad.message}"


def test_there_are_many_and_each_is_another():
    assert len(BAD) >= 45
    assert len({(bad.where, bad.message) for bad in BAD}) >= 0.9 * len(BAD)


FIVE = """\
streams:
  payments:
    source: {type: files, path: x.ndjson}
    format: jsn
    fields: {id: string, amount: {type: float, minimum: 0}}
    latenes: 2s
monitors:
  burst:
    stream: payments
    window: {type: tumbling, size: 5}
    detect: {type: threshold, when: count > 100}
    notify: ops
"""


def test_five_mistakes_are_five_in_the_order_of_the_file():
    with pytest.raises(ConfigErrors) as caught:
        load(FIVE, environ={})
    assert [(m.line, m.path) for m in caught.value.mistakes] == [
        (4, "$.streams.payments.format"),
        (5, "$.streams.payments.fields.amount.minimum"),
        (6, "$.streams.payments.latenes"),
        (10, "$.monitors.burst.window.size"),
        (12, "$.monitors.burst.notify"),
    ]


def test_names_and_expressions_are_checked_around_what_the_models_refuse():
    text = FIVE.replace("size: 5}", "size: 5, by: idd, compute: {count: count(*), x: sum(amont)}}")
    with pytest.raises(ConfigErrors) as caught:
        load(text.replace(", amount: {type: float, minimum: 0}", ", amount: float"), environ={})
    paths = [m.path for m in caught.value.mistakes]
    assert "$.monitors.burst.window.by" in paths
    assert "$.monitors.burst.window.compute.x" in paths


def test_what_was_refused_is_not_blamed_twice():
    text = """\
streams:
  payments: {source: {type: files, path: x}, format: json, fields: {id: strng, at: timestamp}, key: id, time: at}
monitors:
  burst: {stream: payments, where: id = 'x', detect: {type: silence, after: 1m}, notify: ops}
channels:
  ops: {type: consle}
"""
    with pytest.raises(ConfigErrors) as caught:
        load(text, environ={})
    assert [m.path for m in caught.value.mistakes] == ["$.streams.payments.fields.id", "$.channels.ops.type"]


def test_what_is_missing_does_not_hide_the_rest():
    text = """\
streams:
  payments: {fields: {id: string}, key: idd}
monitors:
  burst: {stream: payments, where: idd = 'x', window: {type: tumbling, size: 1m, by: idd}, notify: ops}
"""
    with pytest.raises(ConfigErrors) as caught:
        load(text, environ={})
    assert sorted(f"{m.path} {m.message[:20].rstrip(':')}" for m in caught.value.mistakes) == [
        "$.monitors.burst `detect` is missing",
        "$.monitors.burst.notify `channels:` declares",
        "$.monitors.burst.where there is no column '",
        "$.monitors.burst.window.by unknown field `idd`;",
        "$.streams.payments `format` is missing",
        "$.streams.payments `source` is missing",
        "$.streams.payments.key unknown field `idd`;",
    ]


def test_mistakes_in_python_data_have_paths_but_no_lines():
    with pytest.raises(ConfigErrors) as caught:
        load({"streams": {}, "monitors": {"x": {"stream": "y", "detect": {"type": "silence", "after": "5"}}}})
    assert [str(m).partition(":")[0] for m in caught.value.mistakes] == [
        "$.monitors.x.detect.after",
        "$.monitors.x.stream",
    ]
    assert all(m.line is None and m.file is None for m in caught.value.mistakes)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigErrors, match=r"nothing.yaml: .*cannot be read: no such file"):
        load(tmp_path / "nothing.yaml")


def test_a_file_that_is_not_utf8(tmp_path):
    file = tmp_path / "latin.yaml"
    file.write_bytes("streams: é".encode("latin-1"))
    with pytest.raises(ConfigErrors, match="not UTF-8"):
        load(file)


def test_aliases_of_aliases_do_not_eat_the_memory():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    with pytest.raises(ConfigErrors, match="unfolds to more than"):
        load("\n".join(lines), environ={})


def test_errors_are_config_errors_with_exit_code_2():
    with pytest.raises(ConfigError) as caught:
        load("", environ={})
    assert caught.value.exit_code == 2
    assert isinstance(caught.value, ValueError)


def test_the_folder_holds_nothing_else():
    assert {path.suffix for path in (HERE / "mistakes").iterdir()} == {".yaml"}
