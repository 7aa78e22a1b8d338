# SPDX-License-Identifier: GPL-2.0
"""Powers of two, counted by the kernel: hist triggers in a tracefs instance."""
import fnmatch
import os
import re
import signal
import subprocess
import time

from .environment import TRACEFS, listed_buses
from .model import (EXIT_ENV, EXIT_RUNTIME, OUTCOMES, REASONS, Buckets, Failure,
                    Result)
from .waiting import Signals


class Instance:
    """A tracefs instance, for as long as this process lives.

    It is removed by a process that does nothing else and outlives this one,
    however this one ends.
    """

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


def count(options):
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
