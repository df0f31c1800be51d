"""Activities and workflow messages take one request, so that a field can be added without breaking a running fleet."""

import ast

from tests.architecture.test_tree import ROOT, SOURCES

ENTRANCES = {"activity.defn", "workflow.run", "workflow.update", "workflow.signal", "workflow.query"}


def with_several_arguments(code: str) -> list[str]:
    """Return the names of activities and workflow handlers that take more than one argument."""
    return [
        node.name
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and any(_name(each) in ENTRANCES for each in node.decorator_list)
        and len(node.args.args) + len(node.args.kwonlyargs) > 2
    ]


def _name(decorator: ast.expr) -> str:
    return ast.unparse(decorator.func if isinstance(decorator, ast.Call) else decorator)


def test_every_activity_and_every_workflow_takes_one_request() -> None:
    files = [path for path in SOURCES if path.relative_to(ROOT).parts[0] in {"activities", "workflows"}]
    found = {path.name: names for path in files if (names := with_several_arguments(path.read_text(encoding="utf-8")))}

    assert found == {}


def test_a_second_argument_is_found() -> None:
    planted = "class A:\n    @activity.defn(name='old')\n    async def act(self, account, day): ..."

    assert with_several_arguments(planted) == ["act"]
