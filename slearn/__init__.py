"""slearn trains LLM agents the way a network is trained, with nothing but a local model.

Importing it loads neither a model library nor a database; folders are imported by name:

>>> from slearn.agent import load_agent
>>> from slearn.train import train
"""

__version__ = "0.1.0"
