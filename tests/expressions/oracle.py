"""Random expressions with their meaning in plain Python: an independent oracle, row by row.

Each case is (text, kind, meaning): ``meaning(row)`` is the value, None where missing (Kleene's logic).
"""

import math
import operator
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import strategies as st

from streamgauge.batch import FieldKind

KINDS: dict[str, FieldKind] = {
    "x": "float",
    "y": "float",
    "i": "int",
    "j": "int",
    "s": "string",
    "t": "string",
    "b": "bool",
    "c": "bool",
    "at": "timestamp",
}
BIG = 2**53


class Case(NamedTuple):
    text: str
    kind: str
    meaning: Callable[[dict[str, Any]], Any]


def _float_values() -> st.SearchStrategy[float]:
    common = st.sampled_from([0.0, 1.0, -1.0, 0.5, 2.5, -2.5, 1e308, -1e308, 5e-324, 1e15 + 0.5])
    return common | st.floats(allow_nan=False, allow_infinity=False)


def _int_values() -> st.SearchStrategy[int]:
    edge = st.sampled_from([BIG, BIG + 1, BIG + 2, -BIG - 1, 2**63 - 1, -(2**63)])
    return st.integers(-5, 5) | edge | st.integers(-(2**63), 2**63 - 1)


_texts = st.text("abAB%_.' é", max_size=4)
_values: dict[str, st.SearchStrategy[Any]] = {
    "float": _float_values(),
    "int": _int_values(),
    "string": _texts,
    "bool": st.booleans(),
    "timestamp": st.sampled_from([0, 1_767_225_600_000_000, 1_767_225_600_000_001]),
}


def rows() -> st.SearchStrategy[list[dict[str, Any]]]:
    cells = {name: st.none() | _values[kind] for name, kind in KINDS.items()}
    return st.lists(st.fixed_dictionaries(cells), max_size=6)


def column(*kinds: str) -> st.SearchStrategy[Case]:
    names = [name for name, kind in KINDS.items() if kind in kinds]
    return st.sampled_from(names).map(lambda name: Case(name, KINDS[name], operator.itemgetter(name)))


def const(value: Any, kind: str) -> Case:
    text = repr(value) if kind in ("int", "float") else quoted(value)
    return Case(f"({text})" if text.startswith("-") else text, kind, lambda _: value)


def quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None


def as_float(case: Case) -> Callable[[dict[str, Any]], float | None]:
    def meaning(row: dict[str, Any]) -> float | None:
        value = case.meaning(row)
        return None if value is None else float(value)

    return meaning


def numbers() -> st.SearchStrategy[Case]:
    leaves = (
        column("float", "int")
        | _float_values().map(lambda value: const(value, "float"))
        | _int_values().map(lambda value: const(value, "int"))
    )
    return st.recursive(leaves, _number_steps, max_leaves=6)


def _number_steps(inner: st.SearchStrategy[Case]) -> st.SearchStrategy[Case]:
    return (
        st.builds(_arithmetic, st.sampled_from("+-*/%"), inner, inner)
        | st.builds(_unary, st.sampled_from(["-", "abs", "floor", "ceil", "round"]), inner)
        | st.builds(_round, inner, st.integers(0, 15))
        | st.builds(_choice, conditions_of(inner), inner, inner)
        | st.builds(_fallback, inner, inner)
        | strings().map(lambda s: Case(f"length({s.text})", "int", _mapped(s, len)))
    )


def _arithmetic(sign: str, left: Case, right: Case) -> Case:
    a, b = as_float(left), as_float(right)

    def meaning(row: dict[str, Any]) -> float | None:
        one, two = a(row), b(row)
        if one is None or two is None or (sign in "/%" and two == 0):
            return None
        if sign == "%":
            return math.fmod(one, two)
        operators: dict[str, Any] = {
            "+": operator.add,
            "-": operator.sub,
            "*": operator.mul,
            "/": operator.truediv,
        }
        try:
            result: float = operators[sign](one, two)
        except OverflowError:
            return None
        return finite(result)

    return Case(f"({left.text} {sign} {right.text})", "float", meaning)


