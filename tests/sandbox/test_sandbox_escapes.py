"""Ways out that in-process sandboxes had, each to its end: whoever gets `os` goes for the loot.

Under Monty there is no way to `os` as CPython has it. Under bwrap there is, and it is worth
nothing: the host's secret must stay secret, and the host must stay as it was. Among the shapes are
those of CVE-2023-37271 (frames of generators), CVE-2024-47532 (AttributeError.obj, Formatter),
CVE-2025-22153 (except*), CVE-2025-9959 (dunder names as text) and CVE-2026-0863 (format and
exceptions).
"""

from __future__ import annotations

from typing import Any

import pytest

from slearn.sandbox import Sandbox

pytestmark = pytest.mark.usefixtures("unharmed")

LOOT = """
def tried(act):
    try:
        return str(act())
    except BaseException as error:
        return str(error)

def loot(os):
    found = [tried(lambda: dict(os.environ)), tried(lambda: os.getcwd())]
    found += [tried(lambda: open(SECRET).read())]
    found += [tried(lambda: os.read(os.open(SECRET, 0), 999))]
    found += [tried(lambda: os.pread(n, 999, 0)) for n in range(64)]
    found += [tried(lambda: os.listdir(place)) for place in ('/', '/home', '/proc', '/tmp')]
    found += [tried(lambda: os.symlink(SECRET, MARKER)), tried(lambda: os.mkdir(MARKER))]
    found += [tried(lambda: os.write(os.open(MARKER, os.O_CREAT | os.O_WRONLY), b'x'))]
    found += [tried(lambda: open(MARKER, 'w').write('x'))]
    found += [tried(lambda: os.system('touch ' + MARKER)), tried(lambda: os.fork())]
    found += [tried(lambda: os.kill(pid, 9)) for pid in (PARENT, os.getppid(), -PARENT)]
    return found
"""

WALKS = {
    "subclasses": """
def f():
    for c in ().__class__.__base__.__subclasses__():
        if c.__name__ == '_wrap_close':
            return loot(c.__init__.__globals__['sys'].modules['os'])
""",
    "names built at run time": """
def f():
    u = '_' * 2
    cs = getattr(getattr(getattr((), u + 'class' + u), u + 'base' + u), u + 'subclasses' + u)()
    for c in cs:
        if c.__name__ == '_wrap_close':
            return loot(getattr(c.__init__, u + 'globals' + u)['sys'].modules['os'])
""",
    "globals of a function": """
def f():
    return loot(loot.__globals__['__builtins__']['__import__']('os'))
""",
    "builtins": """
def f():
    b = __builtins__
    return loot((b if isinstance(b, dict) else b.__dict__)['__import__']('os'))
""",
    "self of a builtin": "def f(): return loot(print.__self__.__import__('os'))",
    "loader": "def f(): return loot(print.__self__.__loader__.load_module('os'))",
    "modules leak modules": """
import random, re, json, collections
def f():
    for way in (lambda: random._os, lambda: re.enum.sys.modules['os'],
                lambda: json.codecs.sys.modules['os'], lambda: collections._sys.modules['os']):
        got = tried(lambda: loot(way()))
        print(got)
    return loot(random._os)
""",
    "asyncio leaks os": "import asyncio\ndef f(): return loot(asyncio.base_events.os)",
    "frame of a generator": """
def f():
    def gen():
        yield g.gi_frame.f_back
    g = gen()
    frame = next(g)
    while frame:
        print(frame.f_locals, frame.f_globals.keys())
        found = frame.f_builtins['__import__']('os')
        frame = frame.f_back
    return loot(found)
""",
    "frame of a generator expression": """
def f():
    g = (g.gi_frame.f_back.f_back for _ in [1])
    frame = [v for v in g][0]
    while frame.f_back:
        frame = frame.f_back
    return loot(frame.f_builtins['__import__']('os'))
""",
    "frame of a coroutine": """
def f():
    async def c():
        return 1
    made = c()
    return loot(made.cr_frame.f_builtins['__import__']('os'))
""",
    "frame of a traceback": """
def f():
    try:
        1 / 0
    except Exception as e:
        frame = e.__traceback__.tb_frame
        while frame.f_back:
            frame = frame.f_back
            print(frame.f_locals)
        return loot(frame.f_builtins['__import__']('os'))
""",
    "frames by sys": """
import sys
def f():
    return [str(sys._getframe(n).f_locals) for n in range(4)]
""",
    "AttributeError.obj": """
def f():
    try:
        '{0.__class__.__base__.missing}'.format(())
    except AttributeError as e:
        for c in e.obj.__subclasses__():
            if c.__name__ == '_wrap_close':
                return loot(c.__init__.__globals__['sys'].modules['os'])
""",
    "string.Formatter": """
import string
def f():
    got, _ = string.Formatter().get_field('0.__globals__', (loot,), {})
    return loot(got['__builtins__']['__import__']('os'))
""",
    "format shows globals": """
def f():
    return ['{0.__globals__}'.format(loot), '{0.__init__.__globals__[sys].modules}'.format(tried)]
""",
    "format_map and percent": """
def f():
    return ['{x.__globals__}'.format_map({'x': loot}), '%(x)s' % {'x': loot.__globals__}]
""",
    "except* with a lying group": """
class G(ExceptionGroup):
    def derive(self, parts):
        return G(parts)
    def split(self, kind):
        return (self.loot(), self)
    def loot(self):
        import os
        print(loot(os))
        return self
def f():
    try:
        raise G('g', [ValueError(1)])
    except* ValueError as e:
        return str(e)
""",
    "instance check of a handler": """
class M(type):
    def __instancecheck__(self, other):
        import os
        print(loot(os))
        return True
class E(Exception, metaclass=M):
    pass
def f():
    try:
        1 / 0
    except (E, ZeroDivisionError):
        import os
        return loot(os)
""",
    "class pattern": """
def f():
    match ():
        case object(__class__=c):
            for s in c.__base__.__subclasses__():
                if s.__name__ == '_wrap_close':
                    return loot(s.__init__.__globals__['sys'].modules['os'])
""",
    "attrgetter": """
import operator
def f():
    return loot(operator.attrgetter('__globals__')(loot)['__builtins__']['__import__']('os'))
""",
    "decorators that call": """
@exec
@'import os; print(loot(os))'.format
class X:
    pass
def f():
    return 1
""",
    "exec and eval": """
def f():
    exec('import os; print(loot(os))')
    return eval("loot(__import__('os'))")
""",
    "code of a function": """
def f():
    def h():
        return 1
    h.__code__ = (lambda: __import__('os')).__code__
    return loot(h())
""",
    "a function made by hand": """
def f():
    kind = type(loot)
    code = compile("__import__('os')", 'x', 'eval')
    return loot(kind(code, {})())
""",
    "augmented assignment": """
class A:
    def __iadd__(self, other):
        return other.__globals__
def f():
    a = A()
    a += loot
    return loot(a['__builtins__']['__import__']('os'))
""",
    "patched builtins": """
def f():
    import builtins, os
    print(loot(os))
    builtins.isinstance = lambda *a: True
    builtins.ValueError = builtins.BaseException = builtins.len = None
    return [1, {2}, float('nan')]
""",
    "all objects": """
import gc
def f():
    return [str(o)[:300] for o in gc.get_objects() if 'secret' in str(o).lower()]
""",
    "modules of the host": """
import sys
def f():
    sys.path += [PROJECT, '/usr/lib/python3/dist-packages', '..', '/proc/self/cwd']
    import slearn.sandbox.child as child
    return loot(child.os)
""",
    "ctypes": """
import ctypes, os
def f():
    libc = ctypes.CDLL(None)
    libc.system(b'touch ' + MARKER.encode())
    libc.setenv(b'X', b'Y', 1)
    buffer = ctypes.create_string_buffer(999)
    libc.read(libc.open(SECRET.encode(), 0), buffer, 999)
    return [buffer.value.decode()] + loot(os)
""",
}


