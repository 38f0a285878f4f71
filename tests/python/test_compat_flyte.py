"""Programs that say ``import flyte``: the alias modules, images, words that mean nothing here, and runs in Flyte's words."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, Iterator, List

import pytest
from fake_node import FakeNode

import hearth
from hearth._client import shared
from hearth.compat import flyte, packages
from hearth.compat.flyte import app as flyte_app
from hearth.compat.flyte.models import ActionPhase
from hearth.compat.flyteplugins.vllm import VLLMAppEnvironment
from hearth.errors import ActionNotFoundError, ConfigurationError

SDK = Path(hearth.__file__).resolve().parents[1]

env = flyte.TaskEnvironment("flyte-words", reusable=flyte.ReusePolicy(replicas=2, idle_ttl=300))


@env.task
def square(x: int) -> int:
    return x * x


@env.task
def nothing(x: int) -> None:
    return None


@env.task
async def half(x: int) -> float:
    return x / 2


@flyte.workflow
async def halves(xs: List[int]) -> List[float]:
    return await flyte.map_task(half)(x=xs)


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeNode]:
    path = str(tmp_path / "node.sock")
    monkeypatch.setenv("HEARTH_SOCKET", path)
    made = FakeNode(path, *env.tasks.values())
    yield made
    shared.disconnect()
    made.close()


def python(folder: Path, text: str, *words: str) -> "subprocess.CompletedProcess[str]":
    """A program that is run as `python -m hearth.compat` runs it."""
    file = folder / "program.py"
    file.write_text(textwrap.dedent(text))
    return subprocess.run(
        [sys.executable, "-m", "hearth.compat", str(file), *words], cwd=folder, capture_output=True, text=True, timeout=60,
        env={"PYTHONPATH": str(SDK), "HOME": str(folder), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip


# -- the alias modules -----------------------------------------------------------------------------------------------


def test_every_way_to_import_a_module_of_flyte_gives_the_one_that_hearth_has(tmp_path: Path) -> None:
    done = python(
        tmp_path,
        """
        import flyte.app.extras
        import flyte.errors
        from flyte import app, Image
        from flyte.io import File
        import flyteplugins.vllm
        import hearth.compat.flyte, hearth.compat.flyte.app.extras, hearth.errors, hearth.io

        assert flyte is hearth.compat.flyte and flyte.__name__ == "hearth.compat.flyte"
        assert flyte.app is app is hearth.compat.flyte.app and flyte.app.extras is hearth.compat.flyte.app.extras
        assert flyte.__spec__.name == "hearth.compat.flyte"
        assert File is hearth.io.File and flyte.io.File is File
        assert issubclass(flyte.errors.OOMError, hearth.errors.RuntimeUserError)
        print("all of them")
        """,
    )
    assert done.stdout == "all of them\n", done.stderr


def test_import_flyte_alone_makes_its_modules_reachable(tmp_path: Path) -> None:
    done = python(tmp_path, "import flyte; print(flyte.app.Scaling.__name__, flyte.io.Dir.__name__, flyte.errors.OOMError.__name__)")
    assert done.stdout.startswith("Scaling Dir OOMError"), done.stderr


@pytest.mark.parametrize(
    ("imported", "says"),
    [
        ("import flyte.report", "flyte.report is not supported: there are no reports"),
        ("from flyte.sandbox import orchestrate", "flyte.sandbox is not supported"),
        ("import flyte.unheard_of", "Hearth has no module flyte.unheard_of"),
        ("from flyte import unheard_of", "cannot import name 'unheard_of'"),
        ("import flyteplugins.spark", "Hearth has no module flyteplugins.spark"),
    ],
)
def test_a_module_that_has_no_counterpart_is_named_with_what_there_is_instead(tmp_path: Path, imported: str, says: str) -> None:
    done = python(tmp_path, imported)
    assert done.returncode == 1 and says in done.stderr


def test_an_installed_flyte_is_replaced_with_a_word_about_it(tmp_path: Path) -> None:
    (tmp_path / "flyte").mkdir()
    (tmp_path / "flyte" / "__init__.py").write_text("raise SystemExit('the installed one')")
    done = subprocess.run(
        [sys.executable, "-c", "import hearth.compat; hearth.compat.install(); import flyte; print(flyte.__name__)"],
        capture_output=True, text=True, timeout=60, env={"PYTHONPATH": f"{SDK}:{tmp_path}", "HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.stdout == "hearth.compat.flyte\n" and "flyte is installed" in done.stderr


# -- what there is not -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("use", "says"),
    [
        (lambda: flyte.PodTemplate(primary_container_name="main"), "flyte.PodTemplate is not supported: there are no pods"),
        (lambda: flyte.Trigger.minutely("a"), "flyte.Trigger.minutely is not supported"),
        (lambda: flyte.Cron("* * * * *"), "hearth run"),
        (lambda: flyte.build(flyte.Image()), "no containers are built"),
        (lambda: flyte.Image.from_dockerfile("Dockerfile"), "flyte.Image.from_dockerfile is not supported"),
        (lambda: flyte.TaskEnvironment.from_task("a"), "flyte.TaskEnvironment.from_task is not supported"),
        (lambda: flyte.io.DataFrame.from_df(None), "pandas.DataFrame"),
        (lambda: flyte.extras.ContainerTask(name="a"), "no containers are started"),
        (lambda: flyte_app.RunOutput(), "flyte.app.RunOutput is not supported"),
        (lambda: flyte.remote.Task.get("a"), "import the module that has the task"),
    ],
)
def test_what_there_is_not_may_be_imported_and_says_so_when_it_is_used(use: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says.replace("*", r"\*")):
        use()


@pytest.mark.parametrize("word", ["pod_template", "triggers", "report", "plugin_config"])
def test_words_of_a_task_that_change_what_happens_are_refused_at_its_definition(word: str) -> None:
    made = flyte.TaskEnvironment("refusing")
    with pytest.raises(ValueError, match=word):
        made.task(**{word: object()})(lambda: None)


# -- images ----------------------------------------------------------------------------------------------------------


def test_an_image_says_which_packages_variables_and_files_tasks_need(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("# what it needs\nnumpy>=1.20\n-r other.txt\n")
    (tmp_path / "data.csv").write_text("1")
    image = (
        flyte.Image.from_debian_base(name="mine")
        .with_pip_packages("hypothesis", "flyteplugins-vllm")
        .with_requirements(tmp_path / "requirements.txt")
        .with_env_vars({"MODE": "fast", "LEVEL": "1"})
        .with_source_file(tmp_path / "data.csv")
    )
    made = flyte.TaskEnvironment("imaged", image=image, env_vars={"LEVEL": "2"})
    assert made.env_vars == {
        "MODE": "fast", "LEVEL": "2", packages.VARIABLE: "hypothesis\nflyteplugins-vllm\nnumpy>=1.20",
    }  # fmt: skip
    assert str(tmp_path / "data.csv") in made.include and "hearth.compat.installed" in made.preload
    clone = made.clone_with("imaged-parent", reusable=None)
    assert clone.env_vars == made.env_vars and clone.preload == made.preload


def test_what_only_matters_to_a_container_is_one_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    image = flyte.Image.from_debian_base(python_version=(3, 7)).with_apt_packages("git", "curl").with_commands(["true"])
    with caplog.at_level(logging.WARNING, logger="hearth"):
        flyte.TaskEnvironment("contained", image=image)
        flyte.TaskEnvironment("named", image="ghcr.io/someone/image:v1")
    first, second = (record.getMessage() for record in caplog.records)
    assert "Python 3.7, apt packages (git, curl), commands have no effect" in first
    assert "the image ghcr.io/someone/image:v1 has no effect" in second


def test_the_packages_of_a_script_are_those_of_its_comment(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        '# /// script\n# requires-python = ">=3.99"\n# dependencies = [\n#    "flyte",\n#    "numpy",\n# ]\n# ///\nimport flyte\n'
    )
    with caplog.at_level(logging.WARNING, logger="hearth"):
        image = flyte.Image.from_uv_script(script, name="script")
    assert image.packages == ("flyte", "numpy")
    assert not caplog.records or "asks for Python >=3.99" in caplog.text  # without `packaging` nobody can tell


def test_packages_that_are_missing_are_named_with_the_setting_that_helps() -> None:
    packages.check(["pytest", "flyte>=2", "union", "unionai-reuse", "flyteplugins-vllm", "uvicorn", "nowhere; python_version < '3'"])
    with pytest.raises(ConfigurationError, match=r"Packages not-there, nor-this of the image are not installed.*HEARTH_PYTHON"):
        packages.check(["pytest", "not_there==1.0", "Nor.This[extra]>=2"])
    with pytest.raises(ConfigurationError, match="Package not-there of the image is not installed"):
        packages.check(["not-there"])


# -- setup -----------------------------------------------------------------------------------------------------------


def test_what_a_program_says_of_flytes_service_is_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="hearth"):
        flyte.init(endpoint="dns:///flyte.example", insecure=True)
    assert "flyte.init(endpoint, insecure) has no effect here" in caplog.text


def test_the_project_and_domain_of_flytes_configuration_hold(tmp_path: Path) -> None:
    pytest.importorskip("yaml")
    (tmp_path / "config.yaml").write_text("admin:\n  endpoint: dns:///flyte.example\ntask:\n  project: shop\n  domain: staging\n")
    done = python(tmp_path, "import flyte; flyte.init_from_config(); print(flyte.current_project(), flyte.current_domain())")
    assert done.stdout == "shop staging\n" and "section 'admin' has no effect" in done.stderr
    missing = python(tmp_path, "import flyte; flyte.init_from_config('nowhere.yaml')")
    assert missing.returncode == 1 and "There is no configuration file nowhere.yaml" in missing.stderr


# -- runs ------------------------------------------------------------------------------------------------------------


def test_a_run_answers_in_flytes_words(node: FakeNode) -> None:
    run = flyte.run(square, x=4)
    assert run.wait() is None and run.done()
    assert (run.phase, run.phase.is_terminal, run.action.phase) == (ActionPhase.SUCCEEDED, True, "succeeded")
    assert run.outputs() == (16,) and run.outputs().named_outputs == {"o0": 16} and run.outputs()[0] == 16
    assert run.inputs() == {"x": 4} and run.url == f"hearth get run {run.name}"
    assert flyte.run(nothing, x=1).outputs() == ()


def test_a_run_is_awaited_in_flytes_words(node: FakeNode) -> None:
    async def program() -> Any:
        run = await flyte.run.aio(square, 3)
        await run.wait.aio()
        return (await run.outputs.aio(), await run)

    assert asyncio.run(program()) == ((9,), 9)


def test_a_local_run_answers_in_the_same_words() -> None:
    run = flyte.with_runcontext(mode="local").run(square, 5)
    run.wait()
    assert (run.outputs(), run.phase) == ((25,), ActionPhase.SUCCEEDED)


def test_a_run_that_nobody_knows_is_not_found(node: FakeNode) -> None:
    with pytest.raises(ActionNotFoundError):
        flyte.remote.Run.get("nobody")


# -- workflows and maps ----------------------------------------------------------------------------------------------


def test_a_workflow_called_directly_is_the_plain_function() -> None:
    assert asyncio.run(halves([1, 2, 3])) == [0.5, 1.0, 1.5]


def test_a_map_task_takes_lists_of_one_length_by_the_names_of_inputs() -> None:
    assert flyte.map_task(square)(x=[1, 2]) == [1, 4]
    with pytest.raises(TypeError, match="has no input 'y'"):
        flyte.map_task(square)(y=[1])
    with pytest.raises(ConfigurationError, match="min_success_ratio"):
        flyte.map_task(square, min_success_ratio=0.5)
    with pytest.raises(TypeError, match="takes a task"):
        flyte.map_task(len)


# -- apps ------------------------------------------------------------------------------------------------------------


def test_a_model_of_vllm_is_a_command_that_listens_on_its_port() -> None:
    made = VLLMAppEnvironment(
        "chat", model_hf_path="Qwen/Qwen3-0.6B", model_id="qwen", extra_args="--max-model-len 8192",
        scaling=flyte_app.Scaling(replicas=(0, 1), scaledown_after=600), requires_auth=False,
    )  # fmt: skip
    words = "vllm serve Qwen/Qwen3-0.6B --served-model-name qwen --host 127.0.0.1 --port $PORT --max-model-len 8192".split()
    assert list(made.command) == words and made.health == "/health"
    with pytest.raises(ValueError, match="exactly one of model_path and model_hf_path"):
        VLLMAppEnvironment("chat-two", model_id="x")
    with pytest.raises(ConfigurationError, match="there is no object store"):
        VLLMAppEnvironment("chat-three", model_path="s3://models/x")
