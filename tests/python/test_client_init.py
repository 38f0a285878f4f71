"""`hearth.init` and its relatives take Flyte's words: those that arrange are ignored aloud, those that lead away refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import hearth
from hearth import errors
from hearth._client import settings


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "_place", None)


def test_what_has_no_effect_here_is_taken_and_said_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    hearth.init(
        org="o", project="shop", root_dir="/tmp", log_format="json", images={"a": "b"}, sync_local_sys_paths=False,
        storage=object(), batch_size=10, image_builder="local", local_persistence=True, user_log_level=10, scopes=None,
    )  # fmt: skip
    assert settings.place() == ("shop", "development")
    (record,) = caplog.records
    said = record.getMessage()
    assert said.endswith("has no effect here") and "scopes" not in said
    for word in ("org", "root_dir", "log_format", "images", "sync_local_sys_paths", "storage", "batch_size"):
        assert f"{word}=..." in said


def test_words_that_lead_nowhere_are_no_reason_to_refuse_or_to_talk(caplog: pytest.LogCaptureFixture) -> None:
    hearth.init(endpoint=None, insecure=False, headless=False, org=None)
    assert not caplog.records


@pytest.mark.parametrize("words", [{"endpoint": "dns:///example.org"}, {"api_key": "k"}, {"insecure": True}])
def test_words_that_lead_to_a_service_elsewhere_are_refused(words: Any) -> None:
    with pytest.raises(errors.ConfigurationError, match="private node that starts by itself"):
        hearth.init(**words)


@pytest.mark.parametrize("name", ["init_in_cluster", "init_from_api_key"])
def test_setups_for_a_service_elsewhere_say_what_is_supported(name: str) -> None:
    setup = getattr(hearth, name)
    with pytest.raises(errors.ConfigurationError, match=rf"{name}\(\.\.\.\) is not supported: .* private node"):
        setup(project="shop")
    with pytest.raises(errors.ConfigurationError, match="hearth cluster login"):
        asyncio.run(setup.aio(project="shop"))
