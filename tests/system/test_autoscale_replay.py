"""What tools/autoscale-replay makes of the figures: the front, the goals, and the table in a document."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any, Dict, List

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools" / "autoscale-replay"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    loader = importlib.machinery.SourceFileLoader("autoscale_replay", str(TOOL))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def rows(**points: Any) -> List[Dict[str, Any]]:
    """One case: (cold share, replica-seconds) by policy."""
    return [{"trace": "T", "start_up_s": 2.0, "policy": policy, "cold_share": cold, "replica_s": cost, "lost": 0, "peak": 2,
             "wait_p50_s": 0.0, "wait_p99_s": 1.0, "starts": 1, "decisions": 1} for policy, (cold, cost) in points.items()]


def on_front(tool: ModuleType, **points: Any) -> List[str]:
    return [name for case in tool.cases(rows(**points)).values() for name in tool.front(case)]


def test_the_front_has_those_whom_nobody_beats_on_both(tool: ModuleType) -> None:
    assert on_front(tool, hearth=(0.1, 10), kpa=(0.2, 5), ray_serve=(0.2, 11), oracle=(0, 1)) == ["hearth", "kpa"]
    assert on_front(tool, hearth=(0.1, 10), kpa=(0.1, 9)) == ["kpa"]
    assert on_front(tool, hearth=(0.1, 10), kpa=(0.1, 10)) == ["hearth", "kpa"]


def test_variants_of_ours_do_not_push_one_another_off(tool: ModuleType) -> None:
    assert on_front(tool, hearth=(0.1, 10), hearth_prewarm=(0.05, 9), kpa=(0.5, 50)) == ["hearth", "hearth_prewarm"]


def test_the_goals_are_the_front_and_half_of_the_cases(tool: ModuleType) -> None:
    said, good = tool.verdict(rows(hearth=(0.1, 10), kpa=(0.2, 11), ray_serve=(0.3, 12)))
    assert good and "1 of 1 cases." in said[0]
    assert not tool.verdict(rows(hearth=(0.1, 10), kpa=(0.1, 11), ray_serve=(0.3, 12)))[1]  # not better than kpa on both
    said, good = tool.verdict(rows(hearth=(0.3, 10), kpa=(0.1, 9)))
    assert not good and "not in: T at 2 s" in said[0]


def test_the_table_goes_between_the_markers_and_nowhere_else(tool: ModuleType, tmp_path: Path) -> None:
    document = tmp_path / "document.md"
    figures = rows(hearth=(0.1, 10), kpa=(0.2, 20), oracle=(0, 5))
    tool.add_ratios(figures)
    document.write_text(f"before\n{tool.BEGIN}\nold\n{tool.END}\nafter\n")
    tool.write_markdown(document, figures)
    text = document.read_text()
    assert text.startswith(f"before\n{tool.BEGIN}\n") and text.endswith(f"{tool.END}\nafter\n")
    assert "| T | **10.00 %, 2×** | 20.00 %, 4× |" in text and "\nold\n" not in text
    document.write_text("no markers\n")
    with pytest.raises(tool.WrongInput):
        tool.write_markdown(document, figures)


def test_a_replay_prints_rows_and_wrong_input_is_one_sentence() -> None:
    good = subprocess.run([TOOL, "T10", "--start-up", "2", "-o", "json"], text=True, capture_output=True)
    assert good.returncode == 0, good.stderr
    assert all(row["lost"] == 0 for row in json.loads(good.stdout))
    wrong = subprocess.run([TOOL, "T99"], text=True, capture_output=True)
    assert wrong.returncode == 2
    assert len(wrong.stderr.strip().splitlines()) == 1 and "There is no trace T99" in wrong.stderr
