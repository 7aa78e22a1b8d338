# SPDX-License-Identifier: GPL-2.0
"""Each event: recorded by perf to a file, and made rows of from there."""
import fnmatch
import heapq
import os
import re
import signal
import subprocess
import sys

from .model import EXIT_RUNTIME, UNKNOWN, Failure, Result, Times
from .options import DATA
from .waiting import Signals

EVENTS = ("msg_send", "msg_recv", "msg_drop", "call_start", "call_reply",
          "call_end")
LINE = re.compile(r"^\s*(.*?)\s+(\d+)\s+(\d+)\.(\d{9}):\s+(?:kdbus:kdbus_)?"
                  r"(\w+):? (.*)$")
LOST = re.compile(r"PERF_RECORD_LOST\s+lost (\d+)")
STATS = re.compile(r"^(\S+) stats:$|^ +LOST_SAMPLES events: +(\d+)$",
                   re.MULTILINE)


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
        self.before = ""

    def line(self, text):
        lost = LOST.search(text)
        if lost:
            self.result.lost += int(lost.group(1))
            return
        # of a ring that overflows, perf now and then writes an event twice
        if text == self.before:
            return
        self.before = text
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


def lost_samples(options, lost):
    """
    How many events were lost. LOST records count perf's own records, too, and
    only appear when a later one finds room. From 6.1 on the kernel also counts
    for each event what perf could not take, and perf notes that at the end.
    """
    stats = subprocess.run(["perf", "report", "--stats", "-i", options.input],
                           capture_output=True, text=True, check=False).stdout
    counts, event = {}, ""
    for name, count in STATS.findall(stats):
        event = name or event
        if count:
            counts[event] = int(count)
    if not counts:
        return lost
    return sum(n for event, n in counts.items() if event.startswith("kdbus:"))


def report(options):
    reader = Reader(options)
    read_perf(options, reader.line)
    reader.result.lost = lost_samples(options, reader.result.lost)
    return reader.finish()


def record(options):
    """Has perf record, and says how much there is."""
    # perf begins with the command, however long it takes until then
    what = options.command or \
        (["sleep", str(options.time)] if options.time else [])
    command = ["setpriv", "--pdeathsig", "INT", "perf", "record", "-q", "-a",
               "--no-buildid", "--no-buildid-cache", "-k", "CLOCK_MONOTONIC",
               "-m", str(options.size or 512), "-o", options.output,
               # the first has perf's own records, of processes and the like
               "-e", "dummy:u"]
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
    return result
