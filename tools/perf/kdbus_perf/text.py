# SPDX-License-Identifier: GPL-2.0
"""What is known, for people."""
import collections
import math

from .model import EVERYBODY, PARTS, by_weight, median_of, where


def time_text(ns):
    """At most six characters, as kdbus-top shows it."""
    if ns is None or ns < 0:
        return "-"
    for unit, size in (("ns", 1), ("us", 10**3), ("ms", 10**6), ("s", 10**9)):
        value = ns / size
        if value < 9.95 and size > 1:
            return "%.1f%s" % (value, unit)
        if value < 999.5 or unit == "s":
            return "%.0f%s" % (value, unit)
    return "-"


def printable(text):
    """What others chose and a terminal would obey becomes '?'."""
    return "".join(c if c.isprintable() else "?" for c in text)


def conn_text(result, bus, conn):
    """"1 org.example.Server(server)", as kdbus-monitor shows it."""
    if conn == EVERYBODY:
        return "*"
    if not conn:
        return "kernel"
    name = result.owner_of.get((bus, conn), "")
    comm = printable(result.comm_of.get((bus, conn), ""))
    return " ".join(filter(None, (
        str(conn), name + "(%s)" % comm if name and comm else name or comm)))


def table(titles, lines):
    """Columns as wide as what is in them; those titled '<X' to the left."""
    cells = [[t.lstrip("<") for t in titles]] + lines
    widths = [max(len(line[i]) for line in cells) for i in range(len(titles))]
    for line in cells:
        print("  ".join(cell.ljust(w) if title[0] == "<" else cell.rjust(w)
                        for cell, w, title in zip(line, widths, titles))
              .rstrip())


def parts_text(row):
    """The columns that names and pairs have in common."""
    queue, service, trip = (row.parts[p] for p in PARTS)
    failed = sum(row.calls.values()) - row.calls["answered"]
    return [str(queue.count()), time_text(queue.quantile(0.5)),
            time_text(queue.quantile(0.99)), str(row.calls["answered"]),
            str(failed), time_text(service.quantile(0.5)),
            time_text(service.quantile(0.99)), time_text(trip.quantile(0.5)),
            time_text(trip.quantile(0.9)), time_text(trip.quantile(0.99)),
            time_text(trip.quantile(1)), str(trip.far())]


PART_TITLES = ["MSGS", "Q50", "Q99", "CALLS", "FAIL", "S50", "S99", "P50",
               "P90", "P99", "MAX", "FAR"]


def counts_text(counter):
    return " (%s)" % ", ".join("%s %d" % c for c in sorted(counter.items())) \
        if counter else ""


def show_totals(result):
    calls = result.calls()
    if not result.pairs:
        for row in result.names.values():
            calls += row.calls
    print("%.1f s: %d messages sent, %d refused, %d dropped%s" %
          (result.seconds, result.sent, result.refused,
           sum(result.dropped.values()), counts_text(result.dropped)))
    print("%d calls ended%s%s; %d events lost" %
          (sum(calls.values()), counts_text(calls),
           ", %d have not" % result.open if result.open else "", result.lost))
    if result.source == "histograms":
        print("times are upper bounds, at most twice as long as it was")


def show_names(result):
    print("\nby the name it was sent to")
    table(["<BUS", "<NAME"] + PART_TITLES,
          [[str(bus), result.name(bus, name_id)] + parts_text(row)
           for (bus, name_id), row in by_weight(result.names)])


def show_pairs(result):
    named = any(key[3] for key in result.pairs)
    print("\nby sender and receiver")
    table(["<BUS", "<FROM", "<TO"] + ["<BY NAME"] * named + PART_TITLES,
          [[str(bus), conn_text(result, bus, src), conn_text(result, bus, dst)]
           + [result.name(bus, name_id) or "-"] * named + parts_text(row)
           for (bus, src, dst, name_id), row in by_weight(result.pairs)])


def call_text(result, call):
    e = call.event
    median = median_of(result, e)
    return ["%.6f" % (call.when / 1e9), "#%d" % e["msg"],
            "%d:%s > %s" % (e["bus"], conn_text(result, e["bus"], e["conn"]),
                            conn_text(result, e["bus"], e["peer"])),
            time_text(e["wait_ns"]), time_text(e["service_ns"]),
            time_text(e["age_ns"]), time_text(call.reply_ns),
            "%.1f" % (e["age_ns"] / median) if median else "-",
            where(e), e["outcome"]]


def show_slowest(result):
    if result.slowest:
        print("\ncalls that took longest")
        table(["<ENDED", "<ID", "<FROM > TO", "QUEUE", "SERVICE", "TRIP",
               "REPLY", "TIMES", "<MOST IN", "<OUTCOME"],
              [call_text(result, call) for call in result.slowest])
    if result.longest:
        print("\nmessages that waited longest to be received")
        table(["<RECEIVED", "<ID", "<KIND", "<FROM > TO", "QUEUE"],
              [["%.6f" % (when / 1e9), "#%d" % e["msg"], e["kind"],
                "%d:%s > %s" % (e["bus"],
                                conn_text(result, e["bus"], e["src"]),
                                conn_text(result, e["bus"], e["conn"])),
                time_text(ns)] for ns, _, when, e in result.longest])


def show_histogram(result):
    """All that is shown, in one picture: three parts side by side."""
    rows = result.pairs or result.names
    all_of = {part: collections.Counter() for part in PARTS}
    for row in rows.values():
        for part in PARTS:
            all_of[part] += row.parts[part].buckets
    powers = [power for counter in all_of.values() for power in counter]
    if not powers:
        return
    print("\nall of them\n%-13s %-24s %-24s %s" % (("TIME",) + PARTS))
    for power in range(min(powers), max(powers) + 1):
        line = "%6s-%-6s" % (time_text(1 << power >> 1), time_text(1 << power))
        for part in PARTS:
            hits, most = all_of[part][power], max(all_of[part].values() or [1])
            bar = "#" * math.ceil(hits * 16 / most)
            line += " %-24s" % ("%s %d" % (bar, hits) if hits else "")
        print(line.rstrip())


def show(result):
    show_totals(result)
    show_names(result)
    if result.pairs:
        show_pairs(result)
    show_slowest(result)
    if result.source == "histograms":
        show_histogram(result)
