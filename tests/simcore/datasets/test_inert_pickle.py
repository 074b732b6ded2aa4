"""Pickles are read without running anything: whatever a hostile one names is refused before it is called."""

from __future__ import annotations

import os
import pickle
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simcore.datasets import ImportRequest, import_dataset
from simcore.datasets.importers.inert_pickle import InertArray, load_inert
from simcore.errors import InputError
from tests.simcore.datasets.source_files import (
    cifar_python2_batch,
    cifar_python3_batch,
    random_images,
    write_cifar,
    write_tar,
)

IMAGES, LABELS = random_images(4, (32, 32, 3))


class _Command:
    """Unpickled the usual way, this runs a shell command."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def _global(module: str, name: str) -> bytes:
    return b"\x80\x02c" + f"{module}\n{name}\n".encode()


def _stack_global(module: str, name: str) -> bytes:
    def text(value: str) -> bytes:
        return b"\x8c" + bytes([len(value)]) + value.encode()

    return b"\x80\x04" + text(module) + text(name) + b"\x93"


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_that_runs_a_command_is_refused_and_runs_nothing(tmp_path, protocol):
    mark = tmp_path / "executed"
    hostile = pickle.dumps({b"data": _Command(f"touch {mark}"), b"labels": [1]}, protocol=protocol)
    with pytest.raises(InputError, match="would run .*system; it is refused") as error:
        load_inert(hostile, "data_batch_1")
    assert "data_batch_1" in str(error.value) and "\n" not in str(error.value)
    assert not mark.exists()
    # The same pickle does run when it is unpickled the usual way: the test would notice.
    pickle.loads(hostile)
    assert mark.exists()


@pytest.mark.parametrize("packed", [False, True])
def test_importing_a_hostile_batch_leaves_nothing(tmp_path, packed):
    mark = tmp_path / "executed"
    batches = {"test_batch": pickle.dumps({b"data": _Command(f"touch {mark}")}, protocol=2)}
    if packed:
        members = {f"cifar-10-batches-py/{name}": data for name, data in batches.items()}
        source = write_tar(tmp_path / "cifar-10-python.tar.gz", members)
    else:
        source = write_cifar(tmp_path / "source", batches)
    with pytest.raises(InputError, match="test_batch is a pickle that would run"):
        import_dataset(ImportRequest(source), tmp_path / "out")
    assert not mark.exists() and {path.name for path in tmp_path.iterdir()} == {source.name}


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("builtins", "eval"),
        ("__builtin__", "eval"),
        ("builtins", "getattr"),
        ("os", "system"),
        ("posix", "system"),
        ("subprocess", "Popen"),
        ("importlib", "import_module"),
        ("numpy", "load"),
        ("numpy", "ndarray.__class__"),
        ("numpy", "dtype.__init__.__globals__"),
        ("numpy.core.multiarray", "fromfile"),
        ("numpy.core.multiarray", "_reconstruct.__call__"),
        ("_codecs", "decode"),
        ("_codecs", "lookup"),
        ("collections", "OrderedDict"),
    ],
)
def test_only_what_numpy_arrays_need_may_be_named(module, name):
    for named in (_global(module, name), _stack_global(module, name)):
        with pytest.raises(InputError, match="is refused"):
            load_inert(named + b".", "file")


HOSTILE = {
    "other codec": _global("_codecs", "encode") + b"X\x01\x00\x00\x00aX\x03\x00\x00\x00bz2\x86R.",
    "state for a function": _global("_codecs", "encode") + b"N}X\x08\x00\x00\x00__code__K\x01s\x86b.",
    "state for a class": _global("numpy", "ndarray") + b"}b.",
    "state for a dtype class": _global("numpy", "dtype") + b"}X\x01\x00\x00\x00aK\x01sb.",
    "huge memo index": b"\x80\x02Nr\xff\xff\xff\xff.",
    "persistent id": b"Pfile\n.",
    "extension code": b"\x80\x02\x82\x01.",
    "stack underflow": b"\x80\x02R.",
    "no stop": b"\x80\x02}",
    "empty": b"",
    "text": b"hello",
    "huge frame": b"\x80\x04\x95" + struct.pack("<Q", 2**62) + b"N.",
    "huge bytes": b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"N.",
}


@pytest.mark.parametrize("case", HOSTILE)
def test_odd_pickles_are_refused_in_one_line(case):
    with pytest.raises(InputError) as error:
        load_inert(HOSTILE[case], "data_batch_1")
    assert "data_batch_1" in str(error.value) and "\n" not in str(error.value)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_damaged_batch_is_read_or_refused_never_anything_else(data):
    batch = bytearray(cifar_python2_batch(IMAGES[:1], LABELS[:1]))
    # Mostly the opcodes at both ends; the pixels between them are not instructive.
    places = st.integers(0, 160) | st.integers(len(batch) - 60, len(batch) - 1)
    for place in data.draw(st.lists(places, min_size=1, max_size=4)):
        batch[place] = data.draw(st.integers(0, 255))
    try:
        content = load_inert(bytes(batch), "file")
        if isinstance(content, dict) and isinstance(content.get(b"data"), InertArray):
            content[b"data"].to_uint8("file")
    except InputError:
        pass


@pytest.mark.parametrize("write", [cifar_python2_batch, cifar_python3_batch])
def test_genuine_batches_are_read(write):
    content = load_inert(write(IMAGES, LABELS), "file")
    assert content[b"labels"] == LABELS.tolist()
    assert np.array_equal(content[b"data"].to_uint8("file").reshape(-1, 3, 32, 32), IMAGES.transpose(0, 3, 1, 2))


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_either_order_come_back(protocol, order):
    array = np.array(IMAGES[0, :, :, 0], order=order)
    assert np.array_equal(load_inert(pickle.dumps(array, protocol=protocol), "file").to_uint8("file"), array)


@pytest.mark.parametrize(
    "array",
    [np.arange(4.0), np.array([{}], dtype=object), np.arange(3, dtype=np.int64), np.zeros(2, dtype=[("a", "u1")])],
)
def test_arrays_of_other_types_are_refused(array):
    with pytest.raises(InputError, match="not a plain one of uint8"):
        load_inert(pickle.dumps(array, protocol=2), "file").to_uint8("file")


@pytest.mark.parametrize("shape", [(10**9, 3072), (3,), (-1, 3072), (True, 3072)])
def test_an_array_whose_shape_does_not_fit_its_bytes_is_refused(shape):
    packed = pickle.dumps(np.zeros((1, 3072), dtype=np.uint8), protocol=2)
    old = pickle.dumps((1, 3072), protocol=2)[2:-1]
    new = pickle.dumps(shape, protocol=2)[2:-1]
    # Memo opcodes differ between the two pickles; only the tuple's items are replaced.
    changed = packed.replace(old.split(b"\x86")[0] + b"\x86", new.split(b"q")[0])
    assert changed != packed
    with pytest.raises(InputError, match="not a plain one of uint8"):
        load_inert(changed, "file").to_uint8("file")


@pytest.mark.parametrize(
    "content",
    [
        [],
        {},
        {b"data": np.zeros((2, 3072), np.uint8)},
        {b"data": [1, 2], b"labels": [1, 2]},
        {b"data": np.zeros((2, 3072), np.uint8), b"labels": [1]},
        {b"data": np.zeros((2, 3071), np.uint8), b"labels": [1, 2]},
        {b"data": np.zeros((2, 3072), np.uint8), b"labels": [1, -2]},
        {b"data": np.zeros((2, 3072), np.uint8), b"labels": [1, 2.5]},
        {b"data": np.zeros((2, 3072), np.float32), b"labels": [1, 2]},
        {b"data": np.zeros((0, 3072), np.uint8), b"labels": []},
    ],
)
def test_pickles_that_are_no_cifar10_batch_are_refused(tmp_path, content):
    source = write_cifar(tmp_path / "source", {"test_batch": pickle.dumps(content, protocol=2)})
    with pytest.raises(InputError, match="source"):
        import_dataset(ImportRequest(source), tmp_path / "out")
    assert not (tmp_path / "out").exists()
