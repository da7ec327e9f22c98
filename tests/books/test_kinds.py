"""Everything that the engine posts has a name in a statement and a part in a result."""

import ast
from pathlib import Path

import clearing.engine
from clearing.books.kinds import FILLS, PARTS, PURPOSES
from clearing.events.kinds import CAUSES


def posted_purposes() -> set[str]:
    """The purposes that the engine's source posts by, wherever a first argument says one."""
    found: set[str] = set()
    for path in Path(clearing.engine.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            name = node.func.id if isinstance(node.func, ast.Name) else called
            place = {"move": 0, "_owe": 2}.get(name)
            if place is None or len(node.args) <= place:
                continue
            purpose = node.args[place]
            if isinstance(purpose, ast.Constant):
                found.add(str(purpose.value))
    return found


def test_every_purpose_of_a_posting_has_a_kind_and_a_part() -> None:
    found = posted_purposes()
    assert {"deposit", "loss", "realised_pnl"} <= found, "the engine posts otherwise now"
    assert found <= set(PURPOSES)
    assert set(PURPOSES) <= found, "nothing is posted by it any more"


def test_every_part_is_explained() -> None:
    parts = {each.part for each in (*PURPOSES.values(), *FILLS.values())}
    assert parts <= set(PARTS)
    assert set(CAUSES) <= set(FILLS)
