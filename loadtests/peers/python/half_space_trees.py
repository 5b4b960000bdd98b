"""river's half-space trees on the features of payments; a model and the cards' state, for one partition or all of them."""
from river.anomaly import HalfSpaceTrees

from features import NAMES, Features
from job import Threshold


class HalfSpaceScorer:
    """River's own defaults: 10 trees of height 8, a window of 250 events."""

    def __init__(self):
        self.features = Features()
        self.trees = HalfSpaceTrees(n_trees=10, height=8, window_size=250, seed=7)
        self.threshold = Threshold()

    def __call__(self, events):
        features, trees, threshold = self.features.of, self.trees, self.threshold
        risks = []
        for event in events:
            # The trees cut [0, 1]: each feature is laid into it.
            x = {name: 0.5 + 0.5 * value / (1 + abs(value)) for name, value in zip(NAMES, features(event))}
            score = trees.score_one(x)
            trees.learn_one(x)
            if threshold.passed(score):
                risks.append((event, score))
        return risks
