"""``binsparx model import``: a network from the file of another framework."""

from __future__ import annotations

import hashlib
import math
import re
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import check_network_output
from simcore.errors import InputError

Normalization = tuple[tuple[float, ...], tuple[float, ...]]
_KINDS = {".onnx": "ONNX", ".h5": "Keras", ".hdf5": "Keras"}
_MOST_IMAGES = 4096


def import_command(
    source: Annotated[Path, typer.Argument(help="NAME.onnx (ONNX, QONNX), or NAME.h5 (Keras, larq).")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE.safetensors", help="[default: the source's name, here]"),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="What results call the network. [default: the output's name]")
    ] = None,
    mean: Annotated[
        str | None,
        typer.Option(
            metavar="M[,M..]",
            help="The source takes (x/255 - MEAN)/STD of each channel; one number: of all. [default: x as is]",
        ),
    ] = None,
    std: Annotated[str | None, typer.Option(metavar="S[,S..]", help="As --mean. [default with --mean: 1]")] = None,
    input_shape: Annotated[
        str | None, typer.Option(metavar="CxHxW", help="Of one input, where the source leaves sizes open.")
    ] = None,
    logits: Annotated[
        str | None, typer.Option(metavar="VALUE", help="Which value of an ONNX file they are, where it has several.")
    ] = None,
    images: Annotated[
        int, typer.Option(min=1, max=_MOST_IMAGES, help="Random inputs on which network and source are compared.")
    ] = 16,
    written: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A product of two activations' signs that goes on arrays, its right operand written for every image; "
            "may be given again. [default: such products stay digital]",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Make a network for sweeps of a trained one: an ONNX or QONNX file, or the weights of Keras and larq.

    Nothing in the file is executed. Says of every layer whether it goes on arrays or stays digital, and why; compares
    predictions and logits on random inputs before it saves. docs/networks.md says what is understood.

    Examples: `binsparx model import net.onnx`, `binsparx model import net.onnx --mean 0.4914,0.4822,0.4465 --std
    0.247,0.2435,0.2616 -o mine.safetensors`, `binsparx model import larq.h5 --mean 0.5 --std 0.5`.
    """
    target = output or Path(f"{source.stem}.safetensors")
    check_network_output(target, force)
    kind = _KINDS.get(source.suffix.lower())
    if kind is None:
        raise InputError(
            f"'{source.suffix}' is no kind of network file that is read here; {', '.join(_KINDS)} are", str(source)
        )
    shape = _shape(input_shape)
    normalize = _normalization(mean, std)
    if kind == "ONNX":
        from simcore.network.importers.onnx import from_onnx

        traced = from_onnx(source, normalize, shape, logits, images, written or ())
    else:
        from simcore.network.importers.keras import from_keras

        if logits is not None:
            raise InputError("only ONNX files have values to choose from", "--logits")
        traced = from_keras(source, normalize, shape, images, written or ())
    digest = traced.save(
        target,
        {
            "name": name or target.stem,
            "imported_from": {"file": source.name, "sha256": hashlib.sha256(source.read_bytes()).hexdigest()},
            "compared_on": f"{traced.images} random inputs",
        },
    )
    typer.echo(str(traced))
    typer.echo(f"written: {target} ({digest[:12]})")


def _shape(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    if not re.fullmatch(r"[1-9]\d{0,5}(x[1-9]\d{0,5}){0,5}", text):
        raise InputError(f"'{text}' is no shape, such as 3x32x32 or 784", "--input-shape")
    return tuple(int(size) for size in text.split("x"))


def _normalization(mean: str | None, std: str | None) -> Normalization | None:
    if mean is None and std is None:
        return None
    means, stds = _numbers(mean, "--mean"), _numbers(std, "--std")
    means, stds = means or (0.0,), stds or (1.0,)
    if len(means) != len(stds) and 1 not in (len(means), len(stds)):
        raise InputError(f"{len(stds)} numbers, --mean has {len(means)}", "--std")
    if min(stds) <= 0:
        raise InputError("every number must be above 0", "--std")
    return means, stds


def _numbers(text: str | None, option: str) -> tuple[float, ...]:
    if text is None:
        return ()
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = (math.nan,)
    if not all(map(math.isfinite, values)):
        raise InputError(f"'{text}' is no list of numbers, such as 0.4914,0.4822,0.4465", option)
    return values
