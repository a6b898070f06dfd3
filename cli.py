"""Launcher for a checkout: `python cli.py …` is `facesearch …`."""

from facesearch.__main__ import command

if __name__ == "__main__":
    command()