@pytest.mark.parametrize("way", WALKS)
def test_no_walk_leads_out(sandbox: Sandbox, outside: Any, way: str) -> None:
    outcome = sandbox.run(outside.filled(LOOT + WALKS[way]), "f", {})
    assert outside.untouched_by(outcome), outcome
    if sandbox.name == "monty" and "format" not in way:
        assert not outcome.ok or "denied" in str(outcome.value) or not outcome.value, outcome


RESULTS = {
    "something that is unpickled": """
import os
class C:
    def __reduce__(self):
        return (os.system, ('touch ' + MARKER,))
def f(): return C()
""",
    "a text that is a pickle": """
def f(): return "cos\\nsystem\\n(S'touch x'\\ntR."
""",
    "a list that lies": """
class L(list):
    def __iter__(self):
        while True:
            yield 1
    def __len__(self): return 1
    def __reduce__(self): return (print, ())
def f(): return L()
""",
    "a text that lies": """
class S(str):
    def __str__(self): return self
    def encode(self, *a): return b''
    def __len__(self): return 0
    def isprintable(self): return 1 / 0
def f(): return S('x' * 1000000)
""",
    "a dict that lies": """
class D(dict):
    def items(self): return [(S(), print)] * 3
class S(str): pass
def f(): return D()
""",
    "a number that lies": """
class N(int):
    def __repr__(self): return '__import__("os")'
    __str__ = __repr__
    def __int__(self): return self
def f(): return [N(5)]
""",
    "an error that lies": """
class E(Exception):
    def __str__(self):
        raise SystemExit(0)
    __repr__ = __str__
def f(): raise E('x')
""",
    "an error that never ends": """
class E(Exception):
    def __str__(self): return 'x' * 10**6 + chr(27) + chr(10)
def f(): raise E('x')
""",
    "an answer of its own": """
import os
def f():
    os.write(3, b'{"ok": true, "value": [1, NaN]}\\n')
    return 1
""",
    "half an answer": """
import os
def f():
    os.write(3, b'{"ok": tr')
    return 1
""",
    "output at exit": """
import atexit, sys, threading
atexit.register(print, '{"ok": true}')
threading.Thread(target=lambda: [print('x') for _ in iter(int, 1)]).start()
def f(): return {'ok': False}
""",
    "no output at all": """
import sys, os
sys.stdout = sys.stderr = None
os.close(1); os.close(2)
def f(): return 2
""",
}


@pytest.mark.parametrize("what", RESULTS)
def test_no_result_harms_the_host(hasty: Sandbox, outside: Any, what: str) -> None:
    outcome = hasty.run(outside.filled(RESULTS[what]), "f", {})
    assert outside.untouched_by(outcome)
    assert type(outcome.value) in (type(None), int, str, list, dict)
    assert outcome.error.isprintable() and len(outcome.error) < 600
    assert outcome.ok == (not outcome.error)


def test_a_module_for_the_host_to_import(sandbox: Sandbox, outside: Any) -> None:
    code = """
def f():
    for place in ('', '/tmp/', '/dev/', '/usr/lib/', MARKER + '/', './slearn/', '/'):
        try:
            with open(place + 'json.py', 'w') as file:
                file.write('raise SystemExit')
        except OSError as error:
            print(error)
"""
    outcome = sandbox.run(outside.filled(code), "f", {})
    assert outside.untouched_by(outcome)
    leftover = sandbox.run("def f(): return open('/tmp/json.py').read()", "f", {})
    assert not leftover.ok
