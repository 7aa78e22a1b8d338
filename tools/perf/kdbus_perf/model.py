# SPDX-License-Identifier: GPL-2.0
"""What is known: rows of times, for each name and each pair of connections."""
import collections
import math

EXIT_RUNTIME, EXIT_USAGE, EXIT_LOST, EXIT_ENV = 1, 2, 3, 77
UNKNOWN = -1            # a time that began when nobody listened
EVERYBODY = -1
FAR = 8                 # times the median, from where a call is an outlier
PARTS = ("queue", "service", "trip")
OUTCOMES = ("", "answered", "timeout", "dead", "cancelled", "interrupted",
            "undelivered", "abandoned")
REASONS = ("", "requested", "disconnect", "late_reply", "fault",
           "undelivered", "move")


class Failure(Exception):
    """What ends the program: an exit code, and a line that says why."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


class Times:
    """Times in ns, each of them."""

    def __init__(self):
        self.values = []
        self.is_sorted = True

    def add(self, ns):
        self.values.append(ns)
        self.is_sorted = False

    def count(self):
        return len(self.values)

    def total(self):
        return sum(self.values)

    def quantile(self, share):
        """The least that so large a share of the times does not exceed."""
        if not self.values:
            return None
        if not self.is_sorted:
            self.values.sort()
            self.is_sorted = True
        return self.values[max(math.ceil(share * len(self.values)), 1) - 1]

    def far(self):
        """How many are more than FAR times the median."""
        median = self.quantile(0.5)
        return sum(ns > FAR * median for ns in self.values)


class Buckets:
    """Times of which only is known between which powers of two they are."""

    def __init__(self):
        self.buckets = collections.Counter()    # up to 2^n ns -> how many
        self.sum = 0

    def add(self, power, hits, total):
        self.buckets[power] += hits
        self.sum += total

    def count(self):
        return sum(self.buckets.values())

    def total(self):
        return self.sum

    def quantile(self, share):
        """An upper bound of it: at most twice as much."""
        need = max(math.ceil(share * self.count()), 1)
        for power in sorted(self.buckets):
            need -= self.buckets[power]
            if need <= 0:
                return 1 << power
        return None

    def far(self):
        """How many are more than FAR times the median at the least."""
        median = self.quantile(0.5)
        return sum(hits for power, hits in self.buckets.items()
                   if 1 << power >= 2 * FAR * median)


class Row:
    """What is known of a name or a pair."""

    def __init__(self, kind):
        self.calls = collections.Counter()      # outcome -> how many
        self.parts = {part: kind() for part in PARTS}

    def weight(self):
        """What rows are sorted by: the time that went there."""
        return (self.parts["trip"].total(), self.parts["queue"].total())


class Result:
    """All that a source tells."""

    def __init__(self, source, kind):
        self.source = source
        self.names = collections.defaultdict(lambda: Row(kind))
        self.pairs = collections.defaultdict(lambda: Row(kind))
        self.events = self.lost = 0
        self.sent = self.refused = self.open = 0
        self.dropped = collections.Counter()
        self.seconds = 0.0
        self.name_of = {}               # (bus, name id) -> name
        self.comm_of = {}               # (bus, connection) -> process
        self.owner_of = {}              # (bus, connection) -> a name it owns
        self.slowest, self.longest = [], []

    def name(self, bus, name_id):
        if not name_id:
            return ""
        return self.name_of.get((bus, name_id), "#%d" % name_id)

    def rows(self, bus, src, dst, name_id):
        """The rows that something between two connections counts for."""
        yield self.pairs[bus, src, dst, name_id]
        if name_id:
            yield self.names[bus, name_id]

    def calls(self):
        total = collections.Counter()
        for row in self.pairs.values():
            total += row.calls
        return total


def by_weight(rows):
    return sorted(rows.items(), key=lambda item: item[1].weight(),
                  reverse=True)


def where(e):
    """The part that took most of a call."""
    if e["wait_ns"] == UNKNOWN:
        return "queue"
    parts = {"queue": e["wait_ns"], "service": e["service_ns"],
             "send": e["age_ns"] - e["wait_ns"] - e["service_ns"]}
    return max(parts, key=parts.get)


def median_of(result, e):
    return result.pairs[e["bus"], e["conn"], e["peer"],
                        e["name_id"]].parts["trip"].quantile(0.5)
