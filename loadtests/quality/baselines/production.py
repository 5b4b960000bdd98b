"""Tennessee Eastman with plain detectors: learn on d00, threshold at the 99% quantile of d00_te. usage: production.py DIR"""

import json
import sys

import numpy as np
import pandas as pd
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

folder, onset, hard = sys.argv[1], 160, (3, 9, 15)


def load(name):
    return pd.read_csv(f"{folder}/{name}.csv.gz").to_numpy(float)


train = load("d00")
mean, deviation = train.mean(axis=0), train.std(axis=0)
train = (train - mean) / deviation
tests = {fault: (load(f"d{fault:02d}_te") - mean) / deviation for fault in range(1, 22)}
normal = (load("d00_te") - mean) / deviation


def ewma(scores, weight):
    out, level = np.empty(len(scores)), scores[0]
    for i, score in enumerate(scores):
        level = (1 - weight) * level + weight * score
        out[i] = level
    return out


def figures(score):
    threshold = np.quantile(score(normal), 0.99)
    scores = {fault: score(rows) for fault, rows in tests.items()}
    quiet = np.concatenate([values[:onset] for values in scores.values()])
    rate = {fault: (values[onset:] > threshold).mean() for fault, values in scores.items()}
    easy = [fault for fault in scores if fault not in hard]
    delays = []
    for fault in easy:
        over = np.flatnonzero(scores[fault][onset:] > threshold)
        delays.append(over[0] if len(over) else len(scores[fault]) - onset)
    aucs = [
        roc_auc_score(
            np.r_[np.zeros(len(quiet)), np.ones(len(scores[fault]) - onset)],
            np.r_[quiet, scores[fault][onset:]],
        )
        for fault in easy
    ]
    return {
        "fdr21": float(np.mean(list(rate.values()))),
        "fdr18": float(np.mean([rate[fault] for fault in easy])),
        "far": float((quiet > threshold).mean()),
        "auc18": float(np.mean(aucs)),
        "medianDelay": float(np.median(delays)),
    }


inverse = np.linalg.inv(np.cov(train.T))
forest = IsolationForest(n_estimators=300, random_state=0).fit(train)
middle = np.median(train, axis=0)
spread = 1.4826 * np.median(np.abs(train - middle), axis=0)
detectors = {
    "Mahalanobis (Python)": lambda x: np.einsum("ij,jk,ik->i", x, inverse, x),
    "isolation forest (Python)": lambda x: -forest.score_samples(x),
    "robust z, largest (Python)": lambda x: np.abs((x - middle) / spread).max(axis=1),
}
result = {}
for name, score in detectors.items():
    result[name] = figures(score)
    smoothed = name.replace(" (Python)", ", EWMA 0.2 (Python)")
    result[smoothed] = figures(lambda x, score=score: ewma(score(x), 0.2))
print(json.dumps(result))
