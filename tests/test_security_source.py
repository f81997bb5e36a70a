"""Nothing of this project runs what a file holds: no pickle, no eval, no shell; models are numbers and text."""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(
    path
    for folder in ("stactools_esd", "esd_tasks", "plugin", "scripts", "examples", "benchmarks", "services", "fuzz")
    for path in (ROOT / folder).rglob("*.py")
)

MODULES = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "imp", "pty", "xmlrpc"}
"""Modules that turn bytes into programs."""

BUILTINS = {"eval", "exec", "compile", "__import__"}
"""Functions that do."""

ATTRIBUTES = {
    ("os", "system"), ("os", "popen"), ("os", "execv"), ("os", "execvp"), ("subprocess", "getoutput"),
    ("subprocess", "getstatusoutput"), ("yaml", "load"), ("yaml", "load_all"), ("yaml", "unsafe_load"),
    ("yaml", "full_load"), ("torch", "load"), ("torch", "save"), ("jit", "load"), ("numpy", "fromregex"),
    ("pandas", "read_pickle"), ("pd", "read_pickle"), ("tempfile", "mktemp"),
}  # fmt: skip
"""Functions of modules that do, or that run a shell, or that name a file which somebody else may make first."""

SHELL = {"scripts/figures.py"}
"""Runs the commands of docs/figures.yaml, which are of this repository and are written for a shell."""


def wrong(source: str) -> Iterator[str]:
    """Yield what a source must not do."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            named = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            yield from (name for name in named if name.split(".")[0] in MODULES)
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in BUILTINS:
                yield node.func.id
            if isinstance(node.func, ast.Attribute):
                owner = node.func.value
                last = (
                    owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
                )
                if (last, node.func.attr) in ATTRIBUTES:
                    yield f"{last}.{node.func.attr}"
            for keyword in node.keywords:
                false = isinstance(keyword.value, ast.Constant) and not keyword.value.value
                if keyword.arg in ("shell", "allow_pickle") and not false:
                    yield f"{keyword.arg}="


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_source_runs_what_it_reads(path: Path) -> None:
    """No pickle or its kind, no eval, no YAML that makes objects, no torch.load, no shell; in packages and scripts."""
    found = set(wrong(path.read_text()))
    if path.relative_to(ROOT).as_posix() in SHELL:
        assert found == {"shell="}
    else:
        assert not found


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "eval('1')",
        "import yaml; yaml.load(x)",
        "np.load(path, allow_pickle=True)",
        "subprocess.run(line, shell=True)",
        "subprocess.run(line, shell=wanted)",
        "os.system('ls')",
        "torch.load(path)",
        "import torch; torch.jit.load(path)",
    ],
)
def test_the_rule_finds_what_it_forbids(source: str) -> None:
    """Each forbidden way is found."""
    assert list(wrong(source))


def test_shipped_files_are_data() -> None:
    """What comes with the packages is source, text, JSON and safetensors: no pickled model, no binary to run."""
    kept = subprocess.run(["git", "ls-files", "stactools_esd", "esd_tasks"], cwd=ROOT, capture_output=True, text=True)
    endings = {Path(name).suffix for name in kept.stdout.split()}
    assert endings <= {".py", ".json", ".md", ".safetensors", ".yaml", ".yml", ".typed", ".html", ".css", ".svg"}
