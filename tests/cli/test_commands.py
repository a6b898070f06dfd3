"""The commands as programs and people use them: JSON, tables, exit codes, help, and what is imported."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from bad_photos import make_bad_photos
from conftest import Answer
from PIL import Image, ImageFilter

from facesearch.cli import app, output
from facesearch.library import Library
from facesearch.pipeline.pipeline import Pipeline

ROOT = Path(__file__).resolve().parents[2]
Command = Callable[..., Answer]
Demo = tuple[Path, dict[str, tuple[str, ...]]]

COMMANDS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]

pytestmark = pytest.mark.usefixtures("pipeline_at_hand")


@pytest.fixture(scope="module")
def filled(demo: Demo, pipeline: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a library with the demo collection; not to be changed."""
    folder = tmp_path_factory.mktemp("filled")
    with Library(folder, device="cpu") as library:
        library.__dict__["pipeline"] = pipeline
        library.index([demo[0]])
    return folder


@pytest.fixture
def library(filled: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FACESEARCH_LIBRARY", str(filled))
    return filled


def keys(value: dict[str, object]) -> set[str]:
    return set(value)


# --- JSON


def test_index(command: Command, demo: Demo, tmp_path: Path) -> None:
    answer = command("index", demo[0], "--library", tmp_path / "new", "--json")
    assert answer.code == 0
    report = answer.json
    assert keys(report) >= {"photos", "faces", "seconds", "failures"}
    assert report["photos"] == {
        "found": 27, "indexed": 27, "unchanged": 0, "failed": 0, "moved": 0, "duplicates": 0,
        "missing": 0, "offline": 0, "skipped": {".csv": 1},
    }  # fmt: skip
    assert (report["faces"], report["failures"]) == (26, [])
    again = command("index", demo[0], "--library", tmp_path / "new", "--json").json
    assert (again["photos"]["indexed"], again["photos"]["unchanged"], again["faces"]) == (0, 27, 0)


def test_query(command: Command, library: Path, demo: Demo) -> None:
    answer = command("query", demo[0] / "together.jpg", "-k", 3, "--json")
    assert answer.code == 0
    result = answer.json
    assert keys(result) == {"model", "threshold", "faces"}
    assert result["model"] == "sface+dlib"
    assert len(result["faces"]) == 2
    for face in result["faces"]:
        assert keys(face) == {"box", "score", "matches", "weak", "answer", "quality", "defect", "too_poor"}
        answer = face["answer"]
        assert keys(answer) == {
            *("decision", "person", "cluster", "face", "probability", "by", "fpir", "measured"),
            *("people_searched", "faces_searched"),
        }
        assert (answer["decision"], answer["by"], answer["face"]) == ("same_person", "1:N", face["matches"][0]["face"])
        assert answer["probability"] > 0.9
        assert answer["faces_searched"] == 26
        assert len(face["box"]) == 4
        assert [match["rank"] for match in face["matches"]] == [1, 2, 3]
        for match in face["matches"]:
            assert keys(match) >= {"rank", "path", "face", "box", "distance", "probability", "same_person", "person"}
            assert match["same_person"] is True
            assert match["person"] is None
            assert 0 <= match["distance"] <= 2


@pytest.mark.parametrize(
    ("other", "code"), [("grace-hopper-close-up.png", 0), ("eileen-collins-soft.jpg", 1), ("gradient.jpg", 2)]
)
def test_verify(command: Command, demo: Demo, other: str, code: int) -> None:
    answer = command("verify", demo[0] / "grace-hopper-soft.jpg", demo[0] / other, "--json")
    assert answer.code == code
    if code == 2:
        assert other in answer.error
    else:
        assert keys(answer.json) >= {"same_person", "distance", "threshold", "probability", "far"}
        assert answer.json["same_person"] is (code == 0)


def test_verify_says_when_a_face_is_too_poor(command: Command, demo: Demo, tmp_path: Path) -> None:
    picture = Image.open(demo[0] / "grace-hopper-soft.jpg")
    for blur in (9, 10):
        picture.filter(ImageFilter.GaussianBlur(blur)).save(tmp_path / f"{blur}.png")
    both = sorted(tmp_path.glob("*.png"))
    answer = command("verify", *both, "--json")
    assert answer.code == 1
    assert (answer.json["same_person"], answer.json["too_poor"], answer.json["probability"]) == (False, True, None)
    assert answer.json["defect"] == ["blurred", "blurred"]
    assert max(answer.json["quality"]) <= 0.25
    said = command("verify", *both).out
    assert "Too poor to tell: the first face is blurred, the second face is blurred." in said
    assert "Different people" not in said


def test_verify_with_a_librarys_model(command: Command, library: Path, demo: Demo) -> None:
    pictures = demo[0] / "grace-hopper-soft.jpg", demo[0] / "eileen-collins-soft.jpg"
    assert command("verify", *pictures, "--library", library, "--threshold", 2).code == 0
    assert command("verify", *pictures, "--library", library, "--threshold", 0).code == 1


def test_cluster(command: Command, library: Path) -> None:
    result = command("cluster", "--json").json
    assert keys(result) >= {"clusters", "noise", "eps", "min_samples", "seconds"}
    assert [cluster["size"] for cluster in result["clusters"]] == [13, 13]
    for cluster in result["clusters"]:
        assert keys(cluster) >= {"id", "size", "person", "faces"}
        assert all(keys(face) >= {"face", "path", "box"} for face in cluster["faces"])
    assert result["noise"] == []


def test_status(command: Command, library: Path, demo: Demo) -> None:
    result = command("status", "--json").json
    expected = {"library": str(library), "photos": 27, "files": 27, "missing": 0, "faces": 26, "model": "sface+dlib"}
    assert {name: result[name] for name in expected} == expected
    assert keys(result) >= {"index", "database_bytes", "index_bytes", "threshold", "roots", "failures", "dim"}
    assert result["roots"] == [str(demo[0])]


def test_models(command: Command) -> None:
    models = {model["name"]: model for model in command("models", "--json").json["models"]}
    assert models["dlib"]["ready"] is True
    assert models["facenet-vggface2"]["ready"] is False
    assert "facesearch models --download facenet-vggface2" in models["facenet-vggface2"]["note"]
    assert all(model["licence"] and model["source"] for model in models.values())


def test_remove_and_migrate(command: Command, demo: Demo, tmp_path: Path) -> None:
    at = ("--library", tmp_path / "new")
    command("index", demo[0] / "grace-hopper-soft.jpg", demo[0] / "eileen-collins-soft.jpg", *at)
    assert command("remove", demo[0] / "grace-hopper-soft.jpg", *at, "--json").json == {"removed": 1}
    assert command("remove", "--missing", *at, "--json").json == {"removed": 0}
    for name in ("migrate", "reembed"):
        report = command(name, "--model", "sface+dlib", *at, "--json").json
        assert (report["photos"], report["faces"], report["dropped"], report["stopped"]) == (1, 1, 0, False)
        assert report["already"]
    assert (demo[0] / "grace-hopper-soft.jpg").is_file()


def test_evaluate(command: Command, demo: Demo, tmp_path: Path) -> None:
    out = tmp_path / "results.json"
    labels = tmp_path / "labels.csv"
    labels.write_text("photo,person\ngrace-hopper-soft.jpg,H\neileen-collins-soft.jpg,C\n")
    answer = command("evaluate", "--photos", demo[0], "--labels", labels, "--out", out, "--json")
    assert answer.json[f"groups in {demo[0].resolve().name}"]["photos"] == 27
    assert json.loads(out.read_text()) == answer.json


# --- for people


def test_what_people_read(command: Command, library: Path, demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")  # so that no path is folded, wherever the photos of this run are
    index = command("index", demo[0])
    assert {"27", "0"} <= set(re.findall(r"\d+", index.out))
    query = command("query", demo[0] / "grace-hopper-soft.jpg", "-k", 1)
    assert str(demo[0] / "grace-hopper-soft.jpg") in query.out
    same = command("verify", demo[0] / "grace-hopper-soft.jpg", demo[0] / "together.jpg")
    assert "2 faces" in same.out
    assert "1 in 1,000" in same.out
    different = command("verify", demo[0] / "grace-hopper-soft.jpg", demo[0] / "eileen-collins-soft.jpg")
    assert same.out.splitlines()[0] != different.out.splitlines()[0]
    assert "2 clusters with 26 faces" in command("cluster").out
    assert "26" in command("status").out
    for answer in (index, query, same, different):
        assert answer.err == ""


def test_bad_photos_are_indexed_to_the_end(command: Command, tmp_path: Path) -> None:
    folder = tmp_path / "bad"
    expected = make_bad_photos(folder)
    report = command("index", folder, "--library", tmp_path / "new", "--json").json
    assert report["photos"]["found"] == len(expected)
    reasons = {failure["path"]: failure["reason"] for failure in report["failures"]}
    assert set(reasons) == {str(folder / name) for name, reason in expected.items() if reason}
    for name, reason in expected.items():
        assert (reason or "") in reasons.get(str(folder / name), "")
    status = command("status", "--library", tmp_path / "new", "--json").json
    assert {failure["path"]: failure["reason"] for failure in status["failures"]} == reasons
    table = command("index", folder, "--library", tmp_path / "new")
    assert str(len(reasons)) in table.out
    assert all(path in table.err for path in reasons)


@pytest.fixture
def odd_names(demo: Demo, tmp_path: Path) -> Path:
    folder = tmp_path / "odd"
    folder.mkdir()
    data = (demo[0] / "grace-hopper-soft.jpg").read_bytes()
    for name in (b"caf\xe9.jpg", b"\x1b[31mred\nline.jpg", "[bold]\N{GRINNING FACE}.jpg".encode()):
        try:
            (folder / os.fsdecode(name)).write_bytes(data + name)
        except OSError:
            pytest.skip("this file system takes UTF-8 only")
    (folder / os.fsdecode(b"empty\xff\n.jpg")).touch()
    return folder


def test_any_file_name_can_be_printed(odd_names: Path, tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONIOENCODING": "ascii", "FACESEARCH_LIBRARY": str(tmp_path / "new")}
    picture = next(path for path in sorted(odd_names.iterdir()) if "red" in path.name)

    def run(*arguments: object) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, ROOT / "cli.py", *map(str, arguments)]
        done = subprocess.run(command, env=env, capture_output=True, check=False)
        assert b"Traceback" not in done.stderr, done.stderr.decode(errors="replace")
        assert b"\x1b" not in done.stdout + done.stderr
        return done

    index = run("index", odd_names, "--device", "cpu")
    assert index.returncode == 0
    assert len([line for line in index.stderr.splitlines() if b".jpg" in line]) == 1
    query = run("query", picture)
    assert query.returncode == 0
    assert b"[bold]" in query.stdout  # taken for a name, not for markup


def test_json_keeps_the_bytes_of_a_file_name(command: Command, odd_names: Path, tmp_path: Path) -> None:
    report = command("index", odd_names, "--library", tmp_path / "new", "--json").json
    assert report["failures"][0]["path"] == str(odd_names / os.fsdecode(b"empty\xff\n.jpg"))


# --- pipes, interrupts, progress


def in_a_shell(line: str, **env: str) -> subprocess.CompletedProcess[str]:
    program = f'"{sys.executable}" "{ROOT / "cli.py"}"'
    return subprocess.run(
        ["bash", "-c", line.replace("facesearch", program, 1) + "; echo ${PIPESTATUS[0]}"],
        env={**os.environ, **env}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("arguments", ["cluster --json", "cluster", "status"])
def test_a_reader_that_goes_away_is_no_error(library: Path, arguments: str) -> None:
    done = in_a_shell(f"facesearch {arguments} | true")
    assert done.stderr == ""
    assert done.stdout == "141\n"


def test_a_long_answer_whose_reader_goes_away() -> None:
    """Longer than a buffer: it breaks in the middle of the command, where Typer would say 1."""
    command = "@cli.app.command()\ndef long():\n    cli.output.print_json({'x': 'y' * 10**6})"
    code = f"from facesearch import cli\n{command}\ncli.main()"
    line = f'"{sys.executable}" -c "{code}" long | head -c 1; echo " ${{PIPESTATUS[0]}}"'
    done = subprocess.run(["bash", "-c", line], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("{ 141\n", "")


def test_progress_goes_to_stderr(command: Command, demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output._PlainProgress, "EVERY_S", 0.0)
    answer = command("index", demo[0], "--library", tmp_path / "new", "--json")
    assert answer.json["photos"]["indexed"] == 27
    assert re.search(r"^27/27 .* 26 faces", answer.err, re.MULTILINE)


def test_a_count_that_falls_has_a_rate_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds = iter([0.0, 100.0, 200.0, 220.0])
    monkeypatch.setattr("time.monotonic", lambda: next(seconds))
    plain = output._PlainProgress("photos")
    for done in (100, 1, 41):
        plain.update(done, 100)
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("100/100 photos, 1.0 photos/s")
    assert second.startswith("41/100 photos, 2.0 photos/s, 29 s left")


def test_progress_bar_in_a_terminal(demo: Demo, tmp_path: Path) -> None:
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    command = [sys.executable, ROOT / "cli.py", "index", demo[0] / "together.jpg", "--library", tmp_path / "new"]
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    process = subprocess.Popen([*command, "--json"], env=env, stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    drawn = b"".join(iter(lambda: read_terminal(ours), b"")).decode()
    out, _ = process.communicate()
    os.close(ours)
    assert process.returncode == 0, drawn
    assert json.loads(out)["faces"] == 2
    for part in ("1/1", "photos/s", "2 faces", "left"):
        assert part in drawn


def read_terminal(terminal: int) -> bytes:
    """What was written since; nothing once the other end is closed."""
    try:
        return os.read(terminal, 10_000)
    except OSError:
        return b""


# --- help and speed


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example_and_explains_every_option(command: Command, name: str) -> None:
    answer = command(name, "--help")
    assert (answer.code, answer.err) == (0, "")
    assert f"Example: facesearch {name}" in " ".join(answer.out.split())
    described = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    assert described.help
    for parameter in described.params:
        assert getattr(parameter, "help", None), f"{name}: {parameter.name} is not explained"


def test_help_lists_the_commands_and_where_to_start(command: Command) -> None:
    answer = command("--help")
    assert answer.out.index("Find people:") < answer.out.index(" query ") < answer.out.index("Say who is who:")
    assert {name for name in COMMANDS if f" {name} " not in answer.out} == {"reembed"}, "it is hidden, and no other"
    assert "facesearch index ~/Pictures" in answer.out
    assert command("-h").out == answer.out


def test_every_command_that_reports_takes_json() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert [name for name in COMMANDS if "as_json" not in {parameter.name for parameter in commands[name].params}] == [
        "serve"
    ]


def test_version(command: Command) -> None:
    assert re.fullmatch(r"facesearch \d+\.\d+\.\d+\n", command("--version").out)


NEVER = ("torch", "torchvision", "facenet_pytorch", "onnxruntime", "sklearn", "matplotlib", "pandas", "IPython")
HEAVY = (*NEVER, "openvino", "cv2", "faiss", "scipy", "onnx", "pillow_heif",
         "starlette", "uvicorn", "jinja2", "multipart", "python_multipart")  # fmt: skip


def imported_by(*arguments: str) -> set[str]:
    code = (
        f"import atexit, sys; sys.argv = ['facesearch', *{arguments!r}]; from facesearch.cli import main\n"
        "atexit.register(lambda: print('\\nMODULES', *sorted(sys.modules)))\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.rpartition("MODULES")[2].split())


def test_help_imports_nothing_heavy() -> None:
    modules = imported_by("--help")
    assert "typer" in modules
    assert modules.isdisjoint({*HEAVY, "sqlalchemy", "numpy", "PIL", "rich", "asyncio"})


def test_status_imports_nothing_heavy(library: Path) -> None:
    modules = imported_by("status")
    assert "sqlalchemy" in modules
    assert modules.isdisjoint({*HEAVY, "rich"} - {"cv2"})  # cv2: which detector is the default is known by its code


def test_indexing_what_is_known_loads_no_network(library: Path, demo: Demo) -> None:
    assert imported_by("index", str(demo[0])).isdisjoint({*NEVER, "openvino", "onnx", "scipy"})


def test_a_query_does_without_pytorch(library: Path, demo: Demo) -> None:
    """Its import takes longer than all the rest. It is there for GPUs, for other models and for training."""
    photo = demo[0] / next(iter(demo[1]))
    imported_by("query", str(photo), "--json")  # what is converted and compiled once, is
    modules = imported_by("query", str(photo), "--device", "cpu", "--json")
    assert "openvino" in modules
    assert modules.isdisjoint({*NEVER, "onnx", "scipy", "rich", "pillow_heif", "starlette", "jinja2"})
