"""Ctrl-C during a run: once asks it to stop after the round in flight, twice stops it at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from slearn.progress import Progress

_NOTICE = b"\nslearn: finishing this round; Ctrl-C again stops at once\n"


@contextmanager
def interruptible(progress: Progress) -> Iterator[None]:
    """Turn the first Ctrl-C into `progress.interrupted`, and the second into KeyboardInterrupt.

    >>> with interruptible(Progress()):
    ...     pass

    Nothing changes outside the main thread, or where the shell has Ctrl-C ignored.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        yield
        return

    def once(number: int, frame: FrameType | None) -> None:
        progress.interrupted = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.write(2, _NOTICE)  # a stream could be in the middle of a write of its own

    before = signal.signal(signal.SIGINT, once)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
