"""What is in the wheel, what is in the repository, and who may import whom."""

import hashlib
import importlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for package in ("facesearch", "train")
    for path in (ROOT / package).rglob("*.py")
    if path.name == "__init__.py" or not path.name.startswith("_")
)
OPTIONAL = {"onnxruntime"}
PHOTOS_AND_WEIGHTS = {
    *(".jpg", ".jpeg", ".heic", ".heif", ".avif", ".webp", ".tif", ".tiff", ".bmp", ".gif"),
    *(".pt", ".pth", ".onnx", ".safetensors", ".dat", ".bin", ".npy", ".npz", ".pkl", ".faiss", ".db", ".sqlite"),
}
# Written so that this file does not contain what it looks for.
REGISTRY_HOST = re.compile(r"\b(pypi|pythonhosted|npmjs|anaconda|debian)\.(org|com)\b|\bdownload\.pytorch\.(org)\b")
MACHINE_PATH = re.compile(r"(?<![\w.~$)}\]])/(root|work|tmp/w)/\w")


def run(*command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)


def repository_files() -> list[Path]:
    """What is committed or would be by `git add .`, relative to the root."""
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    assert listed.returncode == 0, listed.stderr
    return [Path(name) for name in sorted(set(listed.stdout.split("\0"))) if name and (ROOT / name).is_file()]


# --- the wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # The backend is in this environment already: nothing is fetched.
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index"]
    built = run(*pip, "--wheel-dir", folder, ROOT)
    assert built.returncode == 0, built.stderr
    (path,) = folder.glob("*.whl")
    return path


def test_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    metadata = {name for name in names if name.split("/")[0].endswith(".dist-info")}
    expected = {path.as_posix() for path in repository_files() if path.parts[0] == "facesearch"}
    assert names - metadata == expected
    assert any(name.endswith("licenses/LICENSE") for name in metadata)


def with_dependencies(name: str, seen: set[str]) -> set[str]:
    """The installed distribution `name` and, recursively, what it requires here."""
    if name not in seen:
        seen.add(name)
        for requirement in map(Requirement, distribution(name).requires or []):
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                with_dependencies(requirement.name, seen)
    return seen


