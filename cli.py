"""Launcher for a checkout: `python cli.py …` is `facesearch …`."""

from facesearch.cli import main

if __name__ == "__main__":
    main()
