"""The ``binsparx`` command: errors a person can act on become one line and an exit code.

Exit codes: 0 all done, 1 some points failed or the machine could not go on, 2 bad input, 130 interrupted.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType


def main() -> None:
    """Runs the command line; a traceback is never shown."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:  # a job in the background ignores Ctrl-C
        signal.signal(signal.SIGINT, _leave)
    from pipeline.cli.app import app
    from pipeline.cli.endings import INTERRUPTED, explain_end

    signal.signal(signal.SIGINT, before)
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:  # a batch system, a container, `kill`: as Ctrl-C
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        # Not Typer's own ending, whose boxes and silence after Ctrl-C are not like the other errors.
        code = app(prog_name="binsparx", standalone_mode=False)
        if code == INTERRUPTED:
            print("error: interrupted", file=sys.stderr)
        sys.exit(code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except (Exception, KeyboardInterrupt) as error:
        lines, code = explain_end(error)
        for line in lines:
            print(f"error: {line}", file=sys.stderr)
        sys.exit(code)


def _leave(number: int, frame: FrameType | None) -> None:
    """Ends at once: nothing is begun yet, and an interrupt in the imports of packages comes out as anything."""
    os.write(2, b"error: interrupted\n")
    os._exit(130)
