#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""usage: rebuild.py DIR [EVENT]

Rebuilds from trace events alone what happened on a bus: who sent what to whom,
where it waited, why it was refused or dropped, who owned each name and who
waited for it, how full each pool was, how each call ended. DIR/trace is the
trace, DIR/truth.* what the processes of rebuild-load wrote down of what they
did and saw; wherever the two differ is a problem. Prints TAP.

With EVENT the first event of that name is left out, to see that it is missed.
"""
import collections
import errno
import glob
import json
import sys

from rebuild_state import NOTICES, NUMBER, Pool, State, flags, read_events

TOPICS = {
    "order": "events are complete, and in the order of the bus",
    "sends": "who sent what to whom, accepted or not",
    "receives": "who received what, and where it lay",
    "drops": "what was not received was dropped, and why",
    "refusals": "why a message was refused",
    "calls": "every call ended once, as both sides saw it",
    "owners": "every name's owners, at each moment",
    "lines": "who waited for a name, at each moment",
    "pools": "every pool's fill, at each moment",
    "commands": "every command that failed",
    "broadcasts": "whom broadcasts and notices reached",
    "monitors": "monitors saw everything once",
    "memfds": "which memfd went where",
    "snapshots": "what there was when all was still",
}


class Truth:
    """What the processes wrote, by what they did."""

    def __init__(self, directory):
        self.ops = collections.defaultdict(list)
        for path in sorted(glob.glob(directory + "/truth.*")):
            with open(path, encoding="ascii") as lines:
                for line in lines:
                    record = json.loads(line)
                    self.ops[record["op"]].append(record)

    def __getitem__(self, op):
        return self.ops[op]

    def by_conn(self, op):
        found = collections.defaultdict(list)
        for record in self.ops[op]:
            found[record["conn"]].append(record)
        return found


def same_lists(problem, topic, what, told, seen):
    """Compares two lists per connection, in order."""
    for conn in sorted(set(told) | set(seen)):
        a, b = told.get(conn, []), seen.get(conn, [])
        if a == b:
            continue
        i = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y),
                 min(len(a), len(b)))
        problem(topic, "%s of connection %d: %d told, %d in events; number %d:"
                " told %s, in events %s" %
                (what, conn, len(a), len(b), i, a[i:i + 1], b[i:i + 1]))


class Compare:
    """Holds the events against the truth."""

    def __init__(self, state, truth, problem):
        self.state, self.truth, self.problem = state, truth, problem
        # through the custom endpoint, and the names it shows
        self.boxed = {r["conn"] for r in truth["open"] if r["box"]}
        self.shown = {r["name"] for r in truth["shown"]}
        self.by_cookie = {}
        for e in state.by_kind["msg_send"]:
            self.by_cookie[e.src, e.cookie] = e

    def run(self):
        self.connections()
        self.sends()
        self.refusals()
        self.receives()
        self.drops()
        self.calls()
        self.names()
        self.infos()
        self.commands()
        self.broadcasts()
        self.monitors()
        self.memfds()
        self.ends()

    def connections(self):
        told = {r["conn"]: (r["uid"], r["pid"]) for r in self.truth["open"]}
        seen = {c: (e.uid, e.pid_of_hello) for c, e in self.new_conns()}
        if told != seen:
            self.problem("order", "connections told %s, seen %s" %
                         (told, seen))
        closed = {r["conn"] for r in self.truth["byebye"]}
        byebye = {e.conn for e in self.state.by_kind["conn_dead"]
                  if e.reason == "byebye"}
        if closed != byebye:
            self.problem("order", "byebye told %s, seen %s" % (closed, byebye))
        same_lists(self.problem, "order", "updates",
                   {c: [r["flags"] for r in rs]
                    for c, rs in self.truth.by_conn("update").items()},
                   self.per_conn("conn_update",
                                 lambda e: int(e.attach_flags, 16)))

    def new_conns(self):
        for conn, e in self.state.conns.items():
            e.fields["pid_of_hello"] = e.fields["pid"]
            yield conn, e

    def per_conn(self, name, what, wanted=lambda e: True):
        found = collections.defaultdict(list)
        for e in self.state.by_kind[name]:
            if wanted(e):
                found[e.conn].append(what(e))
        return found

    # ---- messages

    def sends(self):
        for r in self.truth["send"]:
            e = self.by_cookie.pop((r["conn"], r["cookie"]), None)
            if not e:
                self.problem("sends", "not in events: %s" % r)
                continue
            self.compare_send(r, e)
        for e in self.by_cookie.values():
            self.problem("sends", "nobody has sent %s" % e)

    def compare_send(self, r, e):
        words = {1: "expect_reply", 2: "sync_reply", 4: "no_auto_start"}
        told = {
            "bytes": r["bytes"], "n_fds": r["fds"], "dst_name": r["name"],
            "n_memfds": 1 if r["memfd"] else 0, "priority": r["priority"],
            "timeout_ns": r["timeout"], "cookie_reply": r["cookie_reply"],
            "flags": "|".join(w for bit, w in words.items()
                              if r["flags"] & bit),
        }
        if not r["name"] or e.ret:
            told["dst"] = r["dst"]
        # a synchronous call fails later than its message
        if not r["flags"] & 2 or not r["ret"] or e.ret:
            told["ret"] = r["ret"]
        for key, value in told.items():
            if e.fields[key] != value:
                self.problem("sends", "%s is not %s: %s" % (key, value, e))
        r["event"] = e

    def refusals(self):
        for e in self.state.refused.values():
            if not self.explained(e):
                self.problem("refusals", "not explained: %s" % e)
            if self.state.fates[e.msg]:
                self.problem("refusals", "refused, and yet %s" %
                             self.state.fates[e.msg][0])

    def explained(self, e):
        name = errno.errorcode[-e.ret]
        why = self.state.why[e.msg]
        begin = self.state.since[e.index]
        if any(w.name == "quota_refuse" and w.ret == e.ret for w in why):
            return True
        denied = any(w.name == "policy_deny" and w.conn == e.src and
                     w.level == ("talk" if name == "EPERM" else "see")
                     for w in why)
        if denied:
            return name in ("EPERM", "ESRCH", "ENXIO")
        owners = self.state.owners_between(e.dst_name, begin, e.index)
        if name == "ESRCH":
            return 0 in owners
        if name == "ENXIO":
            return self.not_addressable(e.dst, begin, e.index)
        if name == "ECOMM":
            to = owners if e.dst_name else {e.dst}
            return e.n_fds and any("accept_fd" not in self.state.conns[c].flags
                                   for c in to if c)
        if name == "EADDRNOTAVAIL":
            return any("activator" in self.state.conns[c].flags
                       for c in owners if c)
        if name == "ECONNRESET":
            return True
        # the message itself is no good
        return name in ("EFAULT", "EDESTADDRREQ", "EINVAL")

    def not_addressable(self, conn, begin, end):
        new = self.state.conns.get(conn)
        if not new or new.flags not in ("", "accept_fd"):
            return True
        gone = self.state.ended.get(conn)
        return new.index > begin or \
            gone is not None and self.state.begun(gone) <= end

    def receives(self):
        for op, what in (("recv", lambda e: not e.ret and "peek" not in e.flags
                          and e.kind != "sync_reply"),
                         ("peek", lambda e: not e.ret and "peek" in e.flags),
                         ("reply", lambda e: not e.ret and
                          e.kind == "sync_reply")):
            same_lists(self.problem, "receives", op,
                       {c: [self.told_message(r) for r in rs]
                        for c, rs in self.truth.by_conn(op).items()},
                       self.per_conn("msg_recv", self.seen_message, what))

    def told_message(self, r):
        cookie = r["cookie"] if r["src"] else r["cookie_reply"]
        notice = ()
        if not r["src"]:
            notice = (NOTICES[r["type"]], r.get("id", 0), r.get("name", ""),
                      r.get("old", 0), r.get("new", 0),
                      r.get("old_flags", 0), r.get("new_flags", 0))
        return (r["src"], cookie, r["offset"], r["bytes"]) + notice

    def seen_message(self, e):
        place = e.place or self.state.places.get((e.conn, e.msg))
        notice = ()
        if not e.src:
            n = self.state.notices.get(e.msg)
            if not n:
                return (e.src, e.cookie, "never sent")
            c = n.fields.get("change")
            notice = (n.type, n.id, c.fields["name"] if c else "",
                      c.old if c else 0, c.new if c else 0,
                      flags(c.old_flags) if c else 0,
                      flags(c.new_flags) if c else 0)
        return (e.src, e.cookie, place.offset if place else None,
                e.bytes) + notice

    def drops(self):
        told = {c: [(r["src"], r["cookie"] if r["src"] else r["cookie_reply"])
                    for r in rs]
                for c, rs in self.truth.by_conn("drop").items()}
        blind = {c: len(rs)
                 for c, rs in self.truth.by_conn("blind_drop").items()}
        seen = self.per_conn("msg_drop", lambda e: (e.src, e.cookie),
                             lambda e: e.reason == "requested")
        for conn, n in blind.items():
            if len(seen.pop(conn, [])) != n:
                self.problem("drops", "%d drops of connection %d" % (n, conn))
        same_lists(self.problem, "drops", "drops", told, seen)
        closed = {r["conn"] for r in self.truth["close"] +
                  self.truth["byebye"]}
        special = {c for c, e in self.state.conns.items()
                   if e.index < self.state.by_kind["endpoint_new"][-1].index}
        for e in self.state.by_kind["msg_drop"]:
            if e.reason == "disconnect" and e.conn not in closed | special:
                self.problem("drops", "it was never closed: %s" % e)
            if (e.reason in ("undelivered", "move")) != (e.ret != 0):
                self.problem("drops", "what was in the way: %s" % e)

    # ---- calls

    def calls(self):
        notices = collections.defaultdict(set)
        answers = set()
        for r in self.truth["recv"] + self.truth["peek"] + self.truth["reply"]:
            if r["src"]:
                answers.add((r["conn"], r["cookie_reply"]))
            else:
                notices[r["conn"], r["cookie_reply"]].add(NOTICES[r["type"]])
        for r in self.truth["send"]:
            e = r.get("event")
            if not e or not r["flags"] & 1 or e.ret:
                continue
            end = self.state.call_ends.get(e.msg)
            key = (r["conn"], r["cookie"])
            if not end:
                self.problem("calls", "never ended: %s" % e)
            elif r["flags"] & 2:
                self.sync_outcome(r, end)
            else:
                self.async_outcome(end, notices[key], key in answers)

    def sync_outcome(self, r, end):
        outcomes = {
            0: {"answered"}, -errno.ETIMEDOUT: {"timeout"},
            -errno.EPIPE: {"dead", "undelivered"},
            -errno.ECANCELED: {"cancelled"},
            -errno.EINTR: {"interrupted", "abandoned", "dead"},
        }
        if end.outcome not in outcomes.get(r["ret"], ()):
            self.problem("calls", "the caller saw %d: %s" % (r["ret"], end))

    def async_outcome(self, end, notices, answered):
        if "reply_timeout" in notices:
            good = end.outcome == "timeout"
        elif "reply_dead" in notices:
            good = end.outcome in ("dead", "undelivered")
        elif answered:
            good = end.outcome == "answered"
        else:
            # the requester has not looked, or is gone
            good = end.outcome != "interrupted"
        if not good:
            self.problem("calls", "the caller saw %s %s: %s" %
                         (notices, answered, end))

    # ---- names

    def names(self):
        told = [(r["name"], r["old"], r["old_flags"], r["new"],
                 r["new_flags"]) for r in self.truth["recv"]
                if r["conn"] == 1 and "name" in r]
        seen = [(e.fields["name"], e.old, flags(e.old_flags), e.new,
                 flags(e.new_flags)) for e in self.state.changes]
        same_lists(self.problem, "owners", "changes that the observer saw",
                   {1: told}, {1: seen[:len(told)]})
        # the last ones are those of the observer's own end
        if len(seen) - len(told) > 4:
            self.problem("owners", "%d changes that the observer has not seen"
                         % (len(seen) - len(told)))
        same_lists(self.problem, "owners", "acquire",
                   {c: [(r["name"], min(r["ret"], 0), r["ret"] == 1)
                        for r in rs if r["ret"] not in (-errno.E2BIG,
                                                        -errno.EINVAL)]
                    for c, rs in self.truth.by_conn("acquire").items()},
                   self.per_conn("name_acquire", lambda e: (
                       e.fields["name"], e.ret,
                       not e.ret and bool(flags(e.flags) & 8))))
        same_lists(self.problem, "owners", "release",
                   {c: [(r["name"], r["ret"]) for r in rs]
                    for c, rs in self.truth.by_conn("release").items()},
                   self.per_conn("name_release",
                                 lambda e: (e.fields["name"], e.ret)))

    def infos(self):
        marks = {e.text: e.index for e in self.state.by_kind["mark"]}
        unseen = [e for e in self.state.by_kind["policy_deny"]
                  if e.level == "see"]
        for r in self.truth["info"]:
            begin = marks["info %d begins" % r["n"]]
            end = marks["info %d ends" % r["n"]]
            owners = self.state.owners_between(r["name"], begin, end)
            hidden = any(begin < e.index < end and e.conn == r["conn"]
                         for e in unseen)
            if r["ret"] == -errno.ESRCH:
                good = 0 in owners or hidden
            else:
                good = r["owner"] in owners or r["ret"]
            if not good:
                self.problem("owners", "%s was told to be of %s, not %s" %
                             (r["name"], r["owner"], owners))

    # ---- the rest

    def commands(self):
        told = collections.Counter((r["conn"], r["cmd"], r["ret"])
                                   for r in self.truth["refused"])
        seen = collections.Counter((e.conn, e.cmd, e.ret)
                                   for e in self.state.by_kind["cmd_refuse"])
        for key in told.keys() | seen.keys():
            if told[key] != seen[key]:
                self.problem("commands", "%s: %d told, %d seen" %
                             (key, told[key], seen[key]))

    def broadcasts(self):
        state = self.state
        same_lists(self.problem, "broadcasts", "matches",
                   {c: [(r["cookie"], r["bytes"]) for r in rs]
                    for c, rs in self.truth.by_conn("match_add").items()},
                   self.per_conn("match_add",
                                 lambda e: (e.cookie, e.fields["bytes"])))
        same_lists(self.problem, "broadcasts", "removed matches",
                   {c: [r["cookie"] for r in rs]
                    for c, rs in self.truth.by_conn("match_remove").items()},
                   self.per_conn("match_remove", lambda e: e.cookie))
        for e in state.by_kind["match_run"]:
            fates = state.fates[e.msg]
            queued = sum(f.name == "msg_queue" for f in fates)
            lost = sum(f.name == "msg_drop" and f.reason == "undelivered"
                       for f in fates)
            if queued != e.queued or queued + lost != e.hit:
                self.problem("broadcasts", "%d queued, %d lost: %s" %
                             (queued, lost, e))
        runs = {e.msg for e in state.by_kind["match_run"]}
        sent = {e.msg for e in state.msgs.values() if e.dst == -1}
        if runs != sent:
            self.problem("broadcasts", "without match_run: %s" % (runs ^ sent))
        self.matched()
        matched = {e.conn: e.index for e in reversed(state.by_kind["match_add"])}
        for e in state.by_kind["msg_queue"]:
            wide = e.msg in sent or (e.msg in state.notices and
                                     state.notices[e.msg].dst == -1)
            if wide and matched.get(e.conn, e.index) >= e.index:
                self.problem("broadcasts", "it has no match: %s" % e)

    def matched(self):
        """Whoever must get a broadcast is in it, and nobody who cannot."""
        spans = self.match_spans()
        for e in self.state.msgs.values():
            if e.dst != -1:
                continue
            begin = self.begin_of(e)
            must, may = set(), set()
            for first, last, told in spans:
                sure, possible = self.holds(told, e, begin)
                if first < begin and last > e.index and sure:
                    must.add(told["conn"])
                if first < e.index and last > begin and possible:
                    may.add(told["conn"])
            denied = {w.conn for w in self.state.why[e.msg]
                      if w.name == "policy_deny"}
            must = {c for c in must - denied - {e.src}
                    if self.state.alive(c, e.index) and
                    not self.state.ending(c, e.index)}
            hit = {f.conn for f in self.state.fates[e.msg]}
            if not must <= hit or not hit <= may:
                self.problem("broadcasts", "reached %s; must be %s, may be %s:"
                             " %s" % (hit, must, may, e))

    def match_spans(self):
        """From when to when there were which matches."""
        told = {c: iter(rs)
                for c, rs in self.truth.by_conn("match_add").items()}
        spans, open_spans = [], []
        changes = self.state.by_kind["match_add"] + \
            self.state.by_kind["match_remove"]
        for e in sorted(changes, key=lambda e: e.index):
            if e.name == "match_add":
                record = next(told.get(e.conn, iter(())), None)
                if record:
                    open_spans.append((e.index, record))
                continue
            for span in list(open_spans):
                if (span[1]["conn"], span[1]["cookie"]) == (e.conn, e.cookie):
                    open_spans.remove(span)
                    spans.append((span[0], e.index, span[1]))
        never = 1 << 60
        return spans + [(first, self.state.ended.get(r["conn"], never), r)
                        for first, r in open_spans]

    def begin_of(self, e):
        """The last thing its sender's task did before it began to send."""
        index = self.state.since[e.index]
        while index >= 0 and \
                self.state.events[index].fields.get("msg") == e.msg:
            index = self.state.since[index]
        return index

    def holds(self, told, e, begin):
        """Whether a match is sure to hold for a broadcast, and may hold."""
        if not told["name"]:
            return (not told["bytes"] or told["src"] == e.src,) * 2
        if told["conn"] in self.boxed and told["name"] not in self.shown:
            return (False, False)
        owners = self.state.owners_between(told["name"], begin, e.index)
        return owners == {e.src}, e.src in owners

    def monitors(self):
        monitors = {c for c, e in self.state.conns.items()
                    if "monitor" in e.flags}
        for msg, e in self.state.msgs.items():
            if e.dst == -1:
                continue
            copies = [f for f in self.state.fates[msg]
                      if f.name in ("msg_queue", "msg_drop") and
                      f.kind == "copy" and
                      (f.name == "msg_queue" or f.reason == "undelivered")]
            alive = {c for c in monitors if self.state.alive(c, e.index)}
            if {f.conn for f in copies} != alive or \
               len(copies) != len(alive):
                self.problem("monitors", "%s for %s: %s" %
                             ([str(f) for f in copies], alive, e))

    def memfds(self):
        for r in self.truth["send"]:
            e = r.get("event")
            if not e or e.ret:
                continue
            seen = [self.state.memfds[p.memfd].fields["name"]
                    for p in self.state.passed[e.msg]
                    if p.memfd in self.state.memfds]
            if seen != ([r["memfd"]] if r["memfd"] else []):
                self.problem("memfds", "%s, told %s: %s" %
                             (seen, r["memfd"], e))
        made = collections.Counter(self.state.memfds.keys())
        dead = collections.Counter(e.memfd for e in
                                   self.state.by_kind["memfd_dead"])
        sealed = collections.Counter(e.memfd for e in
                                     self.state.by_kind["memfd_seal"])
        if made != dead or made != sealed:
            self.problem("memfds", "made %s, sealed %s, dead %s" %
                         (made - dead, made - sealed, dead - made))

    def ends(self):
        """At the end there is nothing left of anything."""
        state = self.state
        for msg in state.calls.keys() - state.call_ends.keys():
            self.problem("calls", "never ended: %s" % state.calls[msg])
        for conn, queue in state.queues.items():
            for e in queue.values():
                self.problem("drops", "never left its queue: %s" % e)
        for e in state.replies.values():
            self.problem("drops", "never handed out: %s" % e)
        for name in state.names.values():
            self.problem("owners", "never ended: %s" % name.name)
        dead = collections.Counter(e.conn for e in state.by_kind["conn_dead"])
        if dead != collections.Counter(state.conns.keys()):
            self.problem("order", "connections without one end: %s" %
                         (state.conns.keys() ^ dead.keys()))
        objects = [("bus_new", "bus_dead", "bus"),
                   ("endpoint_new", "endpoint_dead", "endpoint")]
        for new, end, key in objects:
            made = sorted(e.fields[key] for e in state.by_kind[new])
            gone = sorted(e.fields[key] for e in state.by_kind[end])
            if made != gone or not made:
                self.problem("order", "%s %s, %s %s" % (new, made, end, gone))
        uploads = [(e.names, e.grants) for e in state.by_kind["policy_set"]]
        # three connections with one name each, an endpoint and its end
        if uploads != [(1, 1), (1, 1), (1, 1), (4, 4), (0, 0)]:
            self.problem("order", "policies %s" % uploads)


