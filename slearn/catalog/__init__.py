"""The catalog of models: from a name or a path to a file that is there, whole and the right one.

`resolve` looks, `add` and `remove` register, `list_models` and `verify` report, and `pull` is the
one function that uses the network. Every failure is a ModelFileError of one line.
"""

from slearn.catalog.check import check_file
from slearn.catalog.download import pull
from slearn.catalog.entry import Entry, HubSource, PackageSource, load_entries, parse_entries
from slearn.catalog.gguf import GGUFHeader, read_header
from slearn.catalog.hashes import sha256_of
from slearn.catalog.home import home_dir
from slearn.catalog.hub import Hub
from slearn.catalog.listing import list_models, verify
from slearn.catalog.lookup import resolve
from slearn.catalog.manage import add, remove
from slearn.catalog.metadata import Length
from slearn.catalog.model import Model, ModelStatus, Verdict
from slearn.catalog.transfer import Progress

__all__ = [
    "Entry",
    "GGUFHeader",
    "Hub",
    "HubSource",
    "Length",
    "Model",
    "ModelStatus",
    "PackageSource",
    "Progress",
    "Verdict",
    "add",
    "check_file",
    "home_dir",
    "list_models",
    "load_entries",
    "parse_entries",
    "pull",
    "read_header",
    "remove",
    "resolve",
    "sha256_of",
    "verify",
]
