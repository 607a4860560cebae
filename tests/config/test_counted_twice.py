"""Two monitors with one ``metrics_prefix``: told where each transaction would count twice."""

from __future__ import annotations

import pytest

from streamgauge.config import load

TEXT = """\
streams:
  payments:
    source: {type: files, path: x.ndjson}
    format: json
    fields: {id: string, amount: float, score: float, fraud: bool}
  predictions:
    source: {type: files, path: y.ndjson}
    format: json
    fields: {id: string, score: float, fraud: bool}
monitors:
  odd:
    stream: payments
    detect: {type: outlier, features: [amount]}
    metrics_prefix: fraud
  other:
"""
QUALITY = "{type: classification, id: id, prediction: score, label: fraud, size: 1h, label_wait: 1h}"
OUTLIER = "{type: outlier, features: [score]}"
DRIFT = "{type: psi, features: [amount], reference: {amount: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}}"


def told(stream: str, detect: str, *more: str) -> list[str]:
    keys = (f"stream: {stream}", f"detect: {detect}", *(more or ("metrics_prefix: fraud",)))
    return [warning.message for warning in load(TEXT + "".join(f"    {key}\n" for key in keys)).warnings]


@pytest.mark.parametrize("stream", ["payments", "predictions"])
def test_records_and_their_predictions_are_counted_twice(stream):
    (message,) = told(stream, QUALITY)
    assert message.startswith("`odd` (<text>:14) and `other` both count in fraud_transactions_total")
    assert message.endswith(
        "leave `metrics_prefix` out of `odd`: only the classification shows precision and recall too"
    )


def test_two_detectors_of_the_same_records():
    (message,) = told("payments", OUTLIER.replace("score", "amount"))
    assert message.endswith("leave `metrics_prefix` out of one of them")


@pytest.mark.parametrize(
    ("sentence", "arguments"),
    [
        ("records of two streams are two transactions", ("predictions", OUTLIER)),
        (
            "drift counts none",
            ("payments", DRIFT, "window: {type: count, size: 100}", "metrics_prefix: fraud"),
        ),
        ("the other shows no metrics", ("predictions", QUALITY, "metrics_prefix: none")),
    ],
)
def test_what_is_fine(sentence, arguments):
    assert told(*arguments) == [], sentence


def test_the_warning_stands_at_the_second_with_its_file(tmp_path):
    first, second = tmp_path / "own.yaml", tmp_path / "quality.yaml"
    first.write_text("include: quality.yaml\n" + TEXT.partition("  other:")[0])
    second.write_text(
        f"monitors:\n  quality:\n    stream: predictions\n    detect: {QUALITY}\n    metrics_prefix: fraud\n"
    )
    (warning,) = load(first).warnings
    assert (warning.file, warning.line, f"`odd` ({first}:15)" in warning.message) == (str(second), 5, True)
