# SPDX-License-Identifier: GPL-2.0
"""Options, and what of them goes together."""
import argparse

from . import VERSION
from .model import EXIT_USAGE, Failure

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
                   metavar="record, report or hist", help=argparse.SUPPRESS)
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
