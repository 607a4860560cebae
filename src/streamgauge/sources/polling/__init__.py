"""Pollers: sources that ask a system how it is, again and again, and keep each answer as records.

What was asked cannot be asked again, so each answer goes through the store's inbox, whole and in one transaction,
before anything counts it: killed at any instant, an answer counts once or was never there.

================== =============================================================
:mod:`.settings`   what every poller's configuration has
:mod:`.target`     what one poller brings: one question, answered as records
:mod:`.asking`     the thread that asks, waits, and backs off
:mod:`.source`     the source over it; a target that does not answer is a source lost
:mod:`.web`        questions over HTTP, for the pollers that ask so
================== =============================================================
"""
