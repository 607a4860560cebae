"""`model` with ONNX files: real ones, by skl2onnx and by hand; what they give, and which are refused."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.linear_model import LogisticRegression, Ridge

from streamgauge.errors import ConfigError
from tests.replaying import config, record, run, told

X = np.array([[1.0, 0.0], [2.0, 1.0], [8.0, 0.0], [9.0, 1.0]])
NUMBERS, WORDS, THREE = [0, 0, 1, 1], ["fine", "fine", "fraud", "fraud"], [0, 1, 2, 2]
OPSET = {"": 18, "ai.onnx.ml": 3}


def converted(model: Any, *, table: bool = False, single: bool = False) -> Any:
    """By skl2onnx: classes as a mapping, or (``table``) a column each; of one record only where ``single``."""
    options = {id(model): {"zipmap": False}} if table else None
    rows = [("X", FloatTensorType([1 if single else None, 2]))]
    return to_onnx(model, initial_types=rows, options=options, target_opset=OPSET)


def graph(nodes: list[Any], inputs: list[Any], outputs: list[Any]) -> Any:
    """By hand, as other libraries write them."""
    made = helper.make_graph(nodes, "m", inputs, outputs)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def info(name: str, shape: list[Any], kind: int = TensorProto.FLOAT) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def by_itself() -> Any:
    """The sum of two inputs of their own, by the names of the features."""
    node = helper.make_node("Add", ["v", "pos"], ["total"])
    return graph([node], [info("v", ["n", 1]), info("pos", ["n", 1])], [info("total", ["n", 1])])


def two_outputs() -> Any:
    nodes = [
        helper.make_node("Abs", ["x"], ["sizes"]),
        helper.make_node("ReduceSum", ["x"], ["one"], keepdims=0),
    ]
    return graph(nodes, [info("x", ["n", 2])], [info("sizes", ["n", 2]), info("one", [])])


def texts() -> Any:
    node = helper.make_node("Identity", ["s"], ["t"])
    kind = TensorProto.STRING
    return graph([node], [info("s", ["n", 2], kind)], [info("t", ["n", 2], kind)])


def cube() -> Any:
    node = helper.make_node("Abs", ["x"], ["y"])
    return graph([node], [info("x", ["n", 2, 3])], [info("y", ["n", 2, 3])])


MODELS = {
    "mapping": lambda: converted(LogisticRegression(C=10).fit(X, NUMBERS)),
    "words": lambda: converted(LogisticRegression(C=10).fit(X, WORDS)),
    "table": lambda: converted(LogisticRegression(C=10).fit(X, NUMBERS), table=True),
    "single": lambda: converted(LogisticRegression(C=10).fit(X, NUMBERS), table=True, single=True),
    "single words": lambda: converted(LogisticRegression(C=10).fit(X, WORDS), single=True),
    "three": lambda: converted(LogisticRegression(C=10).fit(X, THREE), table=True),
    "value": lambda: converted(Ridge(alpha=0.01).fit(X, X[:, 0] * 10)),
    "by itself": by_itself,
    "two outputs": two_outputs,
    "texts": texts,
    "cube": cube,
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("onnx")
    for name, make in MODELS.items():
        (folder / f"{name}.onnx").write_bytes(make().SerializeToString())
    (folder / "broken.onnx").write_bytes(b"cos\nabort\n(tR.")
    return {path.stem: str(path) for path in folder.glob("*.onnx")}


def monitor(path: str, **more: Any) -> dict[str, Any]:
    return {
        "detect": {"type": "model", "path": path, "features": ["v", "pos"], "resolve_after": "2s", **more}
    }


LAST = [
    ("a small probability is fine", "mapping", {"critical": 0.9}, (1.0, 0.0), "ok"),
    ("a large one is critical", "mapping", {"critical": 0.9}, (9.0, 1.0), "critical"),
    ("the class may be named", "words", {"critical": 0.9, "positive": "fine"}, (1.0, 0.0), "critical"),
    ("of two the second is meant", "words", {"critical": 0.9}, (9.0, 0.0), "critical"),
    ("a column per class", "table", {"critical": 0.9}, (9.0, 1.0), "critical"),
    ("of three the one of that number", "three", {"critical": 0.5, "positive": 2}, (9.0, 1.0), "critical"),
    ("the label instead of its probability", "mapping", {"critical": 1, "output": "prediction"}, (9.0, 1.0), "critical"),
    ("a file for one record at a time", "single", {"critical": 0.9}, (9.0, 1.0), "critical"),
    ("the same with names", "single words", {"critical": 0.9}, (9.0, 1.0), "critical"),
    ("a regression", "value", {"critical": 85}, (9.0, 1.0), "critical"),
    ("and less is fine", "value", {"critical": 85}, (8.0, 1.0), "ok"),
    ("an input per feature", "by itself", {"critical": 10}, (9.0, 1.0), "critical"),
    ("in whatever order", "by itself", {"critical": 10, "features": ["pos", "v"]}, (9.0, 0.5), "ok"),
    ("an output by its name", "table", {"critical": 0.9, "named": "probabilities"}, (9.0, 1.0), "critical"),
    ("a record that lacks a feature is no data", "mapping", {"critical": 0.1}, (None, 1.0), "no_data"),
    ("what is beyond its precision is endless there", "value", {"critical": 1}, (1e300, 1.0), "critical"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("sentence", "name", "detect", "last", "severity"), LAST, ids=[row[0] for row in LAST]
)
def test_the_last_record(
    saved: dict[str, str],
    sentence: str,
    name: str,
    detect: dict[str, Any],
    last: tuple[Any, Any],
    severity: str,
):
    rows = [record(0, v=3.0, pos=0.0), record(60, v=last[0], pos=last[1])]
    found = told(run(config({"m": monitor(saved[name], **detect)}), rows, flush=False)).verdicts()
    assert found[-1][:2] == (60, severity)


def test_it_gives_what_scikit_learn_gives(saved: dict[str, str]):
    rows = [record(t, v=float(v), pos=float(p)) for t, (v, p) in enumerate(X)]
    lines = run(config({"m": monitor(saved["mapping"], critical=0.9)}), rows, flush=False).lines
    found = [line["observed"]["probability"] for line in lines if line["kind"] == "verdict"]
    expected = LogisticRegression(C=10).fit(X, NUMBERS).predict_proba(X)[:, 1]
    assert found == pytest.approx(expected.tolist(), abs=1e-5)


@pytest.mark.parametrize("name", ["mapping", "single"])
def test_how_many_are_judged_at_once_makes_no_difference(saved: dict[str, str], name: str):
    draw = np.random.default_rng(1)
    rows = [record(t, v=float(a), pos=float(b)) for t, (a, b) in enumerate(draw.uniform(0, 10, (101, 2)))]
    made = config({"m": monitor(saved[name], critical=0.9)})
    assert run(made, rows, flush=False).lines == run(made, rows, flush=False, batch_size=1).lines


REFUSED = [
    ("what is no model", "broken", {}, "cannot be read as an ONNX file"),
    ("more features than it takes", "mapping", {"features": ["v", "pos", "n"]}, "the model takes 2; here stand 3"),
    ("one feature for a table of two", "mapping", {"features": ["v"]}, "the model takes 2; here stand 1"),
    ("other features than its inputs", "by itself", {"features": ["v", "n"]}, "takes v, pos, each by itself; here stand v, n"),
    ("texts", "texts", {}, r"takes s \(tensor\(string\)\); here stand only numbers"),
    ("a shape that is no table", "cube", {}, "a table is needed, one row per record"),
    ("an output that is not there", "mapping", {"named": "score"}, "no output score, only output_label, output_probability"),
    ("an output that is one number for all", "two outputs", {"named": "one"}, "one number per record is needed"),
    ("probabilities that it does not have", "value", {"output": "probability"}, "the model gives no probability: variable is"),
    ("three classes and none named", "three", {}, "knows the classes by number 0, 1, 2; say which"),
    ("a class that it does not know", "words", {"positive": "good"}, "no class good, only the classes fine, fraud"),
    ("what only scikit-learn says", "value", {"output": "anomaly"}, "name the output in `named`"),
    ("types to trust", "value", {"trusted": ["x"]}, "holds no types"),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "name", "detect", "message"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refused(saved: dict[str, str], sentence: str, name: str, detect: dict[str, Any], message: str):
    with pytest.raises(ConfigError, match=message):
        config({"m": monitor(saved[name], **{"critical": 1, **detect})})


def test_a_model_that_breaks_later_says_so(tmp_path: Path):
    """Its graph fits, and its numbers do not."""
    picked = helper.make_node("Reshape", ["x", "shape"], ["y"])
    made = graph([picked], [info("x", ["n", 2])], [info("y", [4])])
    made.graph.initializer.append(helper.make_tensor("shape", TensorProto.INT64, [1], [4]))
    path = tmp_path / "m.onnx"
    path.write_bytes(made.SerializeToString())
    with pytest.raises(ConfigError, match="gives no number per record"):
        config({"m": monitor(str(path), critical=1)})


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "m.onnx"
    path.write_bytes(by_itself().SerializeToString())
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ConfigError, match=r"pip install 'streamgauge\[onnx\]'"):
        config({"m": monitor(str(path), critical=1)})


def test_onnx_names_belong_to_onnx(tmp_path: Path):
    path = tmp_path / "m.skops"
    path.write_bytes(b"")
    with pytest.raises(ConfigError, match="only an ONNX file has outputs with names"):
        config({"m": monitor(str(path), critical=1, named="y")})
