"""Accelerators by name, in the spellings of Flyte 2."""

from __future__ import annotations

import dataclasses
from typing import Dict, Iterable, Optional, Tuple

from hearth._checks import whole_number

__all__ = ["AMD_GPU", "GPU", "HABANA_GAUDI", "TPU", "Device", "Neuron", "count_of"]

# Models by class, as datasheets call them.
_MODELS: Dict[str, Tuple[str, ...]] = {
    "GPU": (
        "A2", "A10", "A10G", "A100", "A100 80G", "B200", "GB10", "H100", "H200", "L4", "L40s", "RTX PRO 6000", "T4", "V100",
    ),
    "TPU": ("V5E", "V5P", "V6E"),
    "NEURON": ("Inf1", "Inf2", "Trn1", "Trn1n", "Trn2", "Trn2u"),
    "AMD_GPU": ("MI100", "MI210", "MI250", "MI250X", "MI300A", "MI300X", "MI325X", "MI350X", "MI355X"),
    "HABANA_GAUDI": ("Gaudi1",),
}  # fmt: skip

# Most of one class in one machine, for "<model>:<count>". TPUs come as slices, not by count.
_MOST = {"GPU": 8, "NEURON": 16, "AMD_GPU": 1, "HABANA_GAUDI": 1}

_MIG_80G = ("1g.10gb", "2g.20gb", "3g.40gb", "4g.40gb", "7g.80gb")
_SLICES = ("1x1", "2x2", "2x4", "4x4", "4x8", "8x8", "8x16", "16x16")
# Parts by model; other models have none that are checked.
_PARTITIONS: Dict[str, Tuple[str, ...]] = {
    "A100": ("1g.5gb", "2g.10gb", "3g.20gb", "4g.20gb", "7g.40gb"),
    "A100 80G": _MIG_80G,
    "H100": ("1g.20gb", *_MIG_80G),
    "H200": ("1g.18gb", "1g.35gb", "2g.35gb", "3g.71gb", "4g.71gb", "7g.141gb"),
    "V5E": _SLICES,
    "V6E": _SLICES,
    "V5P": (
        "2x2x1", "2x2x2", "2x4x4", "4x4x4", "4x4x8", "4x8x8", "8x8x8", "8x8x16", "8x16x16", "16x16x16", "16x16x24",
    ),
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Device:
    """`quantity` accelerators of a class ("GPU", "TPU", "NEURON", "AMD_GPU", "HABANA_GAUDI"), perhaps of one model. The
    model may be one that `GPU` and its relatives do not know. All of it is kept for display.

    Raises ValueError.
    """

    quantity: int
    device_class: str = "GPU"
    device: Optional[str] = None
    partition: Optional[str] = None

    def __post_init__(self) -> None:
        if self.device_class not in _MODELS:
            raise ValueError(f"device_class must be one of {', '.join(_MODELS)}, not {self.device_class!r}")
        whole_number(self.quantity, f"quantity of {self.device_class}", 1)


def GPU(device: str, quantity: int, partition: Optional[str] = None) -> Device:
    """`quantity` GPUs of a model such as "T4" or "A100"; `partition` such as "1g.5gb". Raises ValueError."""
    return _known("GPU", device, quantity, partition)


def TPU(device: str, partition: Optional[str] = None) -> Device:
    """One TPU slice. Raises ValueError."""
    return _known("TPU", device, 1, partition)


def Neuron(device: str) -> Device:
    """One Neuron accelerator. Raises ValueError."""
    return _known("NEURON", device)


def AMD_GPU(device: str) -> Device:
    """One AMD GPU. Raises ValueError."""
    return _known("AMD_GPU", device)


def HABANA_GAUDI(device: str) -> Device:
    """One Gaudi accelerator. Raises ValueError."""
    return _known("HABANA_GAUDI", device)


def count_of(device: str, count: int) -> int:
    """`count`, for "<device>:<count>" as a task may ask for it. Raises ValueError for an unknown model or count."""
    for device_class, most in _MOST.items():
        if device in _MODELS[device_class]:
            return whole_number(count, f"the count of gpu='{device}:{count}'", 1, most)
    models = [model for device_class in _MOST for model in _MODELS[device_class]]
    raise ValueError(f"gpu={f'{device}:{count}'!r} names {_unknown(device, models)}")


def _known(device_class: str, device: str, quantity: int = 1, partition: Optional[str] = None) -> Device:
    if device not in _MODELS[device_class]:
        raise ValueError(f"{device_class} names {_unknown(device, _MODELS[device_class])}")
    partitions = _PARTITIONS.get(device)
    if partition is not None and partitions is not None and partition not in partitions:
        raise ValueError(f"{device} has no partition {partition!r}; it has {', '.join(partitions)}")
    return Device(quantity, device_class, device, partition)


def _unknown(device: object, models: Iterable[str]) -> str:
    return f"the model {device!r}, which is not known; there are {', '.join(models)}. Device(...) takes any other"
