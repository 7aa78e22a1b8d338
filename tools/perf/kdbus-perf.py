#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Where the time of messages and calls went, by name and by pair.

Two sources, one report. `record` has perf write the events that say so to a
file, which `report` reads by way of `perf script`: each message is known, so
percentiles are exact and the slowest can be shown. `hist` has the kernel count
powers of two in hist triggers, in a tracefs instance of its own: nothing is
shipped to user space, and what is shown is an upper bound.

Either source fills rows (class Row): one for each name and for each pair of
connections. An instance is removed by a process that does nothing else and
outlives this one, however this one ends.
"""
import argparse
import collections
import fnmatch
import heapq
import json
import math
import os
import re
import select
import signal
import subprocess
import sys
import time

VERSION = "0.1"
SCHEMA = 2              # of the trace events
TRACEFS = "/sys/kernel/tracing"
DEBUGFS = "/sys/kernel/debug/kdbus"
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


# ---- numbers ---------------------------------------------------------------

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


# ---- waiting ---------------------------------------------------------------

class Signals:
    """Waits for a program, or for somebody who wants this to end."""

    def __enter__(self):
        self.read, self.write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self.write)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)
        return self

    def __exit__(self, *_):
        signal.set_wakeup_fd(-1)
        os.close(self.read)
        os.close(self.write)

    def wait(self, program, seconds):
        """Whether a program (or None) is still to be ended."""
        end = time.monotonic() + seconds if seconds else None
        while not program or program.poll() is None:
            left = max(end - time.monotonic(), 0) if end else None
            if not select.select([self.read], [], [], left)[0]:
                return True
            if set(os.read(self.read, 64)) & {signal.SIGINT, signal.SIGTERM}:
                return True
        return False


# ---- perf ------------------------------------------------------------------

EVENTS = ("msg_send", "msg_recv", "msg_drop", "call_start", "call_reply",
          "call_end")
LINE = re.compile(r"^\s*(.*?)\s+(\d+)\s+(\d+)\.(\d{9}):\s+(?:kdbus:kdbus_)?"
                  r"(\w+):? (.*)$")
LOST = re.compile(r"PERF_RECORD_LOST(?:_SAMPLES)?\s+lost (\d+)")


class Call:
    """A call that has ended. Compares by how long it took."""

    def __init__(self, when, e, reply):
        self.when, self.event, self.reply = when, e, reply
        self.reply_ns = UNKNOWN

    def __lt__(self, other):
        return self.event["age_ns"] < other.event["age_ns"]


class Reader:
    """Makes rows of events, in the order in which they happened."""

    def __init__(self, options):
        self.options = options
        self.result = Result("perf", Times)
        self.replies = {}       # id of a reply -> its Call
        self.reply_to = {}      # id of a request -> id of its reply
        self.started = set()
        self.first = self.last = None
        self.tie = 0

    def line(self, text):
        lost = LOST.search(text)
        if lost:
            self.result.lost += int(lost.group(1))
            return
        found = LINE.match(text)
        if not found:
            return
        comm, _, seconds, ns, name, fields = found.groups()
        handler = getattr(self, "on_" + name, None)
        if not handler:
            return
        event = {}
        for word in fields.split(" "):
            key, _, value = word.partition("=")
            event[key] = value
        for key in event.keys() - {"flags", "kind", "outcome", "reason",
                                   "dst_name"}:
            event[key] = int(event[key])
        if self.options.bus and event["bus"] != self.options.bus:
            return
        self.result.events += 1
        self.last = int(seconds) * 10**9 + int(ns)
        self.first = self.first or self.last
        handler(event, comm)

    def wanted(self, e):
        """Whether --name, if it is given, wants what has been sent so."""
        name = self.result.name(e["bus"], e["name_id"])
        return not self.options.name or \
            fnmatch.fnmatchcase(name, self.options.name)

    def on_msg_send(self, e, comm):
        if e["ret"]:
            self.result.refused += 1
            return
        result = self.result
        result.sent += 1
        result.comm_of[e["bus"], e["src"]] = comm
        if e["name_id"]:
            result.name_of[e["bus"], e["name_id"]] = e["dst_name"]
            result.owner_of[e["bus"], e["dst"]] = e["dst_name"]

    def on_msg_recv(self, e, comm):
        if e["ret"] or "peek" in e["flags"] or e["kind"] == "copy":
            return
        self.result.comm_of[e["bus"], e["conn"]] = comm
        call = self.replies.pop(e["msg"], None)
        if call:
            call.reply_ns = e["wait_ns"]
        if e["wait_ns"] == UNKNOWN or not self.wanted(e):
            return
        for row in self.result.rows(e["bus"], e["src"], e["conn"],
                                    e["name_id"]):
            row.parts["queue"].add(e["wait_ns"])
        # never compares the events themselves
        self.tie += 1
        self.keep(self.result.longest, (e["wait_ns"], self.tie, self.last, e))

    def on_msg_drop(self, e, _):
        if e["kind"] == "copy":
            return
        self.result.dropped[e["reason"]] += 1
        self.replies.pop(e["msg"], None)

    def on_call_start(self, e, _):
        self.started.add(e["msg"])

    def on_call_reply(self, e, _):
        self.reply_to[e["msg"]] = e["reply"]

    def on_call_end(self, e, _):
        self.started.discard(e["msg"])
        reply = self.reply_to.pop(e["msg"], 0)
        if not self.wanted(e):
            return
        call = Call(self.last, e, reply)
        if reply:
            self.replies[reply] = call
        for row in self.result.rows(e["bus"], e["conn"], e["peer"],
                                    e["name_id"]):
            row.calls[e["outcome"]] += 1
            if e["outcome"] != "answered":
                continue
            row.parts["trip"].add(e["age_ns"])
            if e["service_ns"] != UNKNOWN:
                row.parts["service"].add(e["service_ns"])
        self.keep(self.result.slowest, call)

    def keep(self, heap, item):
        """Of the largest only as many as are to be shown."""
        if len(heap) < self.options.slowest:
            heapq.heappush(heap, item)
        elif heap:
            heapq.heappushpop(heap, item)

    def finish(self):
        result = self.result
        result.open = len(self.started)
        result.slowest.sort(reverse=True)
        result.longest.sort(reverse=True)
        if self.first:
            result.seconds = (self.last - self.first) / 1e9
        return result


def read_perf(options, line):
    """Has a function called with each line of a perf.data file."""
    command = ["perf", "script", "-i", options.input, "--ns",
               "--show-lost-events", "-F", "trace:comm,tid,time,event,trace"]
    if not os.access(options.input, os.R_OK):
        raise Failure(EXIT_RUNTIME, "there is no %s; make it with 'kdbus-perf "
                      "record', or say which file with -i" % options.input)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True,
                          errors="replace", stderr=subprocess.PIPE) as perf:
        for text in perf.stdout:
            line(text)
        said = perf.stderr.read().strip().split("\n")[-1]
    if perf.returncode:
        raise Failure(EXIT_RUNTIME, "perf cannot read %s: %s" %
                      (options.input, said))


def report(options):
    reader = Reader(options)
    read_perf(options, reader.line)
    return reader.finish()


def record(options):
    """Has perf record; tells how much there is. Returns the exit code."""
    # perf begins with the command, however long it takes until then
    what = options.command or \
        (["sleep", str(options.time)] if options.time else [])
    command = ["setpriv", "--pdeathsig", "INT", "perf", "record", "-q", "-a",
               "--no-buildid", "--no-buildid-cache", "-k", "CLOCK_MONOTONIC",
               "-m", str(options.size or 512), "-o", options.output]
    for event in EVENTS:
        command += ["-e", "kdbus:kdbus_" + event]
        if options.bus:
            command += ["--filter", "bus == %d" % options.bus]
    with Signals() as signals:
        with subprocess.Popen(command + what) as perf:
            stopped = signals.wait(perf, None)
            if stopped:
                perf.send_signal(signal.SIGINT)
            perf.wait()
    if perf.returncode not in (0, -signal.SIGINT if stopped else 0):
        raise Failure(EXIT_RUNTIME, "'%s' has ended with status %d" %
                      (" ".join(options.command) or "perf record",
                       perf.returncode))
    if stopped and not os.path.exists(options.output):
        raise Failure(EXIT_RUNTIME, "ended before perf had begun")
    options.input = options.output
    result = report(options)
    print("kdbus-perf: %d messages and %d calls in %s; look at them with "
          "'kdbus-perf report%s'" %
          (result.sent, sum(result.calls().values()), options.output,
           "" if options.output == DATA else " -i " + options.output),
          file=sys.stderr)
    return say_lost(result, "record")


# ---- hist triggers ---------------------------------------------------------

class Instance:
    """A tracefs instance, for as long as this process lives."""

    def __init__(self):
        self.path = "%s/instances/kdbus-perf-%d" % (TRACEFS, os.getpid())

    def __enter__(self):
        read, self.alive = os.pipe()
        self.keeper = os.fork()
        if not self.keeper:
            os.close(self.alive)
            self.remove_after(read)
        os.close(read)
        try:
            os.mkdir(self.path)
        except OSError as error:
            self.__exit__()
            raise Failure(EXIT_ENV, "cannot make %s: %s" %
                          (self.path, error.strerror)) from None
        return self

    def __exit__(self, *_):
        os.close(self.alive)
        os.waitpid(self.keeper, 0)

    def remove_after(self, read):
        """Waits in a process of its own for the end of the other."""
        try:
            os.setsid()
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            os.read(read, 1)
            os.rmdir(self.path)
        except OSError:
            pass
        os._exit(0)

    def trigger(self, event, keys, values, size, condition):
        text = "hist:keys=%s:vals=%s:size=%d if %s" % (keys, values, size,
                                                       condition)
        try:
            with open("%s/events/kdbus/kdbus_%s/trigger" % (self.path, event),
                      "a", encoding="ascii") as file:
                file.write(text)
        except FileNotFoundError:
            raise Failure(EXIT_ENV, "this kernel has no hist triggers "
                          "(CONFIG_HIST_TRIGGERS); use 'kdbus-perf record'") \
                from None
        except OSError as error:
            raise Failure(EXIT_ENV, "the kernel refuses '%s': %s; use "
                          "'kdbus-perf record'" % (text, error.strerror)) \
                from None

    def histograms(self, event):
        """Each one: its condition, its keys, its lines, and how many more."""
        with open("%s/events/kdbus/kdbus_%s/hist" % (self.path, event),
                  encoding="ascii", errors="replace") as file:
            text = file.read()
        for part in text.split("# event histogram\n")[1:]:
            info = re.search(r"hist:keys=(\S+?):.* if (.*) \[", part)
            lines = re.findall(
                r"^\{ (.*) \} hitcount: +(\d+)(?:  \w+: +(\d+))?", part, re.M)
            dropped = int(re.search(r"Dropped: (\d+)", part).group(1))
            yield info.group(2), info.group(1), lines, dropped


KNOWN = "%s != 0xffffffffffffffff"
RECEIVED = "ret == 0 && kind != 6 && !(flags & 1) && " + KNOWN % "wait_ns"
# what is counted: event, keys, values, of what
HISTOGRAMS = (
    ("msg_recv", "name_id,wait_ns.log2", "wait_ns", RECEIVED),
    ("msg_recv", "src,conn,wait_ns.log2", "wait_ns", RECEIVED),
    ("msg_recv", "conn,common_pid.execname", "hitcount", "ret == 0"),
    ("msg_send", "src,common_pid.execname", "hitcount", "ret == 0"),
    ("msg_send", "name_id,dst,dst_name", "hitcount", "name_id != 0"),
    ("msg_send", "ret", "hitcount", "ret < 0"),
    ("msg_drop", "reason", "hitcount", "kind != 6"),
    ("call_end", "name_id,age_ns.log2", "age_ns", "outcome == 1"),
    ("call_end", "conn,peer,age_ns.log2", "age_ns", "outcome == 1"),
    ("call_end", "name_id,service_ns.log2", "service_ns",
     "outcome == 1 && " + KNOWN % "service_ns"),
    ("call_end", "conn,peer,service_ns.log2", "service_ns",
     "outcome == 1 && " + KNOWN % "service_ns"),
    ("call_end", "name_id,outcome", "hitcount", "outcome > 0"),
    ("call_end", "conn,peer,outcome", "hitcount", "outcome > 0"),
)
PART_OF = {"wait_ns": "queue", "service_ns": "service", "age_ns": "trip"}


class Counted:
    """Makes rows of histograms."""

    def __init__(self, options):
        self.options = options
        self.result = Result("histograms", Buckets)

    def histogram(self, bus, keys, lines, dropped):
        self.result.lost += dropped
        for text, hits, total in lines:
            fields = [f.split(":", 1)[1].strip() for f in text.split(", ")]
            self.entry(bus, keys.split(","), fields, int(hits), int(total or 0))

    def entry(self, bus, keys, fields, hits, total):
        result = self.result
        if keys == ["ret"]:
            result.refused += hits
        elif keys == ["reason"]:
            result.dropped[REASONS[int(fields[0])]] += hits
        elif keys[0] == "name_id" and keys[-1] == "dst_name":
            result.name_of[bus, int(fields[0])] = fields[2]
            result.owner_of[bus, int(fields[1])] = fields[2]
        elif keys[-1].startswith("common_pid"):
            comm = re.sub(r" *\[ *\d+\]$", "", fields[1])
            result.comm_of[bus, int(fields[0])] = comm
            result.sent += hits if keys[0] == "src" else 0
        else:
            rows, key = result.names, (bus, int(fields[0]))
            if keys[0] != "name_id":
                rows, key = result.pairs, key + (int(fields[1]), 0)
            elif not key[1]:
                return
            self.count(rows[key], keys[-1], fields[-1], hits, total)

    def count(self, row, key, value, hits, total):
        if key == "outcome":
            row.calls[OUTCOMES[int(value)]] += hits
            return
        power = re.search(r"2\^(\d+)", value)
        row.parts[PART_OF[key.partition(".")[0]]].add(
            int(power.group(1)) if power else 0, hits, total)

    def finish(self):
        """Only what --name wants."""
        pattern = self.options.name
        if pattern:
            self.result.pairs.clear()
            for bus, name_id in list(self.result.names):
                if not fnmatch.fnmatchcase(self.result.name(bus, name_id),
                                           pattern):
                    del self.result.names[bus, name_id]
        return self.result


def hist(options):
    """Has the kernel count for a while."""
    counted = Counted(options)
    size = options.size or 8192
    buses = [options.bus] if options.bus else sorted(listed_buses().values())
    if not buses:
        raise Failure(EXIT_ENV, "there is no bus")
    with Instance() as instance, Signals() as signals:
        for bus in buses:
            for event, keys, values, condition in HISTOGRAMS:
                instance.trigger(event, keys, values, size,
                                 "bus == %d && %s" % (bus, condition))
        begin = time.monotonic()
        run_or_wait(options, signals)
        counted.result.seconds = time.monotonic() - begin
        for event in sorted({h[0] for h in HISTOGRAMS}):
            for condition, keys, lines, dropped in instance.histograms(event):
                bus = int(re.match(r"bus == (\d+) ", condition).group(1))
                counted.histogram(bus, keys, lines, dropped)
    return counted.finish()


def run_or_wait(options, signals):
    if not options.command:
        signals.wait(None, options.time)
        return
    try:
        with subprocess.Popen(options.command) as program:
            if signals.wait(program, options.time):
                program.terminate()
    except OSError as error:
        raise Failure(EXIT_RUNTIME, "cannot run '%s': %s" %
                      (options.command[0], error.strerror)) from None


# ---- showing ---------------------------------------------------------------

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


def by_weight(rows):
    return sorted(rows.items(), key=lambda item: item[1].weight(),
                  reverse=True)


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


# ---- JSON ------------------------------------------------------------------

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


def show_json(result):
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


# ---- options ---------------------------------------------------------------

DATA = "kdbus-perf.data"
EPILOG = """\
Times are split in three: in the queue until received (Q50, Q99: half, 99 of 100
took no longer), in service until answered (S50, S99), and of a call as a whole
(P50 to P99, MAX). FAR is how many calls took more than 8 times the median.

