"""What a training computes in, and on."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from simcore.errors import InputError


@dataclass(frozen=True)
class Arithmetic:
    """What a training computes in: ``precision`` (``bfloat16`` or ``float32``, never ``auto``) on a kind of device
    (``cpu``, ``cuda``), and into how many ``threads`` the CPU cuts its sums (None of states that do not say)."""

    precision: str
    device: str
    threads: int | None = None


@dataclass(frozen=True)
class Processor:
    """What a training runs on: a ``device``, "cpu" or "cuda", and the CPU ``threads`` of torch from its start on; None:
    those that the training began with, at first torch's own."""

    device: str = "cpu"
    threads: int | None = None


def settle(precision: str, processor: Processor, before: Arithmetic | None = None, where: str = "") -> Arithmetic:
    """What a training computes in.

    Args:
        precision: of its recipe: ``bfloat16``, ``float32`` or ``auto``.
        processor: what it runs on now.
        before: what it computed in until it stopped; None of a new one.
        where: its state lies, for messages.

    Raises:
        InputError: it began with another number of threads, or in a precision that the processor does not have.
    """
    device, threads = torch.device(processor.device).type, processor.threads
    here = threads or torch.get_num_threads()
    if before is None:
        settled = Arithmetic(_precision(precision, device), device, here)
    else:
        began = before.threads
        if began and threads and began != threads and device == "cpu":
            raise InputError(
                f"this training began with {began} threads, which decide its last bits, not {threads}", where
            )
        settled = Arithmetic(before.precision, device, began or here)
    _require_possible(settled, where)
    return settled


def autocast(arithmetic: Arithmetic) -> torch.autocast:
    """In which networks compute as ``arithmetic`` says."""
    return torch.autocast(arithmetic.device, torch.bfloat16, enabled=arithmetic.precision == "bfloat16")


def _precision(wanted: str, device: str) -> str:
    """What a recipe's precision means on this machine: bfloat16 or float32."""
    if wanted != "auto":
        return wanted
    # Without AVX-512 a processor imitates bfloat16, many times slower than float32.
    quick = device == "cuda" or torch.backends.cpu.get_cpu_capability() == "AVX512"
    return "bfloat16" if quick else "float32"


def _require_possible(arithmetic: Arithmetic, where: str) -> None:
    if arithmetic.precision not in ("bfloat16", "float32"):
        raise InputError(f"unknown precision '{arithmetic.precision}'; known: bfloat16, float32", where)
    if arithmetic.precision == "bfloat16" and arithmetic.device == "cuda" and not torch.cuda.is_bf16_supported():
        raise InputError("this training computes in bfloat16, which the GPU here does not have", where)
