"""The SDK's table of codes says what core/errors says."""

from __future__ import annotations

import re
from pathlib import Path

from hearth import _codes

CORE = Path(__file__).resolve().parents[2] / "core"


def declared() -> dict[str, int]:
    body = re.search(r"enum class ec : std::uint16_t \{(.*?)\n\};", (CORE / "errors.hpp").read_text(), re.S)
    assert body is not None
    return {m[1]: int(m[2]) for m in re.finditer(r"^\s*(\w+) = (\d+),", body[1], re.M)}


def described() -> dict[str, tuple[str, str]]:
    entry = r"entry\{ec::(\w+), (\S+), \"\w+\",\s*\"([^\"]*)\"\}"
    kinds = {"user": "user", "sys": "system", "error_kind::unknown": "unknown"}
    return {m[1]: (kinds[m[2]], m[3]) for m in re.finditer(entry, (CORE / "errors.cpp").read_text())}


def test_numbers_and_names_are_those_of_the_header() -> None:
    assert len(declared()) > 20
    assert {code.name.lower(): int(code) for code in _codes.Code} == declared()


def test_kinds_and_sentences_are_those_of_the_node() -> None:
    table = described()
    assert set(table) == set(declared())
    for name, number in declared().items():
        assert _codes.name(number) == name
        assert (_codes.kind(number), _codes.sentence(number)) == table[name]


def test_an_unknown_number_is_an_error_of_the_system() -> None:
    assert (_codes.name(60000), _codes.kind(60000)) == ("internal_error", "system")
