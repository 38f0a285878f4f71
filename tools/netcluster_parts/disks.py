"""Disks of nodes: small ext4 images on loop devices, which can be filled to the last byte."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from netcluster_parts.system import Trouble, run, wait_until

__all__ = ["fill", "free", "is_mounted", "mount", "mounts_below", "unmount"]

BALLAST = "ballast"
_CHUNKS = (1 << 20, 4096, 1)  # bytes of a write: large while there is room, then the rest


def mounts_below(directory: Path) -> list[Path]:
    """Mount points at and below `directory`, inner ones first."""
    found = [point for _, point in _table() if point == directory or directory in point.parents]
    return sorted(found, key=lambda point: len(point.parts), reverse=True)


def _table() -> list[tuple[str, Path]]:
    """What is mounted where."""
    with open("/proc/self/mounts", encoding="utf-8") as table:
        fields = [line.split() for line in table]
    return [(source, Path(point.encode().decode("unicode_escape"))) for source, point, *_ in fields]


def is_mounted(point: Path) -> bool:
    return point in mounts_below(point)


def mount(image: Path, point: Path, size: int) -> None:
    """Makes the disk if there is none, and mounts it. Its loop device goes when it is unmounted."""
    point.mkdir(parents=True, exist_ok=True)
    if is_mounted(point):
        return
    if not image.exists():
        fresh = image.with_suffix(".new")
        with fresh.open("wb") as file:
            file.truncate(size)
        # No part of it is kept back for root: a full disk is full for everybody.
        run("mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal" if size < 8 << 20 else "has_journal", fresh)
        fresh.rename(image)
    run("mount", "-o", "loop,nodev", image, point)


def unmount(point: Path) -> None:
    """Returns when the disk is unmounted and its loop device is free again, which the system does a moment later."""
    devices = [Path(source).name for source, target in _table() if target == point and source.startswith("/dev/loop")]
    try:
        run("umount", point)
    except Trouble:  # something has it open: it goes with the last user
        run("umount", "--lazy", point)
    for device in devices:
        backing = Path("/sys/block", device, "loop", "backing_file")
        wait_until(lambda backing=backing: not _is_below(backing, point.parent), f"the loop device {device} of {point} to be free")  # type: ignore[misc]


def _is_below(backing: Path, directory: Path) -> bool:
    """Whether a loop device holds a file of `directory`; another disk may have the device by now."""
    try:
        return backing.read_text().startswith(f"{directory}/")
    except OSError:  # it holds none
        return False


def fill(point: Path) -> int:
    """Writes a file that takes all there is; bytes written."""
    written = 0
    descriptor = os.open(point / BALLAST, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        for chunk in _CHUNKS:
            try:
                while True:
                    written += os.write(descriptor, bytes(chunk))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return written


def free(point: Path) -> None:
    (point / BALLAST).unlink(missing_ok=True)
