"""One reply per call."""

from __future__ import annotations

from collections.abc import Iterable

from history.violation import Line, Violation, seconds

__all__ = ["check_replies"]


def check_replies(history: Iterable[Line], ended: bool = True) -> list[Violation]:
    """Each call is answered once, after it was made; with `ended` none is left open (`info` is an answer too: that nobody
    knows)."""
    made: dict[int, Line] = {}
    answered: dict[int, Line] = {}
    found = []
    for line in history:
        call, kind = line["call"], line["kind"]
        if kind == "invoke":
            if call in made:
                found.append(Violation("call made twice", f"call {call} was made at {seconds(made[call]['t'])} and again at {seconds(line['t'])}."))
            made[call] = line
        elif call not in made:
            found.append(Violation("reply without a call", f"a reply ({kind}) at {seconds(line['t'])} is for call {call}, which nobody has made."))
        elif call in answered:
            found.append(Violation("second reply", f"call {call} ({_what(made[call])}) was answered with "
                                   f"{answered[call]['kind']} at {seconds(answered[call]['t'])} and with {kind} at {seconds(line['t'])}."))  # fmt: skip
        else:
            if line["t"] < made[call]["t"]:
                found.append(Violation("reply before its call", f"call {call} was answered at {seconds(line['t'])}, before it was made."))
            answered[call] = line
    if ended:
        found += [Violation("no reply", f"call {call} ({_what(line)} at node {line['node']}) of {seconds(line['t'])} "
                            "was never answered.") for call, line in made.items() if call not in answered]  # fmt: skip
    return found


def _what(made: Line) -> str:
    return f"{made['op']} of " + (f"run {made['run']}" if "run" in made else "/".join(made["scope"]) or "everything")
