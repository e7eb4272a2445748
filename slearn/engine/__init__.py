"""Engines run requests on models; `LlamaEngine` is made by `open_engine`, which loads llama.cpp."""

from slearn.engine.arguments import call_grammar, parameters_of
from slearn.engine.base import (
    GREEDY,
    Engine,
    GenerateRequest,
    Generation,
    Message,
    Request,
    Result,
    Sampling,
    Score,
    ScoreRequest,
    Then,
    ToolRequest,
    ToolResult,
    Watcher,
)
from slearn.engine.clip import Counter, clip
from slearn.engine.grammar import TEXT, Bounded, Grammar, grammar_of
from slearn.engine.opening import describe_library, open_engine, open_tokenizer, reencode
from slearn.engine.parameters import check_parameters, standard_schema
from slearn.engine.schema import BoundedJson, bounded_json
from slearn.engine.seat import Seat, SeatedEngine
from slearn.engine.settings import AMX, EngineSettings
from slearn.engine.wrapped import WrappedEngine

__all__ = [
    "AMX",
    "GREEDY",
    "TEXT",
    "Bounded",
    "BoundedJson",
    "Counter",
    "Engine",
    "EngineSettings",
    "GenerateRequest",
    "Generation",
    "Grammar",
    "Message",
    "Request",
    "Result",
    "Sampling",
    "Score",
    "ScoreRequest",
    "Seat",
    "SeatedEngine",
    "Then",
    "ToolRequest",
    "ToolResult",
    "Watcher",
    "WrappedEngine",
    "bounded_json",
    "call_grammar",
    "check_parameters",
    "clip",
    "describe_library",
    "grammar_of",
    "open_engine",
    "open_tokenizer",
    "parameters_of",
    "reencode",
    "standard_schema",
]
