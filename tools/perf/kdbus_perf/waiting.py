# SPDX-License-Identifier: GPL-2.0
"""Waits for programs and signals."""
import os
import select
import signal
import time


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