def copy_distribution(name: str, site_packages: Path) -> None:
    found = distribution(name)
    for file in found.files or []:
        if ".." not in file.parts and file.suffix != ".pyc":
            target = site_packages / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path(str(found.locate_file(file))), target)


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment with the wheel and Typer, and without torch, FAISS, numpy and all the rest.

    Typer is copied from this environment: the test needs no network.
    """
    home = tmp_path_factory.mktemp("bare") / "venv"
    made = run(sys.executable, "-m", "venv", "--without-pip", home)
    assert made.returncode == 0, made.stderr
    python = home / "bin" / "python"
    site_packages = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip())
    for name in with_dependencies("typer", set()):
        copy_distribution(name, site_packages)
    installed = run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel)
    assert installed.returncode == 0, installed.stderr
    return home / "bin"


def test_installed_wheel_answers_help_before_anything_heavy_is_imported(bare: Path, tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "COLUMNS": "120", "TERM": "dumb"}
    answer = run(bare / "facesearch", "--help", cwd=tmp_path, env=env)
    assert answer.returncode == 0, answer.stderr
    for command in ("index", "query", "verify", "cluster", "status", "remove", "models"):
        assert re.search(rf"^\W*{command}\b", answer.stdout, re.MULTILINE), f"{command} is missing in\n{answer.stdout}"


def test_launcher_in_the_root_is_the_console_script(bare: Path, tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "COLUMNS": "120", "TERM": "dumb"}
    script = run(bare / "facesearch", "--help", cwd=tmp_path, env=env)
    launcher = run(bare / "python", ROOT / "cli.py", "--help", cwd=tmp_path, env=env)
    assert launcher.returncode == 0, launcher.stderr
    assert launcher.stdout.replace("cli.py", "facesearch").split() == script.stdout.split()


# --- the modules


@pytest.mark.parametrize("name", MODULES)
def test_every_name_in_all_exists(name: str) -> None:
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in OPTIONAL:
            raise
        pytest.skip(f"{error.name} is not installed")
    assert hasattr(module, "__all__"), f"{name} does not say what it offers: __all__ is missing"
    assert len(set(module.__all__)) == len(module.__all__)
    assert [entry for entry in module.__all__ if not hasattr(module, entry)] == []


# --- who imports whom


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return run(sys.executable, "-c", code, "--no-cache", cwd=root, env={**os.environ, "NO_COLOR": "1"})


def test_imports_go_one_way() -> None:
    report = lint_imports(ROOT)
    assert report.returncode == 0, report.stdout + report.stderr


@pytest.fixture
def copied_package(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "facesearch", tmp_path / "facesearch", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("importer", "forbidden"),
    [
        ("core.errors", "facesearch.media"),
        ("media", "facesearch.detection"),
        ("storage", "facesearch.pipeline"),
        ("pipeline", "facesearch.clustering"),
        ("searching", "facesearch.people"),
        ("people", "facesearch.library"),
        ("library", "facesearch.sharing"),
        ("web.app", "facesearch.cli"),
        ("people", "sqlalchemy"),
        ("library", "sqlite3"),
        ("storage", "torch"),
        ("pipeline", "onnxruntime"),
        ("sharing", "starlette"),
        ("evaluation", "train"),
    ],
)
def test_a_wrong_import_is_noticed(copied_package: Path, importer: str, forbidden: str) -> None:
    place = copied_package / "facesearch" / Path(*importer.split("."))
    module = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    module.write_text(f"{module.read_text()}\n\ndef late() -> None:\n    import {forbidden}\n")
    report = lint_imports(copied_package)
    assert report.returncode == 1, report.stdout + report.stderr
    assert re.search(rf"{module_name(module, copied_package)}\s+->\s+{forbidden}", report.stdout), report.stdout


def module_name(path: Path, root: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


# --- the repository


def test_no_file_is_too_long_to_read() -> None:
    lengths = {path: len((ROOT / path).read_text().splitlines()) for path in repository_files() if path.suffix == ".py"}
    assert {path: lines for path, lines in lengths.items() if lines > 400} == {}


def test_no_photos_weights_or_large_files() -> None:
    kept_out = [
        path
        for path in repository_files()
        if path.suffix.lower() in PHOTOS_AND_WEIGHTS or (ROOT / path).stat().st_size > 1_000_000
    ]
    assert kept_out == []


def test_what_others_wrote_is_what_they_published() -> None:
    # idiomorph 0.8.0 as npm has it: dist/idiomorph.min.js and LICENSE
    hashes = {
        "idiomorph.LICENSE": "d3d2456f76414f2456104660ebd65aff1c04cd7966b942bdabd63f3cdb316a38",
        "idiomorph.min.js": "4cbd535caf7663a51eda9bce6595371c384fc430d54b8d414e29a61167f19f96",
    }
    vendored = ROOT / "facesearch" / "web" / "static" / "vendor"
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in vendored.iterdir()} == hashes


def test_all_but_pictures_is_text() -> None:
    others = [path for path in repository_files() if path.suffix != ".png"]
    assert [path for path in others if b"\0" in (ROOT / path).read_bytes()] == []


@pytest.mark.parametrize("pattern", [REGISTRY_HOST, MACHINE_PATH], ids=["registry", "machine"])
def test_no_registry_hosts_and_no_paths_of_one_machine(pattern: re.Pattern[str]) -> None:
    found = {
        f"{path}:{number}": line
        for path in repository_files()
        for number, line in enumerate((ROOT / path).read_text(errors="replace").splitlines(), start=1)
        if pattern.search(line)
    }
    assert found == {}
