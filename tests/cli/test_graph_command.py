"""`pelton graph` on the flights app: picture, SVG, JSON, and a name that is not there."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from pelton.cli import command

APP = str(Path(__file__).parents[2] / "examples" / "flights" / "app.py")


def test_graph_draws_writes_and_refuses(tmp_path: Path) -> None:
    svg = tmp_path / "out.svg"
    drawn = CliRunner().invoke(command, ["graph", APP, "delay", "--svg", str(svg)])
    assert drawn.exit_code == 0 and "│ clean │" in drawn.output
    assert svg.read_text().startswith("<svg")
    said = CliRunner().invoke(command, ["graph", APP, "delay", "--json"])
    (spec,) = json.loads(said.output)["graphs"]
    assert [each["name"] for each in spec["steps"]] == ["validate", "enrich", "know", "explain"]
    lost = CliRunner().invoke(command, ["graph", APP, "nope"])
    assert lost.exit_code == 1 and "delay, decide" in lost.output
