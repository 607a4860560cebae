"""Runs in an environment of a peer: a drift stream as that peer is made to be used; only its checks are timed.

Arguments: ``who``, ``checks``, ``reference`` (rows), ``features``, ``window``, ``rounds``. The window comes as an array,
which flatters; the answer is CPU seconds per check by round, and what was found.
"""

import json
import sys
import time
import warnings
from collections import deque

import numpy as np

wanted = json.loads(sys.argv[1])
names = [f"f{n}" for n in range(wanted["features"])]
rng = np.random.default_rng(1)
reference = {name: rng.normal(size=wanted["reference"]) for name in names}
rng = np.random.default_rng(2)
stream = {name: rng.normal(size=wanted["window"] + 100 * wanted["checks"]) for name in names}


def evidently():
    """A report on two frames; there is nothing to prepare."""
    import pandas as pd
    from evidently import Report
    from evidently.presets import DataDriftPreset

    before = pd.DataFrame(reference)

    def check(window):
        report = Report([DataDriftPreset(num_method="psi")]).run(pd.DataFrame(window), before)
        return [float(one["value"]) for one in report.dict()["metrics"][1:]]

    return check


def nannyml():
    """Fitted once on the reference; then one chunk at a time."""
    import nannyml as nml
    import pandas as pd

    made = nml.UnivariateDriftCalculator(
        column_names=names, continuous_methods=["jensen_shannon"], chunk_size=wanted["window"]
    )
    made.fit(pd.DataFrame(reference))

    def check(window):
        found = made.calculate(pd.DataFrame(window)).filter(period="analysis").to_df()
        return [float(found[name, "jensen_shannon", "value"].iloc[0]) for name in names]

    return check


def pandas():
    """As tutorials write it: records in a deque, a frame of them, deciles of the reference each time."""
    import pandas as pd

    def psi(before, now):
        edges = np.unique(np.percentile(before, np.arange(0, 101, 10)))
        edges[0], edges[-1] = -np.inf, np.inf
        p = np.histogram(before, edges)[0] / len(before)
        q = np.histogram(now, edges)[0] / len(now)
        p, q = np.where(p == 0, 1e-4, p), np.where(q == 0, 1e-4, q)
        return float(((q - p) * np.log(q / p)).sum())

    def check(window):
        columns = [window[name].tolist() for name in names]
        held = deque(
            (dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)),
            maxlen=wanted["window"],
        )
        frame = pd.DataFrame(list(held))
        return [psi(reference[name], frame[name].to_numpy()) for name in names]

    return check


def scipy():
    """Two-sample Kolmogorov-Smirnov by feature."""
    from scipy import stats

    def check(window):
        return [float(stats.ks_2samp(reference[name], window[name]).statistic) for name in names]

    return check


warnings.simplefilter("ignore")
check = {"evidently": evidently, "nannyml": nannyml, "pandas": pandas, "scipy": scipy}[wanted["who"]]()
check({name: column[: wanted["window"]] for name, column in stream.items()})  # whatever the first call loads
took, found = [], []
for _ in range(wanted["rounds"]):
    began = time.process_time()
    for k in range(wanted["checks"]):
        start = 100 * (k + 1)
        found = check({name: column[start : start + wanted["window"]] for name, column in stream.items()})
    took.append((time.process_time() - began) / wanted["checks"])
print(json.dumps({"seconds": took, "found": found}))
