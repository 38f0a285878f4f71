"""The checkers of histories find each rule that is broken, and nothing in a good history."""

from __future__ import annotations

import copy
from typing import Any, Callable

import pytest

from history import (
    Loss,
    Violation,
    check_executions,
    check_ownership,
    check_reads,
    check_replies,
    check_resources,
    check_terminal_states,
    check_values,
    expected_value,
    losses,
)

KEY = "key"
S = 1_000_000_000
Line = dict[str, Any]


def invoke(t: float, call: int, op: str, run: str, node: int = 1, lost: int = 3) -> Line:
    line: Line = {"t": int(t * S), "kind": "invoke", "call": call, "client": 1, "node": node, "op": op, "run": run}
    return {**line, "input": f"in-{run}", "lost": lost} if op == "submit" else line


def answer(t: float, call: int, kind: str = "ok", **more: Any) -> Line:
    return {"t": int(t * S), "kind": kind, "call": call, **more}


def succeeded(t: float, call: int, run: str) -> Line:
    return answer(t, call, state="SUCCEEDED", value=expected_value(KEY, run, f"in-{run}"))


def start(t: float, run: str, node: int = 1, **more: Any) -> Line:
    return {"t": int(t * S), "run": run, "node": node, "pid": 7, **more}


GOOD = [
    invoke(1, 1, "submit", "a"), answer(1.1, 1),
    invoke(1.2, 2, "submit", "b", lost=0), answer(1.3, 2, "info"),
    invoke(1.4, 3, "submit", "b", node=2, lost=0), answer(1.5, 3),
    invoke(1.6, 4, "submit", "c"), answer(1.7, 4, "fail", reason="NO_QUORUM"),
    invoke(2, 5, "read", "a"), answer(2.1, 5, state="RUNNING"),
    invoke(2.2, 6, "read", "a", node=2), answer(2.3, 6, "fail", reason="NO_QUORUM"),
    invoke(9, 7, "read", "a"), succeeded(9.1, 7, "a"),
    invoke(9.2, 8, "read", "b"), succeeded(9.3, 8, "b"),
    invoke(9.4, 9, "read", "a", node=3), succeeded(9.5, 9, "a"),
]  # fmt: skip
LEDGER = [start(1.2, "a", node=1), start(1.6, "b", node=2), start(4, "a", node=3)]
LOSSES = [Loss(1, "kill", 2 * S, 5 * S)]
OWNERSHIP = [
    {"t": 1, "node": 1, "environment": "e", "epoch": 5, "event": "grant", "owner": 1},
    {"t": 2, "node": 2, "environment": "e", "epoch": 5, "event": "grant", "owner": 1},
    {"t": 3, "node": 2, "environment": "e", "epoch": 5, "event": "accept"},
    {"t": 4, "node": 2, "environment": "e", "epoch": 9, "event": "grant", "owner": 3},
    {"t": 5, "node": 2, "environment": "e", "epoch": 9, "event": "accept"},
    {"t": 6, "node": 2, "environment": "e", "epoch": 5, "event": "reject"},
    {"t": 7, "node": 1, "environment": "e", "epoch": 5, "event": "accept"},
]  # fmt: skip


def all_of(history: list[Line], ledger: list[Line], lost: list[Loss]) -> list[Violation]:
    return [*check_terminal_states(history), *check_values(history, KEY, lost), *check_executions(history, ledger, lost),
            *check_reads(history), *check_replies(history)]  # fmt: skip


def test_a_good_history_breaks_no_rule() -> None:
    assert all_of(GOOD, LEDGER, LOSSES) == []
    assert check_ownership(OWNERSHIP) == []


def lose_a(history: list[Line], ledger: list[Line]) -> None:
    history[13].update(state="RUNNING", value=None)
    history[17].update(state="RUNNING", value=None)


def end_twice(history: list[Line], ledger: list[Line]) -> None:
    history[17].update(state="FAILED", value=None, reason="OUTCOME_UNKNOWN")


def change_bytes(history: list[Line], ledger: list[Line]) -> None:
    history[17]["value"] = "0" * 64


def mix_up(history: list[Line], ledger: list[Line]) -> None:
    history[15]["value"] = history[13]["value"]


def hide_value(history: list[Line], ledger: list[Line]) -> None:
    history[15]["value"] = None


def start_twice(history: list[Line], ledger: list[Line]) -> None:
    ledger.append(start(4, "b", node=1))


def run_again(history: list[Line], ledger: list[Line]) -> None:
    ledger.append(start(4.5, "a", node=2))


def invent(history: list[Line], ledger: list[Line]) -> None:
    ledger.append(start(3, "z"))


def run_refused(history: list[Line], ledger: list[Line]) -> None:
    ledger.append(start(3, "c"))


def skip_work(history: list[Line], ledger: list[Line]) -> None:
    ledger[:] = [line for line in ledger if line["run"] != "b"]


def go_back(history: list[Line], ledger: list[Line]) -> None:
    history[17].update(state="RUNNING", value=None)


def forget(history: list[Line], ledger: list[Line]) -> None:
    history[9]["state"] = "ABSENT"


def answer_twice(history: list[Line], ledger: list[Line]) -> None:
    history.append(answer(10, 1))


def answer_nobody(history: list[Line], ledger: list[Line]) -> None:
    history.append(answer(10, 99))


def answer_never(history: list[Line], ledger: list[Line]) -> None:
    history.append(invoke(10, 10, "read", "a"))


def answer_early(history: list[Line], ledger: list[Line]) -> None:
    history[9]["t"] = 1


def call_twice(history: list[Line], ledger: list[Line]) -> None:
    history.insert(16, invoke(9.35, 8, "read", "b"))


