"""Samples that are no images: NumPy files and archives, CSV, Parquet with numbers; and sources divided into splits."""

from __future__ import annotations

import io
import json
import struct
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from simcore.datasets import ImportOptions, ImportRequest, import_dataset, open_dataset
from simcore.errors import InputError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 2, 5)).astype(np.float32)
Y = np.arange(30) % 3


def run(source, target, **kwargs):
    options = {name: kwargs.pop(name) for name in list(kwargs) if name in ImportOptions.__dataclass_fields__}
    return import_dataset(ImportRequest(source, options=ImportOptions(**options), **kwargs), target)


def refused(source, tmp_path, match, **kwargs):
    with pytest.raises(InputError, match=match) as error:
        run(source, tmp_path / "out", **kwargs)
    assert "\n" not in str(error.value) and not (tmp_path / "out").exists()


def npy(array, **kwargs) -> bytes:
    file = io.BytesIO()
    np.save(file, array, **kwargs)
    return file.getvalue()


def npy_folder(tmp_path, x=X, y=Y):
    folder = tmp_path / "source"
    folder.mkdir(exist_ok=True)
    for name, content in (("x_train", x), ("y_train", y)):
        (folder / f"{name}.npy").write_bytes(content if isinstance(content, bytes) else npy(content))
    return folder


def read(dataset, split="train"):
    return dataset.read(split, 0, dataset.splits[split])


@pytest.mark.parametrize(
    "names",
    [("x_train", "y_train"), ("train/data", "train/labels"), ("train_images", "train_targets"), ("X-train", "Y-train")],
)
@pytest.mark.parametrize("kind", ["npy", "npz"])
def test_arrays_find_each_other_by_their_names(tmp_path, names, kind):
    if kind == "npz":
        source = tmp_path / "source.npz"
        np.savez_compressed(source, **dict(zip(names, (X, Y), strict=True)), weights=np.ones(3))
    else:
        source = tmp_path / "source"
        for name, values in zip(names, (X, Y), strict=True):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            np.save(source / f"{name}.npy", values)
    dataset = run(source, tmp_path / "out")
    assert dataset.splits == {"train": 30} and dataset.name == "source" and dataset.classes == ("0", "1", "2")
    assert dataset.sample.shape == dataset.input_shape == (2, 5)
    samples, labels = read(dataset)
    assert samples.dtype == np.float32 and np.array_equal(samples, X) and np.array_equal(labels, Y)
    dataset.verify()


@pytest.mark.parametrize("dtype", ["f2", "f8", ">f4", "i1", "u1", ">i4", "u8", "?"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_numbers_of_any_type_become_float32(tmp_path, dtype, order):
    values = np.asarray(RNG.integers(0, 2, (30, 4, 3)), dtype=dtype, order=order)
    dataset = run(npy_folder(tmp_path, values, Y.astype("f4")[:, None]), tmp_path / "out", shard_images=7)
    assert np.array_equal(read(dataset)[0], values.astype(np.float32)) and np.array_equal(read(dataset)[1], Y)
    tensor = json.loads((tmp_path / "out/dataset.json").read_text())["tensor"]
    assert tensor == {
        "dtype": "float32", "shape": [4, 3], "source_dtype": str(np.dtype(dtype)), "scaling": "none",
    }  # fmt: skip


@pytest.mark.parametrize("names", [["cat", "dög", "cow"], np.array([b"cat", "dög".encode(), b"cow"])])
@pytest.mark.parametrize("name", ["classes", "class_names", "labels"])
@pytest.mark.parametrize("split", ["", "_train"])
def test_an_array_of_text_names_the_classes(tmp_path, names, name, split):
    np.savez(tmp_path / "source.npz", **{f"x{split}": X, f"y{split}": Y, name: names})
    dataset = run(tmp_path / "source.npz", tmp_path / "out")
    assert dataset.classes == ("cat", "dög", "cow") and dataset.splits == {split[1:] or "all": 30}
    assert run(tmp_path / "source.npz", tmp_path / "own", classes=("a", "b", "c")).classes == ("a", "b", "c")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": X, "y": np.array(["cat", "dog"] * 15)}, "array 'y': it holds <U3; expected numbers"),
        ({"x": np.array(["cat"] * 30), "y": Y}, "array 'x': it holds <U3; expected numbers"),
        ({"x": X, "y": Y, "classes": [["cat", "dog", "cow"]]}, "shape \\(1, 3\\); expected names of classes"),
        ({"x": X, "y": Y, "classes": ["cat", "dog"]}, "has the label 2, but there are 2 classes"),
        ({"x": X, "y": Y, "classes": np.array([b"\xff"])}, "its names are no Unicode"),
        ({"x": X, "y": Y, "classes": np.array([2**31 - 1], "<u4").view("<U1")}, "its names are no Unicode"),
        ({"x": X, "y": Y, "classes": ["a", "b", "c"], "class_names": ["a", "c", "b"]}, "it names other classes than"),
    ],
)
def test_text_that_names_no_classes_is_refused(tmp_path, arrays, message):
    np.savez(tmp_path / "source.npz", **arrays)
    refused(tmp_path / "source.npz", tmp_path, message)


