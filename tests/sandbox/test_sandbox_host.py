"""The host's side: interrupted, killed, lied to, or without what it needs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from slearn.errors import SandboxError
from slearn.sandbox import BwrapSandbox, Limits, MontySandbox, Outcome, open_sandbox
from slearn.sandbox.watch import watch

LOOP = "def f():\n    while True: pass"


def host(script: str, *words: str) -> subprocess.Popen[str]:
    """Start a Python program that uses a sandbox, as the leader of its own process group."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def children(pid: int) -> set[int]:
    """Return all processes that descend from one."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = folder.joinpath("stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z":
            parents[int(folder.name)] = int(fields[1])
    found, grew = {pid}, True
    while grew:
        more = {child for child, parent in parents.items() if parent in found} - found
        found, grew = found | more, bool(more)
    return found - {pid}


def wait_for_end(pids: set[int]) -> bool:
    deadline = time.monotonic() + 10
    while any(alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not any(alive(pid) for pid in pids)


def alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_ctrl_c_leaves_nothing_behind_and_the_next_call_works(name: str) -> None:
    script = """
        import os, signal, sys, threading
        from slearn.sandbox import Limits, open_sandbox
        with open_sandbox(sys.argv[1], Limits(seconds=1)) as sandbox:
            threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
            try:
                sandbox.run("def f():\\n    while True: pass", "f", {})
                print("not interrupted")
            except KeyboardInterrupt:
                print("interrupted")
            print(sandbox.run("def f(): return 5", "f", {}).value)
        print(os.listdir(f"/proc/{os.getpid()}/fd").__len__() < 20)
    """
    process = host(script, name)
    assert process.communicate(timeout=60)[0].split() == ["interrupted", "5", "True"]
    assert process.returncode == 0


def test_a_ctrl_c_that_the_trainer_handles_does_not_touch_the_call(name: str) -> None:
    script = """
        import os, signal, sys, threading
        from slearn.sandbox import Limits, open_sandbox
        seen = []
        signal.signal(signal.SIGINT, lambda *_: seen.append(1))
        with open_sandbox(sys.argv[1], Limits(seconds=20)) as sandbox:
            threading.Timer(0.1, os.killpg, (os.getpgid(0), signal.SIGINT)).start()
            code = "def f():\\n    for i in range(3 * 10**7): pass\\n    return 5"
            print(sandbox.run(code, "f", {}).value, len(seen))
    """
    process = host(script, name)
    assert process.communicate(timeout=60)[0].split() == ["5", "1"]


def test_a_killed_host_leaves_nothing_behind(name: str) -> None:
    script = """
        import sys
        from slearn.sandbox import Limits, open_sandbox
        with open_sandbox(sys.argv[1], Limits(seconds=1.5)) as sandbox:
            print("begins", flush=True)
            sandbox.run("def f():\\n    while True: pass", "f", {})
    """
    process = host(script, name)
    assert process.stdout is not None and process.stdout.readline() == "begins\n"
    time.sleep(0.3)
    left = children(process.pid)
    assert left
    process.kill()
    process.communicate()
    assert wait_for_end(left)


def test_a_worker_that_was_killed_is_replaced() -> None:
    with open_sandbox("monty") as sandbox:
        for pid in children(os.getpid()):
            if b"monty" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)
        assert sandbox.run("def f(): return 5", "f", {}) == Outcome(True, 5)


def test_what_the_worker_says_is_not_shown(capfd: pytest.CaptureFixture[str]) -> None:
    with open_sandbox("monty") as sandbox:  # it complains of this one, on its way out
        assert not sandbox.run("def f(): return 'x' * 50_000_000", "f", {}).ok
        assert not sandbox.run("x = 'abc'.replace('', 'x' * 10**7)", "f", {}).ok
    assert capfd.readouterr() == ("", "")


def test_closing_removes_what_was_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    sandbox = open_sandbox("monty")
    assert sandbox.execute("1").ok
    assert list(tmp_path.iterdir()) == []  # so that a killed host leaves nothing either
    worker = children(os.getpid())
    sandbox.close()
    assert wait_for_end(worker - children(os.getpid()))


def test_monty_works_without_its_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slearn.sandbox.launcher.Launcher.path", lambda self: None)
    with open_sandbox("monty") as sandbox:
        assert sandbox.run("def f(): return 5", "f", {}).value == 5


def test_monty_without_its_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONTY_BIN", "/nowhere/monty")
    with pytest.raises(SandboxError, match="cannot start Monty"):
        open_sandbox("monty")


def test_monty_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slearn.sandbox.monty.find_spec", lambda name: None)
    with pytest.raises(SandboxError, match="pip install pydantic-monty"):
        MontySandbox()


def test_bwrap_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SandboxError, match="apt install bubblewrap"):
        open_sandbox("bwrap")


def test_bwrap_on_a_machine_whose_calls_are_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(SandboxError, match="riscv64"):
        BwrapSandbox().execute("1")


def test_a_flood_that_arrives_with_the_start_is_the_codes() -> None:
    ours, theirs = os.pipe()
    script = f"import os; os.write({theirs}, b'ready\\n'); os.write(1, b'x' * 200)"
    command = [sys.executable, "-c", script]
    with (
        open(ours, "rb") as channel,
        subprocess.Popen(command, stdout=subprocess.PIPE, pass_fds=[theirs]) as process,
    ):
        os.close(theirs)
        process.wait()  # so that both wait to be read
        seen = watch(process, channel.fileno(), Limits(output=100))
    assert (seen.why, seen.ready, seen.printed) == ("printed", True, b"x" * 100)


@pytest.mark.skipif(sys.platform != "linux", reason="bwrap is of Linux")
class TestLies:
    """A bwrap that is none: the host must live through whatever it says."""

    @pytest.fixture(autouse=True)
    def fake(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.script = tmp_path / "bwrap"
        monkeypatch.setenv("PATH", str(tmp_path))

    def says(self, body: str, seconds: float = 5) -> Outcome:
        head = f"#!{sys.executable} -IS\nimport marshal, os, sys, time\n"
        head += "n = marshal.loads(sys.stdin.buffer.read())['channel']\n"
        head += "say = lambda data: os.write(n, data)\n"
        self.script.write_text(head + body)
        self.script.chmod(0o700)
        return BwrapSandbox(Limits(seconds=seconds)).run("def f(): pass", "f", {})

    def test_an_honest_one(self) -> None:
        answer = """say(b'ready\\n{"ok": true, "value": [1, {"a": 2}]}\\n')"""
        assert self.says(answer) == Outcome(True, [1, {"a": 2}])

    @pytest.mark.parametrize(
        "answer",
        [
            b"",
            b"[1]",
            b"1",
            b"{}",
            b'{"ok": true}',
            b'{"ok": 1, "value": 2}',
            b'{"ok": "true", "value": 2}',
            b'{"ok": false}',
            b'{"ok": false, "error": ""}',
            b'{"ok": false, "error": "\\u001b"}',
            b'{"ok": false, "error": ["x"]}',
            b'{"ok": true, "value": NaN}',
            b'{"ok": true, "value": [1e999]}',
            b'{"ok": true, "value": "\\ud800"}',
            b'{"ok": true, "value": "\xff"}',
            b'{"ok": true, "value": ' + b"9" * 4500 + b"}",
            b'{"ok": true, "value": ' + b"[" * 300_000,
            b'{"ok": true, "value": ' + b"[" * 200 + b"]" * 200 + b"}",
            b'{"ok": true, "value": "' + b"x" * 70_000 + b'"}',
            b'{"ok": true, "value": 1}\n{"ok": true, "value": 1}',
            b"ready\nready",
            b"cos\nsystem\n(S'true'\ntR.",
        ],
        ids=range(22),
    )
    def test_answers_that_are_none(self, answer: bytes) -> None:
        outcome = self.says(f"say(b'ready\\n'); say({answer + chr(10).encode()!r})")
        assert not outcome.ok and outcome.value is None
        assert outcome.error and outcome.error.isprintable()

    def test_an_error_is_made_safe_to_show(self) -> None:
        answer = """say(b'ready\\n{"ok": false, "error": "a\\\\u001b[31m\\\\n\\\\u202eb"}\\n')"""
        assert self.says(answer) == Outcome(False, error="a [31m b")

    @pytest.mark.parametrize(
        ("body", "error"),
        [
            (
                "say(b'ready\\n')\nwhile True: say(b'x' * 9999)",
                "the code broke the sandbox's answer",
            ),
            ("say(b'ready\\n')\nwhile True: print('x' * 9999)", "printed more than 65,536 bytes"),
            ("say(b'ready\\n')", "the code ended its own process (status 0)"),
            ("say(b'ready\\n'); sys.exit(152)", "TimeoutError: ran for more than 5 s"),
            ("say(b'ready\\n'); os.closerange(0, 99); time.sleep(99)", "the code broke the"),
        ],
        ids=["answers", "prints", "ends", "cpu", "closes"],
    )
    def test_streams_without_end(self, body: str, error: str) -> None:
        assert self.says(body).error.startswith(error)

    def test_an_answer_that_never_comes(self) -> None:
        outcome = self.says("say(b'ready\\n')\ntime.sleep(99)", seconds=0.3)
        assert outcome.error == "TimeoutError: ran for more than 0.3 s"

    def test_a_start_that_fails(self) -> None:
        with pytest.raises(SandboxError, match=r"bwrap: No permissions \(user namespaces"):
            self.says("sys.exit('bwrap: No permissions')")

    def test_an_answer_before_it_was_ready(self) -> None:
        with pytest.raises(SandboxError, match="cannot start"):
            self.says("""say(b'{"ok": true, "value": 1}\\n')""")
