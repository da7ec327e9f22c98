"""The engine's source holds nothing that could differ between two runs or two machines."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "clearing"
ROOMS = ("engine", "quantities", "rulebook")
FORBIDDEN_IMPORTS = {
    "asyncio",
    "datetime",
    "locale",
    "math",
    "os",
    "pathlib",
    "pickle",
    "random",
    "secrets",
    "threading",
    "time",
    "uuid",
}
FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def is_set(node: ast.expr) -> bool:
    """Whether an expression is a set for certain: a literal, a call, or two of them combined."""
    if isinstance(node, ast.BinOp):
        return is_set(node.left) or is_set(node.right)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id in {"set", "frozenset"}
    return isinstance(node, ast.Set | ast.SetComp)


def problems(path: Path) -> list[str]:
    """Every place in a file that breaks the determinism contract."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            found.append(f"{line}: true division")
        elif isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            found.append(f"{line}: a binary floating-point number")
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names]
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            found += [
                f"{line}: imports {name}"
                for name in names
                if name.split(".")[0] in FORBIDDEN_IMPORTS
            ]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in {"float", "hash", "id", "round", "open", "eval", "exec", "input"}:
                found.append(f"{line}: calls {node.func.id}()")
            elif node.func.id in {"list", "tuple", "iter", "enumerate", "zip", "map", "dict"}:
                found += [f"{line}: orders a set by chance" for arg in node.args if is_set(arg)]
        elif isinstance(node, ast.For | ast.comprehension) and is_set(node.iter):
            found.append(f"{getattr(node.iter, 'lineno', 0)}: iterates a set")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_floats_clocks_chance_or_environment(path: Path) -> None:
    assert problems(path) == []


@pytest.mark.parametrize(
    "source",
    [
        "x = a / b",
        "x = 0.5",
        "import time",
        "from random import random",
        "y = float(x)",
        "for x in {1, 2}: pass",
        "x = round(y)",
        "for x in set(y): pass",
        "x = [z for z in {1} | y]",
        "x = list(frozenset(y))",
    ],
)
def test_the_walk_finds_what_it_looks_for(source: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.py"
    path.write_text(source)
    assert len(problems(path)) == 1