class Snapshots:
    """Compares the state at a still moment with what was listed then."""

    def __init__(self, state, truth, problem):
        self.state, self.truth, self.problem = state, truth, problem
        self.pools = {}
        self.count = 0
        self.bus = ""

    def rows(self, number, what):
        lines = [r["line"] for r in self.truth["listing"]
                 if r["round"] == number and r["what"] == what]
        head = lines[0].split(" ")
        for line in lines[1:]:
            row = dict(zip(head, line.split(" ")))
            if row["bus"] == self.bus:
                yield {k: int(v) if NUMBER.match(v) else v
                       for k, v in row.items()}

    def check(self, number, index, pools):
        self.count += 1
        self.bus = str(next(iter(self.state.conns.values())).bus)
        self.pools = {c: p.until(index) for c, p in pools.items()}
        self.connections(number)
        self.held(number)
        self.listed_names(number)
        self.client_list(number)
        self.accounts(number)

    def differ(self, topic, what, told, seen):
        if told != seen:
            self.problem(topic, "%s: listed %s, rebuilt %s" %
                         (what, told, seen))

    def pool(self, conn):
        return self.pools.get(conn) or Pool(self.problem, [])

    def connections(self, number):
        alive = set(self.state.conns) - set(self.state.ended)
        rows = {row["conn"]: row for row in self.rows(number, "connections")}
        self.differ("snapshots", "connections", set(rows), alive)
        for conn, row in rows.items():
            calls = [c for m, c in self.state.calls.items() if c.conn == conn
                     and m not in self.state.call_ends]
            names = {n.name for n in self.state.names.values()
                     if n.owner == conn}
            what = "connection %d" % conn
            self.differ("pools", what, row["pool_used"],
                        self.pool(conn).used)
            self.differ("snapshots", what + " queue", row["queued"],
                        len(self.state.queues[conn]))
            # one that ended while its requester was interrupted still counts
            kept = sum(r["conn"] == conn and r["ret"] == -errno.EINTR
                       for r in self.truth["send"])
            if not len(calls) <= row["calls_out"] <= len(calls) + kept:
                self.differ("snapshots", what + " calls", row["calls_out"],
                            len(calls))
            self.differ("snapshots", what + " matches", row["matches"],
                        sum(self.state.matches[conn].values()))
            self.differ("owners", what + " names",
                        set(row["names"].split(",")) - {"-"}, names)

    def held(self, number):
        """Every slice is held by its owner, or queued, or a notice's place."""
        held = collections.defaultdict(set)
        for r in self.truth["held"]:
            if r["round"] == number:
                held[r["conn"]].add(r["offset"])
        for conn, pool in self.pools.items():
            if conn in self.state.ended:
                continue
            queued = {e.msg for e in self.state.queues[conn].values()} | \
                     {m for c, m in self.state.replies if c == conn}
            waiting = sum(c.conn == conn and not c.sync
                          for m, c in self.state.calls.items()
                          if m not in self.state.call_ends)
            if not held[conn] <= set(pool.slices):
                self.problem("pools", "connection %d holds %s of %s" %
                             (conn, held[conn], set(pool.slices)))
            rest = [s for s in pool.slices.values()
                    if s.offset not in held[conn] and s.msg not in queued]
            # twins of what could not move yet lie there for nobody
            rest = [s for s in rest if not self.is_twin(s)]
            self.differ("pools", "slices of %d without a reason: %s" %
                        (conn, [str(s) for s in rest]), waiting, len(rest))

    def is_twin(self, piece):
        return any(piece.msg in queue for queue in self.state.queues.values())

    def listed_names(self, number):
        rows = {row["name"]: (row["name_id"], row["owner"], row["flags"],
                              row["activator"], row["waiters"])
                for row in self.rows(number, "names")}
        names = {}
        for n in self.state.names.values():
            activator = n.activator or (n.owner if n.flags & 16 else 0)
            names[n.name] = (n.id, n.owner, n.flags, activator, len(n.line))
        self.differ("lines", "names", rows, names)

    def client_list(self, number):
        told = {(r["name"], r["conn"], r["flags"])
                for r in self.truth["listed"] if r["round"] == number}
        seen = set()
        for n in self.state.names.values():
            seen.add((n.name, n.owner, n.flags))
            seen |= {(n.name, c, flags(f) | 8) for c, f in n.line}
            if n.activator:
                seen.add((n.name, n.activator, 16))
        self.differ("lines", "NAME_LIST", told, seen)

    def accounts(self, number):
        told = collections.Counter()
        seen = collections.Counter()
        for row in self.rows(number, "accounts"):
            key = (row["conn"], row["uid"])
            told[key + ("bytes",)] += row["bytes"]
            told[key + ("msgs",)] += row["msgs"]
            told[key + ("fds",)] += row["fds"]
        for conn, pool in self.pools.items():
            if conn in self.state.ended:
                continue
            for piece in pool.slices.values():
                if not piece.src:
                    continue
                seen[conn, piece.uid, "bytes"] += piece.bytes
                if piece.msg in self.state.queues[conn]:
                    sent = self.state.msgs[piece.msg]
                    seen[conn, piece.uid, "msgs"] += 1
                    seen[conn, piece.uid, "fds"] += sent.n_fds
        self.differ("pools", "accounts", +told, +seen)


