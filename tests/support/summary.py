"""Sums up the reports of a test run, for tools/test: what failed, where the time went, and `N passed, N failed`.

Reports are JUnit files. Those of ctest name programs; a program of Boost.Test has written its cases to a report of its own,
reports/<program>.xml in its build tree, and then its cases are counted in its place.
"""

from __future__ import annotations

import argparse
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List

# Minutes on two cores without a compiler cache.
BUDGET = {"build": 16, "lint": 1, "unit": 4, "python": 5, "simulation": 4, "system": 10}
TREES = {"unit": "dev", "sim": "dev", "threads": "tsan"}


@dataclass
class Sum:
    passed: int = 0
    skipped: int = 0
    failed: List[str] = field(default_factory=list)

    def add(self, other: Sum) -> None:
        self.passed += other.passed
        self.skipped += other.skipped
        self.failed += other.failed


def cases(report: Path) -> List[ElementTree.Element]:
    """The test cases of a report. Raises ParseError when its program ended before it was written to the end."""
    return list(ElementTree.parse(report).iter("testcase"))


def outcome(case: ElementTree.Element) -> str:
    if case.find("failure") is not None or case.find("error") is not None or case.get("status") in ("fail", "notrun"):
        return "failed"
    return "skipped" if case.find("skipped") is not None else "passed"


def count(report: Path) -> Sum:
    total = Sum()
    for case in cases(report):
        # ctest gives a program's name as its class too.
        name = "/".join(part for part in dict.fromkeys((report.stem, case.get("classname"), case.get("name"))) if part)
        result = outcome(case)
        if result == "failed":
            total.failed.append(name)
        elif result == "skipped":
            total.skipped += 1
        else:
            total.passed += 1
    return total


def count_programs(report: Path, own_reports: Path) -> Sum:
    """A report of ctest. A program that failed without a failed case (it crashed, or a sanitizer spoke) counts as one."""
    total = Sum()
    for program in cases(report):
        name = program.get("name") or ""
        own = own_reports / f"{name}.xml"
        try:
            inner = count(own) if own.exists() else None
        except ElementTree.ParseError:
            inner = Sum()
        if inner is None:
            inner = Sum(passed=1) if outcome(program) == "passed" else Sum()
        if outcome(program) == "failed" and not inner.failed:
            inner.failed.append(f"{report.stem}/{name}")
        total.add(inner)
    return total


def count_report(report: Path, build: Path) -> Sum:
    if not report.exists():
        return Sum()
    try:
        tree = TREES.get(report.stem)
        return count_programs(report, build / tree / "reports") if tree else count(report)
    except ElementTree.ParseError:
        return Sum()


def table(times: Dict[str, int]) -> List[str]:
    rows = [f"{'time':<12}{'took':>8}{'budget':>9}"]
    for phase, budget in BUDGET.items():
        if phase in times:
            took = times[phase]
            over = "  over" if took > budget * 60 else ""
            rows.append(f"{phase:<12}{took // 60:>5}:{took % 60:02}{budget:>6}:00{over}")
    total = sum(times.values())
    return [*rows, f"{'together':<12}{total // 60:>5}:{total % 60:02}{sum(BUDGET.values()):>6}:00"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reports", type=Path, required=True, help="folder of the reports, <build>/reports")
    parser.add_argument("--time", action="append", default=[], metavar="PHASE=SECONDS")
    parser.add_argument("--broken", action="append", default=[], metavar="REPORT", help="what ended with a bad status")
    arguments = parser.parse_args()

    total = Sum()
    sums = {report.stem: count_report(report, arguments.reports.parent) for report in sorted(arguments.reports.glob("*.xml"))}
    for one in sums.values():
        total.add(one)
    for name in arguments.broken:
        if not sums.get(name, Sum()).failed:
            total.failed.append(f"{name} (ended with an error before its report said why)")

    print()
    for name in total.failed:
        print(f"FAILED {name}")
    if total.skipped:
        print(f"{total.skipped} skipped")
    print(*table({phase: int(took) for phase, took in (pair.split("=") for pair in arguments.time)}), sep="\n")
    print(f"{total.passed} passed, {len(total.failed)} failed")
    return 0 if total.passed and not total.failed else 1


if __name__ == "__main__":
    sys.exit(main())
