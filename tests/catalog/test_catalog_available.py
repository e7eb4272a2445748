"""What is free: of the machine, and of each control group around this process."""

from __future__ import annotations

from pathlib import Path

import pytest

from slearn.catalog import available_memory


def system(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


MEMINFO = {"proc/meminfo": "MemTotal: 900 kB\nMemFree: 1 kB\nMemAvailable:     500 kB\n"}
V1 = "sys/fs/cgroup/memory"
V2 = "sys/fs/cgroup"


def test_the_machine_alone(tmp_path: Path) -> None:
    assert available_memory(system(tmp_path, MEMINFO)) == 500 * 1024


def test_a_container_of_version_two_sees_its_group_as_the_root(tmp_path: Path) -> None:
    root = system(tmp_path, MEMINFO | {
        "proc/self/cgroup": "0::/\n",
        f"{V2}/memory.max": "300000\n",
        f"{V2}/memory.current": "250000\n",
        f"{V2}/memory.stat": "anon 1\ninactive_file 90000\nactive_file 10000\nodd\n",
    })  # fmt: skip
    assert available_memory(root) == 300_000 - 250_000 + 100_000  # cached files can go


def test_the_narrowest_group_holds(tmp_path: Path) -> None:
    root = system(tmp_path, MEMINFO | {
        "proc/self/cgroup": "0::/jobs/one\n",
        f"{V2}/jobs/memory.max": "100000\n",
        f"{V2}/jobs/memory.current": "40000\n",
        f"{V2}/jobs/one/memory.max": "max\n",
        f"{V2}/jobs/one/memory.current": "40000\n",
    })  # fmt: skip
    assert available_memory(root) == 60_000


def test_version_one(tmp_path: Path) -> None:
    root = system(tmp_path, MEMINFO | {
        "proc/self/cgroup": "5:cpu:/elsewhere\n4:memory:/jobs\n0::/\n",
        f"{V1}/memory.limit_in_bytes": f"{2**63 - 4096}\n",  # no limit
        f"{V1}/memory.usage_in_bytes": "9\n",
        f"{V1}/jobs/memory.limit_in_bytes": "100000\n",
        f"{V1}/jobs/memory.usage_in_bytes": "90000\n",
        f"{V1}/jobs/memory.stat": "inactive_file 1\ntotal_inactive_file 5000\n",
    })  # fmt: skip
    assert available_memory(root) == 15_000


def test_a_group_that_is_full_leaves_nothing(tmp_path: Path) -> None:
    root = system(tmp_path, MEMINFO | {
        "proc/self/cgroup": "0::/\n", f"{V2}/memory.max": "5\n", f"{V2}/memory.current": "9\n",
    })  # fmt: skip
    assert available_memory(root) == 0


def test_elsewhere_it_is_all_that_the_machine_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sysconf", {"SC_PHYS_PAGES": 3, "SC_PAGE_SIZE": 16384}.__getitem__)
    assert available_memory(tmp_path) == 3 * 16384

    def unknown(name: str) -> int:
        raise ValueError(name)

    monkeypatch.setattr("os.sysconf", unknown)
    assert available_memory(tmp_path) is None
    broken = {"proc/meminfo": "MemAvailable:", "proc/self/cgroup": "odd\n0\n"}
    assert available_memory(system(tmp_path, broken)) is None
