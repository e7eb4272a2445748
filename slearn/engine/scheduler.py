"""The scheduler: many jobs through one context, each shared prefix computed once.

Jobs are taken in the order of their tokens, so neighbours share the longest prefixes. A new job
copies what it shares with a sequence in the cache; if that part is still being computed, it waits
for it. Every step sends one batch: the next token of each running job first, then as much of the
waiting prompts as fits. A job is admitted only when all cells it may ever need are free, so a full
cache cannot happen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from slearn.engine.context import Context
from slearn.engine.jobs import Job

Done = Callable[[Job], Sequence[Job]]  # takes a finished job, gives those that go on from it


@dataclass
class _Slot:
    """One sequence of the cache: the tokens it holds and the job that works on it."""

    seq: int
    tokens: list[int] = field(default_factory=list)
    cells: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    job: Job | None = None
    leader: _Slot | None = None  # whose prefix it waits for, and how much of it
    wait_for: int = 0

    @property
    def pending(self) -> int:
        """How many tokens of the job are still to be sent."""
        return 0 if self.job is None else len(self.job.tokens) - len(self.tokens)


class Scheduler:
    """Runs the jobs of one round on an empty context."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._slots = [_Slot(seq) for seq in range(context.sequences)]
        # How many sequences hold each cell: a mirror of the unified cache, to know what is free.
        self._holders = np.zeros(context.cells, dtype=np.int64)
        self._free_cells = list(range(context.cells - 1, -1, -1))

    def run(self, jobs: Iterable[Job], done: Done) -> None:
        """Work off all jobs; `done` is called for each as it finishes.

        Jobs that it returns come next, while the sequence that they go on from is in the cache.
        """
        queue = sorted(jobs, key=lambda job: (job.packed, job.order), reverse=True)
        self._context.clear()
        while queue or any(slot.job for slot in self._slots):
            self._admit(queue, done)
            self._release_waiting()
            if not any(slot.job for slot in self._slots):
                continue  # what was left had nothing to compute
            finished = self._step()
            self._release_waiting()  # before a finished sequence may be reused
            behind = [list(done(job)) for job in finished]
            # One of each first: it goes on in place, and the others copy from it.
            places = range(max(map(len, behind), default=0))
            turns = [own[place] for place in places for own in behind if place < len(own)]
            queue += reversed(turns)

    # -- admission ---------------------------------------------------------------------------

    def _admit(self, queue: list[Job], done: Done) -> None:
        while queue:
            free = [slot for slot in self._slots if slot.job is None]
            if not free:
                return
            job = queue[-1]
            if not job.tokens:
                job.begin()
            if job.finished:
                queue += reversed(done(queue.pop()))
                continue
            donor, length = self._best_donor(job)
            if not self._fits(job, length):
                for slot in free:  # an idle prefix goes before a job has to wait
                    if slot is not donor:
                        self._truncate(slot, 0)
            if not self._fits(job, length):
                if len(free) < len(self._slots):
                    return
                donor, length = None, 0
                for slot in free:
                    self._truncate(slot, 0)
            self._place(queue.pop(), donor, length, free)
        for slot in self._slots:  # nothing will come that could use an idle prefix
            if slot.job is None:
                self._truncate(slot, 0)

    def _fits(self, job: Job, shared: int) -> bool:
        """Whether the cells that all admitted jobs and this one may still need are free."""
        growing = sum(slot.pending + slot.job.growth for slot in self._slots if slot.job)
        return len(job.tokens) - shared + job.growth + growing <= len(self._free_cells)

    def _best_donor(self, job: Job) -> tuple[_Slot | None, int]:
        """Return the sequence that shares, or will share, the longest prefix with a job."""
        best: _Slot | None = None
        length = 0
        for slot in self._slots:
            held = slot.tokens if slot.job is None else slot.job.tokens
            common = _common_prefix(job.tokens, held)
            if common > length:
                best, length = slot, common
        # From the first position whose logits are wanted, tokens are computed anew.
        return best, min(length, job.first_wanted)

    def _place(self, job: Job, donor: _Slot | None, length: int, free: list[_Slot]) -> None:
        if donor is not None and donor.job is None and length:
            slot = donor  # goes on in place
            self._truncate(slot, length)
        else:
            slot = min(free, key=lambda candidate: len(candidate.tokens))
            self._truncate(slot, 0)
            if donor is not None and length:
                slot.leader, slot.wait_for = donor, length
        slot.job = job
        job.shared = length

    def _release_waiting(self) -> None:
        for slot in self._slots:
            leader = slot.leader
            if leader is not None and len(leader.tokens) >= slot.wait_for:
                length = slot.wait_for
                self._context.copy(leader.seq, slot.seq, length)
                slot.tokens = leader.tokens[:length]
                slot.cells = leader.cells[:length].copy()
                self._holders[slot.cells] += 1
                slot.leader = None

    # -- one step ----------------------------------------------------------------------------

    def _step(self) -> list[Job]:
        ready = [slot for slot in self._slots if slot.job is not None and slot.leader is None]
        ready.sort(key=lambda slot: slot.pending != 1)  # running answers first, then prompts
        room, outputs = self._context.batch_size, self._context.max_outputs
        batch = self._context.batch()
        wanted: list[tuple[_Slot, int, int]] = []
        for slot in ready:
            job = slot.job
            assert job is not None
            start = len(slot.tokens)
            for position in range(start, len(job.tokens)):
                wants = job.wants(position)
                if room == 0 or (wants and outputs == 0):
                    break
                if wants:
                    wanted.append((slot, position, batch.count))
                    outputs -= 1
                room -= 1
                batch.add(job.tokens[position], position, slot.seq, wants)
                slot.tokens.append(job.tokens[position])
            self._occupy(slot, len(slot.tokens) - start)
            job.computed += len(slot.tokens) - start
        self._context.decode(batch)
        for slot, position, row in wanted:
            assert slot.job is not None
            slot.job.receive(position, self._context.logits(row))
        finished = []
        for slot in ready:
            if slot.job is not None and slot.job.finished:
                finished.append(slot.job)
                slot.job = None
        return finished

    def _occupy(self, slot: _Slot, count: int) -> None:
        if count:
            fresh = np.array([self._free_cells.pop() for _ in range(count)], dtype=np.int64)
            self._holders[fresh] += 1
            slot.cells = np.concatenate([slot.cells, fresh])

    def _truncate(self, slot: _Slot, length: int) -> None:
        if len(slot.tokens) <= length:
            return
        gone = slot.cells[length:]
        self._holders[gone] -= 1
        self._free_cells.extend(int(cell) for cell in gone[self._holders[gone] == 0])
        self._context.remove(slot.seq, length)
        slot.tokens = slot.tokens[:length]
        slot.cells = slot.cells[:length]


def _common_prefix(left: list[int], right: list[int]) -> int:
    size = min(len(left), len(right))
    if left[:size] == right[:size]:
        return size
    low, high = 0, size  # left[:low] == right[:low]; slices compare at C speed
    while high - low > 1:
        middle = (low + high) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle
    return low
