"""Models in ONNX files, for :mod:`streamgauge.detectors.model`: how they are asked, and which of their outputs counts.

An ONNX file is a graph of known operations, no program of its writer's. What it takes and gives differs by who wrote it;
what is understood here is one table of all features, or one input per feature, and as outputs one number per record,
one column per class, or a mapping of classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from streamgauge.batch import FloatArray
from streamgauge.errors import ConfigError

DIGITS = 5
"""Most such models reckon in single precision: its last digits depend on how many records come at once."""

_TYPES: dict[str, type[np.generic]] = {
    "tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64, "tensor(int32)": np.int32,
}  # fmt: skip
_INSTALL = "model needs onnxruntime for an ONNX file: pip install 'streamgauge[onnx]'"

Give = Callable[[FloatArray], Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of a file.

    Attributes:
        features: the numbers that it takes, in the order of training.
        output: probability, prediction or auto.
        named: the output by its name; None takes the first that fits.
        positive: the class whose probability counts; None: the second of two.
    """

    features: tuple[str, ...]
    output: str
    named: str | None
    positive: str | int | None


def opened(path: Path, changed: int, wanted: Wanted) -> tuple[str, Give]:
    """What the model gives, in a word, and how it is asked for it: float64[n, D] to float64[n].

    Args:
        path: the file.
        changed: when it was last changed; a new file is read anew.
        wanted: what is asked of it.

    Raises:
        ConfigError: the extra is not installed, the file is no model, or it does not fit what is wanted.
    """
    session = _session(path, changed)
    model = _Asked(
        session, _inputs(session, wanted.features), tuple(one.name for one in session.get_outputs())
    )
    given = dict(zip(model.outputs, model.answers(np.zeros((2, len(wanted.features)))), strict=True))
    name = _chosen(given, wanted)
    if _kind(given[name]) == "prediction":
        return "prediction", lambda values: np.round(
            np.asarray(model.answer(name, values), np.float64).reshape(-1), DIGITS
        )
    which = _class(given[name], wanted.positive)
    return "probability", lambda values: _probabilities(model.answer(name, values), which)


@cache
def _session(path: Path, changed: int) -> Any:  # noqa: ARG001  a new file is read anew
    try:
        import onnxruntime
    except ImportError as error:
        raise ConfigError(_INSTALL) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # the engine has its own way to use cores
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the library raises a class of its own for each trouble
        raise ConfigError(
            f"path: {path} cannot be read as an ONNX file: {_first_line(error)}; write it anew, for an opset "
            f"that onnxruntime {onnxruntime.__version__} knows"
        ) from error


@dataclass(frozen=True, slots=True)
class _Asked:
    """A model with its inputs: name, type, rank, and the feature (-1: all of them in one table)."""

    session: Any
    inputs: Sequence[tuple[str, type[np.generic], int, int]]
    outputs: tuple[str, ...]

    def answer(self, name: str, values: FloatArray) -> Any:
        """One output for float64[n, D]."""
        return self.answers(values, [name])[0]

    def answers(self, values: FloatArray, names: Sequence[str] | None = None) -> list[Any]:
        """Outputs for float64[n, D]; one record after the other where the file was made for one.

        Raises:
            ConfigError: the model refuses them.
        """
        parts = [values[i : i + 1] for i in range(len(values))] if self._single else [values]
        try:
            found = [self.session.run(list(names or self.outputs), self._feed(part)) for part in parts]
        except Exception as error:
            raise ConfigError(f"path: the model does not take the features: {_first_line(error)}") from error
        return found[0] if len(found) == 1 else [_joined(pieces) for pieces in zip(*found, strict=True)]

    @property
    def _single(self) -> bool:
        return any(one.shape[:1] == [1] for one in self.session.get_inputs())

    def _feed(self, values: FloatArray) -> dict[str, Any]:
        with np.errstate(
            over="ignore", invalid="ignore"
        ):  # a number beyond single precision is endless there
            return {name: _part(values, at, rank).astype(kind) for name, kind, rank, at in self.inputs}


def _part(values: FloatArray, at: int, rank: int) -> FloatArray:
    """What one input takes: all features, or one of them as a column or as plain numbers."""
    if at < 0:
        return values
    return values[:, [at]] if rank == 2 else values[:, at]


