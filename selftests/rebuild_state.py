# SPDX-License-Identifier: GPL-2.0
"""For rebuild.py: what trace events alone say of a bus.

State is what there was at each moment: connections, messages, calls, names and
who waits for them. Pool is one pool. Both tell of events that cannot follow
each other.
"""
import collections
import re

LINE = re.compile(r"^\s*(.+)-(\d+)\s+\[\d+\]\s+\S+\s+\d+: (\w+): ?(.*)$")
NUMBER = re.compile(r"^-?\d+$")
NAME_FLAGS = {"replace_existing": 1, "allow_replacement": 2, "queue": 4,
              "in_queue": 8, "activator": 16}
NOTICES = {0x8000: "name_add", 0x8001: "name_remove", 0x8002: "name_change",
           0x8003: "id_add", 0x8004: "id_remove", 0x8005: "reply_timeout",
           0x8006: "reply_dead"}
NOBODY = (1 << 32) - 1
# what a connection's end, or a name's change, is made of
STEPS = {"call_end", "msg_drop", "msg_move", "msg_queue", "name_change",
         "name_queue", "name_unqueue", "notify_send", "pool_alloc",
         "pool_free"}


def flags(text):
    """The number of name flags that an event prints as words."""
    return sum(NAME_FLAGS[word] for word in text.split("|") if word)


class Event:
    """One event: its name, where it stands, who fired it, its fields."""

    def __init__(self, index, pid, name, text):
        self.index, self.pid, self.name = index, pid, name
        self.fields = {}
        for word in text.split(" "):
            key, found, value = word.partition("=")
            if found:
                self.fields[key] = int(value) if NUMBER.match(value) else value

    def __getattr__(self, key):
        try:
            return self.fields[key]
        except KeyError:
            raise AttributeError(key) from None

    def __str__(self):
        return "%s %s" % (self.name, " ".join("%s=%s" % f
                                             for f in self.fields.items()))


class Name:
    """A life of a name: its owner, and the line of who waits."""

    def __init__(self, name_id, name):
        self.id, self.name = name_id, name
        self.owner, self.flags = 0, 0
        self.line = []          # of [conn, flags], without the activator
        self.activator = 0      # who waits as one

    def left(self, conn):
        self.line = [w for w in self.line if w[0] != conn]


