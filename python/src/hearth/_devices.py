"""Accelerators by name, in the spellings of Flyte 2."""

from __future__ import annotations

import dataclasses
from typing import Optional

from hearth._checks import whole_number

__all__ = ["AMD_GPU", "GPU", "HABANA_GAUDI", "TPU", "Device", "Neuron"]


@dataclasses.dataclass(frozen=True)
class Device:
    """`quantity` accelerators of one kind. A node counts them; their model and partition are kept for display.

    Raises ValueError.
    """

    quantity: int
    device: Optional[str] = None
    device_class: str = "GPU"
    partition: Optional[str] = None

    def __post_init__(self) -> None:
        whole_number(self.quantity, f"quantity of {self.device_class}", 1)


def GPU(device: str, quantity: int, partition: Optional[str] = None) -> Device:
    """`quantity` GPUs of a model such as "T4" or "A100"; `partition` such as "1g.5gb"."""
    return Device(quantity, device, "GPU", partition)


def TPU(device: str, partition: Optional[str] = None) -> Device:
    """One TPU slice."""
    return Device(1, device, "TPU", partition)


def Neuron(device: str) -> Device:
    """One Neuron accelerator."""
    return Device(1, device, "NEURON")


def AMD_GPU(device: str) -> Device:
    """One AMD GPU."""
    return Device(1, device, "AMD_GPU")


def HABANA_GAUDI(device: str) -> Device:
    """One Gaudi accelerator."""
    return Device(1, device, "HABANA_GAUDI")
