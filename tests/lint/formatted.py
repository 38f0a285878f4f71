"""The C++ and C sources are as tools/format leaves them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main() -> int:
    check = subprocess.run([Path(sys.argv[1]) / "tools" / "format", "--check"], text=True, stdout=subprocess.PIPE)
    if check.returncode == 0:
        return 0
    print(f"not formatted (tools/format does it):\n{check.stdout}", end="")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
