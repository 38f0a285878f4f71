"""What faults mean, and when they come: pure, needs no rights."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
from netcluster_parts import amounts, mix  # noqa: E402
from netcluster_parts.faults import Faults, Impairment, WrongFault, bridge, one_way, pair, ring, rules, split  # noqa: E402

ADDRESSES = {1: "10.77.0.1", 2: "10.77.0.2", 3: "10.77.0.3"}


def test_amounts_are_read_as_people_write_them() -> None:
    assert amounts.percent("20%") == 0.2
    assert amounts.delay("50ms±20ms") == amounts.delay("50ms+-20ms") == (0.05, 0.02)
    assert amounts.delay("2s") == (2.0, 0.0)
    assert amounts.rate_bits("64kbit") == 64_000
    assert (amounts.shift_s("+1h"), amounts.shift_s("-10m"), amounts.shift_s("0")) == (3600, -600, 0)
    assert amounts.size_bytes("32M") == amounts.size_bytes("32MiB") == 32 << 20


@pytest.mark.parametrize(("read", "text"), [
    (amounts.percent, "120%"), (amounts.percent, "much"), (amounts.delay, "10ms±20ms"), (amounts.delay, "10 apples"),
    (amounts.rate_bits, "10bit"), (amounts.shift_s, "1h"),
])  # fmt: skip
def test_an_amount_that_means_nothing_is_refused_with_a_sentence(read: object, text: str) -> None:
    with pytest.raises(amounts.WrongAmount, match=r"\.$"):
        read(text)  # type: ignore[operator]


def test_kinds_of_partitions_cut_the_pairs_they_say() -> None:
    assert split([[1], [2, 3]]) == {(1, 2), (2, 1), (1, 3), (3, 1)}
    assert one_way(1, 2) == {(1, 2)}
    assert pair(1, 2) == {(1, 2), (2, 1)}
    assert bridge(2, [1, 2, 3]) == pair(1, 3)
    assert bridge(3, [1, 2, 3, 4, 5]) == split([[1, 2], [4, 5]])
    assert ring([1, 2, 3, 4]) == pair(1, 3) | pair(2, 4)


def test_partitions_that_cut_nothing_are_refused() -> None:
    for cut in (lambda: split([[1, 2]]), lambda: split([[1], [1, 2]]), lambda: one_way(2, 2), lambda: ring([1, 2, 3]), lambda: bridge(1, [1, 2])):
        with pytest.raises(WrongFault):
            cut()


def test_the_receiver_drops_what_is_cut_and_impaired_links_go_through_the_queues() -> None:
    faults = Faults(cuts={(1, 2)}, links={3: Impairment(loss=0.1)})
    assert "-s 10.77.0.1/32 -j DROP" in rules(2, ADDRESSES, faults)
    assert "DROP" not in rules(1, ADDRESSES, faults).replace("FORWARD DROP", "")
    assert rules(3, ADDRESSES, faults).count("NFQUEUE") == 2
    assert "NFQUEUE" not in rules(2, ADDRESSES, faults)


def test_faults_survive_being_written_down() -> None:
    faults = Faults({(1, 2)}, {3: Impairment(0.1, 0.2, 0.1, 0.1, 0.05, 9)}, {2: 64_000}, {1}, {2}, {3: -60.0})
    assert Faults.from_json(faults.to_json()) == faults


def test_a_seed_gives_the_same_schedule_and_another_one_another() -> None:
    assert mix.schedule(5, 3, 120) == mix.schedule(5, 3, 120) != mix.schedule(6, 3, 120)


@pytest.mark.parametrize("seconds", [20.0, 120.0, 600.0])
def test_every_kind_of_fault_comes_and_ends_within_the_time(seconds: float) -> None:
    for seed in range(50):
        steps = mix.schedule(seed, 3, seconds)
        assert {step.kind for step in steps} == set(mix.NETWORK + mix.NODE)
        assert all(0 <= step.begin < step.end <= seconds and all(1 <= node <= 3 for node in step.nodes) for step in steps)
        for lane in (mix.NETWORK, mix.NODE):
            mine = [step for step in steps if step.kind in lane]
            assert all(a.end <= b.begin for a, b in zip(mine, mine[1:]))


def test_two_nodes_have_no_bridge_and_one_has_no_network() -> None:
    assert "bridge" not in {step.kind for step in mix.schedule(1, 2, 120)}
    assert {step.kind for step in mix.schedule(1, 1, 120)} == set(mix.NODE)
