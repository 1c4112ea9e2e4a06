"""docs/architecture.md against the code: every module has a room, imports go to rooms above it, and in no circle."""

import ast
import functools
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "lmindexer"
FRAME = {"__init__", "__main__", "_version"}  # all that may lie loose in the package; every room may ask for them


@functools.cache
def rooms() -> dict[str, int]:
    """Room → its row in the table of rooms, counted from the ground up."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.split("| room | knows |")[1].split("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines()[2:]]
    return {name.strip("/"): height for height, row in enumerate(rows) for name in re.findall(r"`([^`]+)`", row)}


@functools.cache
def modules() -> dict[str, Path]:
    """Dotted name of every module and package → its file."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def room_of(module: str) -> str | None:
    """The first folder of a module's name, or None for the package's frame."""
    parts = module.split(".")
    if parts[0] != "lmindexer":
        return parts[0]
    return parts[1] if len(parts) > 1 and parts[1] not in FRAME else None


@functools.cache
def imports(path: Path) -> set[str]:
    """Modules of this project that a file imports, also inside its functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name for name in whole if name in modules()} or {node.module}
    return {name for name in found if name and name.split(".")[0] in ("lmindexer", "explorer_app", "notebooks")}


def circle_in(graph: dict[str, set[str]]) -> list[str]:
    """A circle among module → what it imports, its first module again at the end; [] where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def test_nothing_lies_loose_and_every_room_is_in_the_table():
    assert {path.stem for path in PACKAGE.glob("*.py")} == FRAME
    assert {room_of(module) for module in modules()} - {None} == set(rooms()) - {"explorer_app", "notebooks"}


@pytest.mark.parametrize("room", [path.parent.name for path in sorted(PACKAGE.glob("*/__init__.py"))])
def test_a_room_says_what_it_is(room):
    said = ast.get_docstring(ast.parse((PACKAGE / room / "__init__.py").read_text(encoding="utf-8")))
    assert said and len(said.splitlines()) >= 1


@pytest.mark.parametrize("module", [name for name in modules() if room_of(name)])
def test_imports_go_to_rooms_above(module):
    heights = rooms()
    for other in imports(modules()[module]):
        if room_of(other):
            assert heights[room_of(other)] <= heights[room_of(module)], f"{module} imports {other}"


def test_no_files_import_each_other():
    known = set(modules())
    graph = {module: (imports(path) & known) - {module} for module, path in modules().items()}
    assert circle_in(graph) == [], "put what both need into a file of its own"


def test_a_circle_of_two_files_and_of_three_is_found():
    assert circle_in({"study": {"answers"}, "answers": {"store"}, "store": set()}) == []
    assert set(circle_in({"study": {"answers"}, "answers": {"study"}})) == {"study", "answers"}
    assert set(circle_in({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})) == {"a", "b", "c"}


HUMAN_EVAL = ("planning", "answering", "results")  # from the ground up


def test_the_rooms_of_human_eval_import_downwards_only():
    inside = [name.split(".")[2:] for name in modules() if name.startswith("lmindexer.human_eval.")]
    assert {parts[0] for parts in inside} == set(HUMAN_EVAL), "a module lies outside the three rooms"
    for parts in inside:
        for other in imports(modules()[".".join(("lmindexer", "human_eval", *parts))]):
            if other.startswith("lmindexer.human_eval."):
                above = HUMAN_EVAL.index(other.split(".")[2])
                assert above <= HUMAN_EVAL.index(parts[0]), f"{'.'.join(parts)} imports {other}"
