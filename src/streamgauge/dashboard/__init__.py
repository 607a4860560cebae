"""The analysis app (Streamlit, the extra `ui`): drift, forecasts, anomalies, model quality, over the HTTP API alone.

It runs as a process of its own (:mod:`streamgauge.dashboard.process`), which touches neither the store nor Kafka.
``app.py`` is what Streamlit runs; ``views/`` holds one page per file; ``words.py`` every text; ``theme.py`` every colour.
"""