def test_a_folder_of_archives_has_one_a_split(tmp_path):
    (tmp_path / "source").mkdir()
    for split in ("train", "test"):
        np.savez(tmp_path / f"source/{split}.npz", x=X, y=Y)
    assert run(tmp_path / "source", tmp_path / "out").splits == {"test": 30, "train": 30}


def test_shape_and_order_of_axes(tmp_path):
    folder = npy_folder(tmp_path, np.arange(30 * 12).reshape(30, 12))
    dataset = run(folder, tmp_path / "out", shape=(2, 3, 2), channels_last=True)
    expected = np.arange(30 * 12).reshape(30, 2, 3, 2).transpose(0, 3, 1, 2)
    assert dataset.input_shape == (2, 2, 3) and np.array_equal(read(dataset)[0], expected)
    refused(folder, tmp_path / "more", "--shape 5 does not hold the values of a sample of \\(12,\\)", shape=(5,))
    refused(folder, tmp_path / "more", "no axis of channels", channels_last=True)


def lying_header(shape: str, dtype: str = "'<f4'") -> bytes:
    return with_header(f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}, }}")


def with_header(header: str) -> bytes:
    header = header.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + b"\0" * 16


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (lying_header("(30, 268435456)"), Y, r"x_train.npy: its header claims the shape \(30, 268435456\) of float32"),
        (lying_header(f"({'9' * 4000}, {'9' * 4000})"), Y, r"x_train.npy: its header claims the shape"),
        (lying_header("(-1, 4)"), Y, r"x_train.npy: its header claims the shape"),
        (lying_header("__import__('os').abort()"), Y, r"x_train.npy: no readable NumPy array"),
        (lying_header("(4,)", "()"), Y, "x_train.npy: no readable NumPy array"),
        (lying_header("(4,)", "',u1'"), Y, "x_train.npy: no readable NumPy array"),
        (with_header("{'shape': (3, "), Y, "x_train.npy: no readable NumPy array"),
        (with_header("{1: 2, 'a': 3}"), Y, "x_train.npy: no readable NumPy array"),
        (with_header("-" * 9000 + "1"), Y, "x_train.npy: no readable NumPy array"),
        (npy(X)[:-4], Y, r"x_train.npy: its header claims the shape \(30, 2, 5\) of float32, it has 1196 bytes"),
        (b"no array", Y, "x_train.npy: no readable NumPy array"),
        (npy(np.array([{}] * 30, dtype=object), allow_pickle=True), Y, "pickle.*never read"),
        (np.array([["a", "b"]] * 30), Y, "x_train.npy: it holds <U1; expected numbers"),
        (X[:, 0, 0], Y, r"x_train.npy: samples have the shape \(30,\)"),
        (np.where(np.arange(300).reshape(X.shape) == 75, np.nan, X), Y, "x_train.npy index 7: nan is no finite number"),
        (np.where(X == X[7, 1, 0], 1e300, X.astype(float)), Y, "x_train.npy index 7: 1e.300 is no finite"),
        (np.full((30, 2), 2**24 + 1), Y, "x_train.npy index 0: 16777217 is a whole number beyond"),
        (X[:0], Y[:0], "split 'train' of .* has no images"),
        (X, Y[:-1], r"y_train.npy: labels have the shape \(29,\) for 30 samples; expected \(30,\)"),
        (X, np.eye(3)[Y], r"y_train.npy: .* one-hot labels save argmax"),
        (X, np.where(np.arange(30) == 4, 1.5, Y), "y_train.npy index 4: the label is 1.5; expected a whole number"),
        (X, np.where(np.arange(30) == 4, -1, Y), "y_train.npy index 4: the label is -1"),
        (X, np.where(np.arange(30) == 4, np.nan, Y), "y_train.npy index 4: the label is nan"),
        (X, Y + 40000, "y_train.npy index 0: the label is 40000"),
        (X, np.array(["a"] * 30), "y_train.npy: it holds <U1"),
    ],
)  # fmt: skip
def test_arrays_that_cannot_be_used_are_refused_in_one_line(tmp_path, x, y, message):
    refused(npy_folder(tmp_path, x, y), tmp_path, message)


