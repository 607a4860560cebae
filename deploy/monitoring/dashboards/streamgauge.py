"""The engine itself: does it keep up, does what it decides arrive."""

from deploy.monitoring.dashboards.panels import Board, Variable, chart, number

BOARD = Board(
    uid="streamgauge",
    title="Streamgauge",
    tags=("streamgauge",),
    variables=(
        Variable("instance", "Instance", "streamgauge_ready", "instance"),
        Variable("stream", "Stream", "streamgauge_records_total", "stream", ("instance",)),
    ),
    rows=(
        (
            "Now",
            (
                number(
                    "Ready",
                    "1. At 0 it compiles kernels, waits for its store, or for its sources; its log says which.",
                    'min(streamgauge_ready{instance=~"$instance"})',
                    good_above=1,
                ),
                number(
                    "Incidents firing",
                    "0. Each is listed on the page Incidents with what it saw.",
                    'sum(streamgauge_incidents_open{instance=~"$instance"}) or vector(0)',
                    good_below=1,
                ),
                number(
                    "Watermark delay",
                    "A few seconds: the stream's lateness and what its producers gather. It grows while a source lags or is lost.",
                    'max(streamgauge_watermark_delay_seconds{instance=~"$instance", stream=~"$stream"})',
                    unit="s",
                    good_below=60,
                ),
                number(
                    "Sources lost",
                    "0. At 1 a source has given no sign of life for its `source_timeout`, and an incident says which.",
                    'sum(streamgauge_source_lost{instance=~"$instance", stream=~"$stream"})',
                    good_below=1,
                ),
                number(
                    "Store refuses",
                    "0. At 1 nothing is committed and nothing told; reading waits and nothing is lost. Look at the disk or the server.",
                    'max(streamgauge_store_refusing{instance=~"$instance"})',
                    good_below=1,
                ),
                number(
                    "Loop age",
                    "Below a second. Beyond ten the engine is stuck and `/healthz` answers 503.",
                    'max(streamgauge_loop_age_seconds{instance=~"$instance"})',
                    unit="s",
                    good_below=10,
                ),
            ),
        ),
        (
            "Reading",
            (
                chart(
                    "Records read",
                    "As much as the producers send. A step down while lag grows is us; a step down without lag is them.",
                    (
                        'sum by (stream) (rate(streamgauge_records_total{instance=~"$instance", stream=~"$stream"}[$__rate_interval]))',
                        "{{stream}}",
                    ),
                    unit="cps",
                ),
                chart(
                    "Not counted yet",
                    "Near 0. What stays above it is read more slowly than it comes.",
                    (
                        'sum by (stream) (streamgauge_partition_lag{instance=~"$instance", stream=~"$stream"})',
                        "{{stream}}",
                    ),
                ),
                chart(
                    "Watermark delay",
                    "Flat. A ramp means that time does not pass: lag, a lost source, or a partition without records.",
                    (
                        'max by (stream) (streamgauge_watermark_delay_seconds{instance=~"$instance", stream=~"$stream"})',
                        "{{stream}}",
                    ),
                    unit="s",
                ),
                chart(
                    "Unreadable and late",
                    "0, or the small rate that is usual here. `streamgauge dead-letters` shows the records and why.",
                    (
                        'sum by (stream) (rate(streamgauge_dead_letters_total{instance=~"$instance", stream=~"$stream"}[$__rate_interval]))',
                        "{{stream}} unreadable",
                    ),
                    (
                        'sum by (stream) (rate(streamgauge_late_records_total{instance=~"$instance", stream=~"$stream"}[$__rate_interval]))',
                        "{{stream}} late",
                    ),
                    unit="cps",
                ),
                chart(
                    "Keys",
                    "Bounded. A straight line upwards is a key that is different in each record.",
                    (
                        'max by (monitor) (streamgauge_keys{instance=~"$instance", stream=~"$stream"})',
                        "{{monitor}}",
                    ),
                ),
                chart(
                    "Windows open",
                    "As many as keys are active, times the windows that overlap.",
                    (
                        'max by (monitor) (streamgauge_open_windows{instance=~"$instance", stream=~"$stream"})',
                        "{{monitor}}",
                    ),
                ),
            ),
        ),
        (
            "Telling",
            (
                chart(
                    "Incidents that began",
                    "Few. A monitor that fires all day teaches people not to look; give it a budget or another limit.",
                    (
                        'sum by (monitor) (increase(streamgauge_incidents_total{instance=~"$instance"}[$__rate_interval]))',
                        "{{monitor}}",
                    ),
                    kind="chart",
                ),
                chart(
                    "From decision to answer",
                    "Below a second at the 99th percentile. What is slower waits for the channel.",
                    (
                        'histogram_quantile(0.99, sum by (channel, le) (rate(streamgauge_notice_seconds_bucket{instance=~"$instance"}[$__rate_interval])))',
                        "{{channel}} p99",
                    ),
                    unit="s",
                    good_below=1,
                ),
                chart(
                    "Notices waiting",
                    "0. They wait in the store and are not lost; a channel that stays away is named by `streamgauge doctor`.",
                    ('sum by (channel) (streamgauge_outbox_waiting{instance=~"$instance"})', "{{channel}}"),
                ),
            ),
        ),
        (
            "Process",
            (
                chart(
                    "Commit time",
                    "Below 50 ms at the 99th percentile. Slow disks show here first.",
                    (
                        'histogram_quantile(0.99, sum by (instance, le) (rate(streamgauge_commit_seconds_bucket{instance=~"$instance"}[$__rate_interval])))',
                        "{{instance}} p99",
                    ),
                    unit="s",
                ),
                chart(
                    "CPU",
                    "Below the cores that it has; 1 is one core.",
                    (
                        'rate(process_cpu_seconds_total{instance=~"$instance", job="streamgauge"}[$__rate_interval])',
                        "{{instance}}",
                    ),
                ),
                chart(
                    "Memory",
                    "Flat after the first hours. It follows keys and open windows.",
                    (
                        'process_resident_memory_bytes{instance=~"$instance", job="streamgauge"}',
                        "{{instance}}",
                    ),
                    unit="bytes",
                ),
            ),
        ),
    ),
)
