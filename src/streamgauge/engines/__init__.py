"""Who runs the path, and what every engine shares.

- ``embedded``: all in this process; ``engine.py`` is the loop, and opens at ``opening.py`` and ``session.py``
- ``replay``: the same path over records of the past, and drafts of monitors tried on them
- ``running``: monitors over batches, the same for all engines; ``stream_runner.py`` is one stream
- ``decoding``: bytes to batches, ahead in processes of their own where a file is large
- ``outgoing``: what leaves after a commit: notices, rows, dead letters
- ``reporting``: what a running engine shows of itself
"""
