"""What there is, is written down: names, settings, nodes, options, errors; and with its real default."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields

import pytest

import ampsim
from ampsim import errors
from ampsim.ir import nodes
from ampsim.job import Training
from ampsim.workloads import WORKLOADS, builder
from tests.docs.pages import PAGES, ROOT

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ampsim.__all__)
def test_every_public_name_is_in_the_list_and_used_somewhere(name: str) -> None:
    assert f"`{name}`" in page("api.md")
    assert name == "nodes" or f":: ampsim.{name}\n" in page("api.md")
    pages = [other.read_text(encoding="utf-8") for other in [*PAGES, *EXAMPLES] if other.name != "api.md"]
    assert re.search(rf"\b{name}\b", "\n".join(pages))


def test_every_setting_of_training_with_its_default() -> None:
    shown = {None: "none", True: "true", "muf": "`muf`", "mean": "`mean`"}
    for field in fields(Training):
        default = getattr(Training(), field.name)
        text = "none" if default == {} else shown.get(default, str(default))
        if field.name == "optimizer":
            text = "`SGD(0.1)`"
        if field.name in ("epochs", "max_active_keys", "min_update_frequency", "max_batch"):
            text = "1"
        assert f"| `{field.name}` | {text} |" in page("training.md"), field.name


def test_every_node_is_in_the_tables() -> None:
    text = page("nodes.md")
    for name in nodes.__all__:
        kind = getattr(nodes, name)
        if dataclass_of_a_graph(kind):
            assert f"| `{name}(" in text, name
            assert re.search(rf"^\| [^|]*`{name}`", text, flags=re.MULTILINE), name


def dataclass_of_a_graph(kind: type) -> bool:
    """A node that can stand in a graph, not a family, a port or an error."""
    families = (nodes.Node, nodes.Transform, nodes.Parameterised, nodes.FanIn, nodes.FanOut, nodes.Regroup)
    return issubclass(kind, nodes.Node) and kind not in (*families, nodes.Routing, nodes.Loss)


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_option_of_a_workload_with_its_default(name: str) -> None:
    text = page("workloads.md").partition(f"## {name}\n")[2].partition("\n## ")[0]
    named = [re.findall(r"`(\w+)`", row.split("|")[1]) for row in text.splitlines() if row.startswith("| `")]
    values = [re.findall(r"\w+", row.split("|")[2]) for row in text.splitlines() if row.startswith("| `")]
    found = {key: value for keys, row in zip(named, values, strict=True) for key, value in zip(keys, row, strict=True)}
    signature = inspect.signature(builder(name))
    assert found == {key: str(option.default) for key, option in signature.parameters.items()}


def test_every_error_a_run_can_end_with_is_explained() -> None:
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, errors.RunError):
            assert kind.__name__ in page("running.md") + page("simulating.md"), kind.__name__


def test_every_exit_code_is_in_the_table() -> None:
    codes = {kind.exit_code for kind in vars(errors).values() if inspect.isclass(kind) and hasattr(kind, "exit_code")}
    shown = {int(code) for code in re.findall(r"^\| (\d+) \|", page("cli.md"), flags=re.MULTILINE)}
    assert shown == codes | {0, 130}


def test_pages_are_short() -> None:
    own = ("graphs", "nodes", "training", "optimizers", "running", "simulating", "agreement", "cli", "index")
    lengths = {name: len(page(f"{name}.md").splitlines()) for name in own}
    assert {name: length for name, length in lengths.items() if length > 160} == {}
