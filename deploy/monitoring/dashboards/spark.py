"""Spark's streaming queries: does a batch end before the next one is due, and what does it remember."""

from deploy.monitoring.dashboards.panels import Board, chart, number


def _of_query(key: str) -> str:
    """Spark writes the query's name into the metric's, so it is asked for by a pattern."""
    return f'{{__name__=~"metrics_.+_driver_spark_streaming_.+_{key}_Value"}}'


BOARD = Board(
    uid="spark-overview",
    title="Spark overview",
    tags=("spark",),
    rows=(
        (
            "Now",
            (
                number(
                    "Rows in",
                    "As the topic, in rows a second, over all queries.",
                    f"sum({_of_query('inputRate_total')})",
                    unit="cps",
                    width=6,
                ),
                number(
                    "Processed against read",
                    "Above 1: it could take more than it is given. Below 1 lag grows.",
                    f"sum({_of_query('processingRate_total')}) / sum({_of_query('inputRate_total')} > 0)",
                    width=6,
                    good_above=1,
                ),
                number(
                    "Slowest batch",
                    "Below the trigger's interval; else the next one starts late, and lag grows.",
                    f"max({_of_query('latency')})",
                    unit="ms",
                    width=6,
                    good_below=10_000,
                ),
                number(
                    "State",
                    "Flat. Rows without an end are keys or windows that no watermark closes.",
                    f"sum({_of_query('states_usedBytes')})",
                    unit="bytes",
                    width=6,
                ),
            ),
        ),
        (
            "Queries",
            (
                chart(
                    "Input rate",
                    "As the topic.",
                    (_of_query("inputRate_total"), "{{__name__}}"),
                    unit="cps",
                    width=12,
                ),
                chart(
                    "Processing rate",
                    "Above the input rate.",
                    (_of_query("processingRate_total"), "{{__name__}}"),
                    unit="cps",
                    width=12,
                ),
                chart(
                    "Batch duration",
                    "Below the trigger's interval.",
                    (_of_query("latency"), "{{__name__}}"),
                    unit="ms",
                ),
                chart(
                    "Rows of state",
                    "Flat once all keys are known.",
                    (_of_query("states_rowsTotal"), "{{__name__}}"),
                ),
                chart(
                    "Watermark lag",
                    "The delay that the query allows, and a batch. 0 is a query without a watermark.",
                    (
                        f"time() - ({_of_query('eventTime_watermark')} > 0) / 1000",
                        "watermark of {{instance}}",
                    ),
                    unit="s",
                ),
            ),
        ),
        (
            "Executors",
            (
                chart(
                    "Tasks at work",
                    "At most the cores. All of them all the time is a cluster that is too small.",
                    ("sum by (executor_id) (metrics_executor_activeTasks)", "{{executor_id}}"),
                ),
                chart(
                    "Tasks failed",
                    "0. Spark tries again, and gives the batch up after four times.",
                    (
                        "sum by (executor_id) (rate(metrics_executor_failedTasks_total[$__rate_interval]))",
                        "{{executor_id}}",
                    ),
                    unit="ops",
                ),
                chart(
                    "Time spent collecting",
                    "Below 0.1 of the time that tasks take.",
                    (
                        "sum by (executor_id) (rate(metrics_executor_totalGCTime_seconds_total[$__rate_interval]))",
                        "{{executor_id}}",
                    ),
                    unit="percentunit",
                ),
            ),
        ),
    ),
)
