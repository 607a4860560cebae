"""Files and functions stay small enough to be read in one go; names say something."""

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median

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


def functions(files: dict[str, str]) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """The functions that are no kernels, each with its file and name."""
    for name, text in files.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                decorators = {one.id for one in node.decorator_list if isinstance(one, ast.Name)}
                if not decorators & KERNELS:
                    yield f"{name}: {node.name}", node


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines without the docstring."""
    text = ast.get_docstring(node, clean=False)
    return (node.end_lineno or 0) - node.lineno + 1 - (text.count("\n") + 1 if text else 0)


def test_files_are_short():
    assert len(FILES) > 150
    assert not {name: lines for name, text in FILES.items() if (lines := text.count("\n")) > 600}


def test_functions_are_short():
    assert not {name: lines for name, node in functions(FILES) if (lines := length(node)) > 60}


def test_functions_take_few_arguments():
    """At most six beside ``self`` that a caller gives by place; the options of a verb are no such thing."""
    by_place = {
        name: sum(argument.arg not in ("self", "cls") for argument in node.args.posonlyargs + node.args.args)
        for name, node in functions(OURS)
        if not name.startswith("src/streamgauge/cli/") or node.name != "command"
    }
    assert not {name: count for name, count in by_place.items() if count > 6}


def test_most_are_much_shorter():
    assert median(text.count("\n") for text in OURS.values()) <= 135
    lengths = sorted(length(node) for _, node in functions(OURS))
    assert median(lengths) <= 8
    assert lengths[int(len(lengths) * 0.9)] <= 24


def test_no_name_says_nothing():
    assert not [name for name in FILES if Path(name).stem in DRAWERS]
