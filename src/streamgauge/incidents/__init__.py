"""From verdicts to what people see: one stage per file, pure, time is an argument.

The order of the stages is readable in :func:`streamgauge.incidents.lifecycle.receive`.
"""
