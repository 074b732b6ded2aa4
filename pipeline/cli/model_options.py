"""Options that the commands on networks share."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.completion import corners, devices
from simcore.design_axes import MOST_SIDE

ModelArgument = Annotated[str, typer.Argument(metavar="MODEL", help="Network that ships, or a checkpoint file.")]
RowsOption = Annotated[int, typer.Option(min=1, max=MOST_SIDE, help="Rows of an array.")]
ColsOption = Annotated[int, typer.Option(min=1, max=MOST_SIDE, help="Columns of an array.")]
DeviceOption = Annotated[str, typer.Option(help="Bitcell that ships, or a file.", autocompletion=devices)]
CornerOption = Annotated[str, typer.Option(help="Corner of the bitcell.", autocompletion=corners)]
