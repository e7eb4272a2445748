"""Runs the command line as `python -m slearn.cli`."""

from slearn.cli.app import main

main(prog_name="slearn")
