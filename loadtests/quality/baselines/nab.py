"""NAB results of two simple causal detectors. usage: nab.py NAB_DIR OUT_DIR"""

import json
import math
import os
import sys

import pandas as pd

data, out = sys.argv[1:3]
LAMBDA = 0.01


def ewma_scores(values):
    """Tail probability of a reading against an exponentially weighted mean and variance of those before it."""
    mean, variance, scores = values[0], 0.0, []
    for n, x in enumerate(values):
        z = abs(x - mean) / math.sqrt(variance) if n > 10 and variance > 0 else 0.0
        scores.append(1 - math.erfc(z / math.sqrt(2)))
        k = max(LAMBDA, 1 / (n + 1))
        variance = (1 - k) * (variance + k * (x - mean) ** 2)
        mean += k * (x - mean)
    return scores


def rested(scores):
    """Repeats within 3% of the file are held back unless they are stronger."""
    quiet, last, level, kept = int(0.03 * len(scores)), -10**9, 0.0, []
    for n, score in enumerate(scores):
        loud = score > 0.99
        if loud and (n - last > quiet or score > level):
            last, level = n, score
            kept.append(score)
        else:
            kept.append(0.0)
    return kept


for category in sorted(os.listdir(os.path.join(data, "data"))):
    folder = os.path.join(data, "data", category)
    if not os.path.isdir(folder):
        continue
    for file in sorted(os.listdir(folder)):
        if not file.endswith(".csv"):
            continue
        table = pd.read_csv(os.path.join(folder, file))
        scores = ewma_scores(table["value"].tolist())
        for name, values in (("ewma", scores), ("ewmarested", rested(scores))):
            os.makedirs(os.path.join(out, name, category), exist_ok=True)
            result = table.assign(anomaly_score=values, label=0)
            result.to_csv(os.path.join(out, name, category, f"{name}_{file}"), index=False)

print(json.dumps([["ewma", "EWMA z (Python)"], ["ewmarested", "EWMA z, repeats held back (Python)"]]))
