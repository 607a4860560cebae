"""What shows in a sample, as a truth table: one sentence per row."""

from __future__ import annotations

from datetime import timedelta

import pytest

from streamgauge.errors import ConfigError, SourceError
from streamgauge.profiling import sample
from streamgauge.profiling.guess import Wishes
from streamgauge.profiling.personal import looks_personal
from tests.profiling.given import CLOCK, START, field_of, found_in

FIELDS = [
    ("texts are texts", "it", ["a", "b"], ("string", None, None, False)),
    ("whole numbers are ints", "it", [1, 2], ("int", None, None, False)),
    ("numbers with and without a point are floats", "it", [1, 2.5], ("float", None, None, False)),
    ("whole amounts are floats, since the next may have a point", "amount", [1, 2], ("float", None, 0, False)),
    ("an amount that was negative has no bound", "amount", [1.5, -2], ("float", None, None, False)),
    ("temperatures have none either", "celsius", [1.5, 2.5], ("float", None, None, False)),
    ("bytes are whole and never negative", "bytes", [1, 2], ("int", None, 0, False)),
    ("nulls say nothing", "it", [None, 1], ("int", None, None, False)),
    ("true and false", "it", [True, False], ("bool", None, None, False)),
    ("a number as a text with a point is a number", "price", ["1.50", "2.25"], ("float", None, 0, False)),
    ("an id of digits is a text", "order_id", ["1001", "1002"], ("string", None, None, False)),
    ("leading zeros make a text", "amount", ["007", "008"], ("string", None, None, False)),
    ("milliseconds in a field that is called like a time", "created_at", [START, START + 5], ("timestamp", "ms", None, False)),
    ("seconds", "ts", [START // 1000], ("timestamp", "s", None, False)),
    ("seconds with a fraction", "ts", [START / 1000], ("timestamp", "s", None, False)),
    ("microseconds", "event_time", [START * 1000], ("timestamp", "us", None, False)),
    ("nanoseconds as a text", "time", [str(START * 10**6)], ("timestamp", "ns", None, False)),
    ("ISO 8601 whatever the name", "it", ["2026-01-01T00:00:00Z"], ("timestamp", None, None, False)),
    ("a large number that is no time by its name", "serial", [START, START + 5], ("int", None, None, False)),
    ("camel case is understood", "createdAt", [START], ("timestamp", "ms", None, False)),
    ("e-mail addresses are masked", "contact", ["ann@example.com"], ("string", None, None, True)),
    ("card numbers are masked", "card", ["4111 1111 1111 1111"], ("string", None, None, True)),
    ("card numbers as numbers too", "it", [4111111111111111], ("int", None, None, True)),
    ("phones are masked by their name", "phoneNumber", ["+41 44 000 00 00"], ("string", None, None, True)),
]  # fmt: skip
LEFT_OUT = [
    ("lists cannot be declared", ["a", ["b"]], "mixed"),
    ("a list alone neither", [["b"]], "a list"),
    ("numbers and texts are not mixed", [1, "b"], "mixed"),
    ("what is always null is not known", [None], "always missing"),
]


@pytest.mark.parametrize(("sentence", "name", "values", "wanted"), FIELDS, ids=[row[0] for row in FIELDS])
def test_fields(sentence, name, values, wanted, tmp_path):
    field = field_of(tmp_path, values, name)
    assert field is not None
    assert (field.type, field.unit, field.min, field.mask) == wanted, sentence


@pytest.mark.parametrize(("sentence", "values", "why"), LEFT_OUT, ids=[row[0] for row in LEFT_OUT])
def test_what_is_left_out(sentence, values, why, tmp_path):
    found = found_in(tmp_path, [{"at": START + n, "it": value} for n, value in enumerate(values)])
    assert why in found.fields.left_out["it"], sentence


def test_places_within_objects_get_a_name_and_a_path(tmp_path):
    found = found_in(tmp_path, [{"at": START, "user": {"id": "u", "home-town": "Bern"}, "user_id": 5}])
    assert {one.name: one.path for one in found.fields.found} == {
        "at": None, "user_id": "user.id", "user_home_town": "user.home-town", "user_id_": "user_id",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("behind", "wanted", "beyond"),
    [
        ([0, 0, 0], 0, 0),
        ([0, 400, 0], 1, 0),
        ([0, 59_000, 300], 60, 0),
        ([0, 800] * 2500 + [7_200_000] * 2, 1, 2),
    ],
    ids=["in order: none", "less than a second: one", "59 s: a minute", "two stragglers are left to be late"],
)
def test_lateness(behind, wanted, beyond, tmp_path):
    records = [{"at": START + n - back} for n, back in enumerate(behind)]
    found = found_in(tmp_path, records).timing
    assert (found.lateness, found.beyond) == (timedelta(seconds=wanted), beyond)


def test_the_event_time_is_the_one_that_is_called_so(tmp_path):
    found = found_in(tmp_path, [{"created": "2020-01-01", "at": START, "valid_until": START}])
    assert found.timing.field is not None
    assert (found.timing.field.name, found.timing.others) == ("at", ("created", "valid_until"))


def test_a_field_that_is_often_missing_is_not_the_event_time(tmp_path):
    with pytest.raises(ConfigError, match="no field of stream is a moment that nearly every record carries"):
        found_in(tmp_path, [{"at": START, "a": 1}, {"a": 2}])


def test_fields_of_no_type_are_said_to_be_so(tmp_path):
    with pytest.raises(ConfigError, match=r"fields: none with values of one type\).* ISO 8601"):
        found_in(tmp_path, [{"at": "22.11.2026"}, {"at": 5}])


def test_a_wish_that_is_no_field(tmp_path):
    with pytest.raises(ConfigError, match="'att' is no field with moments; of those there are: at"):
        found_in(tmp_path, [{"at": START}], Wishes(time="att"))
    with pytest.raises(ConfigError, match="'who' is no field; there are: at"):
        found_in(tmp_path, [{"at": START}], Wishes(key="who"))


def test_the_key_repeats_and_is_called_like_something_that_people_watch(tmp_path):
    rows = [
        {
            "at": START + n,
            "id": f"p-{n}",
            "device": f"d-{n % 9}",
            "color": f"c-{n % 7}",
            "mail": f"u{n % 5}@x.org",
        }
        for n in range(500)
    ]
    keys = found_in(tmp_path, rows).keys
    assert keys.field is not None
    assert keys.field.name == "device"
    assert keys.kind_of is not None
    assert keys.kind_of.name == "color"
    assert not keys.placed


def test_nothing_repeats(tmp_path):
    assert found_in(tmp_path, [{"at": START + n, "id": f"p-{n}"} for n in range(50)]).keys.field is None


@pytest.mark.parametrize(
    ("name", "values", "looks"),
    [
        ("iban", ["CH93 0076 2011 6238 5295 7"], "bank accounts"),
        ("it", ["4111111111111112"], None),
        ("it", [START], None),
        ("lastName", ["Meier"], "personal data, by its name"),
        ("username_count", [3], None),
    ],
)
def test_personal_data(name, values, looks):
    assert looks_personal(name, values) == looks


def test_files_that_hold_nothing_to_read(tmp_path):
    (tmp_path / "words.txt").write_text("hello\nworld\n")
    with pytest.raises(
        ConfigError, match=r"none of the 2 records looked at in .*words.txt can be read as JSON"
    ):
        sample.of_files("words", [str(tmp_path / "words.txt")], 100, CLOCK)
    with pytest.raises(SourceError):
        sample.of_files("none", [str(tmp_path / "none.ndjson")], 100, CLOCK)