EXAMPLES:
  kdbus-perf record -t 10; kdbus-perf report
  kdbus-perf report --name 'org.example.*' -n 30
  kdbus-perf hist -t 10                  counted in the kernel, nothing recorded
  kdbus-perf hist --json -- make check | jq '.names[] | {name, trip}'

Exit codes: 0; 1 runtime error; 2 usage; 3 events were lost; 77 not root, the
module is not loaded, perf is not installed, or no hist triggers."""


def seconds_arg(text):
    value = float(text)
    if not 0 < value < 1e6:
        raise ValueError
    return value


seconds_arg.__name__ = "time in seconds"


def size_arg(text):
    value = int(text)
    if value < 1 or value > 1 << 17 or value & (value - 1):
        raise ValueError
    return value


size_arg.__name__ = "power of two up to 131072"


def number_arg(text):
    value = int(text)
    if value < 0:
        raise ValueError
    return value


number_arg.__name__ = "number"


class Help(argparse.RawDescriptionHelpFormatter):
    """Options as the other tools list them: "-b, --bus=BUS"."""

    def _format_action_invocation(self, action):
        if not action.option_strings:
            return super()._format_action_invocation(action)
        text = ", ".join(action.option_strings)
        if action.metavar:
            text += "=" + action.metavar
        return "    " + text if text.startswith("--") else text


class Parser(argparse.ArgumentParser):
    def error(self, message):
        """One line, without the usage that --help has."""
        raise Failure(EXIT_USAGE, message + "; see --help")


def parser():
    p = Parser(
        prog="kdbus-perf", formatter_class=Help,
        usage="kdbus-perf record|report|hist [OPTION...] "
              "[-- COMMAND [ARGUMENT...]]",
        description="Where the time of messages and calls on kdbus buses goes, "
                    "by name and by pair.\n\n"
                    "  record  record with perf, while COMMAND runs or until "
                    "Ctrl-C\n"
                    "  report  show what was recorded, and the slowest calls\n"
                    "  hist    show what histograms in the kernel counted in "
                    "that time",
        epilog=EPILOG, add_help=False, allow_abbrev=False)
    p.add_argument("what", choices=("record", "report", "hist"),
                   help=argparse.SUPPRESS)
    o = p.add_argument_group("Options")
    o.add_argument("-b", "--bus", metavar="BUS",
                   help="only this bus, by name or id (report: id)")
    o.add_argument("--name", metavar="PATTERN",
                   help="report, hist: only what was sent to such a name")
    o.add_argument("-t", "--time", metavar="SECONDS", type=seconds_arg,
                   help="record, hist: end after this time")
    o.add_argument("-n", "--slowest", metavar="N", type=number_arg, default=10,
                   help="report: show the N slowest calls, and messages "
                        "(default: 10)")
    o.add_argument("--json", action="store_true",
                   help="report, hist: one JSON object")
    o.add_argument("-i", "--input", metavar="FILE", default=DATA,
                   help="report: the file (default: %(default)s)")
    o.add_argument("-o", "--output", metavar="FILE", default=DATA,
                   help="record: the file (default: %(default)s)")
    o.add_argument("-m", "--size", metavar="N", type=size_arg,
                   help="record: pages of buffer for each processor (default: "
                        "512). hist: entries of each histogram (default: 8192)")
    o.add_argument("-?", "--help", action="help", help="say this and end")
    o.add_argument("-V", "--version", action="version",
                   version="kdbus-perf " + VERSION, help="say so and end")
    return p


def parse(argv):
    """Options, and the command that stands behind "--"."""
    p = parser()
    end = argv.index("--") if "--" in argv else len(argv)
    options, rest = p.parse_known_args(argv[:end])
    options.command = argv[end + 1:]
    if rest:
        p.error("'%s' is no option; a command stands behind '--'" % rest[0])
    check_use(p, options)
    return options


def check_use(p, options):
    """What goes together, and what does not."""
    if options.what == "report" and options.command:
        p.error("report takes no command; did you mean record?")
    if options.command and options.time:
        p.error("give a command or --time, not both")
    if options.what == "hist" and options.size and options.size < 128:
        p.error("argument -m/--size: a histogram has at least 128 entries")
    if options.what == "report" and options.bus and \
       not options.bus.isdigit():
        p.error("argument -b/--bus: report knows buses by their id only")


def listing(name):
    """Rows of one of the module's listings, docs/debugfs.rst."""
    try:
        with open("%s/%s" % (DEBUGFS, name), encoding="ascii") as file:
            lines = file.read().split("\n")
    except OSError as error:
        raise Failure(EXIT_ENV, "cannot read %s/%s: %s; is debugfs mounted?" %
                      (DEBUGFS, name, error.strerror)) from None
    titles = lines[0].split(" ")
    return [dict(zip(titles, line.split(" "))) for line in lines[1:] if line]


