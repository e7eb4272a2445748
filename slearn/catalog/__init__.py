"""The catalog of models: from a name or a path to a file that is there, whole and the right one.

`resolve` looks, `add` and `remove` register, `list_models` and `verify` report, and `pull` is the
one function that uses the network. `memory_bound` and `available_memory` say whether a model fits,
`recall_tuned` how it runs fastest on this machine. Every failure is a ModelFileError of one line.
"""

from slearn.catalog.available import available_memory
from slearn.catalog.check import check_file
from slearn.catalog.download import pull
from slearn.catalog.entry import Entry, HubSource, PackageSource, load_entries, parse_entries
from slearn.catalog.gguf import GGUFHeader, read_header
from slearn.catalog.hashes import sha256_of
from slearn.catalog.home import home_dir
from slearn.catalog.hub import Hub
from slearn.catalog.listing import list_models, verify
from slearn.catalog.lookup import resolve
from slearn.catalog.machine import machine_identity, usable_cores
from slearn.catalog.manage import add, remove
from slearn.catalog.memory import MemoryBound, memory_bound
from slearn.catalog.metadata import Length
from slearn.catalog.model import Model, ModelStatus, Verdict
from slearn.catalog.reencoded import forget_weights, weights_file
from slearn.catalog.transfer import Progress
from slearn.catalog.tuned import recall_tuned, remember_tuned, tuned_part

__all__ = [
    "Entry",
    "GGUFHeader",
    "Hub",
    "HubSource",
    "Length",
    "MemoryBound",
    "Model",
    "ModelStatus",
    "PackageSource",
    "Progress",
    "Verdict",
    "add",
    "available_memory",
    "check_file",
    "forget_weights",
    "home_dir",
    "list_models",
    "load_entries",
    "machine_identity",
    "memory_bound",
    "parse_entries",
    "pull",
    "read_header",
    "recall_tuned",
    "remember_tuned",
    "remove",
    "resolve",
    "sha256_of",
    "tuned_part",
    "usable_cores",
    "verify",
    "weights_file",
]
