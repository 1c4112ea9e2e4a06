"""docs/architecture.md against the code: every module has a room, and imports go to rooms above it only."""

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "lmindexer"
FRAME = {"__init__", "__main__", "_version"}  # names of the package itself, which every room may ask for


@functools.cache
def rooms() -> dict[str, int]:
    """Module or sub-package → its row in the table of rooms, counted from the ground up."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.split("| room | modules |")[1].split("\n\n")[0]
    rows = [line.split("|")[2] for line in table.splitlines()[2:]]
    return {name.strip("/"): height for height, row in enumerate(rows) for name in re.findall(r"`([^`]+)`", row)}


@functools.cache
def modules() -> dict[str, list[Path]]:
    """Module or sub-package → its files."""
    found: dict[str, list[Path]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if name not in FRAME:
            found.setdefault(name, []).append(path)
    return found


def imports(path: Path) -> set[str]:
    """Modules and sub-packages of this project that a file imports, also inside its functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] in ("explorer_app", "notebooks"):
                found.add(parts[0])
            if parts[0] == "lmindexer" and len(parts) > 1 and parts[1] in modules():
                found.add(parts[1])
    return found


def test_every_module_has_a_room_and_every_room_is_there():
    outside = {"explorer_app", "notebooks"}
    assert set(rooms()) - outside == set(modules())


@pytest.mark.parametrize("name", modules())
def test_imports_go_to_rooms_above(name):
    heights = rooms()
    for path in modules()[name]:
        for other in imports(path):
            assert heights[other] <= heights[name], f"{path.relative_to(ROOT)} imports {other}"