def listed_buses():
    """Ids of buses by name."""
    return {row["name"]: int(row["bus"]) for row in listing("buses")}


def find_bus(bus):
    if not bus:
        return 0
    buses = listed_buses()
    found = buses.get(bus, int(bus) if bus.isdigit() else 0)
    if found not in buses.values():
        raise Failure(EXIT_ENV, "there is no bus '%s'; there are: %s" %
                      (bus, " ".join(buses) or "none"))
    return found


def check_here(options):
    """Whether it can be done here: who asks, and what is there."""
    if options.what != "hist":
        try:
            subprocess.run(["perf", "version"], check=True,
                           stdout=subprocess.DEVNULL)
        except (OSError, subprocess.CalledProcessError):
            raise Failure(EXIT_ENV, "perf is missing; install it (on Debian: "
                          "linux-perf)") from None
    if options.what == "report":
        return
    if os.geteuid():
        raise Failure(EXIT_ENV, "only root may see the events of all; run it "
                      "with sudo")
    if not os.path.exists("/sys/module/kdbus"):
        raise Failure(EXIT_ENV, "the kdbus module is not loaded; run 'modprobe "
                      "kdbus' or 'make load'")
    if not os.path.exists(TRACEFS + "/events/kdbus"):
        raise Failure(EXIT_ENV, "no events in %s; is tracefs mounted?" %
                      TRACEFS)
    version = int(listing("schema")[0]["version"])
    if version != SCHEMA:
        raise Failure(EXIT_ENV, "the module has trace events of schema %d and "
                      "this is for %d; install both from one source" %
                      (version, SCHEMA))


def say_lost(result, what):
    if not result.lost:
        return 0
    print("kdbus-perf: %d events were lost; %s with a larger --size" %
          (result.lost, what), file=sys.stderr)
    return EXIT_LOST


def main():
    options = parse(sys.argv[1:])
    check_here(options)
    options.bus = int(options.bus or 0) if options.what == "report" else \
        find_bus(options.bus)
    if options.what == "record":
        return record(options)
    result = report(options) if options.what == "report" else hist(options)
    (show_json if options.json else show)(result)
    sys.stdout.flush()
    return say_lost(result, "hist" if options.what == "hist" else "record")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        print("kdbus-perf: %s" % failure, file=sys.stderr)
        sys.exit(failure.code)
    except OSError as failure:
        # what is still in the buffer is not tried again
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if isinstance(failure, BrokenPipeError):
            sys.exit(0)
        print("kdbus-perf: %s" % failure, file=sys.stderr)
        sys.exit(EXIT_RUNTIME)
    except KeyboardInterrupt:
        sys.exit(130)
