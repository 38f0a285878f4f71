"""Entry of every interpreter: `python -E -s -B <sdk>/hearth/_worker/boot.py`, file descriptor 3 = the node.

Written so that interpreters too old for the SDK can parse it and say so. `multiprocessing` and its kind import this
file again in the processes they spawn; it does nothing there.
"""

import os
import sys

CONTROL = 3
OLDEST = (3, 9)
START_FAILED = 24  # core/errors.hpp; the SDK's own table cannot be imported yet


def refuse(message: str) -> None:
    import json

    event = json.dumps({"failed": {"message": message, "code": START_FAILED}})
    try:
        os.write(CONTROL, event.encode("utf-8"))
    except OSError:  # not started by a node: then a person is looking
        sys.stderr.write("hearth: " + message + "\n")
    sys.stderr.flush()
    os._exit(1)


def find_sdk() -> None:
    """Puts the SDK's folder in the place of this file's own, whose modules must not be importable by bare names."""
    own = os.path.dirname(os.path.abspath(__file__))
    sdk = os.path.dirname(os.path.dirname(own))
    sys.path[:] = [sdk] + [p for p in sys.path if os.path.abspath(p or ".") not in (own, sdk)]


def main() -> None:
    if sys.version_info < OLDEST:
        refuse(
            "%s is Python %d.%d; tasks need 3.9 or newer. Name another interpreter with python= or HEARTH_PYTHON."
            % (sys.executable, sys.version_info[0], sys.version_info[1])
        )
    find_sdk()
    sys.argv[:] = [""]
    try:
        from hearth._worker import zygote
    except Exception as error:
        refuse("%s cannot load the Hearth SDK (%s: %s)." % (sys.executable, type(error).__name__, error))
    zygote.main(CONTROL)


if __name__ == "__main__":
    main()
