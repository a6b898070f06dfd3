"""`python -m facesearch …` is `facesearch …`."""

from facesearch.cli import command

if __name__ == "__main__":
    command()
