"""`python -m train …`."""

import os
from collections.abc import Callable

from facesearch.__main__ import start


def _main() -> Callable[[], None]:
    from facesearch.cli import leave_after
    from train.cli import main

    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        return lambda: leave_after(main)  # threads of torch.distributed that are still there would abort the process
    return main


if __name__ == "__main__":
    start(_main)
