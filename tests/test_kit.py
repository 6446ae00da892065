"""What tests share stands in tests/kit/ or in conftest.py: no test is imported, so that none runs twice."""

import ast
from pathlib import Path

TESTS = Path(__file__).parent


def imported(node: ast.AST) -> list[str]:
    """Returns the modules that a statement may import, dotted."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


def is_test(module: str) -> bool:
    """Returns whether a module, or a package that it is in, is called as tests are and lies among them."""
    parts = module.split(".")
    return any(
        part == "conftest" or (part.startswith("test_") and any(TESTS.rglob(f"{part}.py"))) for part in parts
    )


def test_no_test_is_imported():
    found = [
        f"{file.relative_to(TESTS)}:{node.lineno}: {module}"
        for file in sorted(TESTS.rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text()))
        for module in imported(node)
        if is_test(module)
    ]
    assert not found


def test_what_is_at_the_top_are_tests():
    assert {file.name for file in TESTS.glob("*.py") if not file.name.startswith("test_")} == {"conftest.py"}
