"""Judges each record by a model of your own: one of scikit-learn that skops saved, or an ONNX file.

When to use it: somebody has trained a model (fraud or not, odd or not, how long it should take), and its answers should become
incidents like all others, without a service around it. The model only reads: it learns nothing here. How good it is tell
``classification`` and ``regression``, whether its inputs are what it was trained on tells ``psi``.

**The file** is one that ``skops.io.dump(model, "fraud.skops")`` wrote, or an ONNX file (``*.onnx``). A pickle is refused: to
read one is to run whatever its writer liked. A skops file names the types it holds, and only those that skops knows to be
harmless are made. Others stop the start with their names, until you write those that you know into ``trusted``: your own
transformers, and scikit-learn's trees (``sklearn.tree._tree.Tree``), which are read as raw memory. The file is read once, at
the start.

**ONNX.** Such a file is a graph of known operations, from scikit-learn (skl2onnx), LightGBM, XGBoost, PyTorch and others. It
takes one table with a column per feature, or one input per feature, by name. Judged is the output ``named`` so, else the first
that holds probabilities (a column or a name per class), else the first number per record, its ``prediction``; ``positive`` is
the class's name, or its column where the file has no names. Its numbers are rounded to five digits, as most such models reckon
in single precision.

**The rule.** The ``features`` of a record, as numbers in this order, go into the model, which gives one number, its
``output``::

    probability   predict_proba of the class ``positive``          anomaly      -score_samples: large where it is odd
    decision      decision_function                                prediction   predict

``auto`` takes the first of probability, anomaly, decision, prediction that the model has. A number of ``warning`` or more is a
warning, of ``critical`` or more critical; with ``side: below`` it is such a number or less. An incident goes on until an
ordinary record comes ``resolve_after`` the last one told. A probability is the ``score`` too. Numbers are rounded to nine
digits, so that it does not matter how many records are judged at once (those of an ONNX file to five).

**Missing numbers.** A record that lacks a feature is *no data*; with ``missing: pass`` the model gets it as NaN, where it was
trained to live with that (trees, a pipeline with an imputer). Infinite numbers are missing.

Parameters: ``path`` (file, ``*.skops`` or ``*.onnx``), ``features`` (numeric fields, in the order of training), ``output``
(default ``auto``), ``named`` (an output of an ONNX file), ``positive`` (class, default the second of two), ``warning``,
``critical`` (numbers, at least one), ``side`` (``above`` or ``below``, default ``above``), ``missing`` (``no_data`` or
``pass``), ``trusted`` (list of types), ``by`` (field or list; default none), ``resolve_after`` (duration, default 1m). It needs
``pip install 'streamgauge[model]'``, for ONNX ``pip install 'streamgauge[onnx]'``. State: 8 bytes per key; the model is held
once per monitor.

From: the skops project, *Secure persistence* (skops.readthedocs.io); the ONNX project (onnx.ai).

>>> import tempfile, skops.io
>>> from sklearn.linear_model import LogisticRegression
>>> from streamgauge.testing import judge
>>> fitted = LogisticRegression().fit([[1, 0], [2, 1], [8, 0], [9, 1]], [0, 0, 1, 1])
>>> with tempfile.NamedTemporaryFile(suffix=".skops") as file:
...     skops.io.dump(fitted, file.name)
...     judge("model", {"path": file.name, "features": ["amount", "night"], "critical": 0.9, "resolve_after": "30s"},
...           times=[0.0, 1.0, 2.0, 60.0], values={"amount": [1.0, 9.0, None, 2.0], "night": [0.0, 1.0, 0.0, 1.0]})
['0.0 ok', '1.0 critical', '2.0 no_data', '60.0 ok']
"""

from __future__ import annotations

import tempfile
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from streamgauge.batch import Column, FloatArray, SlotArray
from streamgauge.clock import to_micros
from streamgauge.detectors.contract import Context, DetectorConfig, Needs, Picture
from streamgauge.detectors.odd_records import Alarms, Records, Telling, checked_needs
from streamgauge.errors import ConfigError
from streamgauge.kernels.outliers import Limits
from streamgauge.rates import parse_rate
from streamgauge.settings import FileName, Names, PositiveDuration, wrong
from streamgauge.state import State
from streamgauge.verdict import Verdicts
from streamgauge.windows.contract import WindowResults