def _unary(function: str, item: Case) -> Case:
    functions: dict[str, Any] = {
        "-": operator.neg,
        "abs": abs,
        "floor": math.floor,
        "ceil": math.ceil,
        "round": lambda number: away_from_zero(number, 0),
    }
    inner = as_float(item)
    if function == "-" and item.text.strip("-()").isdecimal() and item.meaning({}) != -(2**63):
        return const(-item.meaning({}), "int")._replace(text=f"-({item.text})")

    def meaning(row: dict[str, Any]) -> float | None:
        number = inner(row)
        return None if number is None else float(functions[function](number))

    return Case(f"{function}({item.text})", "float", meaning)


def _round(item: Case, digits: int) -> Case:
    inner = as_float(item)

    def meaning(row: dict[str, Any]) -> float | None:
        number = inner(row)
        return None if number is None else away_from_zero(number, digits)

    return Case(f"round({item.text}, {digits})", "float", meaning)


def away_from_zero(number: float, digits: int) -> float:
    scaled = number * 10.0**digits
    if not math.isfinite(scaled):
        return number
    whole = math.floor(abs(scaled))
    if abs(scaled) - whole >= 0.5:
        whole += 1
    return math.copysign(whole, number) / 10.0**digits


def _joined(left: Case, right: Case) -> str:
    return left.kind if left.kind == right.kind else "float"


def _as(case: Case, kind: str) -> Callable[[dict[str, Any]], Any]:
    return as_float(case) if kind == "float" else case.meaning


def _choice(condition: Case, first: Case, second: Case) -> Case:
    kind = _joined(first, second)
    one, two = _as(first, kind), _as(second, kind)
    text = f"case when {condition.text} then {first.text} else {second.text} end"
    return Case(text, kind, lambda row: one(row) if condition.meaning(row) else two(row))


def _fallback(first: Case, second: Case) -> Case:
    kind = _joined(first, second)
    one, two = _as(first, kind), _as(second, kind)

    def meaning(row: dict[str, Any]) -> Any:
        value = one(row)
        return two(row) if value is None else value

    return Case(f"coalesce({first.text}, {second.text})", kind, meaning)


def strings() -> st.SearchStrategy[Case]:
    leaves = column("string") | _texts.map(lambda text: const(text, "string"))
    return (
        leaves
        | leaves.map(lambda s: Case(f"upper({s.text})", "string", _mapped(s, str.upper)))
        | st.builds(_substring, leaves, st.integers(-4, 4).filter(bool), st.integers(0, 4))
        | st.builds(_concat, leaves, leaves)
    )


def _substring(case: Case, first: int, length: int) -> Case:
    def cut(text: str) -> str:
        start = first - 1 if first > 0 else max(0, len(text) + first)
        return text[start : start + length]

    return Case(f"substring({case.text}, {first}, {length})", "string", _mapped(case, cut))


def _concat(left: Case, right: Case) -> Case:
    def meaning(row: dict[str, Any]) -> str:
        return "".join(value for case in (left, right) if (value := case.meaning(row)) is not None)

    return Case(f"concat({left.text}, {right.text})", "string", meaning)


def _mapped(case: Case, function: Callable[[Any], Any]) -> Callable[[dict[str, Any]], Any]:
    def meaning(row: dict[str, Any]) -> Any:
        value = case.meaning(row)
        return None if value is None else function(value)

    return meaning


