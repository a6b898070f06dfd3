"""`python -m train …`."""

import os

from facesearch.cli import leave_after
from train.cli import main

if __name__ == "__main__":
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        leave_after(main)  # threads of torch.distributed that are still there at the end would abort the process
    else:
        main()
