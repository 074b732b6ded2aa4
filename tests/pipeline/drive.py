"""The ``binsparx`` command with the stand-ins in place, for tests that need a process of its own."""

from __future__ import annotations

from pipeline.cli import main
from pipeline.execution import runner
from pipeline.provenance import Provenance
from tests.pipeline import fake_simcore

if __name__ == "__main__":
    fake_simcore.install()
    runner.find_provenance = lambda: Provenance("0", "")  # the checkout may change while the tests run
    main()
