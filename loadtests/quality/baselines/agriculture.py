"""Logan River water sensors with plain detectors, each series by itself. usage: agriculture.py DIR"""

import json
import sys

import numpy as np
import pandas as pd
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score

folder = sys.argv[1]
SITES, VARIABLES = ("MainStreet", "Mendon", "TonyGrove", "WaterLab"), ("temp", "cond", "ph", "do")
NOT_JUDGED = pd.Timedelta(days=14)
WEEK, REFIT, PAST = 672, 672, 4 * 672


def robust_z(values):
    """Distance from the median of the week before, in its median absolute deviations."""
    series = pd.Series(values)
    past = series.shift(1).rolling(WEEK, min_periods=48)
    middle = past.median()
    off = (series - middle).abs()
    spread = off.shift(1).rolling(WEEK, min_periods=48).median()
    return (off / (1.4826 * spread + 1e-3 * middle.abs() + 1e-9)).fillna(0).to_numpy()


def isolation_forest(values):
    """Refitted every week on the four weeks before: value, change, deviation from the last two hours, their spread."""
    series = pd.Series(values)
    table = pd.DataFrame({"x": series, "d1": series.diff(), "d8": series - series.rolling(8, min_periods=1).mean(),
                          "s8": series.rolling(8, min_periods=2).std()}).fillna(0).to_numpy()
    scores = np.zeros(len(values))
    for start in range(REFIT, len(values), REFIT):
        forest = IsolationForest(n_estimators=100, random_state=0).fit(table[max(0, start - PAST) : start])
        scores[start : start + REFIT] = -forest.score_samples(table[start : start + REFIT])
    return scores


def event_recall(scores, labels):
    threshold = np.sort(scores[~labels])[::-1][int(0.01 * (~labels).sum())]
    starts = np.flatnonzero(labels & ~np.r_[False, labels[:-1]])
    ends = np.flatnonzero(labels & ~np.r_[labels[1:], False])
    return np.mean([(scores[a : b + 1] > threshold).any() for a, b in zip(starts, ends)])


result = {}
for name, score in (("robust z (MAD) (Python)", robust_z), ("isolation forest (Python)", isolation_forest)):
    figures = []
    for site in SITES:
        table = pd.read_csv(f"{folder}/{site}_2019_2020.csv.gz", parse_dates=["datetime"])
        judged = (table["datetime"] >= table["datetime"][0] + NOT_JUDGED).to_numpy()
        for variable in VARIABLES:
            labels = table[f"{variable}_qual"].notna().to_numpy()[judged]
            if labels.sum() < 5:
                continue
            values = table[variable].astype(float)
            missing = values.isna() | (values == -9999)
            scores = score(values.mask(missing).ffill().fillna(0).to_numpy())
            scores[missing.to_numpy()] = scores.max() + 1
            scores = scores[judged]
            figures.append((roc_auc_score(labels, scores), average_precision_score(labels, scores),
                            event_recall(scores, labels)))
    auc, ap, recall = np.mean(figures, axis=0)
    result[name] = {"auc": auc, "ap": ap, "eventRecall": recall}
print(json.dumps(result))
