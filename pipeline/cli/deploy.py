"""``binsparx deploy``: a design's network with what was learnt of its lossy arrays folded in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast

import typer

from pipeline.cli.options import RESULTS_FOLDER, DesignArgument, ResultsOption, SweepFileOption, check_network_output
from pipeline.explain.subject import open_subject
from simcore.datasets import Dataset
from simcore.errors import InputError
from simcore.inference.deployed import deployed
from simcore.inference.preparation import prepare
from simcore.network.checkpoint import Checkpoint, save_checkpoint
from simcore.passes import passes_of


def deploy(
    design: DesignArgument,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE.safetensors", help="Where it goes.")],
    sweep: SweepFileOption = None,
    results: ResultsOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write the network to load onto a chip of a design that recalibrates its outputs: their gains and offsets, set on
    calibration images, are folded into the batch norms that follow.

    On the design's arrays it delivers what the design does; in ideal arithmetic it expects what the arrays lose.

    Example: `binsparx deploy 3f2a91 -o chip.safetensors`. KEY is in the report and in `binsparx results
    SWEEP --designs`.
    """
    check_network_output(output, force)
    subject, _ = open_subject(design, sweep, results, RESULTS_FOLDER)
    if subject.design.calibrated_on == "chip":
        raise InputError(
            f"design {subject.key[:12]} is calibrated on every chip: no one network serves them all; deploy the same "
            "design with calibrated_on 'design'",
            "KEY",
        )
    passes = {one.name for one in passes_of(subject.design.mitigations)}
    if "recalibrated_outputs" not in passes:
        raise InputError(
            f"design {subject.key[:12]} recalibrates no outputs, so that there is nothing to fold into the network; a "
            "design whose mitigations name recalibrated_outputs does",
            "KEY",
        )
    # The results' side knows networks and data sets by what it needs of them; these are the simulator's own.
    checkpoint, dataset = cast(Checkpoint, subject.checkpoint), cast(Dataset, subject.dataset)
    prepared = prepare(checkpoint, subject.design, dataset)
    # Accuracies are the original's; of this network, which in ideal arithmetic expects what arrays lose, none is known.
    kept = {name: value for name, value in checkpoint.metadata.items() if name not in ("accuracy", "accuracies")}
    metadata = {
        **kept,
        "name": output.name.removesuffix(".safetensors"),
        "deployed_from": checkpoint.name,
        "design_key": subject.key,
    }
    digest = save_checkpoint(output, deployed(prepared), metadata)
    folded = sum(layer.outputs is not None for layer in prepared.layers.values())
    typer.echo(f"{output}: {folded} of {len(prepared.layers)} mapped layers recalibrated, digest {digest[:12]}")
