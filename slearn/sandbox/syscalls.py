"""The filter of system calls in bwrap's sandbox: no new process, no network, no way around memory.

Namespaces hide the machine but leave the kernel's whole surface open, limits on processes do not
hold for root, and shared memory of the old kinds counts towards no process. The filter is a list
of what is refused: code gets EPERM, which Python raises as PermissionError. It is read from the
numbers of Linux's tables, so it exists only for the machines named here.
"""

from __future__ import annotations

import struct

# machine -> its AUDIT_ARCH number and its column below
_MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}

# name -> number on x86_64, on aarch64; None where the machine has no such call
REFUSED: dict[str, tuple[int | None, int | None]] = {
    # processes: a tool is one
    "fork": (57, None), "vfork": (58, None), "ptrace": (101, 117), "kcmp": (312, 272),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438), "process_madvise": (440, 440),
    # memory that RLIMIT_AS does not see
    "shmget": (29, 194), "semget": (64, 190), "msgget": (68, 186), "mq_open": (240, 180),
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "vmsplice": (278, 75),
    # network; asyncio needs socketpair, which reaches nobody
    "socket": (41, 198),
    # mounts and namespaces
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "unshare": (272, 97), "setns": (308, 268), "open_tree": (428, 428), "move_mount": (429, 429),
    "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "mount_setattr": (442, 442), "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    # parts of the kernel that no tool needs and many attacks start from
    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218), "bpf": (321, 280),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "personality": (135, 92),
    "fanotify_init": (300, 262), "inotify_init": (253, None), "inotify_init1": (294, 26),
    "modify_ldt": (154, None), "uselib": (134, None),
}  # fmt: skip
_CLONE, _CLONE3 = (56, 220), (435, 435)

_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data
_KILL, _ALLOW, _ERROR = 0x80000000, 0x7FFF0000, 0x00050000
_EPERM, _ENOSYS = 1, 38
_CLONE_THREAD = 0x00010000
_X32 = 0x40000000  # a second numbering of x86_64's calls, which would pass by this list


def call_filter(machine: str) -> bytes:
    """Return the filter as a BPF program for `bwrap --seccomp`; KeyError for another machine.

    >>> len(call_filter("x86_64")) % 8
    0
    """
    arch, column = _MACHINES[machine]
    program = [
        _step(_LOAD, _ARCH),
        _step(_JUMP_EQUAL, arch, 1, 0),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER),
    ]
    if machine == "x86_64":
        program += [_step(_JUMP_AT_LEAST, _X32, 0, 1), _step(_RETURN, _ERROR | _ENOSYS)]
    for numbers in REFUSED.values():
        number = numbers[column]
        if number is not None:
            program += _refuse(number, _EPERM)
    # The C library falls back on clone, whose flags can be looked at.
    program += _refuse(_CLONE3[column], _ENOSYS)
    program += [
        _step(_JUMP_EQUAL, _CLONE[column], 0, 3),
        _step(_LOAD, _FIRST_ARGUMENT),
        _step(_JUMP_BITS, _CLONE_THREAD, 1, 0),
        _step(_RETURN, _ERROR | _EPERM),
        _step(_RETURN, _ALLOW),
    ]
    return b"".join(program)


def _refuse(number: int, error: int) -> list[bytes]:
    return [_step(_JUMP_EQUAL, number, 0, 1), _step(_RETURN, _ERROR | error)]


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)
