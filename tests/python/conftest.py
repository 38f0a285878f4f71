"""Tests import the SDK of this checkout: the staged one that HEARTH_SDK_DIR names, with the extension, else the sources."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, os.environ.get("HEARTH_SDK_DIR") or str(Path(__file__).resolve().parents[2] / "python" / "src"))
