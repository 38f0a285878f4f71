"""Disks of nodes: small ext4 images on loop devices, which can be filled to the last byte."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from netcluster_parts.system import Trouble, run

__all__ = ["fill", "free", "is_mounted", "mount", "mounts_below", "unmount"]

BALLAST = "ballast"
_CHUNKS = (1 << 20, 4096, 1)  # bytes of a write: large while there is room, then the rest


def mounts_below(directory: Path) -> list[Path]:
    """Mount points at and below `directory`, inner ones first."""
    found = []
    with open("/proc/self/mounts", encoding="utf-8") as table:
        for line in table:
            point = Path(line.split()[1].encode().decode("unicode_escape"))
            if point == directory or directory in point.parents:
                found.append(point)
    return sorted(found, key=lambda point: len(point.parts), reverse=True)


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
    """The process that used it has ended; what still does keeps it no longer than itself."""
    try:
        run("umount", point)
    except Trouble:  # something has it open: it goes with the last user
        run("umount", "--lazy", point)


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
