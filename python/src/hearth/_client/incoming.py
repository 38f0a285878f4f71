"""Frames from the node, sorted to those who wait for them."""

from __future__ import annotations

import json
import os
import sys
from typing import Any, Deque, Dict, List

from hearth import _frames
from hearth._client.slots import Request, Slot, Waiters
from hearth._client.window import Window

__all__ = ["Incoming"]


def _echo(frame: Any) -> None:
    """Output of a remote call where nobody asked for it in another form: as if the call had run here."""
    if os.environ.get("HEARTH_LOGS") == "0":
        return
    stream = sys.stderr if frame.flags == _frames.STREAM_ERR else sys.stdout
    try:
        stream.write(bytes(frame.body).decode("utf-8", "replace"))
        stream.flush()
    except (OSError, ValueError, AttributeError):
        pass  # the program has closed its output; its calls go on


class Incoming:
    """`take` belongs to whoever has the reader's role."""

    def __init__(
        self,
        calls: Dict[int, Slot],
        requests: Dict[int, Request],
        waiters: Waiters,
        window: Window,
        feeds: List[Any],
    ) -> None:
        self._calls = calls
        self._requests = requests
        self._waiters = waiters
        self._window = window
        self._feeds = feeds

    def take(self, arrived: Deque[Any]) -> None:
        """Handles and removes the frames of `arrived`. A frame is removed after it was handled, and handling one twice
        does no harm, so that an interrupted `take` can be begun again. Raises ValueError for what no node sends."""
        reply, calls, wake = _frames.REPLY, self._calls, self._waiters.wake
        while arrived:
            frame = arrived[0]
            if frame.kind == reply:
                lo = frame.call_lo
                slot = calls.get(lo)
                if slot is not None:  # None: it was given up here
                    slot.deliver(frame)
                    wake(slot)
                    calls.pop(lo, None)
                    self._window.give_back(lo)
            else:
                self._take_rare(frame)
            arrived.popleft()

    def _take_rare(self, frame: Any) -> None:
        kind = frame.kind
        if kind == _frames.CONTROL:
            self._respond(frame)
        elif kind == _frames.LOG:
            for feed in self._feeds:
                feed.log(frame)
                self._waiters.wake(feed)
            if not self._feeds:
                _echo(frame)
        elif kind == _frames.SIGNAL:
            slot = self._calls.get(frame.call_lo)
            if frame.what == _frames.PROGRESS and slot is not None:
                slot.progress(frame.value)
                self._waiters.wake(slot)
        else:
            raise ValueError(f"frame of kind {kind}, which no node sends to a client")

    def _respond(self, frame: Any) -> None:
        slot = self._requests.get(frame.request)
        if slot is None:
            return
        response = json.loads(bytes(frame.body))
        if frame.flags & _frames.CONTROL_MORE:
            slot.add(response)
        else:
            slot.deliver(response)
            self._requests.pop(frame.request, None)
        self._waiters.wake(slot)
