"""Writes the generated tables of the pages in this folder from the schemas in the code.

Run ``python docs/tables.py`` from the repository after a schema has changed; tests/test_docs.py says when one has.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import chip_tables
import cost_tables
import device_tables
import effect_tables
import encoding_tables
import exact_tables
import mitigation_tables
import network_tables
import paper
import pyarrow as pa
import recovery_tables
import sweep_tables
import typer.cli
import typer.main
from markdown_table import markdown_table

from pipeline.cli.app import app
from pipeline.cli.lazy import LAZY_COMMANDS
from pipeline.storage.compute_time import COSTS_SCHEMA
from pipeline.storage.records import SHARD_FILE_SCHEMA
from pipeline.sweep.axes import SCALARS
from pipeline.sweep.spec import SweepSpec
from pipeline.tables.schema import RECOMMENDATIONS_SCHEMA, SCHEMAS
from pipeline.tracking import mlflow as tracking
from pipeline.tracking.artifacts import ARTIFACTS

FOLDER = Path(__file__).parent

# What the schema of the sweep file cannot say: field -> (unit, example, meaning).
FIELDS: dict[str, tuple[str, str, str]] = {
    "name": (
        "",
        "`my-sweep`",
        "names the tables' folder, `sweeps/NAME/`; letters, digits, `.`, `_`, `-`, a letter or digit first",
    ),
    "study": ("", "`adc-study`", "MLflow experiment"),
    "description": ("", "`What bits cost.`", "note on the sweep's MLflow run"),
    "models": ("", "`[fashion-cnn, mine.safetensors]`", "networks that ship, or checkpoint files"),
    "devices": ("", "`[8T-SRAM, cell.yaml]`", "bitcells that ship, bitcell files, or groups of fields, below"),
    "devices[].name": ("", "`8T-SRAM`", "bitcell that ships; either this or `file`"),
    "devices[].file": ("", "`cell.yaml`", "your own bitcell file"),
    "devices[].label": ("", "`wide-wires`", "`device` column of the tables; default: the name, or the file's stem"),
    "devices[].corners": ("", "`[nominal]`", "corners of this device; default: the sweep's"),
    "devices[].overrides": ("Ω, V, S", "`{r_col: [5, 10]}`", "circuit parameters replaced; their lists multiply"),
    "corners": ("", "`[nominal, pessimistic]`", "parameter corners of the devices"),
    "arrays": ("", "`[64x64]`", "ROWSxCOLS, or groups of fields, below, whose lists multiply"),
    "arrays[].rows": ("rows", "`[64, 128]`", "rows of an array, at most 4096"),
    "arrays[].cols": ("columns", "`64`", "columns of an array, at most 4096"),
    "arrays[].active_rows": ("rows", "`[16, 32]`", "rows read together, at most `rows`; default: all"),
    **{axis.place: (axis.unit, axis.example, axis.guide) for axis in SCALARS},
    "effects": (
        "",
        "`[none, sram-vt-5+stuck-1e-3]`",
        "[device effects](chips.md) by name or file, with `+` between them: what makes chips differ; `none`: nothing",
    ),
    "chips": ("chips", "`20`", "chips of every design whose chips differ, see [Monte Carlo](chips-montecarlo.md)"),
    "layers": ("", "`[bconv2, bconv3]`", "binary layers that are mapped; default: all"),
    "dataset": ("", "`fashion-mnist`", "a data set's name or folder, or a group of fields, below"),
    "dataset.name": ("", "`data/cifar10`", "data set that ships, or a folder made by `binsparx data import`"),
    "dataset.split": ("", "`test`", "split that accuracy is measured on"),
    "dataset.images": ("images", "`1000`", "the first so many of the split; default: all"),
    "dataset.calibration_images": (
        "images",
        "`[8, 32, 128]`",
        "the first of the split `calibration`, else `train`, never images that are measured ([which](#images))",
    ),
    "shard_images": ("images", "`50`", "images that are computed together; decides no result"),
    "strategy": ("", "`racing`", "`racing`: designs that cannot be on the front stop early, see [racing](#racing)"),
    "evidence.max_rms_lsb": (
        "LSB",
        "`0.05`",
        "largest rms error of the fast solver on held-out reads of any layer, after the converter",
    ),
    "evidence.max_worst_lsb": ("LSB", "`0.5`", "largest error on any of them"),
    "evidence.max_bias_lsb": ("LSB", "`0.02`", "largest mean error on those of a layer's highest sums"),
    "evidence.beyond": ("", "`exact`", "beyond a limit: the point fails, is solved exactly, or goes on and is marked"),
    "exclude": ("", "`[{rows: 128, sparsity: weight}]`", "points left out, see [below](#exclude-and-points)"),
    "points": ("", "`[{rows: 256, sparsity: [dense, binsparx]}]`", "points beside the product of the axes"),
    "results": ("", "`s3://bucket/results`", "folder or URI; `--results` overrides; default: `results`"),
    "tracking.mode": ("", "`front`", "designs that get an MLflow run: all; the front and a sample of the others; none"),
    "tracking.sample": ("designs", "`500`", "size of that sample, see [MLflow](results.md#mlflow); 0: the front alone"),
    "tracking.uri": ("", "`http://mlflow:5000`", "MLflow server; default: `mlflow.db` in the results folder"),
    "cost.technology": ("", "`mine.yaml`", "periphery that ships, or your own file, see [cost](cost.md#numbers)"),
    "cost.corner": ("", "`high`", "end that everything disputed is taken at"),
    "cost.converter": ("", "`sar`", "`auto`: flash up to 5 bits, SAR beyond"),
    "cost.columns_per_converter": (
        "columns",
        "`4`",
        "columns, or pairs of them that are subtracted, which share a converter",
    ),
    "cost.array_supply": ("", "`v_dd`", "supply of the column currents; default: `v_read`, and both in the spread"),
    "cost.on_time": (
        "",
        "`conversion`",
        "a column conducts in a read until it is `sampled` (1 ns, or settling) or until the end of its `conversion`, "
        "see [cost](cost.md#energy); default: `sampled`, and both in the spread",
    ),
    "cost.flip_path": ("", "`serial`", "default: `pipelined`, and both in the spread"),
    "cost.popcount": ("", "`binsparx`", "who pays for sum(X)"),
    "cost.stored_sums": ("", "`baseline`", "who pays for sum(W)"),
    "cost.activation_buffer": ("", "`false`", "count the reads of the activation buffer"),
    "cost.parallel_tiles": ("tiles", "`16`", "tiles that read at the same time; default: all of a layer"),
    "cost.columns_read": (
        "",
        "`together`",
        "columns of a converter conduct so; default: [as the circuit has them](cost.md#columns-that-wait)",
    ),
    "cost.digital_layers": ("", "`false`", "count the layers that no array holds, see [cost](cost.md#digital-layers)"),
    "cost.digital_array": ("multipliers", "`32`", "rows and columns of the multipliers that do them"),
    "cost.parameters": (
        "as [there](cost.md#numbers)",
        "`{comparator_energy: 3.5}`",
        "numbers of the periphery replaced",
    ),
    "pareto.objectives": ("", "`[accuracy, energy, area]`", "what the front is of"),
    "pareto.yield_loss": ("fraction", "`0.02`", "accuracy that a chip may lose against ideal and count in the yield"),
    "pareto.yield_width": (
        "fraction",
        "`0.2`",
        "a [race](#racing) is done with a world where no design's yield interval is wider; default: yields end no race",
    ),
    "pareto.max_loss": ("fraction", "`0.02`", "floor: accuracy that a design on the front may lose against ideal"),
    "pareto.min_accuracy": (
        "fraction",
        "`0.9`",
        "floor: accuracy of a design on the front; default of both: more accurate than guessing, by the images",
    ),
    "pareto.resamples": ("", "`1000`", "of the images, and of the chips for `chip_accuracy`, behind `front_support`"),
    "pareto.seed": ("", "`0`", "of the resamples"),
}

# Lists that are one value each: the layers of every design, the objectives of every front.
_PLAIN_LISTS = ("layers", "objectives")


def sweep_fields() -> str:
    """The field table of docs/sweep-file.md."""
    found = dict(_schema_fields(SweepSpec.model_json_schema()))
    if found.keys() != FIELDS.keys():
        raise ValueError(f"FIELDS and the sweep file differ in {sorted(found.keys() ^ FIELDS.keys())}")
    rows = []
    for name, (default, values, axis) in found.items():
        unit, example, meaning = FIELDS[name]
        shown = f"`{name}`" + (" \\*" if axis else "")
        rows.append([shown, default, unit, values, example, meaning])
    return markdown_table(["field", "default", "unit", "values", "example", "meaning"], [], rows)


def match_fields() -> str:
    """The columns that ``exclude`` and ``points`` may name."""
    schema = SweepSpec.model_json_schema()
    return ", ".join(f"`{name}`" for name in schema["$defs"]["MatchSpec"]["properties"])


def result_tables() -> str:
    """The column tables of docs/results.md."""
    parts = []
    for name, schema in SCHEMAS.items():
        parts.append(f"### {name}.parquet\n\n{_columns(schema)}")
    parts.append(f"### recommendations.parquet\n\n{_columns(RECOMMENDATIONS_SCHEMA)}")
    parts.append(f"### images-*.parquet, shards\n\n{_columns(SHARD_FILE_SCHEMA)}")
    parts.append(f"### costs.parquet\n\n{_columns(COSTS_SCHEMA)}")
    return "\n\n".join(parts)


def mlflow_names() -> str:
    """Metrics, parameters and artifacts of docs/results.md."""
    metrics = [*tracking._FRACTIONS.values(), *(name for name, _ in tracking._METRICS.values())]
    lines = []
    for title, names in (("metrics", metrics), ("parameters", tracking.PARAMETERS)):
        lines.append(f"- {title} of a design: " + ", ".join(f"`{name}`" for name in names))
    lines.append("- artifacts of a sweep: " + ", ".join(f"`{name}`" for name in ARTIFACTS))
    return "\n".join(lines)


def commands() -> str:
    """Every command with its arguments and options, as its help has them."""
    group: Any = typer.main.get_command(app)
    context = typer.Context(group, info_name="binsparx")
    for name in LAZY_COMMANDS:
        _, command, _ = group.resolve_command(context, [name])  # puts the command in the place of its stand-in
        for own in getattr(command, "lazy", ()):
            command.resolve_command(typer.Context(command, info_name=name, parent=context), [own])
    text = typer.cli.get_docs_for_click(obj=group, ctx=context, name="binsparx")
    _, first, commands = text.partition("## `binsparx ")
    commands = commands.replace("* `--help`: Show this message and exit.\n", "").replace("```console\n$ ", "```text\n")
    return re.sub(r"\*\*Options\*\*:\n\n(?=\*\*|#|$)", "", first + commands).strip()


def paragraph(text_of: Callable[[], str]) -> Callable[[], str]:
    """A generated paragraph in lines as long as those beside it."""
    return lambda: textwrap.fill(text_of(), 120, break_on_hyphens=False, break_long_words=False)


TABLES = {
    "../README.md": {
        "paper": paragraph(paper.summary),
        "recovery": paragraph(recovery_tables.summary),
        "chips": paragraph(chip_tables.summary),
    },
    "sweep-file.md": {"sweep fields": sweep_fields, "match fields": match_fields},
    "results.md": {"result tables": result_tables, "mlflow names": mlflow_names},
    "chips-results.md": {
        "sram": chip_tables.sram,
        "reram": chip_tables.reram,
        "robustness": chip_tables.robustness,
        "vgg-small": chip_tables.vgg_small,
        "resnet18": chip_tables.resnet18,
        "gains": chip_tables.gains,
        "robustness-vgg-small": chip_tables.robustness_vgg_small,
        "robustness-resnet18": chip_tables.robustness_resnet18,
    },
    "recovery.md": {
        "recovered": recovery_tables.recovered,
        "recovered in words": paragraph(recovery_tables.recovered_in_words),
        "gain that remains": recovery_tables.gain_that_remains,
        "single passes": paragraph(recovery_tables.single_passes_in_words),
        "vgg-small": recovery_tables.vgg_small,
        "resnet18-cifar": recovery_tables.resnet18,
        "cnv": recovery_tables.cnv,
        "cnv in words": paragraph(recovery_tables.cnv_in_words),
    },
    "benchmarks.md": {
        "exact": exact_tables.pairs_of_solvers,
        "exact in words": paragraph(exact_tables.pairs_in_words),
    },
    "bring-your-own.md": {"shipped": network_tables.shipped},
    "chips.md": {"kinds": effect_tables.kinds, "presets": effect_tables.presets},
    "encodings.md": {
        "kinds": encoding_tables.kinds,
        "sram": encoding_tables.sram,
        "reram": encoding_tables.reram,
        "in words": paragraph(encoding_tables.in_words),
    },
    "scope.md": {"sweeps": sweep_tables.shipped},
    "devices.md": {"bitcells": device_tables.bitcells},
    "commands.md": {"commands": commands},
    "mitigations.md": {"passes": mitigation_tables.passes, "gives": mitigation_tables.gives},
    "cost.md": {
        "tile": cost_tables.tile,
        "efficiency": cost_tables.efficiency,
        "macro": cost_tables.macro,
        "parameters": cost_tables.parameters,
        "paper": paragraph(paper.cost_summary),
    },
}


def filled(page: str, text: str) -> str:
    """The text of a page with its generated parts as the code has them now."""
    for name, table in TABLES[page].items():
        start, end = f"<!-- generated: {name} -->\n", "\n<!-- end -->"
        pattern = re.compile(re.escape(start) + ".*?" + re.escape(end), re.DOTALL)
        if len(pattern.findall(text)) != 1:
            raise ValueError(f"{page} needs the part '{name}' once")
        content = start + table() + end
        text = pattern.sub(lambda match, content=content: content, text)
    return text


def _schema_fields(schema: dict[str, Any]) -> Iterator[tuple[str, tuple[str, str, bool]]]:
    """(dotted name, (default, values, whether a list is an axis)) of every field, in the order of the schema."""
    definitions = schema["$defs"]

    def fields_of(part: dict[str, Any], prefix: str) -> Iterator[tuple[str, tuple[str, str, bool]]]:
        for name, field in part["properties"].items():
            kind = _without_null(field)
            axis = kind.get("type") == "array"
            item = kind.get("items", {}) if axis else kind
            group = definitions.get(item.get("$ref", "").rsplit("/", 1)[-1])
            plain_match = group is definitions["MatchSpec"]
            nested = group is not None and not plain_match
            # A group that has a short form (a name, ROWSxCOLS) is a field of its own.
            if not nested or axis or name == "dataset":
                default = _shown(field["default"]) if "default" in field and not nested else "required"
                if name not in part.get("required", []) and default == "required":
                    default = ""
                many = (axis or name == "overrides") and not plain_match and name not in _PLAIN_LISTS
                yield prefix + name, (default, _values(item), many)
            if nested:
                yield from fields_of(group, f"{prefix}{name}[]." if axis else f"{prefix}{name}.")

    yield from fields_of(schema, "")


def _without_null(field: dict[str, Any]) -> dict[str, Any]:
    options = [option for option in field.get("anyOf", []) if option.get("type") != "null"]
    return options[0] if options else field


def _shown(default: Any) -> str:
    value = default[0] if isinstance(default, list) and len(default) == 1 else default
    if value in (None, "", [], {}):
        return ""
    return f"`{value}`" if isinstance(value, str) else f"`{json.dumps(value)}`"


def _values(item: dict[str, Any]) -> str:
    if "enum" in item:
        return ", ".join(f"`{value}`" for value in item["enum"])
    bounds = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    return ", ".join(f"{sign} {item[name]:g}" for name, sign in bounds.items() if name in item)


def _columns(schema: pa.Schema) -> str:
    rows = []
    for field in schema:
        metadata = {key.decode(): value.decode() for key, value in field.metadata.items()}
        null = ", or null" if field.nullable else ""
        meaning = metadata["description"].replace("|", "\\|")
        rows.append([f"`{field.name}`", f"{field.type}{null}", metadata["unit"], meaning])
    return markdown_table(["column", "type", "unit", "meaning"], [], rows)


if __name__ == "__main__":
    for page in TABLES:
        path = FOLDER / page
        path.write_text(filled(page, path.read_text(encoding="utf-8")), encoding="utf-8")
