"""What a Ray job runs on the cluster: ``python -m pipeline.cli.packed_job`` in the unpacked pack.

The command is always the same; all that a user chose comes from a file, so no shell ever sees it.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from pipeline.provenance import PACK_FILE


def main() -> None:
    """Runs the packed sweep; the exit code is that of ``binsparx run``."""
    from pipeline.cli import main as command_line

    job = json.loads(Path(PACK_FILE).read_text(encoding="utf-8"))["job"]
    options = [str(part) for name, value in job["options"].items() for part in (name, value)]
    # Machines unpack in folders of their own: a data set of the pack is found from each worker's working folder.
    os.environ["BINSPARX_PACK"] = os.getcwd()
    sys.argv = ["binsparx", "run", job["sweep"], "--address", "auto", *options]
    command_line()


if __name__ == "__main__":
    main()