DIGITS = 9
"""The outcome of a sum may depend on how many records are summed at once, in its last digits."""
OUTPUTS = {
    "probability": "predict_proba", "anomaly": "score_samples", "decision": "decision_function", "prediction": "predict",
}  # fmt: skip
"""What a model may give, by the method that gives it; the first that it has is taken."""
ONNX = ".onnx"
PICKLES = {".pkl", ".pickle", ".joblib", ".dill", ".sav"}


class Config(DetectorConfig):
    """``detect: {type: model, path: fraud.skops, features: [amount, items], critical: 0.9}``."""

    type: Literal["model"] = "model"
    path: FileName
    """The file of the model, written by `skops.io.dump`, or an ONNX file."""
    features: Annotated[Names, Field(min_length=1)]
    """The numbers that the model takes, in the order in which it was trained on them."""
    output: Literal["auto", "probability", "anomaly", "decision", "prediction"] = "auto"
    """Which of the model's numbers is judged; `auto`: the first that it has."""
    named: str | None = None
    """Of an ONNX file, the output that is judged, by its name."""
    positive: str | int | None = None
    """The class whose probability is judged; default: the second of two."""
    warning: float | None = None
    """The number from which on a record is told as a warning."""
    critical: float | None = None
    """The number from which on it is critical."""
    side: Literal["above", "below"] = "above"
    """Whether large numbers or small ones are told."""
    missing: Literal["no_data", "pass"] = "no_data"
    """What a record is that lacks a feature: not judged, or given to the model as NaN."""
    trusted: Names = ()
    """Types that the file may hold beyond those that skops trusts, such as `sklearn.tree._tree.Tree`."""
    by: Names = ()
    """The field or fields whose values each have an incident of their own; without it, one for all records."""
    resolve_after: PositiveDuration = timedelta(minutes=1)
    """The incident ends with the first ordinary record this long after the last one told."""

    @model_validator(mode="after")
    def _some_limit(self) -> Config:
        if self.warning is None and self.critical is None:
            raise wrong(
                "critical", "say from which number on a record is told: `critical`, `warning` or both"
            )
        return self

    def levels(self, output: FloatArray) -> FloatArray:
        """float64[n]: 0 ordinary, 1 warning, 2 critical; NaN where there is no number."""
        sign = 1.0 if self.side == "above" else -1.0
        levels = np.zeros(len(output))
        for level, limit in ((1.0, self.warning), (2.0, self.critical)):
            if limit is not None:
                levels[sign * output >= sign * limit] = level
        levels[np.isnan(output)] = np.nan
        return levels

    def in_words(self, name: str) -> str:
        """What is expected."""
        limits = [limit for limit in (self.warning, self.critical) if limit is not None]
        limit = min(limits) if self.side == "above" else max(limits)
        return f"{name} {'<' if self.side == 'above' else '>'} {limit:g}"


_TREE = "sklearn.tree._tree.Tree"


def __getattr__(name: str) -> Any:
    """What needs a trained model is made when it is asked for: by the checks of the contract, and for the picture."""
    if name == "EXAMPLE":
        asked = {
            "path": _trained(),
            "features": ["value", "number"],
            "warning": 0.4,
            "critical": 0.9,
            "trusted": _TREE,
        }
        return {"detect": {"type": "model", **asked, "by": "key", "missing": "pass", "resolve_after": "2s"}}
    if name == "PICTURE":
        title = "model: the probability of fraud that a scikit-learn model gives, from 0.95 on"
        asked = {"path": _trained(), "features": ["amount", "hour"], "warning": 0.95, "trusted": _TREE}
        return Picture(title, asked, _payments, value="probability")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="streamgauge-model-")


@cache
def _trained() -> str:
    """The path of a small classifier: large payments at night are fraud."""
    import skops.io
    from sklearn.tree import DecisionTreeClassifier

    draw = np.random.default_rng(5)
    seen = np.column_stack([draw.lognormal(3, 1, 4000), draw.uniform(0, 24, 4000)])
    risk = 1 / (1 + np.exp(4 - 0.05 * seen[:, 0] * (1 + (seen[:, 1] < 6))))
    model = DecisionTreeClassifier(max_depth=5, min_samples_leaf=40, random_state=0)
    path = str(Path(_folder().name) / "example.skops")
    skops.io.dump(model.fit(seen, draw.random(4000) < risk), path)
    return path


