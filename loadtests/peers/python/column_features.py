"""The features of features.py for a micro-batch at once, in NumPy.

A card's second event in a batch has to see what its first one left, so a batch is done in waves: first every card's
first event, then every second one, and so on. Most batches have two or three waves, and the later ones are short.
"""
from itertools import count

import numpy as np

from features import CATEGORIES, DECAYS, HALF_LIVES, NAMES, RECENT, Clock

CELLS = 1024
DOMAINS = 64


class ColumnFeatures:
    width = len(NAMES)

    def __init__(self, capacity=1 << 17):
        # Numbers as they come: a dict that gives an unseen key the next one.
        self.cards = _Numbers()
        self.countries = _Numbers()
        self.clock = Clock()
        self.capacity = 0
        self.card = {}
        self._grow(capacity)
        self.seen = np.zeros((len(CATEGORIES), DOMAINS, CELLS), np.float32)
        self.domain_count = np.zeros(DOMAINS)
        self.domain_mean = np.zeros(DOMAINS)
        self.domain_variance = np.ones(DOMAINS)

    def _grow(self, capacity):
        shapes = {
            "last": (capacity,),
            "count": (capacity,),
            "mean": (capacity,),
            "variance": (capacity,),
            "gap": (capacity,),
            "direction": (capacity, 2),
            "activity": (capacity, len(HALF_LIVES)),
            "recent": (len(CATEGORIES), capacity, RECENT),
            "rate": (len(CATEGORIES), capacity),
        }
        for name, shape in shapes.items():
            fresh = np.zeros(shape, np.int32 if name == "recent" else np.float64)
            if self.capacity:
                fresh[tuple(slice(0, size) for size in self.card[name].shape)] = self.card[name]
            self.card[name] = fresh
        self.capacity = capacity

    def of(self, events):
        cards, countries, clock = self.cards, self.countries, self.clock.hour_of_week
        slots = np.array([cards[event["card"]] for event in events], np.int64)
        if len(cards) > self.capacity:
            self._grow(2 * max(self.capacity, len(cards)))
        domains = np.array([countries[event["country"]] % DOMAINS for event in events], np.int64)
        amounts = np.array([event["amount"] for event in events])
        seconds = np.array([event["time"] for event in events]) / 1000
        hours = np.array([clock(event["timeZone"], event["time"]) for event in events])
        out = np.empty((len(events), self.width), np.float32)
        marks = []
        for index, field in enumerate(CATEGORIES):
            hashes = np.array([hash(event[field]) for event in events], np.int64)
            self._rarity(index, hashes & (CELLS - 1), domains, out)
            marks.append(((hashes >> 10) & 0x3FFFFFFF).astype(np.int32) | 1)
        angles = hours * (np.pi / 12)
        out[:, 13], out[:, 14] = np.sin(angles), np.cos(angles)
        out[:, 15], out[:, 16] = np.sin(angles / 7), np.cos(angles / 7)
        values = np.log1p(amounts)
        for rows in _waves(slots):
            self._wave(rows, slots[rows], domains[rows], amounts[rows], values[rows], seconds[rows], marks, out)
        self._domains(domains, values)
        return out

    def _rarity(self, index, cells, domains, out):
        seen = self.seen[index]
        out[:, 3 + 2 * index] = np.log10((self.domain_count[domains] + 128) / (seen[domains, cells] + 0.5))
        np.add.at(seen, (domains, cells), 1)

    def _wave(self, rows, slots, domains, amounts, values, seconds, marks, out):
        card = self.card
        n = card["count"][slots]
        seen = n > 0
        self._amount(rows, slots, domains, amounts, values, n, out)
        for index, mark in enumerate(marks):
            self._new(index, rows, slots, mark[rows], n, out)
        direction = card["direction"][slots]
        now = out[rows, 13:15]
        out[rows, 17] = np.hypot(direction[:, 0], direction[:, 1]) - (direction * now).sum(1)
        card["direction"][slots] = direction + (now - direction) / np.minimum(n + 1, 100)[:, None]
        gaps = np.where(seen, np.maximum(0, seconds - card["last"][slots]), 0)
        card["last"][slots] = np.maximum(seconds, card["last"][slots])
        logs = np.log1p(gaps)
        gap = card["gap"][slots]
        out[rows, 18] = np.where(n > 1, logs - gap, 0)
        card["gap"][slots] = np.where(seen, gap + (logs - gap) / np.clip(n, 1, 50), 0)
        activity = card["activity"][slots] * np.exp(-gaps[:, None] * np.array(DECAYS))
        card["activity"][slots] = activity + 1
        out[rows, 19:22] = np.log1p(activity)
        expected = activity[:, 2] * (HALF_LIVES[0] / HALF_LIVES[2])
        out[rows, 22] = np.where(seen, np.log((activity[:, 0] + 0.5) / (expected + 0.5)), 0)
        card["count"][slots] = n + 1

    def _amount(self, rows, slots, domains, amounts, values, n, out):
        card = self.card
        own_mean, own_variance = card["mean"][slots], card["variance"][slots]
        peers = np.where(self.domain_count[domains] > 0, self.domain_mean[domains], values)
        mean = (n * own_mean + 3 * peers) / (n + 3)
        variance = (n * own_variance + 3 * self.domain_variance[domains]) / (n + 3)
        spread = np.sqrt(variance) + 1e-3 * np.abs(mean) + 1e-9
        z = (values - mean) / spread
        floor = 0.1 * np.expm1(peers) + 1e-9
        out[rows, 0] = values
        out[rows, 1] = z
        out[rows, 2] = np.log((amounts + floor) / (np.expm1(mean) + floor))
        off = mean + np.clip(z, -2.5, 2.5) * spread - own_mean
        step = np.where(n < 50, 1 / (n + 1), 0.02)
        card["mean"][slots] = own_mean + step * off
        card["variance"][slots] = (1 - step) * (own_variance + step * off * off)

    def _new(self, index, rows, slots, marks, n, out):
        recent, rates = self.card["recent"][index], self.card["rate"][index]
        mine = recent[slots]
        same = mine == marks[:, None]
        known = same.any(1)
        rate = rates[slots]
        out[rows, 4 + 2 * index] = np.where(n == 0, 0, ~known - rate)
        # What was used now goes to the front, what stood before it moves back by one.
        at = np.where(known, same.argmax(1), RECENT - 1)
        moved = np.arange(1, RECENT) <= at[:, None]
        mine[:, 1:] = np.where(moved, mine[:, :-1], mine[:, 1:])
        mine[:, 0] = marks
        recent[slots] = mine
        rates[slots] = np.where(n > 0, rate + (~known - rate) / np.minimum(n + 1, 50), rate)

    def _domains(self, domains, values):
        counts = np.bincount(domains, minlength=DOMAINS)
        sums = np.bincount(domains, values, DOMAINS)
        squares = np.bincount(domains, values * values, DOMAINS)
        here = counts > 0
        mean = np.divide(sums, counts, where=here, out=np.zeros(DOMAINS))
        variance = np.divide(squares, counts, where=here, out=np.zeros(DOMAINS)) - mean * mean
        step = np.where(here, counts / (np.minimum(self.domain_count, 10_000) + counts + 1e-9), 0)
        self.domain_mean += step * (mean - self.domain_mean)
        self.domain_variance += step * (np.maximum(variance, 1e-9) - self.domain_variance)
        self.domain_count += counts


class _Numbers(dict):
    def __init__(self):
        super().__init__()
        self.next = count()

    def __missing__(self, key):
        number = self[key] = next(self.next)
        return number


def _waves(slots):
    """Row numbers of each card's first event, of each one's second, …"""
    rest = np.arange(len(slots))
    while len(rest):
        _, first = np.unique(slots[rest], return_index=True)
        yield rest[first]
        rest = np.delete(rest, first)
