"""The program in odd surroundings: no traceback, and exit code 1 from nobody but `verify`."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from facesearch.library import Library

ROOT = Path(__file__).parents[2]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty library."""
    folder = tmp_path_factory.mktemp("surroundings") / "library"
    Library(folder).close()
    return folder


@pytest.fixture
def shell(library: Path, tmp_path: Path) -> Run:
    """Runs a line of a shell, in which $FS is the program."""

    def run(line: str, **more: str) -> subprocess.CompletedProcess[str]:
        given = {"FS": f"{sys.executable} -m facesearch", "PYTHONPATH": str(ROOT), "FACESEARCH_LIBRARY": str(library)}
        env = os.environ | given | more
        # bash, whose `>&-` closes a stream also for a program
        return subprocess.run(
            ["bash", "-c", line], env=env, cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=120
        )

    return run


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams(shell: Run, closed: str) -> None:
    done = shell(f"$FS status {closed}")
    assert (done.returncode, done.stderr) == (0, "")
    assert (">" in closed.replace("2>", "")) == (done.stdout == "")


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_an_error_without_standard_streams(shell: Run, closed: str) -> None:
    done = shell(f"$FS person-of {closed}")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_no_file_gets_the_number_of_a_closed_stream(shell: Run) -> None:
    """SQLite's file would be written by whatever prints."""
    code = "from facesearch.cli.output import *; ready_streams(); f = open('n', 'w'); print(f.fileno(), file=f)"
    shell(f'{sys.executable} -c "{code}" <&- >&- 2>&-; cat n')
    assert int(shell("cat n").stdout) > 2


@pytest.mark.parametrize("command", ["status", "people", "people --json", "--help", "status --json", "models"])
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full is Linux's")
def test_a_full_disk_behind_standard_output(shell: Run, command: str) -> None:
    done = shell(f"$FS {command} >/dev/full")
    assert done.returncode == 2
    assert "no space left" in done.stderr
    assert done.stderr.count("Error: ") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full is Linux's")
def test_a_full_disk_behind_standard_error(shell: Run) -> None:
    assert shell("$FS status 2>/dev/full").returncode == 0
    assert shell("$FS verify a.jpg 2>/dev/full").returncode == 2
    assert shell("$FS verify a.jpg b.jpg 2>/dev/full").returncode == 2


@pytest.mark.parametrize("command", ["status", "--help", "people --json", "export --format csv"])
def test_a_reader_that_has_gone(shell: Run, command: str) -> None:
    """With the shell's own code for that, not with 1."""
    done = shell(f"$FS {command} | true; exit ${{PIPESTATUS[0]}}")
    assert done.returncode in (0, 141)  # 0 where everything went into the pipe before
    assert not re.search("Error|Traceback", done.stderr)


@pytest.mark.parametrize("arguments", ["status", "query face.jpg", "verify a.jpg b.jpg", "models"])
def test_no_home_and_no_account(shell: Run, monkeypatch: pytest.MonkeyPatch, arguments: str) -> None:
    """As of a process of a user number that has no account."""
    nobody = "import os, pwd, runpy, sys; pwd.getpwuid = lambda n: {}[n]; sys.argv[0] = 'facesearch'"
    code = f"{nobody}; runpy.run_module('facesearch', run_name='__main__')"
    unset = "env -u HOME -u FACESEARCH_LIBRARY -u FACESEARCH_CACHE -u XDG_DATA_HOME -u XDG_CACHE_HOME"
    done = shell(f'{unset} {sys.executable} -c "{code}" {arguments}')
    assert "unexpected" not in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == (0 if arguments == "models" else 2)
    if arguments.startswith(("status", "query")):
        assert "--library" in done.stderr


def test_a_current_folder_that_is_gone(shell: Run) -> None:
    def there(command: str) -> subprocess.CompletedProcess[str]:
        return shell(f"mkdir gone; cd gone; rmdir ../gone; $FS {command} 2>../err; c=$?; cat ../err >&2; exit $c")

    assert there("status").returncode == 0
    for command in ("index .", "index x.jpg", "remove x.jpg", "faces x.jpg", "report out"):
        done = there(command)
        assert done.returncode == 2, command
        assert "Traceback" not in done.stderr
        assert "unexpected" not in done.stderr
    assert "is gone" in there("index .").stderr


@pytest.mark.parametrize(
    "locale",
    [
        {"LC_ALL": "xx_YY.nonsense", "LANG": ""},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1"},
    ],
)
def test_odd_locales(shell: Run, locale: dict[str, str]) -> None:
    done = shell("$FS status >/dev/null && $FS people >/dev/null && $FS explain Ä1 >/dev/null", **locale)
    assert done.returncode == 2  # nobody is called that
    assert done.stderr.count("Error: ") == 1


def test_a_read_only_current_folder(shell: Run, tmp_path: Path) -> None:
    """Nothing is written there; as root, to whom nothing is read-only, it stays empty anyway."""
    done = shell("mkdir place; chmod 555 place; cd place; $FS status && ls -A | wc -l")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1].strip() == "0"


@pytest.mark.parametrize("entry", [("-m", "facesearch"), (str(ROOT / "cli.py"),), ("-m", "train")])
def test_interrupted_while_it_is_imported(entry: tuple[str, ...], tmp_path: Path) -> None:
    """A module that the program imports sends it the signal of Ctrl-C."""
    (tmp_path / "sitecustomize.py").write_text(
        "import builtins, os, signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # in the background, shells have it ignored
        "imported = builtins.__import__\n"
        "def watch(name, *rest, **more):\n"
        "    if name == 'typer': os.kill(os.getpid(), signal.SIGINT)\n"
        "    return imported(name, *rest, **more)\n"
        "builtins.__import__ = watch\n"
    )
    env = os.environ | {"PYTHONPATH": os.pathsep.join((str(tmp_path), str(ROOT)))}
    done = subprocess.run([sys.executable, *entry, "--help"], env=env, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


def test_an_ignored_interrupt_stays_ignored(shell: Run) -> None:
    """As `nohup` and `&` in a script have it."""
    code = (
        "import signal, runpy, sys\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN); sys.argv = ['facesearch', '--version']\n"
        "try: runpy.run_module('facesearch', run_name='__main__')\n"
        "except SystemExit: print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"
    )
    assert shell(f'{sys.executable} -c "{code}"').stdout.splitlines()[-1] == "True"


def test_interrupted_later(command: Callable[..., object], monkeypatch: pytest.MonkeyPatch) -> None:
    import facesearch.library

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(facesearch.library, "verify", interrupted)
    answer = command("verify", "a.jpg", "b.jpg")
    assert (answer.code, answer.out, answer.err) == (130, "", "")  # type: ignore[attr-defined]
