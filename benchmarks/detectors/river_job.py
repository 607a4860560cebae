"""Runs in River's environment: its anomaly models and drift detectors, record by record as they are made to be used.

Arguments: ``what`` is ``values`` (half-space trees over one value), ``drift`` (a detector per feature) or ``records``
(half-space trees over rows of a file of ADBench, min-max scaled as River's documentation says); ``rounds``.
The answer is records per second of CPU time by round. ``shuttle`` writes the set of that name, which River brings along, to
``path`` in the form of ADBench's files.
"""

import json
import random
import sys
import time

wanted = json.loads(sys.argv[1])


def rates(records, make, step):
    """Records per second, one fresh model per round."""
    found = []
    for _ in range(wanted["rounds"]):
        model = make()
        began = time.process_time()
        for record in records:
            step(model, record)
        found.append(len(records) / (time.process_time() - began))
    return found


def judged(model, record):
    """Score, then learn."""
    model.score_one(record)
    model.learn_one(record)


def values():
    """One value in [0, 1] at a time: River's defaults, and the 25 trees of the paper."""
    from river import anomaly

    draw = random.Random(1)
    records = [{"value": min(max(draw.gauss(0.5, 0.1), 0.0), 1.0)} for _ in range(wanted["count"])]
    return {
        "10 trees of height 8": rates(records, lambda: anomaly.HalfSpaceTrees(seed=1), judged),
        "25 trees of height 8": rates(
            records, lambda: anomaly.HalfSpaceTrees(n_trees=25, height=8, seed=1), judged
        ),
    }


def drift():
    """Five numbers per record, a detector for each."""
    import numpy as np
    from river import drift as detectors

    rows = np.random.default_rng(2).normal(size=(wanted["count"], 5)).tolist()

    def step(model, row):
        for each, value in zip(model, row, strict=True):
            each.update(value)

    return {
        name: rates(rows, lambda made=made: [made() for _ in range(5)], step)
        for name, made in (("ADWIN", detectors.ADWIN), ("Page-Hinkley", detectors.PageHinkley))
    }


def records():
    """The first rows of one set in a random order: rate, and the score of each."""
    import numpy as np
    from river import anomaly, compose, preprocessing

    rows = np.load(wanted["path"])["X"]
    rows = rows[np.random.default_rng(wanted["seed"]).permutation(len(rows))[: wanted["most"]]]
    held = [dict(enumerate(row)) for row in rows.tolist()]
    scores = []

    def made():
        scores.clear()
        return compose.Pipeline(preprocessing.MinMaxScaler(), anomaly.HalfSpaceTrees(seed=1))

    def step(model, record):
        scores.append(model.score_one(record))
        model.learn_one(record)

    return {"rates": rates(held, made, step), "scores": scores}


def shuttle():
    """Statlog (Shuttle) as ODDS and ADBench have it: the rare classes are the outliers."""
    import numpy as np
    from river import datasets

    rows = [(list(record.values()), odd) for record, odd in datasets.Shuttle()]
    np.savez(
        wanted["path"], X=np.array([row for row, _ in rows], float), y=np.array([odd for _, odd in rows])
    )
    return len(rows)


jobs = {"values": values, "drift": drift, "records": records, "shuttle": shuttle}
print(json.dumps(jobs[wanted["what"]]()))
