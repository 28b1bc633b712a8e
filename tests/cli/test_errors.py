"""Bad input: one error of what, where and what to do, the right exit code, no traceback, nothing written."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.cli.conftest import Ampsim
from tests.cli.jobs import JOB_PY, JOB_YAML, SMALL

SETTINGS = (
    "epochs, max_active_keys, min_update_frequency, update, gradient, max_batch, optimizer, validate_every, "
    "instances, target, target_loss, shuffle, seed, nodes"
)


class Case(NamedTuple):
    """A command line (small options added where it says SMALL) and the whole of stderr."""

    line: str
    error: str


CASES = [
    # names
    Case(
        "run mpl",
        "there is no workload 'mpl'\n  do: did you mean mlp? (or give a job.yaml, or file.py:function)",
    ),
    Case(
        "simulate . -s host",
        "there is no workload '.'\n  do: one of: mlp, list_reduction, tree_lstm, ggsnn_babi15, ggsnn_qm9 "
        "(or give a job.yaml, or file.py:function)",
    ),
    Case("rnu mlp", "there is no command 'rnu'\n  where: ampsim\n  do: did you mean ampsim run?"),
    Case("hw lits", "there is no command 'lits'\n  where: ampsim hw\n  do: did you mean ampsim hw list?"),
    Case("data take", "there is no command 'take'\n  where: ampsim data\n  do: one of: get, list"),
    Case(
        "hw show gpu_swich_8",
        "there is no system called 'gpu_swich_8'\n  do: did you mean gpu_switch_8 or edge_switch_4?...",
    ),
    Case("data get mnist_5k", "there is no data set 'mnist_5k'\n  do: did you mean mnist5k?"),
    # the form of a command line
    Case("run", "missing argument 'JOB'\n  do: see ampsim run -h"),
    Case("run mlp --bogus", "no such option '--bogus'...\n  do: see ampsim run -h"),
    Case("simulate mlp", "missing option '-s' / '--system'\n  do: see ampsim simulate -h"),
    Case(
        "run mlp -w 0",
        "invalid value for '-w' / '--workers': 0 is not in the range 1<=x<=256\n  do: see ampsim run -h",
    ),
    Case("run mlp -w two", "invalid value for '-w' / '--workers': 'two' is not a valid integer...\n  do: ..."),
    # settings
    Case(
        "run mlp --set epochs=3",
        "'epochs' is not a setting of a job\n  where: epochs\n  do: use training.NAME=VALUE or options.NAME=VALUE",
    ),
    Case(
        "run mlp --set training.=3",
        "'training.' is not a setting of a job\n  where: training.\n  do: use training...",
    ),
    Case(
        "run mlp --set training.epochs",
        "'training.epochs' is not of the form NAME=VALUE\n  where: --set training.epochs\n"
        "  do: write NAME=VALUE, e.g. training.epochs=3",
    ),
    Case(
        "run mlp --set training.epochs=[1",
        "'[1' cannot be read: this is not YAML: did not find expected ',' or ']'\n  where: --set training.epochs",
    ),
    Case(
        "run mlp --set training.epoch=3",
        f"training has no setting 'epoch'\n  where: training.epoch\n  do: one of: {SETTINGS}; did you mean epochs?",
    ),
    Case(
        "run mlp --set training.epochs=many",
        "training.epochs is 'many'; it must be an int from 1 to 10^9\n  where: training.epochs",
    ),
    Case(
        "run mlp --set training.epochs=1.5",
        "training.epochs is 1.5; it must be an int from 1 to 10^9\n  where: training.epochs",
    ),
    Case(
        "run mlp --set training.shuffle=1",
        "training.shuffle is 1; it must be true or false\n  where: training.shuffle",
    ),
    Case("run mlp --seed -1", "training.seed is -1; it must be an int from 0 to 2^63 - 1\n  where: training.seed"),
    Case(
        "run mlp --set training.optimizer.name=adm",
        "unknown optimizer 'adm'\n  where: training.optimizer.name\n"
        "  do: one of: sgd, momentum, adam; did you mean adam?",
    ),
    Case(
        "run mlp --set training.optimizer.name=[adam]",
        "unknown optimizer ['adam']\n  where: training.optimizer.name\n  do: one of: sgd, momentum, adam",
    ),
    Case(
        "run mlp --set training.optimizer.schedule=step",
        "the schedule step needs 'every'\n  where: training.optimizer.schedule.every\n"
        "  do: set training.optimizer.schedule.every",
    ),
    Case(
        "run mlp --set training.optimizer.schedule.every=100",
        "the schedule has no name\n  where: training.optimizer.schedule.name\n  do: one of: step, cosine, warmup",
    ),
    Case(
        "run mlp --set training.nodes.L5.gradient=sum",
        "the graph has no node 'L5', so nothing can be set of it\n  where: training.nodes.L5\n"
        "  do: one of: L1, L2, L4, L3",
    ),
    Case(
        "run mlp --set training.nodes.L1.gradients=sum",
        "training.nodes.L1.gradients is 'sum'; it must be a mapping of settings\n"
        "  where: training.nodes.L1.gradients\n  do: set training.nodes.L1.gradients.SETTING, one of: "
        "optimizer, min_update_frequency, update, gradient",
    ),
    Case(
        "run mlp --set training.nodes.L1.optimizer.rate=-1",
        "-1 is not a number from 0 to below 1e+06\n  where: training.nodes.L1.optimizer.rate",
    ),
    Case(
        "run mlp --set training.target_loss=low",
        "training.target_loss is 'low'; it must be a finite number\n  where: training.target_loss",
    ),
    Case(
        "run mlp --set training.optimizer.momentum=1",
        "the optimizer sgd has no setting 'momentum'\n  where: training.optimizer.momentum\n"
        "  do: one of: rate, schedule",
    ),
    Case(
        "run mlp --set training.optimizer.rate=fast",
        "'fast' is not a number from 0 to below 1e+06\n  where: training.optimizer.rate",
    ),
    Case(
        "run mlp --set training.seed=1 --set training.seed.low=2",
        "seed has no parts\n  where: training.seed.low\n  do: set seed itself, or remove one of the two",
    ),
    Case(
        "run mlp --set options.widht=16",
        "workload mlp has no option 'widht'\n  where: options.widht\n  do: did you mean width?",
    ),
    Case(
        "run mlp --set options.bias=true",
        "workload mlp has no option 'bias'\n  where: options.bias\n"
        "  do: one of: data, batch, width, layers, pixels, classes, training, validation, replicas, seed",
    ),
    Case(
        "run mlp --set options.width=1.5",
        "width must be of type int, not 1.5\n  where: options.width\n  do: the default is 784",
    ),
    Case(
        "run mlp --set options.width=true",
        "width must be of type int, not True\n  where: options.width\n  do: the default is 784",
    ),
    Case(
        "run mlp --set options.data=",
        "data must be of type str, not None\n  where: options.data\n  do: the default is 'mnist5k'",
    ),
    Case("run mlp --set options.batch=0", "batch is 0; it must be an int from 1 to 100000000\n  where: options.batch"),
    Case(
        "run mlp --set options.data=imagenet",
        "there are no images called 'imagenet'\n  where: data.options.name\n"
        "  do: one of: mnist5k, mnist, fashion_mnist, generated, none",
    ),
    Case(
        "run mlp --set options.layers=1",
        "an MLP of 1 layers has no hidden layer\n  where: options.layers\n  do: use at least 2",
    ),
    Case(
        "run mlp SMALL --set options.pixels=100",
        "graph 'mlp' is not valid: 1 violation\n"
        "  - L1: Linear(100, 16) needs float32 of shape (rows, 100), gets float32 of shape (100, 784)",
    ),
    # placement
    Case(
        "run mlp SMALL --placement 0",
        "'0' places nothing\n  where: --placement\n  do: write UNIT=WORKER,..., e.g. 0=0,1=1",
    ),
    Case("run mlp SMALL --placement 0=0,0=1", "unit 0 is placed twice\n  where: --placement\n  do: place it once"),
    Case(
        "run mlp SMALL --placement 0=0,1=0,2=0",
        "the placement says nothing of unit 3\n  where: placement\n  do: place all units: ...",
    ),
    Case(
        "simulate mlp SMALL -s host -w 2 --placement 0=0,1=0,2=1,3=9",
        "the placement puts unit 3 on worker 9, but there are 2\n  where: placement\n  do: use workers 0 to 1",
    ),
    # data, systems, runs
    Case(
        "run mlp",
        "the data set mnist5k is not here\n  where: data/mnist5k/mnist_5k.csv.gz\n"
        "  do: get it: ampsim data get mnist5k",
    ),
    Case(
        "run mlp SMALL --set options.data=none",
        "there are no ...: the job was given shapes without data\n  where: data.options.name\n"
        "  do: use shapes mode, or name a data set: mnist5k, mnist, fashion_mnist, generated",
    ),
    Case(
        "data get mnist5k --from nowhere",
        "there is no folder nowhere\n  where: --from\n"
        "  do: put mnist_5k.csv.gz into a folder and give it: ampsim data get mnist5k --from FOLDER",
    ),
    Case("simulate mlp SMALL -s no.yaml", "cannot read the file: No such file or directory\n  where: no.yaml"),
    Case(
        "simulate mlp SMALL -s gpu_switch_8 -w 9",
        "9 workers do not fit on the 8 chips of system gpu_switch_8\n  where: workers\n  do: use at most 8",
    ),
    Case("compare nowhere either", "nowhere is no folder\n  where: nowhere\n  do: give the folder of a run"),
    Case("report nowhere -o r.html", "nowhere is no folder\n  where: nowhere\n  do: give the folder of a run"),
    Case("run mlp SMALL --init nowhere", "nowhere is no folder\n  where: nowhere\n  do: give the folder of a run"),
    # places to write to
    Case("run mlp SMALL -o no/run", "{here}/no is no folder\n  where: {here}/no/run\n  do: make it first, ..."),
    Case("run mlp SMALL -o con", "'con' is no name to write to\n  do: choose another name"),
    Case(
        "run mlp SMALL --report r.csv",
        "a report is an HTML page, and r.csv is not called one\n  where: r.csv\n  do: end it in .html",
    ),
    Case(
        "report run -o no/r.html",
        "{here}/no is no folder\n  where: {here}/no/r.html\n  do: make it first, or choose another place",
    ),
    Case("calibrate -o no/host.yaml", "{here}/no is no folder\n  where: {here}/no/host.yaml\n  do: make it first..."),
    Case("demo -o no/demo", "{here}/no is no folder\n  where: {here}/no/demo\n  do: make it first, ..."),
    # jobs of files
    Case("run job.yaml", "cannot read the file: No such file or directory\n  where: job.yaml"),
    Case(
        "run job.py", "job.py names no function\n  where: job.py\n  do: name the one that builds the job: job.py:NAME"
    ),
    Case("run job.py:build", "there is no file job.py\n  where: job.py:build\n  do: give file.py:function"),
]


def matches(text: str, pattern: str) -> bool:
    """Whether ``text`` is ``pattern``, in which ... stands for anything on that line."""
    lines, wanted = text.splitlines(), pattern.splitlines()
    if len(lines) != len(wanted):
        return False
    for line, want in zip(lines, wanted, strict=True):
        head, dots, tail = want.partition("...")
        if line != want and not (dots and line.startswith(head) and line.endswith(tail)):
            return False
    return True


@pytest.mark.parametrize("case", CASES, ids=[case.line for case in CASES])
def test_bad_input_is_told_and_nothing_is_written(case: Case, ampsim: Ampsim, folder: Path) -> None:
    words = [word for part in shlex.split(case.line) for word in (SMALL if part == "SMALL" else (part,))]
    done = ampsim(*words)
    assert (done.code, done.out) == (2, "")
    wanted = "error: " + case.error.format(here=folder) + "\n"
    assert matches(done.err, wanted), f"{done.err}\nis not\n{wanted}"
    assert list(folder.iterdir()) == []


# Files --------------------------------------------------------------------------------------------------------------

YAML_CASES = [
    ("", "the file is empty", "job.yaml"),
    ("mlp\n", "a job file is a mapping", "job.yaml:1"),
    ("workload: [mlp\n", "this is not YAML: did not find expected ',' or ']'", "job.yaml:2"),
    ("options:\n  width: 16\n", "the job names no workload", "job.yaml:1: workload"),
    ("workload: mpl\n", "there is no workload 'mpl'", None),
    ("workload: mlp\ntrainig:\n  epochs: 1\n", "a job has no 'trainig'", "job.yaml:2: trainig"),
    ("workload: mlp\ntraining: 3\n", "training is a mapping of names to values", "job.yaml:2: training"),
    ("workload: mlp\noptions: [width]\n", "options is a mapping of names to values", "job.yaml:2: options"),
    ("workload: mlp\noptions:\n  widht: 1\n", "workload mlp has no option 'widht'", "job.yaml:3: options.widht"),
    ("workload: mlp\noptions:\n  width: '16'\n", "width must be of type int, not '16'", "job.yaml:3: options.width"),
    (
        JOB_YAML.replace("epochs: 1", "epochs: 1.0"),
        "training.epochs is 1.0; it must be an int from 1 to 10^9",
        "job.yaml:8: training.epochs",
    ),
    (
        JOB_YAML + "  optimizer:\n    name: adam\n    rate: -1\n",
        "-1 is not a number from 0 to below 1e+06",
        "job.yaml:12: training.optimizer.rate",
    ),
    ("workload: other.yaml\n", "a job file cannot build on another one", "job.yaml:1: workload"),
    ("workload: no.py:build\n", "there is no file {here}/no.py", "{here}/no.py:build"),
    ("workload: mlp\nworkload: mlp\n", "the key 'workload' is repeated", "job.yaml:2: workload"),
    ("job: 3\n", "a job is a mapping", "job.yaml:1: job"),
    ("graph: {}\n", "this is no job: 'data'", "job.yaml"),
    ("graph: {}\ndatas: {}\n", "a job has no 'datas'", "job.yaml:2: datas"),
]


@pytest.mark.parametrize("text, what, where", YAML_CASES, ids=[what for _, what, _ in YAML_CASES])
def test_a_job_yaml_that_is_wrong(text: str, what: str, where: str | None, ampsim: Ampsim, folder: Path) -> None:
    (folder / "job.yaml").write_text(text)
    done = ampsim("simulate", "job.yaml", "-s", "host")
    lines = done.err.splitlines()
    assert (done.code, done.out, lines[0]) == (2, "", "error: " + what.format(here=folder))
    if where is not None:
        assert lines[1] == "  where: " + where.format(here=folder)
    assert [path.name for path in folder.iterdir()] == ["job.yaml"]


FUNCTION_CASES = [
    ("def build(:\n", "build", "{file} cannot be imported: SyntaxError: invalid syntax", "{file}:1"),
    ("import no_such_module\n", "build", "{file} cannot be imported: ModuleNotFoundError: No module...", "{file}:1"),
    ("import sys\nsys.exit('no')\n", "build", "{file} cannot be imported: SystemExit: no", "{file}:2"),
    (JOB_PY, "biuld", "{file} has no function 'biuld'", "{file}:biuld"),
    ("X = 3\n", "X", "{file} has no function 'X'", "{file}:X"),
    ("def build():\n    return 3\n", "build", "build gives int, not a Job", "{file}:build"),
    ("def build():\n    return 1 / 0\n", "build", "build failed: ZeroDivisionError: division by zero", "{file}:2"),
    ("def build(a):\n    pass\n", "build", "build does not take these options: missing a required...", "{file}:build"),
    (
        "def build():\n    raise TypeError('mine')\n", "build", "build failed: TypeError: mine", "{file}:2",
    ),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(FUNCTION_CASES)), ids=[case[2] for case in FUNCTION_CASES])
def test_a_function_job_that_is_wrong(number: int, ampsim: Ampsim, folder: Path) -> None:
    text, function, what, where = FUNCTION_CASES[number]
    file = f"wrong_{number}.py"
    (folder / file).write_text(text)
    done = ampsim("simulate", f"{file}:{function}", "-s", "host")
    lines = done.err.splitlines()
    assert (done.code, done.out) == (2, "")
    assert matches(lines[0], "error: " + what.format(file=file)), lines[0]
    assert lines[1] == "  where: " + where.format(file=file)
    assert [path.name for path in folder.glob("*") if path.name != "__pycache__"] == [file]


GRAPH_WITH = """\
import ampsim
from ampsim.ir.nodes import Cond, Linear, LogSoftmax, NllLoss, Phi, Source


