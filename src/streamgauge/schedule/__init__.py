"""Jobs that run by themselves at stated times, each in a process of its own, beside the engine and never in its loop.

:mod:`.moments` says when, :mod:`.book` is what the store knows of each job, :mod:`.running` begins and watches runs,
:mod:`.process` is one run. Time is an argument; what was due is kept in the store, so that a restart neither loses a run
nor doubles one.
"""
