"""`flyteplugins.vllm`: a model that vLLM serves."""

from __future__ import annotations

import shlex
from typing import Any, Optional, Sequence, Union

from hearth.compat.flyte.app.environments import AppEnvironment
from hearth.compat.unsupported import refusal, without_effect

__all__ = ["VLLMAppEnvironment"]


class VLLMAppEnvironment(AppEnvironment):
    """An app whose command is ``vllm serve`` with the model; the program is found beside the interpreter of the environment.

    Parameters:
        model_path, model_hf_path: the model, as a path of the node or as a name of the Hugging Face Hub; one of the two.
        model_id: what clients call it.
        extra_args: further arguments, as a text for a shell or a list.
        stream_model: no effect: vLLM reads the model as it does by itself.
        words: as of `hearth.app.AppEnvironment`, without app and command.

    Raises ValueError, TypeError, ConfigurationError.
    """

    def __init__(
        self,
        name: str,
        *,
        model_path: Any = "",
        model_hf_path: str = "",
        model_id: str = "",
        extra_args: Union[str, Sequence[str]] = "",
        stream_model: Optional[bool] = None,
        port: int = 8080,
        **words: Any,
    ) -> None:
        for word in ("app", "command", "args"):
            if words.get(word):
                raise ValueError(f"app {name!r}: {word}= is what VLLMAppEnvironment says itself; use hearth.app.AppEnvironment")
        if bool(model_path) == bool(model_hf_path):
            raise ValueError(f"app {name!r}: exactly one of model_path and model_hf_path must be given")
        model = str(model_path or model_hf_path)
        if "://" in model:
            raise refusal(f"app {name!r}: model_path={model!r}", "there is no object store; put the model where nodes can read it")
        without_effect("VLLMAppEnvironment", {"stream_model": stream_model})
        more = shlex.split(extra_args) if isinstance(extra_args, str) else list(extra_args)
        served = ["--served-model-name", model_id] if model_id else []
        command = ["vllm", "serve", model, *served, "--host", "127.0.0.1", "--port", "$PORT", *more]
        super().__init__(name, command=command, port=port, health=words.pop("health", "/health"), **words)
