"""`make demo`: index, query, verify and cluster, on two people's pictures from Python packages or on one's own photos.

python examples/demo.py [FOLDER]
"""

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from demo_photos import COLLINS, HOPPER, make_demo_photos

HERE = Path(__file__).resolve().parent.parent
PLACE = HERE / ".demo"


def main() -> None:
    if len(sys.argv) > 1:
        show_own(Path(sys.argv[1]))
    else:
        show_two_people()


def show_two_people() -> None:
    photos, library = PLACE / "photos", PLACE / "library"
    labels = make_demo_photos(photos)
    print(f"{len(labels)} photos of {HOPPER} and {COLLINS}, some without either, are in {photos}.")
    here, other = photos / "grace-hopper-close-up.png", photos / "eileen-collins-close-up.png"
    run("index", photos, "--library", library)
    run("query", here, "-k", 5, "--library", library)
    run("query", photos / "together.jpg", "-k", 3, "--library", library)
    run("verify", here, photos / "grace-hopper-faded-grey.jpg")
    run("verify", here, other, codes=(1,))
    run("cluster", "--sheet", PLACE / "clusters.png", "--library", library)
    clusters = ask("cluster", "--library", library)["clusters"]
    check(clusters, labels)
    print(f"\nBoth people were found, each in one cluster. The clusters as a picture: {PLACE / 'clusters.png'}")


def show_own(photos: Path) -> None:
    library = PLACE / "own-library"
    run("index", photos, "--library", library)
    run("cluster", "--sheet", PLACE / "own-clusters.png", "--library", library)
    largest = ask("cluster", "--library", library)["clusters"][:1]
    if not largest:
        sys.exit("No two faces of one person were found: try a folder with more photos.")
    first, second = (face["path"] for face in largest[0]["faces"][:2])
    run("query", first, "-k", 5, "--face", 0, "--library", library)
    run("verify", first, second, codes=(0, 1))
    print(f"\nThe clusters as a picture: {PLACE / 'own-clusters.png'}")


def run(*arguments: object, codes: tuple[int, ...] = (0,)) -> None:
    """Run a command as a user would, and show it."""
    words = [str(argument) for argument in arguments]
    print("\n$ facesearch " + shlex.join(word.replace(f"{HERE}/", "") for word in words), flush=True)
    code = subprocess.run([sys.executable, HERE / "cli.py", *words], check=False).returncode
    if code not in codes:
        sys.exit(f"facesearch {words[0]} ended with exit code {code}")


def ask(*arguments: object) -> dict[str, Any]:
    """Run a command for its JSON."""
    command = [sys.executable, HERE / "cli.py", *map(str, arguments), "--json"]
    answer: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return answer


def check(clusters: list[dict[str, Any]], labels: dict[str, tuple[str, ...]]) -> None:
    """Two clusters, one for each person, with all faces."""
    expected = {person: sorted(name for name, people in labels.items() if person in people)
                for person in (HOPPER, COLLINS)}  # fmt: skip
    found = [sorted(Path(face["path"]).name for face in cluster["faces"]) for cluster in clusters]
    if sorted(found) != sorted(expected.values()):
        sys.exit(f"The clusters are not the two people: {json.dumps(found, indent=1)}")


if __name__ == "__main__":
    main()
