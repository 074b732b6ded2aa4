"""An ONNX file as a network of this project, checked against an independent forward pass before anything is saved."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from simcore.errors import InputError
from simcore.network.importers.examples import (
    Normalization,
    clear_of_thresholds,
    finite_logits,
    first_step,
    random_images,
)
from simcore.network.importers.onnx.module import OnnxModule
from simcore.network.importers.onnx.ordering import logits_of
from simcore.network.importers.onnx.program import initial_shapes, onnx_program
from simcore.network.importers.onnx.reading import read_onnx
from simcore.network.importers.onnx.reference import ReferencePass
from simcore.network.tracing import TracedNetwork, from_torch
from simcore.network.tracing.comparison import require_equal


def from_onnx(
    path: str | Path,
    normalize: Normalization | None = None,
    shape: Sequence[int] | None = None,
    logits: str | None = None,
    images: int = 16,
    written: Collection[str] = (),
) -> TracedNetwork:
    """A network that computes what an ONNX or QONNX file says, its binary layers ready for arrays.

    Args:
        path: NAME.onnx; external data beside it.
        normalize: mean and standard deviation of each channel, where the file takes (x / 255 - mean) / std rather than
            what the data set has.
        shape: of the input without the batch, where the file leaves sizes open.
        logits: name of the value that holds them, where the file has several outputs.
        images: random inputs on which the network is compared with an independent forward pass of the file.
        written: names of products of two activations' signs that go on arrays (see ``from_torch``).

    Returns:
        The network, and which of its layers go on arrays.

    Raises:
        InputError: a file that is damaged, claims what it does not hold or reaches outside its folder; an operation
            that cannot be expressed, with its node; or logits that are not the file's.
    """
    file = read_onnx(Path(path))
    result, note = logits_of(file, logits)
    taken = initial_shapes(file, shape)
    program = onnx_program(file, result, taken)
    module = OnnxModule(program)
    reference = ReferencePass(file, result, (file.shape[0] if file.shape else None) or 0)
    first = first_step(normalize, taken)
    table = program.table if file.whole_numbers or program.tokens else None
    drawn = random_images(taken, images, normalize is not None, table)
    with torch.inference_mode():
        outcome = reference(first(drawn))
    finite = finite_logits(outcome, str(file.path))
    example, expected = drawn[finite], outcome[finite]
    try:
        traced = from_torch(module, example, normalize, written)
    except InputError as error:
        raise _in_the_file(error, module, file.path) from None
    with torch.inference_mode():
        clear = clear_of_thresholds(traced.network, example, expected)
        example, expected = example[clear], expected[clear]
        difference = require_equal(
            lambda there: there, traced.network, example, expected, "those of the file", str(file.path)
        )
    aside = len(drawn) - len(example)
    notes = [*traced.notes, *[note] * bool(note)]
    if aside:
        notes.append(
            f"{aside} of {len(drawn)} random inputs were left out: logits that are no finite numbers, or a value at a "
            "threshold but for the rounding of float32"
        )
    return replace(
        traced,
        notes=tuple(notes),
        images=len(example),
        largest_difference=difference,
        compared_with="an independent forward pass of the file",
    )


def _in_the_file(error: InputError, module: OnnxModule, path: Path) -> InputError:
    """A message about a submodule as one about its node."""
    found = re.match(r"module '([^']*)'", error.where)
    place = module.places().get(found[1]) if found else None
    return InputError(error.message, f"{path} {place}" if place else str(path))
