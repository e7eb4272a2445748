"""The catalog of models: `catalog.yaml` names each one, its source and what it hashes to.

This folder is installed as the package `slearn.models`, so that a checkout, an editable install and
a wheel read the same file; `slearn.catalog` is the code that reads it. Weights do not live here:
what is downloaded goes to `$SLEARN_HOME/models` (`~/.slearn/models`).
"""
