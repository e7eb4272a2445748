"""Attacks on the system from CPython: files, processes, network, descriptors, the kernel.

Monty has nothing to attack it with, and gets them too: it must fail as cleanly.
"""

from __future__ import annotations

from typing import Any

import pytest

from slearn.sandbox import Limits, Sandbox, open_sandbox
from slearn.sandbox.syscalls import REFUSED, call_filter

pytestmark = pytest.mark.usefixtures("unharmed")

TRIED = """
def tried(act):
    try:
        return [str(act())]
    except BaseException as error:
        return type(error).__name__
"""
ATTACKS = {
    "the list of users": "open('/etc/passwd').read()",
    "the secret": "open(SECRET).read()",
    "the secret by a symlink": "(os.symlink(SECRET, '/tmp/l'), open('/tmp/l').read())",
    "the secret by a hard link": "(os.link(SECRET, '/tmp/l'), open('/tmp/l').read())",
    "the secret by ..": "open('../../../../../..' + SECRET).read()",
    "the working directory": "os.listdir('..') + os.listdir('.')",
    "the project": "open(PROJECT + '/pyproject.toml').read()",
    "the environment": "[dict(os.environ), os.getenv('SLEARN_SECRET'), os.environb]",
    "the environment of others": "[open(f'/proc/{n}/environ').read() for n in ('self', 1, PARENT)]",
    "descriptors": "[os.pread(n, 999, 0) for n in range(4, 999) if not tried(lambda: os.fstat(n))]",
    "the first descriptors": "[os.pread(0, 999, 0)]",
    "writing": "open(MARKER, 'w').write('x')",
    "writing to the libraries": "open(os.__file__, 'a').write('x')",
    "writing to the root": "open('/marker', 'w').write('x')",
    "processes": "os.listdir('/proc')",
    "the kernel's files": "os.listdir('/sys')",
    "devices": "[open('/dev/' + n, 'rb').read(9) for n in ('mem', 'kmsg', 'sda', 'vda')]",
    "fork": "os.fork()",
    "a program": "__import__('subprocess').run(['/bin/sh', '-c', 'id'])",
    "a program in place": "os.execv('/bin/sh', ['sh', '-c', 'id'])",
    "a shell": "[1 / int(os.system('touch ' + MARKER) == 0)]",
    "the parent's end": "[os.kill(PARENT, 9), 1 / 0]",
    "udp": "__import__('socket').socket(2, 2).sendto(b'x', ('127.0.0.1', 53))",
    "tcp": "__import__('socket').create_connection(('1.1.1.1', 80), 1)",
    "names": "__import__('socket').getaddrinfo('example.org', 80)",
    "an abstract socket": "__import__('socket').socket(1, 1).connect('\\0/tmp/.X11-unix/X0')",
    "netlink": "__import__('socket').socket(16, 3)",
    "mount": "C.mount(b'none', b'/tmp', b'proc', 0, 0) and 1 / 0",
    "unshare": "C.unshare(0x10000000) and 1 / 0",
    "chroot": "os.chroot('/tmp')",
    "root": "os.setuid(0)",
    "shared memory": "1 / (C.shmget(0, 4096, 0o1600) + 1)",
    "memory files": "os.memfd_create('x')",
    "ptrace": "C.ptrace(16, 1, 0, 0) and 1 / 0",
    "more limits": "R.setrlimit(R.RLIMIT_AS, (2**60, 2**60))",
    "more files": "[open('/dev/null') for _ in range(100)]",
    "a large file": "open('/tmp/big', 'wb').write(b'x' * (9 * 2**20))",
    "many files": "[open(f'/tmp/{n}', 'wb').write(b'x' * 2**20) for n in range(9)]",
    "many threads": "[T.Thread(target=T.Event().wait, daemon=True).start() for _ in range(200)]",
    "a queue": "C.syscall(240, b'x', 0o102, 0o600, 0) + 1 or 1 / 0",
    "io_uring": "C.syscall(425, 1, b'x' * 200) + 1 or 1 / 0",
    "clone by number": "C.syscall(56, 17, 0, 0, 0, 0) + 1 or 1 / 0",
    "clone3 by number": "C.syscall(435, b'\\0' * 88, 88) + 1 or 1 / 0",
    "other numbers": "C.syscall(0x40000000 + 57) + 1 or 1 / 0",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_system_is_out_of_reach(sandbox: Sandbox, outside: Any, attack: str) -> None:
    code = "import os\n" + TRIED
    if any(name in ATTACKS[attack] for name in ("C.", "R.", "T.")):
        code += "import ctypes, resource as R, threading as T\nC = ctypes.CDLL(None)\n"
    code += f"def f(): return tried(lambda: {ATTACKS[attack]})\n"
    outcome = sandbox.run(outside.filled(code), "f", {})
    assert outside.untouched_by(outcome)
    harmless = {"the working directory", "the environment", "descriptors", "the first descriptors"}
    if attack not in harmless:
        assert not isinstance(outcome.value, list), outcome


def test_what_can_be_seen(cpython: Sandbox) -> None:
    code = """
import os
def f():
    open_ones = []
    for n in range(4096):
        try: open_ones.append(os.fstat(n) and n)
        except OSError: pass
    return {
        'ids': [os.getuid(), os.getgid(), os.getgroups(), os.getpid() < 9, os.getppid()],
        'root': sorted(set(os.listdir('/')) - {'lib32', 'lib64', 'libx32', 'etc'}),
        'tmp': os.listdir('/tmp'), 'dev': os.listdir('/dev'), 'cwd': os.getcwd(),
        'etc': os.listdir('/etc') if os.path.exists('/etc') else [],
        'environment': sorted(set(os.environ) - {'PWD', 'LC_CTYPE'}), 'open': open_ones,
        'host': os.uname().nodename,
    }
"""
    seen: Any = cpython.run(code, "f", {}).value
    assert seen.pop("ids") == [65534, 65534, [], True, 1]
    assert set(seen.pop("root")) - {"root", "home", "opt", "nix"} == {"dev", "lib", "tmp", "usr"}
    assert set(seen.pop("etc")) <= {"ld.so.cache"}
    assert seen == {
        "tmp": [],
        "dev": ["null"],
        "cwd": "/tmp",
        "environment": ["PYTHONHASHSEED"],
        "open": [0, 1, 2, 3],
        "host": "sandbox",
    }


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("ctypes.string_at(0)", "the code crashed its interpreter (SIGSEGV)"),
        ("os.abort()", "the code crashed its interpreter (SIGABRT)"),
        ("os.kill(os.getpid(), 9)", "the code crashed its interpreter (SIGKILL)"),
        ("os._exit(0)", "the code ended its own process (status 0)"),
        ("os._exit(77)", "the code ended its own process (status 77)"),
        ("sys.exit(0)", "SystemExit: 0 (line 2)"),
        ("[os.close(3), 1][1]", "the code ended its own process (status 1)"),
    ],
)
def test_ends_of_the_interpreter(cpython: Sandbox, call: str, error: str) -> None:
    outcome = cpython.run(f"import ctypes, os, sys\ndef f(): return {call}", "f", {})
    assert not outcome.ok and outcome.error == error


