"""Runs monitors on Spark: the same step as everywhere, one call per Kafka partition and micro-batch.

- ``refusals`` says what this engine cannot do; ``job`` builds the query, ``handler`` is what Spark calls
- ``packing`` brings records, ``ends`` how far partitions reach, ``partition`` judges them, ``pages`` keeps the state
- ``lines`` is what leaves: verdicts, windows, late and bad records, as JSON on one Kafka topic
- of what spans partitions ``parts`` leave, or records (``forwarding``); ``meeting`` and ``merging`` judge them
- ``hearing`` and ``notifying`` make incidents of that topic, ``heard_rows`` rows for sinks: the verb ``notify``

Spark's own library is imported by ``job``, ``handler``, ``ends`` and ``progress`` alone.
"""