def test_labels_beyond_the_classes_are_refused(tmp_path):
    refused(npy_folder(tmp_path), tmp_path, "has the label 2, but there are 2 classes", classes=("a", "b"))


def test_arrays_without_their_other_half_are_refused(tmp_path):
    folder = npy_folder(tmp_path)
    (folder / "x_test.npy").write_bytes(npy(X))
    refused(folder, tmp_path, "x_test.npy: split 'test' has no array of labels")
    (folder / "x_test.npy").rename(folder / "train_data.npy")
    refused(folder, tmp_path, "both of split 'train'")
    refused(folder / "x_train.npy", tmp_path, "name the folder", importer="npy")
    np.savez(tmp_path / "named.npz", a=X, b=Y)
    refused(tmp_path / "named.npz", tmp_path, "no array is named as samples or labels are")


def test_an_archive_that_claims_more_than_it_can_hold_is_refused(tmp_path):
    path = tmp_path / "small.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", lying_header("(30, 8388608)"))
        archive.writestr("y.npy", npy(Y))
    content = bytearray(path.read_bytes())
    place = content.rindex(b"PK\x01\x02", 0, content.rindex(b"PK\x01\x02"))
    content[place + 24 : place + 28] = struct.pack("<I", 30 * 4 * 8388608 + 128)  # size, in the central directory
    path.write_bytes(content)
    refused(path, tmp_path, "array 'x': it claims 1006633088 bytes in")
    path.write_bytes(content[:-30])
    refused(path, tmp_path, "no whole NumPy archive")


def csv(tmp_path, text, name="table.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "kwargs"),
    [
        ("a,b,label\n1,2.5,0\n-3,1e3,1\n", {}),
        ("\ufeffa;b;Class\r\n1;2.5;0\r\n\r\n-3;1e3;1.0\r\n", {}),
        ("0,1,2.5\n1,-3,1e3\n", {"label_column": "1"}),
        ("a\tb\tkind\tid\n1\t2.5\tcat\tx\n-3\t1e3\tdog\ty\n",
         {"label_column": "kind", "columns": ("a", "b"), "classes": ("cat", "dog")}),
    ],
)  # fmt: skip
def test_tables_of_text(tmp_path, text, kwargs):
    dataset = run(csv(tmp_path, text), tmp_path / "out", **kwargs)
    samples, labels = read(dataset, "all")
    assert samples.tolist() == [[1, 2.5], [-3, 1000]] and labels.tolist() == [0, 1]