def _payments() -> tuple[list[float], dict[str, list[float]], None]:
    """A payment every ten minutes over two days."""
    draw = np.random.default_rng(9)
    hours = np.arange(0, 48, 1 / 6)
    amounts = draw.lognormal(3, 0.9, len(hours))
    return (hours * 3600).tolist(), {"amount": amounts.tolist(), "hour": (hours % 24).tolist()}, None


def build(config: Config, context: Context) -> Model:
    """The detector of one monitor; reads the model.

    Raises:
        ConfigError: the extra is not installed; the file cannot be read, holds types that are not trusted, or does
            not fit the features; or a feature is unknown or no number.
    """
    needs = checked_needs(config.features, config.by, context)
    path = Path(config.path)
    try:
        changed = path.stat().st_mtime_ns
    except OSError as error:
        raise ConfigError(
            f"path: cannot read the model {config.path}: {error.strerror or error}; write where it lies"
        ) from error
    name, give = (
        _from_onnx(path, changed, config)
        if path.suffix.lower() == ONNX
        else _from_skops(path, changed, config)
    )
    limits = Limits(1.0, 2.0, parse_rate("1 per week").per_second, to_micros(config.resolve_after))
    telling = Telling(context.monitor, config.features, limits, context.masked)
    made = Model(telling, config, name, give, needs)
    _check_limits(name, config)
    made.outputs(np.zeros((1, len(config.features))))  # that it can is known before the first record
    return made


def _check_limits(name: str, config: Config) -> None:
    """Raises ConfigError where a limit can never be met, as a percentage of a probability."""
    for key, limit in (("warning", config.warning), ("critical", config.critical)):
        if name == "probability" and limit is not None and not 0 <= limit <= 1:
            raise ConfigError(
                f"{key}: {limit:g} is judged against a probability, from 0 to 1; write 0.9 for 90 %"
            )


def _from_skops(path: Path, changed: int, config: Config) -> tuple[str, Callable[[FloatArray], Any]]:
    """What a model of scikit-learn gives, and how it is asked for it; raises as :func:`build`."""
    if config.named is not None:
        raise ConfigError("named: only an ONNX file has outputs with names; choose by `output`")
    loaded = _loaded(path, changed, config.trusted)
    _check_features(loaded, config)
    return _output(loaded, config)


def _from_onnx(path: Path, changed: int, config: Config) -> tuple[str, Callable[[FloatArray], Any]]:
    """The same of an ONNX file."""
    from streamgauge.detectors import onnx_file

    if config.output in ("anomaly", "decision"):
        raise ConfigError(
            f"output: an ONNX file does not say which of its numbers is its {config.output}; name the output "
            "in `named`, and with `side: below` small numbers are told"
        )
    if config.trusted:
        raise ConfigError("trusted: an ONNX file holds no types; leave `trusted` out")
    return onnx_file.opened(
        path, changed, onnx_file.Wanted(config.features, config.output, config.named, config.positive)
    )


@cache
def _loaded(path: Path, changed: int, trusted: tuple[str, ...]) -> Any:  # noqa: ARG001  a new file is read anew
    """The model of a file as it was ``changed``.

    Raises:
        ConfigError: see :func:`build`.
    """
    if path.suffix.lower() in PICKLES:
        raise ConfigError(
            f"path: {path} is a pickle, and to read one is to run whatever its writer liked; where it was trained, "
            f'write `skops.io.dump(model, "{path.stem}.skops")`'
        )
    try:
        import sklearn  # noqa: F401  a skops file of a model needs it, and says so less clearly
        import skops.io
    except ImportError as error:
        raise ConfigError("model needs scikit-learn and skops: pip install 'streamgauge[model]'") from error
    if not zipfile.is_zipfile(path):
        raise ConfigError(
            f"path: {path} is no skops file; a pickle stays one under another name, and is not read. "
            "Write the model with `skops.io.dump`"
        )
    try:
        unknown = set(skops.io.get_untrusted_types(file=path)) - set(trusted)
        if not unknown:
            return skops.io.load(path, trusted=list(trusted))
    except Exception as error:
        raise ConfigError(
            f"path: {path} cannot be read as a skops file: {type(error).__name__}: {error}; "
            "write it with `skops.io.dump`, by the scikit-learn that is installed here"
        ) from error
    raise ConfigError(
        f"path: {path} holds types that are not trusted: {', '.join(sorted(unknown))}; where you know them and where "
        "the file comes from, name them in `trusted`"
    )


