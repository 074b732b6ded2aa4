"""The ``binsparx`` command: errors a person can act on become one line and an exit code.

Exit codes: 0 all done, 1 some points failed, 2 bad input, 130 interrupted.
"""

from __future__ import annotations

import sys

from simcore.errors import BinsparxError


def main() -> None:
    """Runs the command line; never shows a traceback for what a user can put right."""
    from pipeline.cli.app import app

    try:
        app()
    except BinsparxError as error:
        for line in str(error).splitlines() or [type(error).__name__]:
            print(f"error: {line}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except Exception as error:
        # A full disk, a storage or a server that is away: OSError, requests' errors among them, and pyarrow's own.
        if not isinstance(error, OSError) and type(error).__module__ != "pyarrow.lib":
            raise
        from pipeline.uris import without_secret

        print(f"error: {without_secret(' '.join(str(error).split()))}", file=sys.stderr)
        sys.exit(2)