@pytest.mark.parametrize(
    "code",
    [
        "import os\ndef f():\n    while True: os.fork()",
        "import ctypes\ndef f():\n    while True: ctypes.CDLL(None).fork()",
        "import threading\ndef f():\n    threading.Thread(target=f).start()\n    f()",
        "import os\ndef f():\n    for n in range(10**9): open(f'/tmp/{n}', 'w').close()",
        "import os\ndef f():\n    while True: os.kill(-1, 9)",
        "import os\ndef f():\n    for n in range(64): os.kill(os.getppid(), n)",
    ],
    ids=["fork", "fork in C", "threads", "files", "kill all", "signals to the parent"],
)
def test_bombs(bwrap: str, code: str) -> None:
    with open_sandbox(bwrap, Limits(seconds=0.4)) as hasty:
        outcome = hasty.run(code, "f", {})
        assert outcome.seconds < 10
        assert hasty.execute("1").ok


def test_what_tools_may_do_works(cpython: Sandbox) -> None:
    code = """
import asyncio, dataclasses, decimal, functools, json, os, statistics, tempfile, threading, typing
@dataclasses.dataclass
class P:
    x: "typing.ClassVar[int]" = 3
    y: "int" = 4
async def later(): return 5
def f():
    seen = [typing.get_type_hints(P)['y'] is int, asyncio.run(later())]
    thread = threading.Thread(target=seen.append, args=(6,))
    thread.start(); thread.join()
    with tempfile.TemporaryFile() as file:
        file.write(b'x'); file.seek(0); seen.append(file.read().decode())
    return [*seen, statistics.mean([1, 3]), str(decimal.Decimal('0.1') * 3)]
"""
    outcome = cpython.run(code, "f", {})
    assert outcome.value == [True, 5, 6, "x", 2, "0.3"], outcome
    tests = """
import unittest
class T(unittest.TestCase):
    def test(self): self.assertEqual(1 + 1, 2)
unittest.main(exit=False, argv=['x'])
"""
    assert cpython.execute(tests).ok


def test_the_filters_numbers_are_the_kernels() -> None:
    from pathlib import Path

    header = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
    if not header.exists():
        pytest.skip("the kernel's headers are not installed")
    lines = [line.split() for line in header.read_text().splitlines() if "#define __NR_" in line]
    known = {name.removeprefix("__NR_"): int(number) for _, name, number in lines}
    named = {name: numbers[0] for name, numbers in REFUSED.items()}
    assert {name: known.get(name, number) for name, number in named.items()} == named
    for machine in ("x86_64", "aarch64"):
        assert 0 < len(call_filter(machine)) <= 4096 * 8
    with pytest.raises(KeyError):
        call_filter("riscv64")
