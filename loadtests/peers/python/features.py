"""The 23 features of a payment, event by event: those that Riskwire's pipeline `transactions` has."""
from math import cos, exp, expm1, hypot, log, log1p, log10, pi, sin, sqrt
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

CATEGORIES = ("terminal", "merchant", "channel", "country", "currency")
HALF_LIVES = (3600.0, 86400.0, 604800.0)
DECAYS = tuple(log(2) / half_life for half_life in HALF_LIVES)
RECENT = 8
DAY = pi / 12
WEEK = pi / 84
NAMES = (
    ["amount", "amount.habit", "amount.ratio"]
    + [f"{field}.{kind}" for field in CATEGORIES for kind in ("rarity", "new")]
    + ["hour.sin", "hour.cos", "weekday.sin", "weekday.cos", "hour.unusual", "gap"]
    + ["events.1h", "events.1d", "events.7d", "events.burst"]
)


class Clock:
    """Hour of the week in a time zone. The offset of a zone is looked up once an hour of the stream."""

    def __init__(self):
        self.offsets = {}

    def hour_of_week(self, zone, ms):
        key = (zone, ms // 3_600_000)
        offset = self.offsets.get(key)
        if offset is None:
            at = datetime.fromtimestamp(ms / 1000, tz=timezone.utc).astimezone(ZoneInfo(zone))
            offset = at.utcoffset().total_seconds() / 3600
            self.offsets[key] = offset
        # 1970-01-01 was a Thursday
        return (ms / 3_600_000 + offset + 72) % 168


class Card:
    __slots__ = ("last", "count", "mean", "variance", "gaps", "gap", "sin", "cos", "activity", "recent", "rates")

    def __init__(self):
        self.last = None
        self.count = 0
        self.mean = 0.0
        self.variance = 0.0
        self.gaps = 0
        self.gap = 0.0
        self.sin = 0.0
        self.cos = 0.0
        self.activity = [0.0, 0.0, 0.0]
        self.recent = [[] for _ in CATEGORIES]
        self.rates = [0.0] * len(CATEGORIES)


class Domain:
    __slots__ = ("count", "mean", "variance", "seen")

    def __init__(self):
        self.count = 0
        self.mean = 0.0
        self.variance = 0.0
        self.seen = [{} for _ in CATEGORIES]


class Features:
    def __init__(self):
        self.cards = {}
        self.domains = {}
        self.clock = Clock()

    def of(self, event):
        card = self.cards.get(event["card"])
        if card is None:
            card = self.cards[event["card"]] = Card()
        domain = self.domains.get(event["country"])
        if domain is None:
            domain = self.domains[event["country"]] = Domain()
        out = []
        self._amount(event["amount"], card, domain, out)
        for index, field in enumerate(CATEGORIES):
            self._category(index, event[field], card, domain, out)
        self._calendar(event, card, out)
        self._activity(event["time"] / 1000, card, out)
        card.count += 1
        domain.count += 1
        return out

    @staticmethod
    def _amount(amount, card, domain, out):
        value = log1p(amount)
        n = card.count
        peer_mean = domain.mean if domain.count else value
        peer_variance = domain.variance if domain.count > 1 else 1.0
        mean = (n * card.mean + 3 * peer_mean) / (n + 3)
        spread = sqrt((n * card.variance + 3 * peer_variance) / (n + 3)) + 1e-3 * abs(mean) + 1e-9
        z = (value - mean) / spread
        floor = 0.1 * expm1(peer_mean) + 1e-9
        out += (value, z, log((amount + floor) / (expm1(mean) + floor)))
        capped = mean + 2.5 * spread if z > 2.5 else mean - 2.5 * spread if z < -2.5 else value
        step = 1 / (n + 1) if n < 50 else 0.02
        off = capped - card.mean
        card.mean += step * off
        card.variance = (1 - step) * (card.variance + step * off * off)
        step = 1 / (domain.count + 1) if domain.count < 10_000 else 1e-4
        off = capped - domain.mean
        domain.mean += step * off
        domain.variance = (1 - step) * (domain.variance + step * off * off)

    @staticmethod
    def _category(index, value, card, domain, out):
        seen = domain.seen[index]
        count = seen.get(value, 0)
        seen[value] = count + 1
        recent = card.recent[index]
        rate = card.rates[index]
        is_new = value not in recent
        out += (log10((domain.count + 128) / (count + 0.5)), 0.0 if card.count == 0 else is_new - rate)
        if is_new:
            if len(recent) == RECENT:
                recent.pop()
            recent.insert(0, value)
        elif recent[0] != value:
            recent.remove(value)
            recent.insert(0, value)
        if card.count > 0:
            card.rates[index] = rate + (is_new - rate) / min(card.count + 1, 50)

    def _calendar(self, event, card, out):
        hour = self.clock.hour_of_week(event["timeZone"], event["time"])
        s, c = sin(hour * DAY), cos(hour * DAY)
        unusual = hypot(card.sin, card.cos) - (card.sin * s + card.cos * c)
        out += (s, c, sin(hour * WEEK), cos(hour * WEEK), unusual)
        step = 1 / min(card.count + 1, 100)
        card.sin += step * (s - card.sin)
        card.cos += step * (c - card.cos)

    @staticmethod
    def _activity(seconds, card, out):
        if card.last is None:
            out += (0.0, 0.0, 0.0, 0.0, 0.0)
            card.activity = [1.0, 1.0, 1.0]
            card.last = seconds
            return
        gap = max(0.0, seconds - card.last)
        card.last = max(seconds, card.last)
        value = log1p(gap)
        out.append(0.0 if card.gaps == 0 else value - card.gap)
        card.gap += (value - card.gap) / min(card.gaps + 1, 50)
        card.gaps += 1
        a, b, c = card.activity
        a *= exp(-gap * DECAYS[0])
        b *= exp(-gap * DECAYS[1])
        c *= exp(-gap * DECAYS[2])
        card.activity = [a + 1, b + 1, c + 1]
        out += (log1p(a), log1p(b), log1p(c), log((a + 0.5) / (c * HALF_LIVES[0] / HALF_LIVES[2] + 0.5)))
