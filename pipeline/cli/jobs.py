"""``binsparx submit``, ``status``, ``logs`` and ``cancel``: sweeps as jobs on a Ray cluster."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import SweepArgument, TrackingUriOption
from pipeline.commands import command
from pipeline.errors import Interrupted
from simcore.errors import InputError

if TYPE_CHECKING:
    from pipeline.submission.jobs import Jobs

DEFAULT_ADDRESS = "http://127.0.0.1:8265"
AddressOption = Annotated[
    str | None,
    typer.Option(
        "--address", metavar="URL", help=f"Ray's dashboard. [default: RAY_API_SERVER_ADDRESS, else {DEFAULT_ADDRESS}]"
    ),
]
JobArgument = Annotated[str, typer.Argument(metavar="JOB", help="The job's name, as submit printed it.")]


def _jobs(address: str | None) -> Jobs:
    from pipeline.submission.jobs import ADDRESS_VARIABLE, Jobs

    return Jobs(address or os.environ.get(ADDRESS_VARIABLE) or DEFAULT_ADDRESS)


def submit(
    sweep: SweepArgument,
    address: AddressOption = None,
    results: Annotated[
        str | None,
        typer.Option(
            "--results",
            metavar="URI",
            help="URI (s3://..., gs://...), or an absolute path that all machines share. [default: the sweep's]",
        ),
    ] = None,
    threads: Annotated[int, typer.Option("--threads", min=1, help="CPU threads of each task.")] = 1,
    max_failures: Annotated[
        int | None, typer.Option("--max-failures", min=0, metavar="N", help="As for run. [no limit]")
    ] = None,
    tracking_uri: TrackingUriOption = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Follow the job until it ends.")] = True,
) -> None:
    """Run a sweep on a cluster as a Ray job; Ctrl-C leaves it running."""
    from pipeline.submission.pack import make_pack
    from pipeline.sweep.spec import load_sweep

    file = load_sweep(sweep)
    options = {"--results": _lasting_results(results or file.spec.results), "--threads": str(threads)}
    if max_failures is not None:
        options["--max-failures"] = str(max_failures)
    if tracking_uri is not None:
        options["--tracking-uri"] = tracking_uri
    _refuse_secrets(options)
    pack = make_pack(file)
    jobs = _jobs(address)
    left_out = f", {len(pack.left_out)} untracked files left out" if pack.left_out else ""
    print(f"pack: {len(pack.files)} files, {pack.bytes / 1e6:.1f} MB{left_out}", flush=True)
    job = jobs.submit(pack, file.spec.name, options)
    print(f"job {job}", flush=True)
    if wait:
        _follow(jobs, job)
    else:
        print(f"follow it with: {command('logs', job, '--follow', address=jobs.address)}")


def status(
    job: Annotated[str | None, typer.Argument(metavar="[JOB]", help="A job's name. [default: all]")] = None,
    address: AddressOption = None,
) -> None:
    """Say how a job stands, or all jobs. Exit code 0 unless one named job ended without being done."""
    jobs = _jobs(address)
    if job is None:
        known = jobs.known()
        for state in known:
            print(state.describe())
        if not known:
            print(f"no jobs at {jobs.address}")
        return
    state = jobs.state(job)
    if state.ended:
        state.raise_unless_done()
    print(state.describe())


def logs(
    job: JobArgument,
    address: AddressOption = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job ends.")] = False,
) -> None:
    """Show what a job has printed."""
    jobs = _jobs(address)
    if follow:
        _follow(jobs, job)
    else:
        print(jobs.logs(job), end="")


def cancel(job: JobArgument, address: AddressOption = None) -> None:
    """Stop a job; finished work is kept, and submitting the sweep again goes on from there."""
    jobs = _jobs(address)
    if (state := jobs.state(job)).ended:
        print(f"nothing to stop: {state.describe()}")
        return
    jobs.stop(job)
    print(f"job {job} is asked to stop; see: {command('status', job, address=jobs.address)}")


def _follow(jobs: Jobs, job: str) -> None:
    try:
        state = jobs.follow(job)
    except KeyboardInterrupt:
        again = command("logs", job, "--follow", address=jobs.address)
        raise Interrupted(f"left; the job goes on. Pick it up with: {again}") from None
    state.raise_unless_done()
    print(state.describe())


def _refuse_secrets(options: dict[str, str]) -> None:
    """What is submitted is stored with the job and shown to all who see the cluster; sweep files hold no secret."""
    from pipeline.uris import without_secret

    instead = {
        "--results": "let the machines' own role give access, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        "--tracking-uri": "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
    }
    for name, advice in instead.items():
        if name in options and without_secret(options[name]) != options[name]:
            raise InputError(f"the URI holds a user name or password; {advice} on the cluster", name)


def _lasting_results(results: str | None) -> str:
    """A place that outlives the job's machine: its working folder is removed with it."""
    from pathlib import Path

    if results is None or ("://" not in results and not Path(results).is_absolute()):
        raise InputError(
            "a job needs results that outlive it: a URI (s3://..., gs://...), or an absolute path that all machines "
            "share",
            "--results",
        )
    return results
