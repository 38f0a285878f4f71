"""What `hearth run` shows while a run goes on: its output, and on a terminal how far a fan-out is."""

from __future__ import annotations

import collections
import sys
import time
from typing import Any, Deque, TextIO

from hearth._client.log_stream import Line, LineSplitter
from hearth._client.rows import RunDetails
from hearth._client.slots import Slot

__all__ = ["Feed", "Progress", "RunView"]

_LOOK = 0.2  # seconds between two looks at a run's progress: as often as a person reads


class Feed(Slot):
    """Ready whenever output has arrived or the run has ended."""

    __slots__ = ("arrived",)

    def __init__(self) -> None:
        super().__init__()
        self.arrived: Deque[Any] = collections.deque()

    def log(self, frame: Any) -> None:
        """Called by the reader for each Log frame."""
        self.arrived.append(frame)
        self.ready = True

    def end(self) -> None:
        """Called when the run has ended."""
        self.ready = True


class Progress:
    """How many calls of the run have ended: a bar where `rich` is installed, else a line that is written again."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._rich: Any = None
        self._task: Any = None
        self._looked_for_rich = False
        self._shown = ""

    def show(self, details: RunDetails) -> None:
        """Shows a run that has made calls besides its root; others need no bar."""
        if details.actions < 2 or details.phase not in ("QUEUED", "RUNNING"):
            return
        if self._rich is None and not self._looked_for_rich:
            self._looked_for_rich = True
            self._rich = _rich_bar(self._out)
            if self._rich is not None:
                self._task = self._rich.add_task("calls", total=details.actions)
        if self._rich is not None:
            self._rich.update(self._task, completed=details.actions_done, total=details.actions)
            self._rich.start()
            return
        failed = f", {details.actions_failed:,} failed" if details.actions_failed else ""
        self._shown = f"  {details.actions_done:,} of {details.actions:,} calls{failed}"
        self._out.write(f"\r{self._shown}\x1b[K")
        self._out.flush()

    def clear(self) -> None:
        """Removes what is shown, to make room for output; `show` brings it back."""
        if self._rich is not None:
            self._rich.stop()
        if self._shown:
            self._out.write("\r\x1b[K")
            self._out.flush()
            self._shown = ""


def _rich_bar(out: TextIO) -> Any:
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    except ImportError:
        return None
    columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(file=out), transient=True)


class RunView:
    """Follows a started run until it has ended. `log_out` gets what tasks print, `err` the rest."""

    def __init__(self, run: Any, feed: Feed, log_out: TextIO) -> None:
        self._run = run
        self._feed = feed
        self._log_out = log_out
        self._lines = LineSplitter()
        self._progress = Progress(sys.stderr) if sys.stderr.isatty() else None

    def follow(self) -> None:
        """Blocks until the run has ended and all its output is shown, also when its node was away for a while."""
        self._follow()
        while self._run.rejoin():
            self._feed.ready = False
            self._follow()

    def _follow(self) -> None:
        slot, connection = self._run.slot, self._run.slot.connection
        slot.listen(self._feed.end)
        looked = time.monotonic()
        try:
            while not slot.ready:
                connection.wait(self._feed, _LOOK if self._progress else None)
                self._feed.ready = False
                self._print()
                if self._progress and not slot.ready and time.monotonic() - looked >= _LOOK:
                    looked = time.monotonic()
                    self._progress.show(self._run.details())
        finally:
            if self._progress:
                self._progress.clear()
            self._print()

    def finish(self) -> None:
        """Shows output that ends without a newline."""
        self._print()
        for line in self._lines.rest():
            self._write(line)
        self._log_out.flush()

    def _print(self) -> None:
        if not self._feed.arrived:
            return
        if self._progress:
            self._progress.clear()
        while self._feed.arrived:
            for line in self._lines.add(self._feed.arrived.popleft()):
                self._write(line)
        self._log_out.flush()

    def _write(self, line: Line) -> None:
        target = self._log_out if line.stream == "out" else sys.stderr
        target.write(line.text + "\n")
