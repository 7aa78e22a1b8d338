#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Where the time of messages and calls went, by name and by pair.

Two sources, one report. `record` has perf write the events that say so to a
file, which `report` reads by way of `perf script`: each message is known, so
percentiles are exact and the slowest can be shown. `hist` has the kernel count
powers of two in hist triggers, in a tracefs instance of its own: nothing is
shipped to user space, and what is shown is an upper bound.

Either source fills rows: one for each name and for each pair of connections.

  options.py      what is asked for
  environment.py  what there is here
  model.py        rows, and what they consist of
  events.py       source: perf
  histograms.py   source: hist triggers
  text.py         rows for people
  as_json.py      rows for programs
  waiting.py      until a program ends, or somebody wants this one to

These lie in kdbus_perf/ beside this file, wherever both have been put.
"""
import os
import sys

# whoever runs it may not be whose directory that is
sys.dont_write_bytecode = True

from kdbus_perf import as_json, environment, events, histograms, options, text
from kdbus_perf.model import EXIT_LOST, EXIT_RUNTIME, Failure


def say_lost(result, what):
    if not result.lost:
        return 0
    print("kdbus-perf: %d events were lost; %s with a larger --size" %
          (result.lost, what), file=sys.stderr)
    return EXIT_LOST


def main():
    wanted = options.parse(sys.argv[1:])
    environment.check(wanted)
    if wanted.what == "record":
        return say_lost(events.record(wanted), "record")
    if wanted.what == "report":
        result = events.report(wanted)
    else:
        result = histograms.count(wanted)
    (as_json if wanted.json else text).show(result)
    sys.stdout.flush()
    return say_lost(result, "hist" if wanted.what == "hist" else "record")


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