def test_a_first_row_with_the_name_of_a_class_is_a_sample(tmp_path):
    source, classes = csv(tmp_path, "5.1,3.5,setosa\n6.2,2.9,virginica\n"), ("setosa", "virginica")
    samples, labels = read(run(source, tmp_path / "out", label_column="3", classes=classes), "all")
    assert samples.tolist() == np.float32([[5.1, 3.5], [6.2, 2.9]]).tolist() and labels.tolist() == [0, 1]
    refused(source, tmp_path / "named", "--label-column 3", label_column="setosa", classes=classes)
    identified = csv(tmp_path, "p,5.1,setosa\nq,6.2,virginica\n", "identified.csv")
    kwargs = {"label_column": "3", "columns": ("2",), "classes": classes}
    assert run(identified, tmp_path / "chosen", **kwargs).splits == {"all": 2}
    headed = csv(tmp_path, "id,0,1\np,5.1,0\nq,6.2,1\n", "headed.csv")  # headings that are numbers stay headings
    kwargs = {"label_column": "1", "columns": ("0",), "classes": ("0", "1")}
    assert run(headed, tmp_path / "headed", **kwargs).splits == {"all": 2}


@pytest.mark.parametrize(
    ("cells", "classes", "expected"),
    [
        ("1 2 1", ("1", "2", "4"), [0, 1, 0]),
        ("1.0 2.0 4.0", ("1", "2", "4"), [0, 1, 2]),
        ("2 1 0", ("1", "2", "4"), [2, 1, 0]),  # no class is called 0: places
        ("cat 1 0", ("cat", "dog"), [0, 1, 0]),
    ],
)
def test_labels_are_names_of_classes_where_all_of_them_are(tmp_path, cells, classes, expected):
    rows = "".join(f"0.5,{cell}\n" for cell in cells.split())
    dataset = run(csv(tmp_path, f"a,label\n{rows}"), tmp_path / "out", classes=classes)
    assert read(dataset, "all")[1].tolist() == expected and dataset.classes == classes


def test_labels_of_all_splits_are_read_alike(tmp_path):
    (tmp_path / "source").mkdir()
    csv(tmp_path / "source", "a,label\n0.5,1\n", "train.csv")
    csv(tmp_path / "source", "a,label\n0.5,0\n", "test.csv")
    dataset = run(tmp_path / "source", tmp_path / "out", classes=("1", "2"))
    assert read(dataset, "train")[1].tolist() == [1]


def test_two_tables_of_one_split_are_refused(tmp_path):
    (tmp_path / "source").mkdir()
    csv(tmp_path / "source", "a,label\n1,0\n", "train.csv")
    csv(tmp_path / "source", "a\tlabel\n1\t0\n", "train.tsv")
    refused(tmp_path / "source", tmp_path, "train.tsv: it and train.csv are both of split 'train'")


def test_a_folder_of_tables_has_one_a_split(tmp_path):
    (tmp_path / "source").mkdir()
    for split in ("train", "test"):
        csv(tmp_path / "source", "y,a\n0,1\n1,2\n", f"{split}.csv")
    assert run(tmp_path / "source", tmp_path / "out").splits == {"test": 2, "train": 2}
    csv(tmp_path / "source", "y,b\n0,1\n", "more.csv")
    refused(tmp_path / "source", tmp_path / "again", "other columns")