def main():
    directory = sys.argv[1]
    problems = {topic: [] for topic in TOPICS}

    def problem(topic, text):
        problems[topic].append(text)

    truth = Truth(directory)
    state = State(problem)
    events = list(read_events(directory + "/trace",
                              sys.argv[2] if len(sys.argv) > 2 else ""))
    by_conn = collections.defaultdict(list)
    for e in events:
        if e.name in ("pool_alloc", "pool_free"):
            by_conn[e.conn].append(e)
    pools = {c: Pool(problem, es) for c, es in by_conn.items()}
    snapshots = Snapshots(state, truth, problem)
    last = None
    for e in events:
        state.play(e)
        if e.name == "mark" and e.text.startswith("snapshot "):
            snapshots.check(int(e.text.split()[1]), e.index, pools)
        elif e.name == "mark" and e.text.startswith("taken ") and \
                last.name != "mark":
            problem("snapshots", "it was not still: %s" % last)
        last = e
    for conn, pool in pools.items():
        if pool.until(len(events) << 8).slices:
            problem("pools", "connection %d has %s left" %
                    (conn, list(pool.slices)))
    if not snapshots.count:
        problem("snapshots", "there are none")
    Compare(state, truth, problem).run()
    return report(problems, len(events))


def report(problems, n_events):
    print("TAP version 13\n1..%d\n# %d events" % (len(TOPICS), n_events))
    for number, (topic, what) in enumerate(TOPICS.items(), 1):
        for text in problems[topic][:8]:
            print("# %s" % text[:600])
        if len(problems[topic]) > 8:
            print("# and %d more" % (len(problems[topic]) - 8))
        print("%sok %d - %s" % ("not " if problems[topic] else "", number,
                                what))
    return any(problems.values())


if __name__ == "__main__":
    sys.exit(main())
