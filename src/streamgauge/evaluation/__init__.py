"""How good a model was over labelled history: predictions and labels from tables, or what a store kept of a monitor.

Nothing is measured here. :mod:`.joining` hands tables to the detectors ``classification`` and ``regression``, which join
and measure as they do in a stream; :mod:`.kept` reads what those detectors left in a store.
"""
