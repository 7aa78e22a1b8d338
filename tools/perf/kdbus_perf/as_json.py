# SPDX-License-Identifier: GPL-2.0
"""What is known, as one JSON object: docs/kdbus-perf-json.rst."""
import json
import sys

from .model import PARTS, UNKNOWN, Buckets, by_weight, median_of, where


def conn_json(result, bus, conn):
    return {"conn": conn, "name": result.owner_of.get((bus, conn)),
            "comm": result.comm_of.get((bus, conn))}


def part_json(times):
    count = times.count()
    found = {"count": count}
    if count:
        found["mean_ns"] = times.total() // count
        for key, share in (("p50_ns", 0.5), ("p90_ns", 0.9), ("p99_ns", 0.99),
                           ("max_ns", 1)):
            found[key] = times.quantile(share)
    if isinstance(times, Buckets):
        found["histogram"] = [[1 << power, hits] for power, hits in
                              sorted(times.buckets.items())]
    return found


def row_json(row):
    found = {"calls": dict(row.calls), "far": row.parts["trip"].far()}
    for part in PARTS:
        found[part] = part_json(row.parts[part])
    return found


def known(ns):
    return None if ns == UNKNOWN else ns


def call_json(result, call):
    e = call.event
    median = median_of(result, e)
    return {"ended_ns": call.when, "msg": e["msg"], "bus": e["bus"],
            "src": conn_json(result, e["bus"], e["conn"]),
            "dst": conn_json(result, e["bus"], e["peer"]),
            "name": result.name(e["bus"], e["name_id"]) or None,
            "outcome": e["outcome"], "sync": bool(e["sync"]),
            "queue_ns": known(e["wait_ns"]),
            "service_ns": known(e["service_ns"]), "trip_ns": e["age_ns"],
            "reply_ns": known(call.reply_ns), "most_in": where(e),
            "times_median": e["age_ns"] / median if median else None}


def show(result):
    found = {
        "schema": 1, "source": result.source, "seconds": result.seconds,
        "events": result.events, "lost": result.lost, "sent": result.sent,
        "refused": result.refused,
        "dropped": dict(result.dropped), "calls_open": result.open,
        "names": [dict(bus=bus, name=result.name(bus, name_id),
                       **row_json(row))
                  for (bus, name_id), row in by_weight(result.names)],
        "pairs": [dict(bus=bus, src=conn_json(result, bus, src),
                       dst=conn_json(result, bus, dst),
                       name=result.name(bus, name_id) or None,
                       **row_json(row))
                  for (bus, src, dst, name_id), row
                  in by_weight(result.pairs)],
        "slowest": [call_json(result, call) for call in result.slowest],
        "longest": [{"received_ns": when, "msg": e["msg"], "kind": e["kind"],
                     "bus": e["bus"],
                     "src": conn_json(result, e["bus"], e["src"]),
                     "dst": conn_json(result, e["bus"], e["conn"]),
                     "queue_ns": ns}
                    for ns, _, when, e in result.longest],
    }
    json.dump(found, sys.stdout, indent=1)
    print()