def _inputs(session: Any, features: tuple[str, ...]) -> list[tuple[str, type[np.generic], int, int]]:
    """Name, type, rank and feature (-1: all of them) of each input."""
    given = session.get_inputs()
    strange = [f"{one.name} ({one.type})" for one in given if one.type not in _TYPES]
    if strange:
        raise ConfigError(f"features: the model takes {', '.join(strange)}; here stand only numbers")
    if len(given) == 1 and (len(features) > 1 or given[0].name not in features):
        _check_table(given[0], features)
        return [(given[0].name, _TYPES[given[0].type], 2, -1)]
    if {one.name for one in given} != set(features):
        takes = ", ".join(one.name for one in given)
        raise ConfigError(
            f"features: the model takes {takes}, each by itself; here stand {', '.join(features)}"
        )
    return [(one.name, _TYPES[one.type], len(one.shape), features.index(one.name)) for one in given]


def _check_table(given: Any, features: tuple[str, ...]) -> None:
    """Raises ConfigError where the one input is no table of so many columns."""
    if len(given.shape) != 2:
        raise ConfigError(
            f"path: the model takes {given.name} of shape {given.shape}; a table is needed, one row per record"
        )
    if isinstance(given.shape[1], int) and given.shape[1] != len(features):
        raise ConfigError(f"features: the model takes {given.shape[1]}; here stand {len(features)}")


def _chosen(given: dict[str, Any], wanted: Wanted) -> str:
    """The output that is judged: what has probabilities before what has numbers, floats before whole ones."""
    if wanted.named is not None:
        if wanted.named not in given:
            raise ConfigError(f"named: the model has no output {wanted.named}, only {', '.join(given)}")
        if _kind(given[wanted.named]) is None:
            raise ConfigError(
                f"named: {wanted.named} is {_shown(given[wanted.named])}; one number per record is needed"
            )
        return wanted.named
    ranked = sorted(
        (("probability", "prediction").index(kind), np.asarray(answer).dtype.kind != "f", name)
        for name, answer in given.items()
        if (kind := _kind(answer)) is not None and wanted.output in ("auto", kind)
    )
    if not ranked:
        there = "; ".join(f"{name} is {_shown(answer)}" for name, answer in given.items())
        what = "number per record" if wanted.output == "auto" else wanted.output
        raise ConfigError(f"output: the model gives no {what}: {there}")
    return ranked[0][2]


def _kind(answer: Any) -> str | None:
    """``probability`` where there is one number per class, ``prediction`` where there is one per record."""
    if isinstance(answer, list):
        return "probability" if answer and all(isinstance(one, dict) for one in answer) else None
    if not isinstance(answer, np.ndarray) or answer.dtype.kind not in "fiub" or answer.shape[:1] != (2,):
        return None
    if answer.ndim == 1 or answer.size == len(answer):
        return "prediction"
    return "probability" if answer.ndim == 2 else None


def _class(answer: Any, positive: str | int | None) -> Any:
    """Where the class ``positive`` stands: a key of a mapping, or a column."""
    named = isinstance(answer, list)
    classes = list(answer[0]) if named else list(range(answer.shape[1]))
    if positive is None and len(classes) == 2:
        return classes[1]
    about = "classes" if named else "classes by number"
    shown = ", ".join(map(str, classes))
    if positive is None:
        raise ConfigError(f"positive: the model knows the {about} {shown}; say which")
    if str(positive) not in map(str, classes):
        raise ConfigError(f"positive: the model knows no class {positive}, only the {about} {shown}")
    return next(one for one in classes if str(one) == str(positive))


def _probabilities(answer: Any, which: Any) -> FloatArray:
    found = [one[which] for one in answer] if isinstance(answer, list) else answer[:, which]
    rounded: FloatArray = np.asarray(found, np.float64).round(DIGITS)
    return rounded


def _joined(pieces: Iterable[Any]) -> Any:
    parts = list(pieces)
    return [one for part in parts for one in part] if isinstance(parts[0], list) else np.concatenate(parts)


def _shown(answer: Any) -> str:
    return (
        f"{answer.dtype}{list(answer.shape)} for two records"
        if isinstance(answer, np.ndarray)
        else "no table"
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:200]
