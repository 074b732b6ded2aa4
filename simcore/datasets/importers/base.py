"""What every importer gives: splits of labelled images, read in batches from somebody else's files."""

from __future__ import annotations

import lzma
import tarfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from simcore.datasets.sample_format import MOST_SAMPLES, SampleFormat, Samples, Shape
from simcore.datasets.shards import Labels
from simcore.errors import InputError, one_line

Batch = tuple[Samples, Labels]
# Samples handed over at a time: enough to keep numpy busy, little enough to keep memory small.
_BATCH_SAMPLES = 1000
_BATCH_BYTES = 2**26
UNDIVIDED = "all"
"""Split of a source that has none."""


@dataclass(frozen=True)
class ImportOptions:
    """What the user may say about the samples.

    Attributes:
        classes: class names in label order; None leaves them to the importer.
        size: (height, width) in pixels to resize to; None keeps the images as they are.
        channels: 1 (grayscale) or 3 (RGB) to convert to; None keeps what the first image has.
        label_column: of a table; None leaves it to the importer.
        columns: of a table, those that make a sample; None takes all but the label's.
        shape: of a sample, whose values are put into it in their order; None keeps the source's.
        channels_last: the last axis of a sample is that of the channels, which a network has first.
    """

    classes: tuple[str, ...] | None = None
    size: tuple[int, int] | None = None
    channels: int | None = None
    label_column: str | None = None
    columns: tuple[str, ...] | None = None
    shape: Shape | None = None
    channels_last: bool = False


@dataclass(frozen=True)
class SplitSource:
    """One split, not read yet.

    Attributes:
        images: how many samples it has.
        labels: reads all labels, int64 (n,), in file order.
        batches: reads everything in file order as (uint8 (n, H, W, C) or float32 (n, ...), int64 (n,)).
        origin: how it was cut out of the source, in words; empty where it is one of the source's own splits.
    """

    images: int
    labels: Callable[[], Labels]
    batches: Callable[[], Iterator[Batch]]
    origin: str = ""


@dataclass(frozen=True)
class ImportSource:
    """A source opened by an importer; readable while the importer's context is open. ``source_dtype`` is what the
    values of samples that are no images were, before they became float32."""

    name: str
    classes: tuple[str, ...]
    sample: SampleFormat
    source: str
    licence: str
    splits: dict[str, SplitSource]
    licence_text: str = ""
    source_dtype: str = ""


class Importer(ABC):
    """Reads one kind of dataset files.

    Attributes:
        name: what ``--from`` calls it.
        expects: what the user should point at, in a few words.
        converts_images: whether ``size`` and ``channels`` of the options apply.
        reads_tensors: whether ``shape`` and ``channels_last`` apply.
        reads_tables: whether ``label_column`` and ``columns`` apply.
    """

    name: ClassVar[str]
    expects: ClassVar[str]
    converts_images: ClassVar[bool] = False
    reads_tensors: ClassVar[bool] = False
    reads_tables: ClassVar[bool] = False

    @abstractmethod
    def recognises(self, path: Path) -> bool:
        """Whether ``path`` looks like this kind of source; a glance, nothing is checked."""

    @abstractmethod
    def open(self, path: Path, options: ImportOptions) -> AbstractContextManager[ImportSource]:
        """Open the source at ``path``.

        Raises (here or while batches are read):
            InputError: the files are not of this kind, incomplete or damaged; the message names the file.
        """


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn the ways in which a file can be unreadable into one InputError that names ``what``."""
    try:
        yield
    except (EOFError, zlib.error, lzma.LZMAError, tarfile.TarError) as error:
        raise InputError(f"{what} is truncated or damaged ({reason(error)})") from error
    except OSError as error:
        raise InputError(f"{what} cannot be read ({error.strerror or reason(error)})") from error


def reason(error: BaseException) -> str:
    """An exception's message in one line, its type where it has none."""
    return one_line(error) or type(error).__name__


def bounded(samples: int, what: str) -> int:
    """How many samples a header says that a split has.

    Args:
        samples: the number.
        what: the file, for messages.

    Raises:
        InputError: more than ``MOST_SAMPLES``.
    """
    if samples > MOST_SAMPLES:
        raise InputError(f"it claims a split of {samples} samples; at most {MOST_SAMPLES} are read", what)
    return samples


def at_a_time(sample: SampleFormat) -> int:
    """How many samples are handed over together: fewer where they are large."""
    return max(1, min(_BATCH_SAMPLES, _BATCH_BYTES // sample.bytes))


def largest_label(splits: Mapping[str, SplitSource]) -> int:
    """Of all splits; 0 where they are empty."""
    return max((int(labels.max()) for split in splits.values() if len(labels := split.labels())), default=0)


def class_names(
    options: ImportOptions, known: tuple[str, ...] | None, largest_label: Callable[[], int]
) -> tuple[str, ...]:
    """The user's class names, else those that the format brings, else "0", "1", ... up to the largest label.

    Args:
        options: the user's options.
        known: names that the source itself gives.
        largest_label: reads the largest label; called only where it is needed.
    """
    if options.classes is not None:
        return options.classes
    if known is not None:
        return known
    return tuple(str(index) for index in range(largest_label() + 1))
