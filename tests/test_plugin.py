"""The plugin of stactools, from this checkout and from the wheel."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parent.parent


def output(*command: str | Path, cwd: Path) -> str:
    """Run a command that must succeed, without network and outside this checkout."""
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    environment |= {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    build = ("-m", "build", "--wheel", "--no-isolation", "--outdir", folder)
    output(sys.executable, *build, ROOT, cwd=folder)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel in its own environment; what it depends on is lent by the environment of the tests.

    The lent folder is only put on the path: `.pth` files in it are not run, so an editable install there is not seen.
    """
    folder = tmp_path_factory.mktemp("venv") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    install = ("install", "--no-deps", "--no-index", "--no-compile", wheel)
    output(sys.executable, "-m", "pip", "--python", python, *install, cwd=folder)
    own = Path(output(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    lent = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (own / "lent.pth").write_text("\n".join(sorted(lent)) + "\n")
    return python


def test_the_wheel_carries_the_command(installed: Path, tmp_path: Path) -> None:
    """`stac esd --help` works in an environment that has the wheel and no checkout."""
    stac = ("-c", "from stactools.cli.cli import run_cli; run_cli()")
    text = output(installed, *stac, "esd", "--help", cwd=tmp_path)
    assert "create-catalog" in text
    assert "create-item" in output(installed, *stac, "esd", "create-item", "--help", cwd=tmp_path)
    made = output(installed, *stac, "esd", "create-collection", ".", cwd=tmp_path)
    assert made.startswith("collection.json")
    assert output(installed, *stac, "esd", "validate", ".", cwd=tmp_path).startswith("valid: 1 collection")


def test_the_wheel_carries_the_package(installed: Path, tmp_path: Path) -> None:
    """The import that stactools users write works, and it is the wheel's own package with its data."""
    code = """
import json
from importlib.resources import files
import stactools, stactools.esd, stactools_esd, esd_tasks
from stactools.esd.stac import create_item
print(json.dumps({
    "item": create_item.__module__,
    "namespace": getattr(stactools, "__file__", None),
    "files": [stactools_esd.__file__, esd_tasks.__file__, stactools.esd.__file__],
    "schema": json.loads(files("stactools_esd").joinpath("schemas", "esd.json").read_text())["$id"],
    "config": files("stactools_esd").joinpath("schemas", "stac-check.config.yml").is_file(),
    "typed": files("stactools_esd").joinpath("py.typed").is_file(),
}))
"""
    said = json.loads(output(installed, "-c", code, cwd=tmp_path))
    assert said["item"] == "stactools_esd.stac"
    assert said["namespace"] is None
    assert all(Path(path).is_relative_to(installed.parent.parent) for path in said["files"])
    assert said["schema"] == "https://stactools-esd.github.io/esd/v1.0.0/schema.json"
    assert said["config"]
    assert said["typed"]


def test_the_wheel_carries_noise_and_models(installed: Path, tmp_path: Path) -> None:
    """The frozen noise and the card of the encoder come with the wheel; reading them needs no torch."""
    code = """
import sys
from stactools_esd.model_item import create_model_item
from stactools_esd.schema import schema_problems
from stactools_esd.simulation.frozen_noise import frozen_noise
item = create_model_item("esdnet-small-v1").to_dict(False, False)
print(len(frozen_noise().absolute), list(schema_problems(item)), "torch" in sys.modules)
"""
    assert output(installed, "-c", code, cwd=tmp_path).strip() == "6 [] False"


def test_the_checkout_has_the_command(tmp_path: Path) -> None:
    """`stac esd --help` works here, whatever way the project is installed."""
    assert "create-catalog" in output(sys.executable, "-m", "stactools.cli.cli", "esd", "--help", cwd=tmp_path)


def test_the_plugin_imports_nothing_heavy(tmp_path: Path) -> None:
    """Importing the plugin cannot fail for a missing or broken library: it imports none."""
    code = "import sys, stactools.esd; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = set(output(sys.executable, "-c", code, cwd=tmp_path).split())
    assert not {"stactools_esd", "click", "rasterio", "torch", "pystac"} & loaded


def test_the_plugin_registers_one_command() -> None:
    """The hook `register_plugin` gets the registry of stactools, and the registered function adds `esd`."""
    import click
    import stactools.esd

    registered = []
    stactools.esd.register_plugin(SimpleNamespace(register_subcommand=registered.append))
    group = click.Group("stac")
    (create,) = registered
    assert create(group).name == "esd"
    assert set(group.commands) == {"esd"}
