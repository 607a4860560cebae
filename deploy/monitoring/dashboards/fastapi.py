"""Any FastAPI application that is instrumented as ours is."""

from deploy.monitoring.dashboards.panels import Board, Variable, chart, number

_HERE = 'job=~"$job", handler=~"$handler"'

BOARD = Board(
    uid="fastapi",
    title="FastAPI",
    tags=("fastapi",),
    variables=(
        Variable("job", "Job", "http_requests_total", "job"),
        Variable("handler", "Handler", "http_requests_total", "handler", ("job",)),
    ),
    rows=(
        (
            "Now",
            (
                number(
                    "Requests",
                    "All since the process started; it begins at 0 again with each start.",
                    f"sum(http_requests_total{{{_HERE}}})",
                    width=8,
                ),
                number(
                    "Average duration",
                    "Below 50 ms. It hides the slow ones; the percentiles are below.",
                    f"1000 * sum(rate(http_request_duration_seconds_sum{{{_HERE}}}[1m])) / sum(rate(http_request_duration_seconds_count{{{_HERE}}}[1m]))",
                    unit="ms",
                    good_below=500,
                    width=8,
                ),
                number(
                    "Answered with 5xx",
                    "0. The server failed; its log has the reason.",
                    f'(sum(rate(http_requests_total{{{_HERE}, status="5xx"}}[5m])) or vector(0)) / sum(rate(http_requests_total{{{_HERE}}}[5m]))',
                    unit="percentunit",
                    good_below=0.01,
                    width=8,
                ),
            ),
        ),
        (
            "Over time",
            (
                chart(
                    "Total requests",
                    "Rises steadily; it falls to 0 where the process was started again.",
                    (f"sum by (handler) (http_requests_total{{{_HERE}}})", "{{handler}}"),
                ),
                chart(
                    "Average request duration",
                    "Below 50 ms.",
                    (
                        f"1000 * rate(http_request_duration_seconds_sum{{{_HERE}}}[1m]) / (rate(http_request_duration_seconds_count{{{_HERE}}}[1m]) > 0)",
                        "{{method}} {{handler}}",
                    ),
                    unit="ms",
                ),
                chart(
                    "Requests by answer",
                    "2xx and 3xx; some 4xx are people who mistype.",
                    (
                        f"sum by (status) (rate(http_requests_total{{{_HERE}}}[$__rate_interval]))",
                        "{{status}}",
                    ),
                    unit="reqps",
                    stacked=True,
                ),
                chart(
                    "Slow ones",
                    "The 95th and 99th percentile, as far as the classes of the histogram tell.",
                    (
                        f"histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{{{_HERE}}}[$__rate_interval])))",
                        "p95",
                    ),
                    (
                        f"histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket{{{_HERE}}}[$__rate_interval])))",
                        "p99",
                    ),
                    unit="s",
                    width=12,
                ),
                chart(
                    "Requests by handler",
                    "As your users are.",
                    (
                        f"sum by (handler) (rate(http_requests_total{{{_HERE}}}[$__rate_interval]))",
                        "{{handler}}",
                    ),
                    unit="reqps",
                    width=12,
                ),
            ),
        ),
    ),
)
