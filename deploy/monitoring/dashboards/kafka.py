"""Kafka: what flows, who lags, whether each partition is safe, and whether brokers keep up."""

from deploy.monitoring.dashboards.panels import Board, Variable, chart, number

_REQUESTS = 'request=~"Produce|FetchConsumer|FetchFollower|OffsetCommit|JoinGroup|ConsumerGroupHeartbeat"'

BOARD = Board(
    uid="kafka-overview",
    title="Kafka overview",
    tags=("kafka",),
    variables=(
        Variable("cluster", "Cluster", "kafka_brokers", "cluster"),
        Variable("topic", "Topic", "kafka_topic_partitions", "topic", ("cluster",)),
        Variable("group", "Group", "kafka_consumergroup_members", "consumergroup", ("cluster",)),
    ),
    rows=(
        (
            "Now",
            (
                number(
                    "Brokers",
                    "As many as you run. One fewer is a broker that left the cluster.",
                    'max(kafka_brokers{cluster=~"$cluster"})',
                    good_above=1,
                ),
                number(
                    "Active controllers",
                    "Exactly 1. At 0 nothing can be created or moved; at 2 the cluster is split.",
                    'sum(kafka_controller_kafkacontroller_activecontrollercount{cluster=~"$cluster"})',
                    good_above=1,
                ),
                number(
                    "Under-replicated partitions",
                    "0. A copy is missing or behind: another broker lost now can lose records.",
                    'sum(kafka_topic_partition_under_replicated_partition{cluster=~"$cluster"})',
                    good_below=1,
                ),
                number(
                    "Offline partitions",
                    "0. A partition without a leader takes and gives nothing.",
                    'sum(kafka_controller_kafkacontroller_offlinepartitionscount{cluster=~"$cluster"})',
                    good_below=1,
                ),
                number(
                    "Under min ISR",
                    "0. Producers with `acks=all` are refused on such partitions.",
                    'sum(kafka_server_replicamanager_underminisrpartitioncount{cluster=~"$cluster"})',
                    good_below=1,
                ),
                number(
                    "Requests timed out",
                    "0 or no data: the broker makes this series with the first request that it could not answer in time.",
                    'sum(rate(kafka_network_requestmetrics_errors_total{cluster=~"$cluster", error="REQUEST_TIMED_OUT"}[$__rate_interval]))',
                    unit="reqps",
                    good_below=0.001,
                ),
            ),
        ),
        (
            "Topics",
            (
                chart(
                    "Throughput in records",
                    "As your producers are. A topic that falls to 0 has lost its producer.",
                    (
                        'sum by (topic) (rate(kafka_topic_partition_current_offset{cluster=~"$cluster", topic=~"$topic"}[$__rate_interval]))',
                        "{{topic}}",
                    ),
                    unit="cps",
                ),
                chart(
                    "Throughput in bytes",
                    "Out is in times the number of groups. Much more out than that is somebody reading all of it again.",
                    (
                        'sum by (topic) (rate(kafka_server_brokertopicmetrics_bytesin_total{cluster=~"$cluster", topic!="", topic=~"$topic"}[$__rate_interval]))',
                        "{{topic}} in",
                    ),
                    (
                        'sum by (topic) (rate(kafka_server_brokertopicmetrics_bytesout_total{cluster=~"$cluster", topic!="", topic=~"$topic"}[$__rate_interval]))',
                        "{{topic}} out",
                    ),
                    unit="Bps",
                ),
                chart(
                    "On disk",
                    "Flat once retention has set in. A straight line upwards fills the disk on a day that can be told.",
                    (
                        'sum by (topic) (kafka_log_log_size{cluster=~"$cluster", topic=~"$topic"})',
                        "{{topic}}",
                    ),
                    unit="bytes",
                ),
                chart(
                    "Records kept",
                    "What lies between the oldest offset and the newest. A group whose lag comes near it is about to lose records.",
                    (
                        'sum by (topic) (kafka_topic_partition_current_offset{cluster=~"$cluster", topic=~"$topic"} - kafka_topic_partition_oldest_offset{cluster=~"$cluster", topic=~"$topic"})',
                        "{{topic}}",
                    ),
                ),
                chart(
                    "Failed produce requests",
                    "0. Records too large, or a partition under its min ISR.",
                    (
                        'sum(rate(kafka_server_brokertopicmetrics_failedproducerequests_total{cluster=~"$cluster", topic=""}[$__rate_interval]))',
                        "all topics",
                    ),
                    unit="reqps",
                ),
                chart(
                    "Partitions not led by their first choice",
                    "0 after a while. It stays above 0 while a broker that came back was not given its partitions again.",
                    (
                        'sum by (topic) (1 - kafka_topic_partition_leader_is_preferred{cluster=~"$cluster", topic=~"$topic"})',
                        "{{topic}}",
                    ),
                ),
            ),
        ),
        (
            "Groups",
            (
                chart(
                    "Consumer lag",
                    "Near 0, or a saw whose teeth come back to it. What only grows is never caught up.",
                    (
                        'sum by (consumergroup, topic) (kafka_consumergroup_lag{cluster=~"$cluster", consumergroup=~"$group", topic=~"$topic"})',
                        "{{consumergroup}} {{topic}}",
                    ),
                    width=12,
                ),
                chart(
                    "Members",
                    "As many as you started. 0 with lag is a group that nobody works for.",
                    (
                        'max by (consumergroup) (kafka_consumergroup_members{cluster=~"$cluster", consumergroup=~"$group"})',
                        "{{consumergroup}}",
                    ),
                    width=12,
                ),
                chart(
                    "Committed",
                    "As fast as the topic. A flat line under a topic that moves is a consumer that is stuck.",
                    (
                        'sum by (consumergroup, topic) (rate(kafka_consumergroup_current_offset{cluster=~"$cluster", consumergroup=~"$group", topic=~"$topic"}[$__rate_interval]))',
                        "{{consumergroup}} {{topic}}",
                    ),
                    unit="cps",
                    width=12,
                ),
                chart(
                    "Lag of the worst partition against the mean",
                    "Below 3. Far above it is one hot key, or one member that is slow.",
                    (
                        'max by (consumergroup, topic) (kafka_consumergroup_lag{cluster=~"$cluster", consumergroup=~"$group", topic=~"$topic"}) / (avg by (consumergroup, topic) (kafka_consumergroup_lag{cluster=~"$cluster", consumergroup=~"$group", topic=~"$topic"}) + 1)',
                        "{{consumergroup}} {{topic}}",
                    ),
                    width=12,
                ),
            ),
        ),
        (
            "Brokers",
            (
                chart(
                    "Requests",
                    "Steady. Many fetches with few records are consumers that ask too often.",
                    (
                        f'sum by (request) (rate(kafka_network_requestmetrics_requests_total{{cluster=~"$cluster", {_REQUESTS}}}[$__rate_interval]))',
                        "{{request}}",
                    ),
                    unit="reqps",
                ),
                chart(
                    "Request time, 99th percentile",
                    "Produce in tens of milliseconds. FetchConsumer waits for records, so half a second on a quiet topic is normal.",
                    (
                        'max by (request) (kafka_network_requestmetrics_totaltimems{cluster=~"$cluster", quantile="0.99", request=~"Produce|FetchConsumer|OffsetCommit"})',
                        "{{request}}",
                    ),
                    unit="ms",
                ),
                chart(
                    "Handlers idle",
                    "Above 0.3. Below it requests wait in the queue.",
                    (
                        'min by (instance) (kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent{cluster=~"$cluster"})',
                        "{{instance}} handlers",
                    ),
                    (
                        'min by (instance) (kafka_network_socketserver_networkprocessoravgidlepercent{cluster=~"$cluster"})',
                        "{{instance}} network",
                    ),
                    unit="percentunit",
                    high=1,
                    good_above=0.3,
                ),
                chart(
                    "ISR shrinks and expands",
                    "0. A copy that falls behind again and again is a slow disk or network. With KRaft brokers do not count each: "
                    "see the partitions that lack a copy, too.",
                    (
                        'sum by (instance) (rate(kafka_server_replicamanager_isrshrinks_total{cluster=~"$cluster"}[$__rate_interval]))',
                        "{{instance}} shrinks",
                    ),
                    (
                        'sum by (instance) (rate(kafka_server_replicamanager_isrexpands_total{cluster=~"$cluster"}[$__rate_interval]))',
                        "{{instance}} expands",
                    ),
                    unit="ops",
                ),
                chart(
                    "Request queue",
                    "Near 0. What waits here waits before any broker thread has seen it.",
                    (
                        'max by (instance) (kafka_network_requestchannel_requestqueuesize{cluster=~"$cluster"})',
                        "{{instance}}",
                    ),
                ),
                chart(
                    "Produce requests that waited in vain",
                    "0. Copies did not confirm in time; the producer tries again or gives up.",
                    (
                        'sum by (instance) (rate(kafka_server_delayedproducemetrics_expires_total{cluster=~"$cluster"}[$__rate_interval]))',
                        "{{instance}}",
                    ),
                    unit="ops",
                ),
            ),
        ),
    ),
)
