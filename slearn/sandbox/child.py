"""The program inside bwrap's sandbox: takes one job, limits itself, runs it, says how it went.

It is handed in as text, behind the text of `walk`, and may import nothing of slearn's. The code
that it runs shares this interpreter and can forge its own result, and nothing else: the host
believes no byte of it. What would be slow to import (json, typing, traceback) is done without.
"""

import marshal
import os
import random
import resource
import sys
from _json import encode_basestring_ascii

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slearn.sandbox.walk import walk

FILE = "<tool>"
CHANNEL = 3


def main() -> None:
    """Do the job that stands on the standard input, and end the process.

    >>> main()  # doctest: +SKIP
    """
    send, leave = os.write, os._exit  # the code may put others in their place
    job = marshal.loads(sys.stdin.buffer.read())  # written by the host, at the same version
    _close_inherited(job["channel"])
    random.seed(0)
    _limit(job)
    send(CHANNEL, b"ready\n")
    answer = perform(job).encode()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        pass  # the code has closed or replaced them
    while answer:
        answer = answer[send(CHANNEL, answer) :]
    leave(0)


def perform(job: "dict[str, Any]") -> str:
    """Run the code and the call, and return the answer as a line of JSON.

    >>> perform({"code": "x = 1", "function": ""})  # doctest: +SKIP
    '{"ok": true, "value": null}\\n'
    """
    # A real module: dataclasses, typing and unittest look for the one that a class is from.
    module = type(sys)("tool" if job["function"] else "__main__")
    sys.modules[module.__name__] = module
    value, wrong = None, ""
    try:
        code = compile(job["code"], FILE, "exec", dont_inherit=True, optimize=0)
        exec(code, module.__dict__)
        if job["function"]:
            value = _called(module.__dict__, job)
    except BaseException as error:
        _ease()
        wrong = _described(error, job)
    _ease()
    try:
        value = value if wrong else walk(value, [job["output"]])
    except ValueError as error:
        wrong = f"returned {error}"
    except BaseException as error:  # a subclass of list or str may do anything
        wrong = _described(error, job)
    return _answer(False, "error", wrong) if wrong else _answer(True, "value", value)


def _called(names: "dict[str, Any]", job: "dict[str, Any]") -> object:
    if job["function"] not in names:
        raise NameError(f"name {job['function']!r} is not defined")
    return names[job["function"]](**job["arguments"])


def _close_inherited(channel: int) -> None:
    nothing = os.open("/dev/null", os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(1, 2)
    os.dup2(channel, CHANNEL)
    os.closerange(CHANNEL + 1, 4096)


def _limit(job: "dict[str, Any]") -> None:
    for name, soft, hard in job["rlimits"]:
        kind = getattr(resource, name)
        already = resource.getrlimit(kind)[1]
        if already != resource.RLIM_INFINITY:  # nobody may raise it again
            soft, hard = min(soft, already), min(hard, already)
        resource.setrlimit(kind, (soft, hard))


def _ease() -> None:
    # The code may have left no memory; some was kept back to say so.
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def _described(error: BaseException, job: "dict[str, Any]") -> str:
    try:
        text, line = str(error), _line(error)
        if isinstance(error, MemoryError) and not text:
            return str(job["out_of_memory"])
        if isinstance(error, SyntaxError) and error.filename == FILE:
            text, line = str(error.msg), error.lineno or 0
        text = f"{_name(error)}: {text}" if text else _name(error)
        return text[:400] + (f" (line {line})" if line else "")
    except BaseException:  # its own __str__ failed
        return _name(error)


def _name(error: BaseException) -> str:
    return type(error).__name__ or "Exception"  # never nothing, which would pass for success


def _line(error: BaseException) -> int:
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == FILE:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _answer(ok: bool, key: str, value: object) -> str:
    return f'{{"ok": {_json(ok)}, "{key}": {_json(value)}}}\n'


def _json(value: object) -> str:
    quoted = encode_basestring_ascii
    if isinstance(value, str):
        return str(quoted(value))
    if isinstance(value, dict):
        pairs = [f"{quoted(key)}: {_json(item)}" for key, item in value.items()]
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join([_json(item) for item in value]) + "]"
    names = {None: "null", True: "true", False: "false"}
    return names[value] if value is None or isinstance(value, bool) else repr(value)
