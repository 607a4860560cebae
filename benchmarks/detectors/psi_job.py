"""Runs in feature-engine's environment: its PSI with equal-frequency bins, of samples drawn from the same seeds.

Arguments: ``cases``, each ``[seed, reference rows, current rows, shift, spread]``. The answer is one PSI per case.
"""

import json
import sys
import warnings

import numpy as np
import pandas as pd
from feature_engine.selection import DropHighPSIFeatures

warnings.simplefilter("ignore")
found = []
for seed, before, now, shift, spread in json.loads(sys.argv[1])["cases"]:
    rng = np.random.default_rng(seed)
    values = np.concatenate([rng.normal(size=before), rng.normal(shift, spread, now)])
    frame = pd.DataFrame({"value": values, "other": values, "part": np.repeat([0, 1], [before, now])})
    made = DropHighPSIFeatures(
        variables=["value"], split_col="part", cut_off=0, strategy="equal_frequency", bins=10,
        min_pct_empty_bins=1e-4, threshold=1e9,
    )  # fmt: skip
    found.append(float(made.fit(frame).psi_values_["value"]))
print(json.dumps(found))
