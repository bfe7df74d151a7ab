"""Run the command line as `python -m faceoff`."""

from faceoff.cli import app

if __name__ == "__main__":
    app(prog_name="faceoff")
