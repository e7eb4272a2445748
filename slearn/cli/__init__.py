"""The command line: one thin file a command; `app.py` turns errors into messages and exit codes.

>>> main(["--version"])  # doctest: +SKIP
"""

from slearn.cli.app import main

__all__ = ["main"]