def _check_features(model: Any, config: Config) -> None:
    """Raises ConfigError where the model was trained on others."""
    named = getattr(model, "feature_names_in_", None)
    if named is not None and tuple(map(str, named)) != config.features:
        raise ConfigError(
            f"features: the model was trained on {', '.join(map(str, named))}, in this order; "
            f"here stand {', '.join(config.features)}"
        )
    count = getattr(model, "n_features_in_", None)
    if count is not None and count != len(config.features):
        raise ConfigError(f"features: the model takes {count}; here stand {len(config.features)}")


def _output(model: Any, config: Config) -> tuple[str, Callable[[FloatArray], Any]]:
    """What the model gives, and how it is asked for it.

    Raises:
        ConfigError: it does not give that.
    """
    has = [name for name, method in OUTPUTS.items() if hasattr(model, method)]
    name = (has[0] if has else "prediction") if config.output == "auto" else config.output
    if name not in has:
        kind = type(model).__name__
        there = f"it gives {', '.join(has)}" if has else "it gives none"
        raise ConfigError(f"output: the model, a {kind}, has no `{OUTPUTS[name]}` for {name}; {there}")
    give = getattr(model, OUTPUTS[name])
    if name == "anomaly":
        return name, lambda values: -give(values)
    if name == "probability":
        return name, partial(_column, give, _place(model, config.positive))
    return name, give


def _column(give: Callable[[FloatArray], Any], place: int, values: FloatArray) -> Any:
    return give(values)[:, place]


def _place(model: Any, positive: str | int | None) -> int:
    """Which column of the probabilities is that of the class ``positive``."""
    classes = [getattr(one, "item", lambda one=one: one)() for one in getattr(model, "classes_", ())]
    if positive is None:
        if len(classes) == 2:
            return 1
        raise ConfigError(f"positive: the model knows the classes {', '.join(map(str, classes))}; say which")
    if positive not in classes and str(positive) not in map(str, classes):
        raise ConfigError(
            f"positive: the model knows no class {positive}, only {', '.join(map(str, classes))}"
        )
    return [str(one) for one in classes].index(str(positive))


@dataclass(frozen=True, slots=True)
class Model:
    """See the module's text.

    Attributes:
        output: what the model gives, in a word.
        give: gives it, for float64[n, D].
    """

    telling: Telling
    config: Config
    output: str
    give: Callable[[FloatArray], Any]
    needs: Needs

    def initial(self) -> Alarms:
        """Nothing told."""
        return Alarms()

    def step(self, state: State, results: WindowResults) -> Verdicts:
        """Judge each record (or closed window)."""
        assert isinstance(state, Alarms)
        state.make_room(len(results.keys))
        records = Records.of(results, self.config.features)
        output = self._judged(records.values)
        nowhere = np.full(len(output), -1, np.int32)
        told = self.telling.tell(state, records, self.config.levels(output), nowhere)
        seen = {name: column for name, column in told.observed.items() if name != self.output}
        return replace(
            told, observed={self.output: Column("float", numbers=output), **seen}, evidence=None, rarity=None,
            score=output if self.output == "probability" else None, expected=self.config.in_words(self.output),
        )  # fmt: skip

    def drop(self, state: State, slots: SlotArray) -> None:
        """Forget when those keys were told."""
        assert isinstance(state, Alarms)
        state.drop_keys(slots)

    def _judged(self, values: FloatArray) -> FloatArray:
        """float64[n]: NaN for records that cannot be judged."""
        known = np.isfinite(values)
        judged = known.all(axis=1) if self.config.missing == "no_data" else known.any(axis=1)
        output = np.full(len(values), np.nan)
        if judged.any():
            output[judged] = self.outputs(np.where(known, values, np.nan)[judged])
        return output

    def outputs(self, values: FloatArray) -> NDArray[np.float64]:
        """float64[n] of float64[n, D].

        Raises:
            ConfigError: the model does not give one number per record.
        """
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # that names were known in training, and are not now: they were compared
            given = self.give(values)
        try:
            numbers = np.asarray(given, np.float64)
        except ValueError as error:
            raise ConfigError(
                f"output: the model's {self.output} is no number but {given[0]!r}; choose another output"
            ) from error
        if numbers.shape != (len(values),):
            raise ConfigError(
                f"output: the model gives {numbers.shape[1:]} numbers per record as {self.output}; one is needed"
            )
        return np.asarray(np.round(numbers, DIGITS))
