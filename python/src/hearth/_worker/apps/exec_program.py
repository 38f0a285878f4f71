"""Becomes a program that ends with the process that started it: `python -I -S exec_program.py PARENT FILE WORD...`.

Between fork and exec of a process that may have threads, nothing of this could be done safely. Imported it does nothing.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
NOT_STARTED = 127  # as a shell has it


def main(parent: int, file: str, words: "list[str]") -> None:
    os.setsid()
    os.closerange(3, 4096)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)
    try:
        os.execv(file, words)
    except OSError as error:
        sys.stderr.write("hearth: %s cannot be started: %s\n" % (file, error.strerror))
        sys.stderr.flush()
        os._exit(NOT_STARTED)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
