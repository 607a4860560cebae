"""The same story on Spark, by a job of one's own: ``foreachBatch`` scores payments and posts what it found.

``PYTHONPATH=. spark-submit --jars … examples/fraud/story/on_spark.py --brokers … --url …``, from the root of a clone, reads
payments and labels from Kafka (``--jars``: Spark's Kafka connector). Of each batch the payments' scores and the labels go
to the stream ``scored`` of ``from_spark.yaml``, and how far the payments lie from the training to
``fraud_model_feature_drift``. What is posted waits in a file while the server is away, and counts once. ``INGEST_TOKEN`` is
that of the stream.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from examples.fraud.story.training import DRIFTING, MODEL, REFERENCE
from examples.fraud.story.transactions import FEATURES

FIELDS = "tx_id STRING, account STRING, amount DOUBLE, distance DOUBLE, minutes DOUBLE, hour INT, at BIGINT, fraud BOOLEAN"
"""Of payments and of labels."""
ENOUGH = 100
"""Drift of fewer payments says nothing."""


@dataclass(frozen=True)
class Job:
    """What a batch is judged with, on the driver.

    Attributes:
        folder: where the model and the reference lie, and what could not be posted yet.
        url: of a Streamgauge that runs ``from_spark.yaml``.
        token: as in that file.
    """

    folder: Path
    url: str
    token: str

    def tell(self, batch: Any, number: int) -> None:
        """For ``foreachBatch``: run again under its number, it is told once."""
        import skops.io

        from streamgauge.client import push_metrics, push_records

        rows = [row.asDict() for row in batch.orderBy("at", "tx_id").collect()]
        payments = [row for row in rows if row["amount"] is not None]
        if payments:
            forest = skops.io.load(self.folder / MODEL, trusted=["sklearn.tree._tree.Tree"])
            scores = forest.predict_proba([[row[name] for name in FEATURES] for row in payments])[:, 1]
            for row, score in zip(payments, scores.tolist(), strict=True):
                row["score"] = score
        queue = self.folder / "unsent.db"
        told = [{name: row.get(name) for name in ("tx_id", "score", "fraud", "at")} for row in rows]
        push_records(self.url, "scored", told, key=f"scored-{number}", token=self.token, queue=queue)
        if len(payments) >= ENOUGH:
            push_metrics(self.url, drift_score=self.drift(payments), key=f"drift-{number}", queue=queue)

    def drift(self, payments: Sequence[dict[str, Any]]) -> float:
        """PSI of the feature that moved most."""
        from streamgauge import drift

        columns = {name: [row[name] for row in payments] for name in DRIFTING}
        return float(drift(self.folder / REFERENCE, columns).overall["value"])


def main() -> None:
    """Read what is there, or with ``--keep-going`` what comes."""
    from pyspark.sql import SparkSession
    from pyspark.sql import functions as F  # noqa: N812  as everyone calls it

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--brokers", default="localhost:9092")
    parser.add_argument("--topics", default="transactions,labels")
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--folder", type=Path, default=Path(), help="of the model and the reference")
    parser.add_argument("--checkpoint", default="on-spark.checkpoint")
    parser.add_argument("--keep-going", action="store_true")
    asked = parser.parse_args()
    spark = SparkSession.builder.appName("fraud").getOrCreate()
    read = spark.readStream.format("kafka").option("kafka.bootstrap.servers", asked.brokers)
    records = read.option("subscribe", asked.topics).option("startingOffsets", "earliest").load()
    parsed = records.select(F.from_json(F.col("value").cast("string"), FIELDS).alias("it")).select("it.*")
    job = Job(asked.folder, asked.url, os.environ["INGEST_TOKEN"])
    writer = parsed.writeStream.foreachBatch(job.tell)
    writer = writer.option("checkpointLocation", asked.checkpoint)
    pace = {"processingTime": "1 second"} if asked.keep_going else {"availableNow": True}
    writer.trigger(**pace).start().awaitTermination()


if __name__ == "__main__":
    main()
