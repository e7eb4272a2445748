"""Runs Python that nobody has checked, in another process, within limits: data in, data out."""

from slearn.sandbox.base import Outcome, Sandbox
from slearn.sandbox.bwrap import BwrapSandbox
from slearn.sandbox.choose import SANDBOXES, open_sandbox
from slearn.sandbox.limits import Limits
from slearn.sandbox.monty import MontySandbox
from slearn.sandbox.plain import as_plain

__all__ = [
    "SANDBOXES",
    "BwrapSandbox",
    "Limits",
    "MontySandbox",
    "Outcome",
    "Sandbox",
    "as_plain",
    "open_sandbox",
]
