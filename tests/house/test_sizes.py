"""Files and functions stay small enough to be read in one go; names say something."""

from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.house.reading import Function, source

ROOT = Path(__file__).parents[2]
FILES = {
    str(path.relative_to(ROOT)): path.read_text("utf-8")
    for folder in ("src", "tests", "benchmarks", "scripts")
    for path in sorted((ROOT / folder).rglob("*.py"))
}
OURS = {name: text for name, text in FILES.items() if name.startswith("src/")}
KERNELS = {"kernel", "lean_kernel", "inner"}
"""Decorators of row loops, which take their arrays one by one and are compiled whole."""
DRAWERS = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "base", "misc"}


def functions(files: dict[str, str]) -> Iterator[tuple[str, Function]]:
    """The functions that are no kernels, each with its file and name."""
    for name in files:
        for function in source(ROOT / name).functions:
            if not function.decorators & KERNELS:
                yield f"{name}: {function.name}", function


def test_files_are_short():
    assert len(FILES) > 150
    assert not {name: lines for name, text in FILES.items() if (lines := text.count("\n")) > 600}


def test_functions_are_short():
    assert not {name: found.lines for name, found in functions(FILES) if found.lines > 60}


def test_functions_take_few_arguments():
    """At most six beside ``self`` that a caller gives by place; the options of a verb are no such thing."""
    by_place = {
        name: found.by_place
        for name, found in functions(OURS)
        if not name.startswith("src/streamgauge/cli/") or found.name != "command"
    }
    assert not {name: count for name, count in by_place.items() if count > 6}


def test_most_are_much_shorter():
    assert median(text.count("\n") for text in OURS.values()) <= 135
    lengths = sorted(found.lines for _, found in functions(OURS))
    assert median(lengths) <= 8
    assert lengths[int(len(lengths) * 0.9)] <= 24


def test_no_name_says_nothing():
    assert not [name for name in FILES if Path(name).stem in DRAWERS]
