"""``streamgauge reference`` and ``streamgauge drift``: what they print, and how they end."""

import gzip
import json

import numpy as np
import polars as pl
import pytest

from streamgauge.statistics import reference_file
from tests.cli.in_process import Verb

COLUMNS = ["feature", "kind", "rows", "missing", "bins"]


def customers(count: int, seed: int, mean: float = 3.0, countries=("CH", "DE")) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "id": [f"{seed}-{n}" for n in range(count)],
            "amount": rng.lognormal(mean, 1, count).round(2),
            "country": rng.choice(countries, count),
            "shop": rng.integers(1, 40, count),
        }
    )


@pytest.fixture
def reference(capsys):
    return Verb("reference", capsys)


@pytest.fixture
def drift(capsys):
    return Verb("drift", capsys)


@pytest.fixture
def made(tmp_path, reference):
    """A reference of a calm month, and the next month, which is like it."""
    customers(3_000, 1).write_parquet(tmp_path / "january.parquet")
    customers(800, 2).write_csv(tmp_path / "february.csv")
    done = reference("build", "--from", tmp_path / "january.parquet", "--out", tmp_path / "p.reference")
    assert done.code == 0
    return tmp_path


def test_build_leaves_out_what_names_records_and_says_so(made, reference):
    done = reference("build", "--from", made / "january.parquet", "--out", made / "again.reference")
    assert done.lines[0].split() == COLUMNS
    assert [line.split()[0] for line in done.lines[1:4]] == ["amount", "country", "shop"]
    assert "left out" in done.lines[4]
    assert "id" in done.lines[4]
    assert list(reference_file.load(made / "again.reference").features) == ["amount", "country", "shop"]


def test_files_of_any_kind_give_the_same_reference(made, reference):
    frame = customers(3_000, 1)
    frame.write_csv(made / "j.csv")
    frame.write_ndjson(made / "j.ndjson")
    (made / "j.ndjson.gz").write_bytes(gzip.compress((made / "j.ndjson").read_bytes()))
    wanted = (made / "p.reference").read_bytes()
    for name in ("j.csv", "j.ndjson", "j.ndjson.gz"):
        assert reference("build", "--from", made / name, "--out", made / "x.reference").code == 0
        assert (made / "x.reference").read_bytes() == wanted, name


def test_lines_that_are_no_records_are_left_out_and_counted(tmp_path, reference):
    (tmp_path / "x.ndjson").write_text(
        '{"a": 1, "in": {"b": 2}}\n["no"]\nnot json\n{"a": 2, "in": {"b": 3}}\n'
    )
    done = reference("build", "--from", tmp_path / "x.ndjson", "--out", tmp_path / "x.reference")
    assert (done.code, "2 lines are no records" in done.err) == (0, True)
    assert list(reference_file.load(tmp_path / "x.reference").features) == ["a", "in.b"]


def test_options_shape_the_bins(made, reference):
    out = made / "x.reference"
    asked = ("build", "--from", made / "january.parquet", "--out", out, "--features", "amount,shop", "--json")
    for more, amount, kind in (
        (("--bins", "4"), 4, "number"),
        (("--binning", "fixed", "--edges", "amount=10,20"), 3, "number"),
        (("--binning", "width", "--bins", "5"), 5, "number"),
        (("--categories", "shop"), 10, "category"),
    ):
        first, second = reference(*asked, *more).objects
        assert (first["bins"], second["kind"]) == (amount, kind)


def test_a_reference_of_no_records_is_refused(tmp_path, reference):
    customers(0, 1).write_csv(tmp_path / "none.csv")
    done = reference("build", "--from", tmp_path / "none.csv", "--out", tmp_path / "none.reference")
    assert (done.code, (tmp_path / "none.reference").exists()) == (2, False)
    assert "holds no records" in done.err


def test_edges_of_no_column_are_refused(made, reference):
    asked = ("build", "--from", made / "january.parquet", "--out", made / "x.reference", "--binning", "fixed")
    for more, said in ((("--edges", "amuont=1,2"), "no column `amuont`"), ((), "`fixed` needs the edges")):
        done = reference(*asked, *more)
        assert done.code == 2
        assert said in done.err


def test_what_is_not_compared_of_two_files_is_named(made, drift):
    january = pl.read_parquet(made / "january.parquet").with_columns(at=pl.datetime(2026, 1, 1))
    january.write_parquet(made / "with-times.parquet")
    done = drift(made / "with-times.parquet", made / "with-times.parquet", "--method", "gaussian")
    assert done.lines[-2:] == [
        "not compared, since gaussian compares numbers: country",
        "left out, since nearly each row has its own: id, at (--features takes them)",
    ]


def test_merge_adds_up_and_show_shows(made, reference):
    done = reference("merge", made / "p.reference", made / "p.reference", "--out", made / "two.reference")
    assert [line.split()[2] for line in done.lines[1:]] == ["6000"] * 3
    shown = reference("show", made / "two.reference", "--json").objects
    assert sum(shown[1]["counts"].values()) == 6_000


def test_the_same_is_ok_and_another_is_told(made, drift):
    done = drift(made / "p.reference", made / "february.csv")
    assert (done.code, done.lines[-2].split(":")[0]) == (0, "ok")
    assert done.lines[-1] == "not compared, since the reference lacks them: id"
    customers(800, 3, 4.0, ("CH", "US")).write_csv(made / "march.csv")
    done = drift(made / "p.reference", made / "march.csv", "--fail-on", "drift")
    assert done.code == 1
    assert "unseen: US" in done.out
    assert any(
        line.startswith("critical: worst is country, 67% of 3 features drifted") for line in done.lines
    )


def test_json_has_a_line_per_feature_and_one_for_all(made, drift):
    found = drift(made / "p.reference", made / "february.csv", "--json", "--method", "hellinger").objects
    assert [line["kind"] for line in found] == ["feature"] * 3 + ["overall"]
    assert found[-1]["severity"] == "ok"


def test_two_files_are_compared_and_limits_taken(made, drift):
    asked = (
        made / "january.parquet",
        made / "february.csv",
        "--features",
        "amount",
        "--method",
        "wasserstein",
    )
    assert len(drift(*asked, "--json").objects) == 2
    tight = drift(*asked, "--warning", "0.0001", "--critical", "9", "--min", "801", "--json").objects
    assert tight[0]["severity"] == "not_enough_data"


@pytest.mark.parametrize(
    ("current", "said"),
    [
        ("none.csv", "there is no such file"),
        ("p.reference", "expected .parquet, .csv or .ndjson"),
        ("lacks.csv", "no column `country`"),
    ],
)
def test_what_cannot_be_compared_is_said(current, said, made, drift):
    customers(20, 1).drop("country").write_csv(made / "lacks.csv")
    done = drift(made / "p.reference", made / current)
    assert done.code in (2, 3)
    assert said in done.err


def test_a_missing_reference_is_not_invented(made, drift):
    done = drift(made / "none.reference", made / "february.csv")
    assert done.code == 2
    assert "streamgauge reference build" in done.err


def test_a_reference_holds_no_rows(made):
    text = (made / "p.reference").read_text()
    assert "1-17" not in text
    assert json.loads(text)["format"] == "streamgauge.reference"
