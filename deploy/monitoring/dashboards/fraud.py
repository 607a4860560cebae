"""A fraud model: what it says, whether its input has drifted, and how good it was once labels came."""

from deploy.monitoring.dashboards.panels import Board, chart, number

BOARD = Board(
    uid="fraud",
    title="Fraud",
    tags=("fraud", "model"),
    rows=(
        (
            "Now",
            (
                number(
                    "Drift score",
                    "Below 0.1. From 0.25 on the model sees what it was not trained on, long before labels say so.",
                    'max(fraud_model_feature_drift{feature=""})',
                    good_below=0.25,
                    width=6,
                ),
                number(
                    "Precision",
                    "As at its training. Of the alarms, how many were right; from labels, which come late.",
                    "max(fraud_model_precision)",
                    high=1,
                    width=6,
                ),
                number(
                    "Recall",
                    "As at its training. Of the frauds, how many were found.",
                    "max(fraud_model_recall)",
                    high=1,
                    width=6,
                ),
                number(
                    "Flagged a minute",
                    "As usual at this hour.",
                    'sum(rate(fraud_transactions_total{result="anomaly"}[1m])) * 60',
                    width=6,
                ),
            ),
        ),
        (
            "Over time",
            (
                chart(
                    "Drift score",
                    "Below 0.1; possible drift up to 0.25, drift beyond.",
                    ('fraud_model_feature_drift{feature=""}', "all features"),
                    good_below=0.25,
                    width=12,
                ),
                chart(
                    "Drift by feature",
                    "The line that left the others is where to look first.",
                    ('fraud_model_feature_drift{feature!=""}', "{{feature}}"),
                    good_below=0.25,
                    width=12,
                ),
                chart(
                    "Detections",
                    "Both rise; the ratio stays.",
                    ("sum by (result) (fraud_transactions_total)", "{{result}}"),
                    kind="bars",
                    width=8,
                ),
                chart(
                    "Transactions",
                    "As usual at this hour. A fall to 0 is a stream that stopped.",
                    ("rate(fraud_transactions_total[1m])", "{{result}}"),
                    unit="cps",
                    width=8,
                ),
                chart(
                    "Model quality",
                    "Flat. It moves when labels come, so its newest point may be a day old.",
                    ("fraud_model_precision", "precision"),
                    ("fraud_model_recall", "recall"),
                    ("fraud_model_accuracy", "accuracy"),
                    low=0,
                    high=1,
                    width=8,
                ),
            ),
        ),
    ),
)
