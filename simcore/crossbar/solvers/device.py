"""Where the exact solver computes: numba kernels on the CPU, or torch on the CPU or a GPU.

``BINSPARX_DEVICE`` names it where a program starts; from there on it is handed on as an argument.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from simcore.errors import InputError

if TYPE_CHECKING:
    import torch

DEVICE_VARIABLE = "BINSPARX_DEVICE"
NUMBA = "numba"
_AUTO = "auto"
_KNOWN = "'numba', 'auto', 'cpu' (torch on the CPU), 'cuda' or 'cuda:N'"


def device_of_environment() -> str:
    """What ``BINSPARX_DEVICE`` names; numba without it. For the edges of a program alone."""
    return os.environ.get(DEVICE_VARIABLE) or NUMBA


def sweep_device(name: str, where: str = DEVICE_VARIABLE) -> str:
    """A device that is the same on every machine of a sweep: numba, cpu or cuda.

    Asks neither torch nor this machine: a driver without a GPU may send work to machines that have one.

    Raises:
        InputError: the name is unknown, has the number of a GPU, or is ``auto``, which says something else on every
            machine.
    """
    kind, _, number = name.partition(":")
    if kind == "cuda" and number:
        raise InputError(
            f"a sweep runs on cuda, not on '{name}': Ray gives a worker its GPUs, and for a machine as a whole "
            "CUDA_VISIBLE_DEVICES chooses",
            where,
        )
    if name not in (NUMBA, "cpu", "cuda"):
        raise InputError(
            f"a sweep runs on numba, cpu or cuda, not on '{name}': its rows must not depend on the machine",
            where,
        )
    return name


def torch_device(name: str | None, where: str = "") -> torch.device | None:
    """The torch device that a name means; None for the numba kernels.

    ``numba`` and None: the numba kernels. ``cpu``, ``cuda``, ``cuda:N``: that torch device. ``auto``: the GPU where
    torch sees one, else the numba kernels; Ray shows a worker the GPUs that it was given (CUDA_VISIBLE_DEVICES) and no
    others. The devices agree to the solver's tolerance, not bit for bit, so a GPU is never used unasked: a result would
    depend on the machine.

    Args:
        where: where the user wrote the name, for messages.

    Raises:
        InputError: the name is unknown, or no such device is there.
    """
    if name is None or name == NUMBA:
        return None
    import torch  # takes seconds, and the numba kernels do without it

    if name == _AUTO:
        return torch.device("cuda") if torch.cuda.is_available() else None
    try:
        found = torch.device(name)
    except RuntimeError:
        raise InputError(f"unknown device '{name}' (known: {_KNOWN})", where) from None
    if found.type not in ("cpu", "cuda"):
        raise InputError(f"the device '{name}' is not supported (known: {_KNOWN})", where)
    if found.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (found.index or 0) >= count:
            raise InputError(f"there is no device '{name}': torch sees {count} GPUs on this machine", where)
    return found
