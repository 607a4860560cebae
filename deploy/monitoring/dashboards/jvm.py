"""Any JVM behind the JMX agent: brokers, Flink, registries."""

from deploy.monitoring.dashboards.panels import Board, Variable, chart, number

_HERE = 'job=~"$job", instance=~"$instance"'

BOARD = Board(
    uid="jvm-metrics",
    title="JVM metrics",
    tags=("jvm",),
    variables=(
        Variable("job", "Job", "jvm_threads_current", "job"),
        Variable("instance", "Instance", "jvm_threads_current", "instance", ("job",)),
    ),
    rows=(
        (
            "Now",
            (
                number(
                    "Heap in use",
                    "Below 0.85 of its bound. Near 1 the collector works all the time, and then an OutOfMemoryError ends it.",
                    f'max(jvm_memory_used_bytes{{area="heap", {_HERE}}} / (jvm_memory_max_bytes{{area="heap", {_HERE}}} > 0))',
                    unit="percentunit",
                    good_below=0.85,
                    high=1,
                    width=6,
                ),
                number(
                    "Time spent collecting",
                    "Below 0.05. Above 0.2 little else is done.",
                    f"max(sum by (instance) (rate(jvm_gc_collection_seconds_sum{{{_HERE}}}[$__rate_interval])))",
                    unit="percentunit",
                    good_below=0.1,
                    high=1,
                    width=6,
                ),
                number(
                    "Threads that wait for each other",
                    "0. Deadlocked threads never go on; only a restart helps.",
                    f"sum(jvm_threads_deadlocked{{{_HERE}}})",
                    good_below=1,
                    width=6,
                ),
                number(
                    "Open files",
                    "Below 0.8 of what it may have. At 1 it can accept no connection and open no segment.",
                    f"max(process_open_fds{{{_HERE}}} / process_max_fds{{{_HERE}}})",
                    unit="percentunit",
                    good_below=0.8,
                    high=1,
                    width=6,
                ),
            ),
        ),
        (
            "Memory",
            (
                chart(
                    "Heap",
                    "A saw: up, and down at each collection. When the lower points rise over hours something is kept.",
                    (
                        f'sum by (job, instance) (jvm_memory_used_bytes{{area="heap", {_HERE}}})',
                        "{{job}} {{instance}} used",
                    ),
                    (
                        f'sum by (job, instance) (jvm_memory_committed_bytes{{area="heap", {_HERE}}})',
                        "{{job}} {{instance}} committed",
                    ),
                    unit="bytes",
                    width=12,
                ),
                chart(
                    "Heap left after a collection",
                    "Flat. This is what is really in use; rising for hours is a leak, whatever the saw looks like.",
                    (
                        f"sum by (job, instance) (jvm_memory_pool_collection_used_bytes{{{_HERE}}})",
                        "{{job}} {{instance}}",
                    ),
                    unit="bytes",
                    width=12,
                ),
            ),
        ),
        (
            "Collector, CPU, threads",
            (
                chart(
                    "Pause",
                    "Tens of milliseconds. Longer pauses look like a lost node to whoever waits for a heartbeat.",
                    (
                        f"rate(jvm_gc_collection_seconds_sum{{{_HERE}}}[$__rate_interval]) / (rate(jvm_gc_collection_seconds_count{{{_HERE}}}[$__rate_interval]) > 0)",
                        "{{instance}} {{gc}}",
                    ),
                    unit="s",
                ),
                chart(
                    "CPU",
                    "Below the cores that it has; 1 is one core.",
                    (f"rate(process_cpu_seconds_total{{{_HERE}}}[$__rate_interval])", "{{job}} {{instance}}"),
                ),
                chart(
                    "Threads",
                    "Flat. A staircase is threads that are made and never end.",
                    (f"jvm_threads_current{{{_HERE}}}", "{{job}} {{instance}}"),
                ),
            ),
        ),
    ),
)
