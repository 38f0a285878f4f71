"""`flyte.Image`: what a Flyte program says about its containers, as far as it means something for an interpreter of a node."""

from __future__ import annotations

import dataclasses
import os
import sys
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple, Union

from hearth.compat import packages
from hearth.compat.unsupported import refusal

__all__ = ["Image", "words_of"]

_Path = Union[str, "os.PathLike[str]"]


@dataclasses.dataclass(frozen=True)
class Image:
    """Which packages, variables and files tasks need. Nothing is built: tasks run with interpreters of the node, which look for
    the packages before they load the program.

    Made by the class methods, and changed by the methods that begin with ``with_``, each of which returns a new one. What only
    matters to a container (apt packages, commands, registries, platforms) is named once in the log, when an environment is
    declared with the image.
    """

    packages: Tuple[str, ...] = ()
    variables: Tuple[Tuple[str, str], ...] = ()
    files: Tuple[str, ...] = ()
    unused: Tuple[str, ...] = ()  # what has no effect
    name: Optional[str] = None

    # -- how it begins -----------------------------------------------------------------------------------------------

    @classmethod
    def from_debian_base(
        cls, python_version: Optional[Tuple[int, int]] = None, *, name: Optional[str] = None, **other: Any
    ) -> Image:
        """The interpreter of the environment, whatever it is."""
        return cls(name=name)._about_python(python_version)

    @classmethod
    def from_base(cls, image_uri: str = "", **other: Any) -> Image:
        """Nothing of the container image `image_uri` is there."""
        return cls(unused=(f"the base image {image_uri}",))

    @classmethod
    def from_ref_name(cls, name: str = "default", **other: Any) -> Image:
        """An image that Flyte's configuration names: here there is none, and nothing is asked of the interpreter."""
        return cls(name=name)

    @classmethod
    def from_uv_script(cls, script: _Path, *, name: Optional[str] = None, **other: Any) -> Image:
        """The packages that the comment ``# /// script`` of a program (PEP 723) depends on."""
        return cls(name=name, packages=tuple(packages.requirements_of_script(script)))

    @classmethod
    def from_dockerfile(cls, file: _Path = "", *args: Any, **other: Any) -> Image:
        """Raises ConfigurationError: what a Dockerfile makes cannot be looked for."""
        raise refusal(
            "flyte.Image.from_dockerfile", "no containers are built; install what it installs for an interpreter of the nodes, and "
            "name that with python= of the environment or HEARTH_PYTHON"
        )  # fmt: skip

    # -- packages ----------------------------------------------------------------------------------------------------

    def with_pip_packages(self, *names: str, **other: Any) -> Image:
        """These requirements, as pip takes them, have to be installed for the interpreter."""
        return self._with(packages=names)

    def with_requirements(self, file: _Path, **other: Any) -> Image:
        """The same, from a file. Raises ConfigurationError when it cannot be read."""
        return self._with(packages=packages.read_requirements(file))

    def with_uv_project(self, pyproject_file: _Path, *args: Any, **other: Any) -> Image:
        """The dependencies of a ``pyproject.toml``. Raises ConfigurationError when it cannot be read; needs Python 3.11."""
        return self._with(packages=_project_dependencies(pyproject_file))

    def with_apt_packages(self, *names: str, **other: Any) -> Image:
        """No effect: the system's packages are the node's."""
        return self._with(unused=[f"apt packages ({', '.join(names)})"])

    def with_commands(self, commands: Iterable[str], **other: Any) -> Image:
        """No effect: nothing is built."""
        return self._with(unused=["commands"])

    def with_workdir(self, workdir: str) -> Image:
        """No effect: tasks run in the folder of their code."""
        return self._with(unused=["a working directory"])

    def with_dockerignore(self, path: _Path) -> Image:
        """No effect: there is ``.hearthignore`` for the code bundle."""
        return self._with(unused=["a .dockerignore"])

    # -- variables and files -----------------------------------------------------------------------------------------

    def with_env_vars(self, env_vars: Mapping[str, str]) -> Image:
        """Variables of the interpreter; those of the environment win."""
        return self._with(variables=tuple(env_vars.items()))

    def with_source_file(self, src: Union[_Path, Iterable[_Path]], dst: str = ".", **other: Any) -> Image:
        """Files of the program that travel with its code."""
        several = [src] if isinstance(src, (str, os.PathLike)) else list(src)
        return self._with(files=[os.path.abspath(os.fspath(one)) for one in several])

    def with_source_folder(self, src: _Path, dst: str = ".", **other: Any) -> Image:
        """A folder of the program that travels with its code."""
        return self._with(files=[os.path.abspath(os.fspath(src))])

    def with_local_v2(self) -> Image:
        """No effect: there is no container that a local copy of the SDK would go into."""
        return self

    def with_code_bundle(self, *args: Any, **other: Any) -> Image:
        """No effect: the code always travels by itself."""
        return self

    def clone(self, *, name: Optional[str] = None, python_version: Optional[Tuple[int, int]] = None, **other: Any) -> Image:
        """The same, perhaps with another name or Python."""
        return dataclasses.replace(self, name=name or self.name)._about_python(python_version)

    # -- inside ------------------------------------------------------------------------------------------------------

    def _with(self, **more: Iterable[Any]) -> Image:
        return dataclasses.replace(self, **{word: (*getattr(self, word), *values) for word, values in more.items()})

    def _about_python(self, version: Optional[Tuple[int, int]]) -> Image:
        if version is None or tuple(version) == sys.version_info[:2]:
            return self
        return self._with(unused=["Python {}.{}".format(*version)])


def words_of(image: Union[Image, str, None], env_vars: Optional[Mapping[str, str]]) -> Tuple[Dict[str, str], List[str], List[str]]:
    """The variables of an environment with `image` and `env_vars`, the files that travel with its code, and what has no
    effect. The name of a container image, as text, has none but "auto"."""
    variables: Dict[str, str] = {}
    files: List[str] = []
    unused: List[str] = []
    if isinstance(image, Image):
        variables.update(image.variables)
        files, unused = list(image.files), list(image.unused)
        if image.packages:
            variables[packages.VARIABLE] = "\n".join(dict.fromkeys(image.packages))
    elif image not in (None, "auto"):
        unused = [f"the image {image}"]
    variables.update(env_vars or {})
    return variables, files, unused


def _project_dependencies(path: _Path) -> List[str]:
    try:
        import tomllib  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise refusal("flyte.Image.with_uv_project", "pyproject.toml cannot be read before Python 3.11") from None
    try:
        with open(path, "rb") as file:
            project = tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise refusal("flyte.Image.with_uv_project", f"{path} cannot be read: {error}") from None
    return [str(one) for one in project.get("project", {}).get("dependencies", ())]