@pytest.mark.parametrize(
    ("text", "kwargs", "message"),
    [
        ("a,label\n1,0\n1,2,0\n", {}, "table.csv line 3: it has 3 cells, the first row 2"),
        ("a,label\n1,0\n\nx,0\n", {}, "table.csv line 4 column 'a': 'x' is no number"),
        ("a,label\n1,0\n,0\n", {}, "table.csv line 3 column 'a': the cell is empty"),
        ("a,label\n1,0\nnan,0\n", {}, "table.csv line 3: nan is no finite number"),
        ("a,label\n1,0\n2,0.5\n", {}, "table.csv line 3 column 'label': the label is '0.5'; expected a whole number"),
        ("a,label\n1,cat\n", {}, "line 2 column 'label': the label is 'cat'.*--classes"),
        ("a,label\n1,cow\n", {"classes": ("cat", "dog")}, "the label is 'cow'.* or one of cat, dog"),
        ("a,label\n1,7\n", {"classes": ("cat", "dog")}, "has the label 7, but there are 2 classes"),
        ("a,b\n1,7\n", {}, "of the columns a, b none is called label.*--label-column"),
        ("y,label\n1,7\n", {}, "y and label may both hold the labels"),
        ("1,2\n3,4\n", {}, "--label-column"),
        ("a,kind\n1,7\n", {"label_column": "kin"}, "--label-column: unknown column.*did you mean 'kind'"),
        ("a,label\n1,7\n", {"columns": ("c",)}, "--columns: unknown column"),
        ("a,label\n1,7\n", {"columns": ("label",)}, "column 'label' holds the labels"),
        ("label\n7\n", {}, "beside the label 'label' there is no column"),
        ("a,a,label\n1,2,7\n", {}, "two columns are called 'a'"),
        ("0,1,2\n5,6,1\n", {"label_column": "3"}, "first row counts from 0 to 2.*header=False"),
        ("1,2,3\n5,6,1\n", {"label_column": "3"}, "first row counts from 1 to 3"),
        (",a,label\n0,5,1\n", {}, "column 1 has no name.*index=False.*--columns"),
        ("", {}, "it is empty"),
        ("a,label\n", {}, "nothing below it"),
        ('a,label\n"1,0\n', {}, "no readable CSV"),
        ("a,label\n1,0\n", {"size": (2, 2)}, "leave out --size"),
    ],
)
def test_tables_that_cannot_be_used_are_refused_with_line_and_column(tmp_path, text, kwargs, message):
    refused(csv(tmp_path, text), tmp_path, message, **kwargs)


def test_text_that_is_no_utf_8_is_refused(tmp_path):
    (tmp_path / "table.csv").write_bytes(b"a,label\n\xff,0\n")
    refused(tmp_path / "table.csv", tmp_path, "no readable CSV")


def parquet(tmp_path, **columns):
    path = tmp_path / "table.parquet"
    pq.write_table(pa.table(columns), path)
    return path


@pytest.mark.parametrize("kind", ["nested", "fixed", "tensor", "flat"])
def test_parquet_with_tensors(tmp_path, kind):
    if kind == "tensor":
        column = pa.FixedShapeTensorArray.from_numpy_ndarray(X)
    elif kind == "fixed":
        column = pa.array(X.tolist(), pa.list_(pa.list_(pa.float32(), 5), 2))
    else:
        column = X.tolist() if kind == "nested" else X.reshape(30, 10).tolist()
    shape = {"shape": (2, 5)} if kind == "flat" else {}
    dataset = run(parquet(tmp_path, frames=column, label=Y), tmp_path / "out", **shape)
    assert dataset.input_shape == (2, 5)
    assert np.array_equal(read(dataset, "all")[0], X) and np.array_equal(read(dataset, "all")[1], Y)


