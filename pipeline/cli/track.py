"""``binsparx track``: bring MLflow up to date with finished results."""

from __future__ import annotations

from pipeline.cli.options import ResultsOption, SweepArgument, TrackingUriOption
from simcore.errors import InputError


def track(sweep: SweepArgument, results: ResultsOption = None, tracking_uri: TrackingUriOption = None) -> None:
    """Synchronise MLflow with the tables of a sweep; doing it twice changes nothing.

    Of a sweep with `tracking: none` the front and a sample go to the server that `--tracking-uri` names.

    Example: `binsparx track quickstart --tracking-uri http://mlflow:5000`.
    """
    from pipeline.execution.failures import read_failures
    from pipeline.execution.runner import DEFAULT_RESULTS
    from pipeline.storage.store import Store
    from pipeline.sweep.spec import load_sweep
    from pipeline.tracking.client import check_tracking
    from pipeline.tracking.sweeps import track_sweep

    file = load_sweep(sweep)
    if file.spec.tracking.mode == "none" and tracking_uri is None:
        raise InputError(
            "the sweep is tracked nowhere; write 'tracking: front' or 'all', or name a server with --tracking-uri",
            file.where("tracking"),
        )
    check_tracking(file, tracking_uri)
    store = Store(results or file.spec.results or DEFAULT_RESULTS)
    done = track_sweep(file, store, tracking_uri, failed=bool(read_failures(file.spec.name, store)))
    if done.set_aside:
        print(f"warning: the database was damaged and is now {done.set_aside}; track your other sweeps again, too")
    counts = f"{done.written} runs written, {done.unchanged} already up to date"
    print(f"{counts}: {done.uri}, experiment '{done.experiment}'")