class State:
    """What there is at one moment; handlers are named after events."""

    def __init__(self, problem):
        self.problem = problem
        self.conns, self.ended = {}, {}     # id -> conn_new; id -> index
        self.msgs, self.notices = {}, {}    # id -> msg_send, notify_send
        self.refused = {}                   # id -> refused msg_send
        self.queues = collections.defaultdict(dict)  # conn -> msg -> queue
        self.replies = {}           # (conn, msg) of sync replies underway
        self.fates = collections.defaultdict(list)   # msg -> ends, and queues
        self.calls, self.call_ends = {}, {}
        self.call_replies = {}
        self.names = {}                     # id -> Name
        self.owners = collections.defaultdict(lambda: [(-1, 0)])
        self.changes = []
        self.unqueued = None
        self.matches = collections.defaultdict(collections.Counter)
        self.places = {}                    # (conn, msg) -> pool_alloc
        self.pools = collections.defaultdict(list)
        self.memfds, self.passed = {}, collections.defaultdict(list)
        self.why = collections.defaultdict(list)  # msg -> refusal events
        self.by_kind = collections.defaultdict(list)
        self.seq = (0, 0)
        self.last_of = {}                   # pid -> index of its last event
        self.since = {}                     # index -> the one before, of pid
        self.events = {}                    # index -> event

    def play(self, event):
        self.since[event.index] = self.last_of.get(event.pid, -1)
        self.last_of[event.pid] = event.index
        self.events[event.index] = event
        self.by_kind[event.name].append(event)
        getattr(self, event.name, lambda e: None)(event)

    # ---- connections

    def conn_new(self, e):
        if e.conn in self.conns:
            self.problem("order", "twice: %s" % e)
        self.conns[e.conn] = e

    def end(self, conn, index):
        if conn not in self.conns:
            self.problem("order", "connection %d ends and never began" % conn)
        self.ended.setdefault(conn, index)

    def conn_dead(self, e):
        self.end(e.conn, e.index)
        left = self.queues[e.conn]
        if left:
            self.problem("drops", "%s, but it has queued %s" %
                         (e, list(left)))

    def alive(self, conn, index):
        begin = self.conns.get(conn)
        return begin is not None and begin.index <= index and \
            self.ended.get(conn, index + 1) > index

    def ending(self, conn, index):
        """Whether others may have seen that it ends: its matches go before the
        notice that tells it."""
        return conn in self.ended and self.begun(self.ended[conn]) < index

    # ---- messages

    def msg_send(self, e):
        if e.ret:
            self.refused[e.msg] = e
            return
        self.msgs[e.msg] = e
        if e.dst == -1:
            return
        if not self.alive(e.dst, e.index):
            self.problem("sends", "to a connection that is not there: %s" % e)
        if not e.dst_name:
            return
        name = self.names.get(e.name_id)
        if not name or name.name != e.dst_name or name.owner != e.dst:
            self.problem("owners", "not the owner of the name: %s" % e)

    def notify_send(self, e):
        self.notices[e.msg] = e
        if e.type == "id_remove":
            self.end(e.id, e.index)
        if e.type.startswith("name_"):
            change = self.changes[-1] if self.changes else None
            e.fields["change"] = change
            if not change or change.name_id != e.name_id:
                self.problem("owners", "no change before %s" % e)

    def is_told_later(self, e):
        """News of names and connections, and all of the kernel to a monitor."""
        notice = self.notices.get(e.msg)
        return notice and notice.dst != e.conn

    def in_order(self, e):
        if self.is_told_later(e):
            return
        number, msg = self.seq
        if e.seq < number or (e.seq == number and e.msg != msg):
            self.problem("order", "%s after number %d" % (e, number))
        self.seq = (e.seq, e.msg)

    def msg_queue(self, e):
        self.in_order(e)
        if e.msg not in self.msgs and e.msg not in self.notices:
            self.problem("sends", "never sent: %s" % e)
        place = self.places.get((e.conn, e.msg))
        if e.bytes and (not place or place.offset != e.offset or
                        place.bytes != e.bytes):
            self.problem("pools", "has no such place: %s" % e)
        self.fates[e.msg].append(e)
        if e.kind == "sync_reply":
            self.replies[e.conn, e.msg] = e
        else:
            self.queues[e.conn][e.msg] = e

    def leave(self, conn, msg, e):
        queued = self.queues[conn].pop(msg, None) or \
            self.replies.pop((conn, msg), None)
        if not queued:
            self.problem("drops", "was not queued: %s" % e)
        return queued

    def msg_recv(self, e):
        e.fields["place"] = self.places.get((e.conn, e.msg))
        if e.ret or "peek" in e.flags:
            return
        self.leave(e.conn, e.msg, e)
        self.fates[e.msg].append(e)

    def msg_drop(self, e):
        self.fates[e.msg].append(e)
        if e.reason != "undelivered":
            self.leave(e.conn, e.msg, e)
        elif e.msg in self.refused:
            self.problem("drops", "of a refused message: %s" % e)

    def msg_move(self, e):
        queued = self.leave(e.__getattr__("from"), e.msg, e)
        if not queued:
            return
        if (e.to, e.msg) not in self.places:
            self.problem("pools", "no place where it moves to: %s" % e)
        # behind what is older, in front of what is younger
        queue = self.queues[e.to]
        queue[e.msg] = queued
        self.queues[e.to] = dict(sorted(queue.items(),
                                        key=lambda item: item[1].seq))
        self.fates[e.msg].append(e)
        if e.msg in self.calls:
            self.calls[e.msg].fields["now"] = e.to

    # ---- calls

    def call_start(self, e):
        request = self.msgs.get(e.msg)
        if not request or request.src != e.conn or request.dst != e.peer or \
           request.cookie != e.cookie or "expect_reply" not in request.flags:
            self.problem("calls", "no such request: %s" % e)
        self.calls[e.msg] = e
        e.fields["now"] = e.peer

    def call_reply(self, e):
        self.call_replies[e.msg] = e
        reply = self.msgs.get(e.reply)
        if not reply or reply.src != e.peer or reply.dst != e.conn or \
           reply.cookie_reply != e.cookie:
            self.problem("calls", "no such reply: %s" % e)

    def call_end(self, e):
        start = self.calls.get(e.msg)
        if not start or e.msg in self.call_ends:
            self.problem("calls", "%s: %s" % ("twice" if start else
                                              "never began", e))
            return
        self.call_ends[e.msg] = e
        if (e.peer, e.conn) != (start.now, start.conn):
            self.problem("calls", "not of these two: %s" % e)
        if (e.outcome == "answered") != (e.msg in self.call_replies):
            self.problem("calls", "answered or not: %s" % e)
        if e.wait_ns >= 0 and e.wait_ns + e.service_ns > e.age_ns:
            self.problem("calls", "parts above the sum: %s" % e)

    # ---- names

    def life_of(self, e):
        # a life begins with the change that gives it an owner
        return self.names.setdefault(e.name_id,
                                     Name(e.name_id, e.fields["name"]))

    def name_queue(self, e):
        name = self.life_of(e)
        if flags(e.flags) & 16:
            name.activator = e.conn
        elif any(w[0] == e.conn for w in name.line):
            self.problem("lines", "in line twice: %s" % e)
        elif name.owner == e.conn:
            name.line.insert(0, [e.conn, e.flags])
        else:
            name.line.append([e.conn, e.flags])

    def name_unqueue(self, e):
        name = self.life_of(e)
        self.unqueued = (e.name_id, e.conn, name.line[:1])
        if flags(e.flags) & 16:
            if name.activator != e.conn:
                self.problem("lines", "not the activator: %s" % e)
            name.activator = 0
        elif [e.conn, e.flags] not in name.line:
            self.problem("lines", "not in line: %s" % e)
        name.left(e.conn)

    def name_update(self, e):
        name = self.life_of(e)
        if name.owner == e.conn:
            name.flags = flags(e.flags)
            return
        for waiter in name.line:
            if waiter[0] == e.conn:
                waiter[1] = e.flags
                return
        self.problem("lines", "neither owner nor in line: %s" % e)

    def name_change(self, e):
        name = self.life_of(e)
        if name.owner != e.old or name.flags != flags(e.old_flags):
            self.problem("owners", "not the owner before: %s" % e)
        if e.new and not self.alive(e.new, e.index):
            self.problem("owners", "to a connection that is gone: %s" % e)
        waited = self.unqueued and self.unqueued[:2] == (e.name_id, e.new)
        taken = flags(e.old_flags) & (2 | 16)
        if e.old and e.new and not taken and not waited:
            self.problem("lines", "neither waited nor replaced: %s" % e)
        if waited and not taken and self.unqueued[2] and \
           self.unqueued[2][0][0] != e.new:
            self.problem("lines", "not the first in line: %s" % e)
        if not e.new and (name.line or name.activator):
            self.problem("lines", "gone, with %s in line: %s" %
                         (name.line, e))
        self.unqueued = None
        name.owner, name.flags = e.new, flags(e.new_flags)
        self.owners[name.name].append((e.index, e.new))
        self.changes.append(e)
        if not e.new:
            del self.names[e.name_id]

    # ---- the rest

    def match_add(self, e):
        self.matches[e.conn][e.cookie] += 1

    def match_remove(self, e):
        if self.matches[e.conn].pop(e.cookie, 0) != e.removed:
            self.problem("broadcasts", "not as many: %s" % e)

    def pool_alloc(self, e):
        self.pools[e.conn].append(e)
        if e.msg:
            self.places[e.conn, e.msg] = e

    def pool_free(self, e):
        self.pools[e.conn].append(e)

    def quota_refuse(self, e):
        self.why[e.msg].append(e)

    def policy_deny(self, e):
        self.why[e.msg].append(e)

    def memfd_new(self, e):
        self.memfds[e.memfd] = e

    def memfd_pass(self, e):
        self.passed[e.msg].append(e)

    # ---- asking

    def begun(self, index):
        """From when on others may have seen what an event tells.

        Senders look without the lock, so between the change and its event.
        """
        index = self.since.get(index, -1)
        while index >= 0 and self.events[index].name in STEPS:
            index = self.since[index]
        return index

    def owners_between(self, name, begin, end):
        """Who may have been seen to own a name in an interval; 0: nobody."""
        found = {0} if name not in self.owners else set()
        history = self.owners[name]
        for i, (index, owner) in enumerate(history):
            until = history[i + 1][0] if i + 1 < len(history) else end + 1
            if self.begun(index) <= end and until > begin:
                found.add(owner)
        return found


