"""What ``streamgauge doctor`` looks at: one check per file, each a few sentences about what is and what to do.

A check is a module with ``examine(patient)``, which gives :class:`~.contract.Finding`; :mod:`.examination` says in
which order they come. None of them writes a record, joins a group, posts a notice or changes the store.
"""