BROKEN = [
    (lose_a, "lost run", "no terminal state"),
    (end_twice, "second terminal state", "run a ended more than once"),
    (change_bytes, "second terminal state", "run a ended more than once"),
    (mix_up, "wrong value", "run b with input 'in-b' returned"),
    (hide_value, "missing value", "no node told"),
    (start_twice, "second start", "run b asked to be started once (lost=0) and was started 2 times: on node 2"),
    (run_again, "needless execution", "again on node 2 at 4.500 s, though node 3 was not lost"),
    (invent, "invented run", "nobody submitted"),
    (run_refused, "refused run", "NO_QUORUM"),
    (skip_work, "no execution", "run b succeeded, but the ledger has no start"),
    (go_back, "stale read", "after its end had been told at 9.100 s"),
    (forget, "stale read", "unknown to a read"),
    (answer_twice, "second reply", "call 1 (submit of run a)"),
    (answer_nobody, "reply without a call", "call 99"),
    (answer_never, "no reply", "call 10 (read of run a at node 1)"),
    (answer_early, "reply before its call", "call 5"),
    (call_twice, "call made twice", "call 8"),
]


@pytest.mark.parametrize(("change", "rule", "words"), BROKEN, ids=[change.__name__ for change, _, _ in BROKEN])
def test_a_broken_rule_is_found_and_said(change: Callable[[list[Line], list[Line]], None], rule: str, words: str) -> None:
    history, ledger = copy.deepcopy(GOOD), copy.deepcopy(LEDGER)
    change(history, ledger)
    found = all_of(history, ledger, LOSSES)
    assert [each for each in found if each.rule == rule and words in each.sentence], found


def test_a_second_execution_needs_a_loss_of_the_node_that_ran_the_first() -> None:
    elsewhere = [Loss(2, "kill", 2 * S, 5 * S)]
    assert [each.rule for each in check_executions(GOOD, LEDGER, elsewhere)] == ["needless execution"]
    assert check_executions(GOOD, [{**line, "owner": None} for line in LEDGER], elsewhere) == []
    owned = [{**line, "owner": 2} for line in LEDGER]
    assert check_executions(GOOD, owned, elsewhere) == []


def test_a_loss_long_before_the_first_execution_explains_no_second_one() -> None:
    before = [Loss(1, "freeze", 0, S // 2)]
    assert check_executions(GOOD, LEDGER, before, slack_s=1) == []
    assert len(check_executions(GOOD, LEDGER, before, slack_s=0.1)) == 1


def failed_once(lost: int) -> list[Line]:
    return [invoke(1, 1, "submit", "a", lost=lost), answer(1.1, 1),
            invoke(9, 2, "read", "a"), answer(9.1, 2, state="FAILED", reason="OUTCOME_UNKNOWN")]  # fmt: skip


def test_a_run_may_fail_only_after_a_loss_and_only_when_it_must_not_start_twice() -> None:
    assert check_values(failed_once(0), KEY, LOSSES) == []
    assert "nothing was lost" in check_values(failed_once(0), KEY, [])[0].sentence
    assert "may be started again" in check_values(failed_once(3), KEY, LOSSES)[0].sentence


@pytest.mark.parametrize(("line", "rule"), [
    ({"t": 8, "node": 2, "environment": "e", "epoch": 5, "event": "accept"}, "lower epoch accepted"),
    ({"t": 8, "node": 2, "environment": "e", "epoch": 7, "event": "grant", "owner": 1}, "epoch went back"),
    ({"t": 8, "node": 1, "environment": "e", "epoch": 9, "event": "grant", "owner": 1}, "two owners"),
    ({"t": 8, "node": 3, "environment": "e", "epoch": 10, "event": "accept"}, "epoch without a grant"),
])  # fmt: skip
def test_a_broken_rule_of_ownership_is_found(line: Line, rule: str) -> None:
    assert [each.rule for each in check_ownership([*OWNERSHIP, line])] == [rule]


def test_environments_have_epochs_of_their_own() -> None:
    other = {"t": 8, "node": 2, "environment": "f", "epoch": 1, "event": "grant", "owner": 2}
    assert check_ownership([*OWNERSHIP, other]) == []


def test_what_is_left_behind_is_found() -> None:
    before = {1: {"processes": 3, "descriptors": 20}, 0: {"mounts": 0}}
    assert check_resources(before, {1: {"processes": 3, "descriptors": 19}, 0: {"mounts": 0}}) == []
    assert "node 1 has 4 processes at the end, and had 3" in check_resources(before, {**before, 1: {"processes": 4, "descriptors": 20}})[0].sentence
    assert [each.rule for each in check_resources(before, {0: {"mounts": 0}})] == ["not measured", "not measured"]
    assert check_resources(before, {**before, 1: {"processes": 3, "descriptors": 22}}, more={"descriptors": 2}) == []


def test_faults_become_losses_of_nodes() -> None:
    def fault(t: int, word: str, nodes: list[int], edge: str) -> Line:
        return {"t": t, "fault": word, "nodes": nodes, "edge": edge}

    journal = [fault(1, "kill", [1], "before"), fault(2, "kill", [1], "after"), fault(3, "partition", [2, 3], "before"),
               fault(4, "partition", [2, 3], "after"), fault(5, "start", [1], "before"), fault(6, "start", [1], "after"),
               fault(7, "heal", [], "before"), fault(8, "heal", [], "after"), fault(9, "freeze", [2], "before")]  # fmt: skip
    found = losses(journal)
    assert found[:3] == [Loss(1, "kill", 1, 6), Loss(2, "partition", 3, 8), Loss(3, "partition", 3, 8)]
    assert (found[3].node, found[3].fault, found[3].begin) == (2, "freeze", 9) and found[3].end > 1 << 60