def build():
    images, labels, loss = Source("images"), Source("labels"), NllLoss("loss")
    cond, phi = Cond("which", {predicate}, ports=("no", "yes")), Phi("phi", ports=("a", "b"))
    images >> cond
    cond["no"] >> phi["a"]
    cond["yes"] >> phi["b"]
    phi >> Linear("L", 784, 10) >> LogSoftmax() >> loss["prediction"]
    labels >> loss["label"]
    recipe = ampsim.Recipe("ampsim.workloads.images:load", {{"name": "generated", "training": 100}})
    return ampsim.Job(ampsim.Graph.of("g", images, labels), recipe)
"""
PREDICATES = [
    ("lambda state, structure: True", "is a lambda, which no other process can import; make it a named function of"),
    ('"__main__:chosen"', "'__main__:chosen' stands in a script, which workers do not import; move it to a module"),
    ('"nowhere:chosen"', "'nowhere:chosen' cannot be imported: No module named 'nowhere'"),
]


@pytest.mark.parametrize("predicate, reason", PREDICATES)
@pytest.mark.parametrize("command", ["run", "simulate"])
def test_a_predicate_other_processes_cannot_import(
    predicate: str, reason: str, command: str, ampsim: Ampsim, folder: Path
) -> None:
    module = f"graph_{abs(hash(predicate))}"
    (folder / f"{module}.py").write_text(GRAPH_WITH.format(predicate=predicate))
    done = ampsim(command, f"{module}.py:build", *(() if command == "run" else ("-s", "host")))
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: graph 'g' is not valid: 1 violation\n  - which")
    assert reason in done.err
    assert "Traceback" not in done.err
    assert not list(folder.glob("g-*"))


def test_a_system_file_that_is_wrong_is_quoted_by_line(ampsim: Ampsim, folder: Path) -> None:
    (folder / "s.yaml").write_text("name: s\nchips:\n- count: 2\n  matmul: fast\n")
    done = ampsim("simulate", "mlp", *SMALL, "-s", "s.yaml")
    assert (done.code, done.out) == (2, "")
    assert "  where: s.yaml:4: chips[0].matmul\n" in done.err


def test_a_job_too_large_is_refused_with_a_table(ampsim: Ampsim, folder: Path) -> None:
    done = ampsim("simulate", "mlp", *SMALL, "--set", "options.width=20000", "-s", "fpga_ring_16")
    assert (done.code, done.out) == (2, "")
    assert "fpga0" in done.err
    assert "MiB" in done.err or "GiB" in done.err
    assert list(folder.iterdir()) == []


# What is there already ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line", ["run no_such_job.yaml -o there", "calibrate no_such_job.yaml -o there", "demo -o there"]
)
def test_an_existing_folder_is_refused(line: str, ampsim: Ampsim, folder: Path) -> None:
    (folder / "there").mkdir()
    words = line.replace("no_such_job.yaml", "job.yaml").split()
    (folder / "job.yaml").write_text(JOB_YAML)
    done = ampsim(*words)
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "error: there exists already\n  where: there\n  do: choose another -o, or add --force to replace it\n"
    )
    assert list((folder / "there").iterdir()) == []


@pytest.mark.parametrize("command", ["run", "demo"])
def test_force_replaces_nothing_of_another_kind(command: str, ampsim: Ampsim, folder: Path) -> None:
    (folder / "thesis").mkdir()
    (folder / "thesis" / "thesis.tex").write_text("x")
    (folder / "job.yaml").write_text(JOB_YAML)
    done = ampsim(command, *(("job.yaml",) if command == "run" else ()), "-o", "thesis", "--force")
    assert (done.code, done.out) == (2, "")
    assert "so it is not replaced\n" in done.err
    assert (folder / "thesis" / "thesis.tex").read_text() == "x"


@pytest.mark.parametrize("command", ["run", "demo"])
def test_links_are_never_followed(command: str, ampsim: Ampsim, folder: Path) -> None:
    (folder / "link").symlink_to(folder / "gone")
    (folder / "job.yaml").write_text(JOB_YAML)
    job = ("job.yaml",) if command == "run" else ()
    for force in ((), ("--force",)):
        done = ampsim(command, *job, "-o", "link", *force)
        assert (done.code, done.out) == (2, "")
        assert "link is a link, which is never followed\n" in done.err


def test_a_report_cannot_be_a_folder(ampsim: Ampsim, folder: Path) -> None:
    (folder / "page.html").mkdir()
    done = ampsim("run", "mlp", *SMALL, "--report", "page.html")
    assert (done.code, done.out) == (2, "")
    assert done.err == "error: page.html is a folder\n  where: page.html\n  do: name a file\n"


def test_a_run_folder_that_is_damaged(ampsim: Ampsim, folder: Path) -> None:
    assert ampsim("simulate", "mlp", *SMALL, "-s", "host", "-o", "run").code == 0
    (folder / "run" / "result.json").write_text("{}")
    for words in (
        ("compare", "run", "run"),
        ("report", "run", "-o", "r.html"),
        ("run", "mlp", "--init", "run", *SMALL),
    ):
        done = ampsim(*words)
        assert (done.code, done.out) == (2, "")
        assert "result.json" in done.err
        assert "Traceback" not in done.err
    assert not (folder / "r.html").exists()