def test_parquet_with_a_column_a_feature(tmp_path):
    path = parquet(tmp_path, b=[1.5, 2.0], name=["p", "q"], a=[3, 4], target=[1, 0])
    refused(path, tmp_path, "column 'name': it holds string; expected numbers")
    dataset = run(path, tmp_path / "out", columns=("a", "b"))
    assert read(dataset, "all")[0].tolist() == [[3, 1.5], [4, 2]] and read(dataset, "all")[1].tolist() == [1, 0]
    assert read(run(path, tmp_path / "one", columns=("a",)), "all")[0].tolist() == [[3], [4]]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"x": [[1.0, 2.0], [1.0]], "label": [0, 1]}, "column 'x': tensors from row 0 on have 1 to 2 values"),
        (
            {"x": pa.array([[], []], pa.list_(pa.list_(pa.float32()))), "label": [0, 1]},
            "column 'x': tensors from row 0 on have no values",
        ),
        ({"x": [[1.0, 2.0], None], "label": [0, 1]}, "column 'x': row 1 has a value that is missing"),
        ({"x": [[1.0, 2.0], [1.0, None]], "label": [0, 1]}, "column 'x': row 1 has a value that is missing"),
        ({"x": [1.0, float("inf")], "label": [0, 1]}, "table.parquet row 1: inf is no finite number"),
        ({"x": [1.0, 2.0], "label": [0, 0.5]}, "column 'label' row 1: the label is 0.5"),
        ({"x": [1.0, 2.0], "label": [0, None]}, "column 'label': row 1 has a value that is missing"),
        ({"x": [1.0, 2.0], "label": ["a", "b"]}, "column 'label': it holds string; expected whole numbers"),
        ({"x": [1, 2], "z": [1, None], "label": [0, 1]}, "column 'z': row 1 has a value that is missing"),
        ({"x": [[1.0], [2.0]], "z": [1, 2], "label": [0, 1]}, "stands beside other columns"),
        ({"x": [1.0, 2.0]}, "name it with --label-column"),
    ],
)
def test_parquet_that_cannot_be_used_is_refused(tmp_path, columns, message):
    refused(parquet(tmp_path, **columns), tmp_path, message)


def parquet_splits(tmp_path, classes=(None, None), **splits):
    folder = tmp_path / "source"
    folder.mkdir()
    for (split, columns), names in zip(splits.items(), classes, strict=True):
        table = pa.table(columns)
        pq.write_table(
            table.replace_schema_metadata({"classes": names} if names else None), folder / f"{split}.parquet"
        )
    return folder


@pytest.mark.parametrize("second", ["test", "train-00001-of-00002"])
def test_parquet_files_with_their_columns_in_another_order_are_refused(tmp_path, second):
    first = "train" if second == "test" else "train-00000-of-00002"
    columns = {"a": [1.0, 2.0], "b": [3.0, 4.0], "label": [0, 1]}
    swapped = {name: columns[name] for name in ("b", "a", "label")}
    folder = parquet_splits(tmp_path, **{first: columns, second: swapped})
    before, after = sorted((first, second))
    refused(folder, tmp_path, rf"{after}\.parquet: it has other columns than .*{before}\.parquet")


def test_parquet_files_that_name_their_classes_otherwise_are_refused(tmp_path):
    columns = {"a": [1.0, 2.0], "label": [0, 1]}
    folder = parquet_splits(tmp_path, ("dog,cat", "cat,dog"), test=columns, train=columns)
    refused(folder, tmp_path, r"the classes of .*train\.parquet are cat, dog; expected dog, cat, as in .*test\.parquet")


def test_a_tensor_whose_axes_are_permuted_is_what_arrow_takes_it_for(tmp_path):
    kind = pa.fixed_shape_tensor(pa.float32(), [5, 2], permutation=[1, 0])
    stored = pa.array(X.transpose(0, 2, 1).reshape(30, 10).tolist(), pa.list_(pa.float32(), 10))
    column = pa.ExtensionArray.from_storage(kind, stored)
    assert np.array_equal(column.to_numpy_ndarray(), X)
    dataset = run(parquet(tmp_path, frames=column, label=Y), tmp_path / "out")
    assert dataset.input_shape == (2, 5) and np.array_equal(read(dataset, "all")[0], X)


