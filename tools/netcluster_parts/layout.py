"""Names, addresses and places of a cluster of test nodes: values, computed from its name."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

__all__ = ["NODES_MAX", "Layout", "RUNTIME"]

RUNTIME = Path("/run/hearth-netcluster")  # which clusters there are: survives whoever made them, not the machine
NODES_MAX = 50  # addresses of one small network, and names of 15 characters
_NAME = re.compile(r"[a-z][a-z0-9]{0,11}")


@dataclasses.dataclass(frozen=True)
class Layout:
    """Of the cluster `name` whose files are below `directory`. Nodes are numbers from 1."""

    name: str
    directory: Path
    nodes: int

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"'{self.name}' is no name for a cluster: it takes 1 to 12 letters a-z and digits, a letter first.")
        if not 1 <= self.nodes <= NODES_MAX:
            raise ValueError(f"A cluster has 1 to {NODES_MAX} nodes, not {self.nodes}.")

    @property
    def numbers(self) -> list[int]:
        return list(range(1, self.nodes + 1))

    @property
    def prefix(self) -> str:
        """Begins the name of everything that the cluster makes in the system."""
        return f"hearth-{self.name}-"

    @property
    def switch(self) -> str:
        """The namespace of the bridge that the nodes' cables end in."""
        return f"{self.prefix}switch"

    def namespace(self, node: int) -> str:
        return f"{self.prefix}{node}"

    def cable(self, node: int) -> str:
        """The switch's end of a node's cable."""
        return f"node{node}"

    def address(self, node: int) -> str:
        """The namespaces touch no other network, so every cluster has the same addresses."""
        return f"10.77.0.{node}"

    @property
    def addresses(self) -> dict[int, str]:
        return {node: self.address(node) for node in self.numbers}

    def home(self, node: int) -> Path:
        """Socket and output of a node: on the host's own disk, outside of all faults."""
        return self.directory / f"node{node}"

    def state(self, node: int) -> Path:
        """The node's own disk."""
        return self.home(node) / "state"

    def image(self, node: int) -> Path:
        return self.home(node) / "disk.img"

    def socket(self, node: int) -> Path:
        return self.home(node) / "run" / "node.sock"

    def log(self, node: int) -> Path:
        return self.home(node) / "output.log"

    def clock(self, node: int) -> Path:
        """What libfaketime reads."""
        return self.home(node) / "clock"

    @property
    def journal(self) -> Path:
        return self.directory / "faults.jsonl"

    def words(self, node: int) -> dict[str, str]:
        """What a node's command may say in braces."""
        return {
            "node": str(node),
            "nodes": str(self.nodes),
            "name": f"node{node}",
            "address": self.address(node),
            "addresses": ",".join(self.address(each) for each in self.numbers),
            "state": str(self.state(node)),
            "home": str(self.home(node)),
            "socket": str(self.socket(node)),
            "directory": str(self.directory),
        }
