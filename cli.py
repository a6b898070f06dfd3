"""Launcher for a checkout: `python cli.py …` is `facesearch …`."""

from facesearch.cli import command

if __name__ == "__main__":
    command()