def test_whole_numbers_that_float32_does_not_hold_are_refused_whatever_their_type(tmp_path):
    beyond = "16777217.*beyond 16777216"
    refused(csv(tmp_path, "a,label\n1,0\n16777217,1\n"), tmp_path, f"table.csv line 3: {beyond}")
    x = np.array([[0.5], [16777217.0]])
    refused(npy_folder(tmp_path, x, np.array([0, 1])), tmp_path, f"x_train.npy index 1: {beyond}")
    columns = {"a": [0.5, 1.5], "b": [3, 2**53 + 1], "label": [0, 1]}
    refused(parquet(tmp_path, **columns), tmp_path, "column 'b' row 1: 9007199254740993 is a whole number beyond")
    x = np.array([[16777218.0], [2.0**40], [6.02214076e23], [-0.1]])
    kept = run(npy_folder(tmp_path, x, np.arange(4)), tmp_path / "kept")
    assert np.array_equal(read(kept)[0], x.astype(np.float32))


def test_a_source_without_splits_is_divided_class_by_class_and_always_alike(tmp_path):
    labels = np.repeat([0, 1, 2], [200, 60, 40])
    samples = np.arange(300.0).reshape(300, 1)
    np.savez(tmp_path / "source.npz", x=samples, y=labels)
    shares = {"test": 0.25, "calibration": 0.1}
    dataset = run(tmp_path / "source.npz", tmp_path / "out", split_fractions=shares, split_seed=3)
    assert dataset.splits == {"calibration": 30, "test": 75, "train": 195}
    parts = {split: read(dataset, split) for split in dataset.splits}
    together = np.sort(np.concatenate([part[0][:, 0] for part in parts.values()]))
    assert np.array_equal(together, samples[:, 0])  # each sample in one of them
    for samples_of_part, labels_of_part in parts.values():
        assert np.array_equal(labels[samples_of_part[:, 0].astype(int)], labels_of_part)
    for split, share in {**shares, "train": 0.65}.items():
        counts = np.bincount(parts[split][1], minlength=3)
        assert (np.abs(counts - share * np.array([200, 60, 40])) <= 1).all()
    again = run(tmp_path / "source.npz", tmp_path / "again", split_fractions=shares, split_seed=3)
    other = run(tmp_path / "source.npz", tmp_path / "other", split_fractions=shares, split_seed=4)
    assert again.digest == dataset.digest != other.digest
    assert "25 % of 'all' by class, seed 3" in open_dataset(tmp_path / "out").manifest.splits["test"].selection


def test_folders_of_classes_without_splits_are_divided(tmp_path):
    for name, value in (("cat", 0), ("dog", 200)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(10):
            Image.fromarray(np.full((3, 3), value + number, np.uint8)).save(tmp_path / f"photos/{name}/{number}.png")
    assert run(tmp_path / "photos", tmp_path / "whole").splits == {"all": 20}
    dataset = run(tmp_path / "photos", tmp_path / "out", split_fractions={"test": 0.3})
    assert dataset.splits == {"test": 6, "train": 14} and dataset.classes == ("cat", "dog")
    images, labels = read(dataset, "test")
    assert np.array_equal(images[:, 0, 0, 0] >= 200, labels == 1) and np.bincount(labels).tolist() == [3, 3]


def test_what_cannot_be_divided_is_refused(tmp_path):
    folder = npy_folder(tmp_path)
    refused(folder, tmp_path, "no sample of 30 is left for split 'test'", split_fractions={"test": 0.001})
    refused(folder, tmp_path, "leave some samples for 'train'", split_fractions={"test": 0.7, "other": 0.3})
    refused(folder, tmp_path, "'train' is what the other splits leave", split_fractions={"train": 0.7})
    for name, values in (("x_test", X), ("y_test", Y)):
        (folder / f"{name}.npy").write_bytes(npy(values))
    refused(folder, tmp_path, "has the splits test, train already", split_fractions={"test": 0.2})
