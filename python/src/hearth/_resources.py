"""What a task needs of a machine."""

from __future__ import annotations

import dataclasses
import math
import re
from typing import TYPE_CHECKING, Any, Dict, Optional, Tuple, Union

from hearth._checks import COUNT_MAX, whole_number

if TYPE_CHECKING:
    from hearth._devices import Device

__all__ = ["Resources", "bytes_of"]

CPU = Union[int, float, str]
_QUANTITY = r"([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,2}))?(m|k|[KMGTPE]i?|)"
_UNITS = "KMGTPE"
_BYTES_MAX = 2**63 - 1


@dataclasses.dataclass(frozen=True)
class Resources:
    """The share of a machine that one replica (or one fresh interpreter) gets.

    Parameters:
        cpu: cores: ``1``, ``0.5``, ``"500m"``, or ``(request, limit)``.
        memory: ``"500Mi"``, ``"2Gi"``, ``"1G"``, or ``(request, limit)``. A replica that exceeds the limit ends and its
            calls fail with `OOMError`. A single value is both.
        gpu: a count (``1`` or ``"1"``), ``"T4:1"``, or ``hearth.GPU("T4", 1)``.
        disk: as memory, without a limit.
        shm: as disk, or ``"auto"``.

    What is not given is not limited. A replica starts when the node has as much memory and as many GPUs free as it asks
    for; cpu bounds the threads that numeric libraries start, and on a node that is not private it is kept free as memory
    is. disk and shm are kept for display. Raises ValueError naming the parameter.
    """

    cpu: Union[CPU, Tuple[CPU, CPU], None] = None
    memory: Union[str, Tuple[str, str], None] = None
    gpu: Union[int, str, Device, None] = None
    disk: Optional[str] = None
    shm: Optional[str] = None

    def __post_init__(self) -> None:
        keep = object.__setattr__
        keep(self, "_cpu", _pair(self.cpu, "cpu", _millis))
        keep(self, "_memory", _pair(self.memory, "memory", bytes_of))
        keep(self, "_gpu", _devices(self.gpu))
        keep(self, "_disk", 0 if self.disk is None else bytes_of(self.disk, "disk"))
        keep(self, "_shm", 0 if self.shm in (None, "auto") else bytes_of(self.shm, "shm"))

    @property
    def cpu_millis(self) -> Tuple[int, int]:
        """(request, limit) in thousandths of a core; 0: not said."""
        return self._cpu  # type: ignore[attr-defined,no-any-return]

    @property
    def memory_bytes(self) -> Tuple[int, int]:
        """(request, limit) in bytes; 0: not said."""
        return self._memory  # type: ignore[attr-defined,no-any-return]

    @property
    def gpu_count(self) -> int:
        """Accelerators of any kind."""
        return self._gpu  # type: ignore[attr-defined,no-any-return]

    @property
    def disk_bytes(self) -> int:
        """0: not said."""
        return self._disk  # type: ignore[attr-defined,no-any-return]

    @property
    def shm_bytes(self) -> int:
        """0: not said, or "auto"."""
        return self._shm  # type: ignore[attr-defined,no-any-return]

    def definition(self) -> Dict[str, int]:
        """The wire form (`Resources` of schema/environment.capnp)."""
        return {
            "cpuMillis": self.cpu_millis[0],
            "cpuLimitMillis": self.cpu_millis[1],
            "memoryBytes": self.memory_bytes[0],
            "memoryLimitBytes": self.memory_bytes[1],
            "gpu": self.gpu_count,
            "diskBytes": self.disk_bytes,
            "shmBytes": self.shm_bytes,
        }


def _pair(value: Any, parameter: str, parse: Any) -> Tuple[int, int]:
    if value is None:
        return (0, 0)
    if isinstance(value, (tuple, list)):
        if not isinstance(value, tuple) or len(value) != 2:
            raise ValueError(f"{parameter} must be one value or a tuple (request, limit), not {value!r}")
        request, limit = (parse(part, parameter) for part in value)
        if limit < request:
            raise ValueError(f"{parameter}={value!r}: the limit is smaller than the request")
        return (request, limit)
    both = parse(value, parameter)
    return (both, both)


def _quantity(text: str, per_unit: int) -> Optional[int]:
    """`text` (a number with an optional unit: "500m", "1.5Gi", "1e9") times `per_unit`, rounded up; None: no number."""
    match = re.fullmatch(_QUANTITY, text.strip())
    if match is None or not (match[1] or match[2]):
        return None
    whole, part, exponent, unit = match[1], match[2] or "", int(match[3] or 0), match[4]
    up, down = int(whole + part) * per_unit, 10 ** len(part)
    if unit == "m":
        down *= 1000
    elif unit == "k":
        up *= 1000
    elif unit:
        up *= (1024 if unit.endswith("i") else 1000) ** (_UNITS.index(unit[0]) + 1)
    if exponent < 0:
        down *= 10**-exponent
    else:
        up *= 10**exponent
    return -(-up // down)


def _millis(value: object, parameter: str) -> int:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if is_number and value < 0:  # type: ignore[operator]
        raise ValueError(f"{parameter} must not be negative, not {value!r}")
    millis = _quantity(str(value), 1000) if is_number or isinstance(value, str) else None
    if millis is None:
        raise ValueError(f'{parameter} must be a number of cores such as 2, 0.5 or "500m", not {value!r}')
    if millis > COUNT_MAX:
        raise ValueError(f"{parameter}={value!r} is more than any machine has")
    return millis


def bytes_of(value: object, parameter: str) -> int:
    """The bytes that `value` ("500Mi", "2G") names. Raises ValueError naming `parameter`."""
    size = _quantity(value, 1) if isinstance(value, str) else None
    if size is None:
        raise ValueError(f'{parameter} must be text with a unit such as "500Mi" or "2Gi", not {value!r}')
    if size > _BYTES_MAX:
        raise ValueError(f"{parameter}={value!r} is more than any machine has")
    return size


def _devices(gpu: object) -> int:
    if gpu is None:
        return 0
    if isinstance(gpu, str):
        return _named_devices(gpu)
    if type(gpu) is not int:
        from hearth._devices import Device  # few programs name a model

        if isinstance(gpu, Device):
            return gpu.quantity
    return whole_number(gpu, "gpu", 0)


def _named_devices(gpu: str) -> int:
    device, colon, count = gpu.rpartition(":")
    if not count.isdecimal() or bool(device) != bool(colon):
        raise ValueError(f'gpu must be a count or "<model>:<count>" such as "T4:1", not {gpu!r}')
    if not device:
        return whole_number(int(count), "gpu given as text", 1)
    from hearth._devices import count_of

    return count_of(device, int(count))
