"""What one raw value means for a field: the rule in plain Python, for every format.

The formats convert whole columns by faster means; where those refuse, this module says why. It is also what
the tests hold the fast ways against.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from streamgauge.formats import event_time
from streamgauge.formats.contract import FieldSpec
from streamgauge.formats.reasons import shown

Value: TypeAlias = str | int | float | bool | None

LARGEST = 2**63 - 1
SMALLEST = -(2**63)
_INTEGER = re.compile(r"[+-]?[0-9]{1,40}(\.0{1,40})?", re.ASCII)
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,6})?", re.ASCII)
_TRUE, _FALSE = frozenset({"true", "1"}), frozenset({"false", "0"})
_EXACT = 2**53
_ENDLESS = ("inf", "infinity")


class UnfitError(ValueError):
    """A value does not fit its field; the text is the reason for the dead-letter."""


def fit(spec: FieldSpec, raw: object, *, texts: bool = False) -> Value:
    """The field's value; None where it is missing (null, NaN).

    Args:
        spec: the field.
        raw: a value as a JSON parser gives it.
        texts: whether text may stand for numbers and booleans (CSV, ``numbers_as_strings``); then empty
            text and ``NaN`` are missing there.

    Raises:
        UnfitError: with the field, what came and what was expected.
    """
    if _is_missing(spec, raw, texts=texts):
        if spec.required:
            raise UnfitError(f"{spec.name} is missing, and every record must carry it")
        return None
    return _FITS[spec.kind](spec, raw, texts)


def find(record: Mapping[str, Any], spec: FieldSpec) -> object:
    """Walk ``record`` to the field; None where it is absent.

    Raises:
        UnfitError: when something on the way is no object.
    """
    value: Any = record
    for depth, step in enumerate(spec.steps):
        if value is None:
            return None
        if not isinstance(value, Mapping):
            way = ".".join(spec.steps[:depth])
            raise UnfitError(f"{way}: expected an object that holds {spec.name}, got {shown(value)}")
        value = value.get(step)
    return value


def _is_missing(spec: FieldSpec, raw: object, *, texts: bool) -> bool:
    if raw is None or raw != raw:  # NaN is the only value unequal to itself  # noqa: PLR0124
        return True
    if not (texts and isinstance(raw, str)) or spec.kind == "string":
        return False
    return not raw or (spec.kind in ("int", "float") and raw.lower() in ("nan", "null"))


def _unfit(spec: FieldSpec, expected: str, raw: object) -> UnfitError:
    return UnfitError(f"{spec.name}: expected {expected}, got {shown(raw)}")


def _string(spec: FieldSpec, raw: object, _texts: bool) -> str:
    if not isinstance(raw, str):
        raise _unfit(spec, "text", raw)
    try:
        raw.encode()
    except UnicodeEncodeError:
        raise UnfitError(f"{spec.name}: half of a surrogate pair in {shown(raw)}") from None
    return raw


def _int(spec: FieldSpec, raw: object, texts: bool) -> int:
    if texts and isinstance(raw, str) and _INTEGER.fullmatch(raw):
        raw = int(raw.partition(".")[0])
    if isinstance(raw, float) and raw.is_integer() and abs(raw) <= _EXACT:
        raw = int(raw)
    if isinstance(raw, bool) or not isinstance(raw, int):
        raise _unfit(spec, "an integer", raw)
    if not SMALLEST <= raw <= LARGEST:
        raise _unfit(spec, "an integer of 64 bits", raw)
    _check_range(spec, raw)
    return raw


def _float(spec: FieldSpec, raw: object, texts: bool) -> float:
    if texts and isinstance(raw, str) and (_NUMBER.fullmatch(raw) or raw.lower().lstrip("+-") in _ENDLESS):
        raw = float(raw)
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise _unfit(spec, "a number", raw)
    try:
        number = float(raw)
    except OverflowError:
        number = math.inf
    if math.isinf(number):
        raise UnfitError(f"{spec.name}: the number is infinite or beyond 1.8e308; expected a finite one")
    _check_range(spec, number)
    return number


def _check_range(spec: FieldSpec, number: float) -> None:
    if spec.min is not None and number < spec.min:
        raise _unfit(spec, f"at least {spec.min:g}", number)
    if spec.max is not None and number > spec.max:
        raise _unfit(spec, f"at most {spec.max:g}", number)


def _bool(spec: FieldSpec, raw: object, texts: bool) -> bool:
    if texts and isinstance(raw, str | int):
        word = str(raw).lower()
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
    if not isinstance(raw, bool):
        raise _unfit(spec, "true or false", raw)
    return raw


def _timestamp(spec: FieldSpec, raw: object, _texts: bool) -> int:
    try:
        return event_time.moment(raw, spec.unit)
    except ValueError as error:
        raise UnfitError(f"{spec.name}: {error}") from None


_FITS: Mapping[str, Callable[[FieldSpec, object, bool], Value]] = {
    "string": _string,
    "int": _int,
    "float": _float,
    "bool": _bool,
    "timestamp": _timestamp,
}