class Pool:
    """What is in use in a pool, change by change."""

    def __init__(self, problem, events):
        self.slices = {}
        self.used = self.last = 0
        self.problem = problem
        self.todo = sorted(events, key=lambda e: e.change)

    def play(self, e):
        if e.change != self.last + 1:
            self.problem("pools", "after change %d: %s" % (self.last, e))
        self.last = e.change
        if e.name == "pool_alloc":
            self.used += e.bytes
            self.take(e)
        else:
            self.used -= e.bytes
            was = self.slices.pop(e.offset, None)
            if not was or (was.bytes, was.msg, was.src, was.uid) != \
               (e.bytes, e.msg, e.src, e.uid):
                self.problem("pools", "was not taken: %s" % e)
        if e.used != self.used:
            self.problem("pools", "used is %d: %s" % (self.used, e))

    def take(self, e):
        if e.offset + e.bytes > e.pool_size:
            self.problem("pools", "outside of the pool: %s" % e)
        for other in self.slices.values():
            if other.offset < e.offset + e.bytes and \
               e.offset < other.offset + other.bytes:
                self.problem("pools", "%s overlaps %s" % (e, other))
        self.slices[e.offset] = e

    def until(self, index):
        """Plays what there was before an index at which all was still."""
        while self.todo and self.todo[0].index < index:
            self.play(self.todo.pop(0))
        return self


def read_events(path, without):
    with open(path, encoding="ascii", errors="replace") as lines:
        for index, line in enumerate(lines):
            found = LINE.match(line)
            if not found:
                continue
            _, pid, name, text = found.groups()
            if name == "tracing_mark_write":
                event = Event(index, int(pid), "mark", "")
                event.fields["text"] = text
                yield event
                continue
            if name == "kdbus_" + without:
                without = ""
                continue
            yield Event(index, int(pid), name[len("kdbus_"):], text)
