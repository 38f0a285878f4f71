"""How commands end whose half is Python: exit statuses, the last word, and what is said of a wrong command line."""

from __future__ import annotations

import argparse
import sys
from typing import Any

__all__ = ["FAILED", "INTERRUPTED", "NO_NODE", "OK", "USAGE", "Parser", "say"]

OK, FAILED, USAGE, NO_NODE, INTERRUPTED = 0, 1, 2, 3, 130


def say(text: str, status: int) -> int:
    """Prints `text` on stderr, one line as a sentence of the command's, and returns `status`."""
    sys.stdout.flush()
    print(f"hearth: {text}" if "\n" not in text else text, file=sys.stderr)
    return status


class Parser(argparse.ArgumentParser):
    """Ends with USAGE and one sentence."""

    help_shows = "the inputs"

    def error(self, message: str) -> Any:
        self.exit(USAGE, f"hearth: {message}. `{self.prog} --help` shows {self.help_shows}.\n")
