# SPDX-License-Identifier: GPL-2.0
"""What there is here: the module, its buses, perf, and leave to look."""
import os
import subprocess

from .model import EXIT_ENV, Failure

SCHEMA = 2              # of the trace events
TRACEFS = "/sys/kernel/tracing"
DEBUGFS = "/sys/kernel/debug/kdbus"


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


def check(options):
    """Whether it can be done here: who asks, and what is there.

    From then on the bus that is wanted is an id, 0 for any.
    """
    if options.what != "hist":
        try:
            subprocess.run(["perf", "version"], check=True,
                           stdout=subprocess.DEVNULL)
        except (OSError, subprocess.CalledProcessError):
            raise Failure(EXIT_ENV, "perf is missing; install it (on Debian: "
                          "linux-perf)") from None
    if options.what == "report":
        options.bus = int(options.bus or 0)
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
    options.bus = find_bus(options.bus)