ORDERS: dict[str, Any] = {
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def compared(order: str, left: Case, right: Case) -> Case:
    kind = _joined(left, right)
    one, two = _as(left, kind), _as(right, kind)

    def meaning(row: dict[str, Any]) -> bool | None:
        a, b = one(row), two(row)
        return None if a is None or b is None else bool(ORDERS[order](a, b))

    return Case(f"{left.text} {order} {right.text}", "bool", meaning)


def conditions_of(number: st.SearchStrategy[Case]) -> st.SearchStrategy[Case]:
    return st.builds(compared, st.sampled_from(sorted(ORDERS)), number, number)


def conditions() -> st.SearchStrategy[Case]:
    order = st.sampled_from(sorted(ORDERS))
    moments = st.sampled_from(["1970-01-01", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000001"])
    leaves = (
        conditions_of(numbers())
        | st.builds(compared, order, strings(), strings())
        | st.builds(_at, order, moments)
        | st.builds(_like, strings(), st.text("ab%_.", max_size=4))
        | st.builds(_regex, strings(), st.sampled_from(["a", "^a", "a$", "[ab]{2}", "(a|b)*%", r"\.", ""]))
        | st.builds(_in, numbers(), st.lists(_int_values() | _float_values(), min_size=1, max_size=3))
        | st.builds(_between, numbers(), numbers(), numbers())
        | st.builds(_missing, numbers() | strings())
        | column("bool")
    )
    return st.recursive(leaves, _condition_steps, max_leaves=8)


def _condition_steps(inner: st.SearchStrategy[Case]) -> st.SearchStrategy[Case]:
    several = st.lists(inner, min_size=2, max_size=4)
    return (
        st.builds(junction, st.sampled_from(["and", "or"]), several)
        | inner.map(lambda item: Case(f"not ({item.text})", "bool", _mapped(item, operator.not_)))
        | inner.map(
            lambda item: Case(f"({item.text}) is true", "bool", lambda row: item.meaning(row) is True)
        )
    )


def junction(word: str, items: list[Case]) -> Case:
    decisive = word == "or"

    def meaning(row: dict[str, Any]) -> bool | None:
        answers = [item.meaning(row) for item in items]
        if decisive in answers:
            return decisive
        return None if None in answers else not decisive

    return Case("(" + f" {word} ".join(f"({item.text})" for item in items) + ")", "bool", meaning)


def _at(order: str, moment: str) -> Case:
    micros = {"1970-01-01": 0}.get(moment, 1_767_225_600_000_000 + moment.endswith("1"))
    case = compared(
        order, Case("at", "timestamp", operator.itemgetter("at")), Case("", "timestamp", lambda _: micros)
    )
    return case._replace(text=f"at {order} {quoted(moment)}")


def _like(item: Case, pattern: str) -> Case:
    regex = re.compile("".join({"%": ".*", "_": "."}.get(c, re.escape(c)) for c in pattern), re.DOTALL)
    meaning = _mapped(item, lambda text: regex.fullmatch(text) is not None)
    return Case(f"{item.text} like {quoted(pattern)}", "bool", meaning)


def _regex(item: Case, pattern: str) -> Case:
    meaning = _mapped(item, lambda text: re.search(pattern, text) is not None)
    return Case(f"{item.text} ~ {quoted(pattern)}", "bool", meaning)


def _in(item: Case, values: list[float | int]) -> Case:
    kind = "int" if item.kind == "int" and all(isinstance(value, int) for value in values) else "float"
    inner = _as(item, kind)
    choices = [value if kind == "int" else float(value) for value in values]

    def meaning(row: dict[str, Any]) -> bool | None:
        value = inner(row)
        return None if value is None else value in choices

    listed = ", ".join(repr(value) for value in values)
    return Case(f"{item.text} in ({listed})", "bool", meaning)


def _between(item: Case, low: Case, high: Case) -> Case:
    both = junction("and", [compared(">=", item, low), compared("<=", item, high)])
    return both._replace(text=f"({item.text} between {low.text} and {high.text})")


def _missing(item: Case) -> Case:
    return Case(f"{item.text} is null", "bool", lambda row: item.meaning(row) is None)
