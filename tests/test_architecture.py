"""The house rules of who may import whom, held against the source itself."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("stactools_esd", "esd_tasks")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
SEAM = {"product", "names", "fsq", "grid", "cog", "stac", "blocks", "files", "errors", "gdal", "compiled", "memory",
        "usage_line", "run_lock", "npz_file"}  # fmt: skip
ENCODER_SEAM = {
    "esd_tasks/encoder_tasks/inputs.py": {"encoder", "seamless"},
    "esd_tasks/explain/decoder.py": {"encoder"},
}
LAYERS = [
    {"errors", "usage_line"},
    {"product", "compiled"},
    {"names", "shipped"},
    {"files", "fsq", "gdal", "tags", "squares", "footprint", "grid", "web", "signing", "file_server", "run_lock"}
    | {"npz_file"},
    {"codes_file", "cog", "visual", "blocks"},
    {"stac", "collection", "collection_facts"},
    {"model_item"},
    {
        "schema",
        "absent_assets",
        "asset_copies",
        "item_folder",
        "inventory",
        "catalog_documents",
        "catalog_files",
        "index_schema",
        "parquet_index",
        "hrefs",
    },
    {"listing", "listed_items", "portal", "catalog_build", "catalog", "catalog_listing"},
    {"validate", "validate_assets", "validate_index", "validate_report", "catalog_check"},
    {"browser", "browse_look", "command_group"},
    {"browse_commands", "encoder_commands", "catalog_commands"},
    {"commands"},
]


def imports(path: Path, *, top_level_only: bool) -> Iterator[str]:
    """Yield the dotted names that a module imports."""
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def heads(path: Path, package: str, *, top_level_only: bool = False) -> set[str]:
    """Return the modules of `package` that a file imports, by their first name below the package."""
    names = imports(path, top_level_only=top_level_only)
    found = {name.removeprefix(f"{package}.").split(".")[0] for name in names if name.startswith(f"{package}.")}
    below = {path.stem for path in (ROOT / package).iterdir()}
    return found & below


def ids(path: Path) -> str:
    """Name a case by its path in the repository."""
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize(
    "path", [p for p in MODULES if p.parts[-2] == "stactools_esd" or "stactools_esd" in p.parts], ids=ids
)
def test_product_package_never_imports_tasks(path: Path) -> None:
    """`stactools_esd` makes the product and knows nothing of `esd_tasks`."""
    assert not any(name.split(".")[0] == "esd_tasks" for name in imports(path, top_level_only=False))


@pytest.mark.parametrize("path", [p for p in MODULES if "esd_tasks" in p.parts], ids=ids)
def test_tasks_import_only_the_seam(path: Path) -> None:
    """`esd_tasks` works on any ESD tile: it sees items, codes COGs and blocks, never the encoder or its input.

    Two modules do, inside their functions: one reads sets for `esd-tasks evaluate-encoder`, one decodes codes for
    `esd-tasks explain-labels`, which does without where it must.
    """
    assert heads(path, "stactools_esd") <= SEAM | ENCODER_SEAM.get(path.relative_to(ROOT).as_posix(), set())


@pytest.mark.parametrize("level", range(len(LAYERS)), ids=lambda level: "+".join(sorted(LAYERS[level])))
def test_core_imports_run_one_way(level: int) -> None:
    """Each layer of the core imports only the layers below it and its own."""
    allowed = set().union(*LAYERS[: level + 1])
    for name in LAYERS[level]:
        path = ROOT / "stactools_esd" / f"{name}.py"
        if path.exists():
            assert heads(path, "stactools_esd", top_level_only=True) <= allowed, name


@pytest.mark.parametrize("path", MODULES, ids=ids)
def test_torch_stays_behind_its_gate(path: Path) -> None:
    """Only `stactools_esd.encoder` imports torch, and nobody imports the encoder at module level."""
    if "encoder" in path.relative_to(ROOT).parts:
        return
    assert not any(name.split(".")[0] in {"torch", "safetensors"} for name in imports(path, top_level_only=False))
    assert "encoder" not in heads(path, "stactools_esd", top_level_only=True)


@pytest.mark.parametrize("path", MODULES, ids=ids)
def test_no_module_is_a_drawer_and_none_is_a_book(path: Path) -> None:
    """Modules carry one noun: no utils, no more than 300 lines, no asserts, no pickle or eval."""
    assert path.stem not in {"utils", "helpers", "misc", "common"}
    source = path.read_text()
    assert len(source.splitlines()) <= 300
    tree = ast.parse(source)
    assert not any(isinstance(node, ast.Assert) for node in ast.walk(tree))
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not called & {"eval", "exec"}
    assert not {"pickle", "osgeo"} & {name.split(".")[0] for name in imports(path, top_level_only=False)}


HEAVY = {"torch", "lightgbm", "sklearn", "geopandas", "pandas", "rasterio", "matplotlib", "numba", "pystac_client"}


@pytest.mark.parametrize(
    "module", ["esd_tasks.__main__", "esd_tasks.cli", "stactools_esd.commands", "stactools_esd.product"]
)
def test_command_lines_load_nothing_heavy(module: str) -> None:
    """`--help` answers at once because command modules load heavy libraries only inside command bodies."""
    code = f"import sys, {module}; print(*sorted(set(m.split('.')[0] for m in sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())


def test_the_base_install_is_light() -> None:
    """The base install names neither torch nor lightgbm, and never osgeo."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    base = " ".join(project["dependencies"]).lower()
    assert not any(name in base for name in ("torch", "lightgbm", "scikit-learn", "geopandas", "matplotlib", "gdal"))
    assert {"tasks", "encoder", "distributed", "test"} <= set(project["optional-dependencies"])
