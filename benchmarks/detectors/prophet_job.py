"""Runs in the forecasters' environment: Prophet on each of some stretches, and how long that takes.

Arguments: ``path`` to an ``.npz`` with, for each stretch k: ``past_k``, ``start_k`` and ``step_k`` (microseconds), and
``day_k``, how many steps are to be foretold. The last line is JSON: where the answers lie, and CPU seconds per stretch.
"""

import json
import logging
import sys
import time
import warnings

import numpy as np
import pandas as pd
from prophet import Prophet

warnings.simplefilter("ignore")
logging.getLogger("cmdstanpy").setLevel(logging.ERROR)
logging.getLogger("prophet").setLevel(logging.ERROR)
given = np.load(json.loads(sys.argv[1])["path"])
answers, seconds = {}, []
for k in range(sum(name.startswith("past_") for name in given)):
    past, day = given[f"past_{k}"], int(given[f"day_{k}"])
    moments = pd.to_datetime(
        given[f"start_{k}"] + np.arange(len(past) + day) * int(given[f"step_{k}"]), unit="us"
    )
    began = time.process_time()
    model = Prophet(interval_width=0.9, uncertainty_samples=200)
    np.random.seed(k)  # noqa: NPY002 - Prophet draws from it
    model.fit(pd.DataFrame({"ds": moments[: len(past)], "y": past}).dropna())
    made = model.predict(pd.DataFrame({"ds": moments[len(past) :]}))
    seconds.append(time.process_time() - began)
    answers[f"made_{k}"] = made[["yhat", "yhat_lower", "yhat_upper"]].to_numpy().T
out = json.loads(sys.argv[1])["path"] + ".made.npz"
np.savez(out, **answers)
print(json.dumps({"path": out, "seconds": seconds}))
