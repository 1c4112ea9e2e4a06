"""Threads that wait briefly, so that training on a busy machine leaves its cores to whom they belong.

Between two parallel parts OpenMP's threads spin: on a core that another program needs, they wait for a thread that
cannot run, and eat what it needs to run. How long they spin is read from the environment when torch is loaded, which
a notebook has often done already. But GNU's OpenMP (torch's on Linux) spins hundreds of times shorter in a process that
has more threads than cores, and so a second set of threads that only sleeps does it at any time. The number of threads
that compute stays the same, and with it every number that comes out. docs/results/busy_machine.md has what it is worth.
"""

import os
import sys
import threading

_asleep = threading.Event()  # set while this process has its second set of threads
os.register_at_fork(after_in_child=_asleep.clear)  # threads are not inherited
PART = 1 << 20  # numbers that torch shares out among its threads


def set_blocktime() -> None:
    """For LLVM's and Intel's OpenMP (torch on macOS): sleep at once. Without effect when torch is loaded already."""
    if "torch" not in sys.modules:
        os.environ.setdefault("KMP_BLOCKTIME", "0")


def wait_briefly() -> None:
    """From now on torch's waiting threads sleep early in this process.

    Does nothing with one thread, or where OMP_WAIT_POLICY or GOMP_SPINCOUNT says how to wait.
    """
    import torch

    chosen = "OMP_WAIT_POLICY" in os.environ or "GOMP_SPINCOUNT" in os.environ
    if chosen or _asleep.is_set() or torch.get_num_threads() < 2:
        return
    _asleep.set()
    ready = threading.Event()
    threading.Thread(target=_get_threads_and_sleep, args=(ready,), name="lmindexer-asleep", daemon=True).start()
    ready.wait(10)


def _get_threads_and_sleep(ready: threading.Event) -> None:
    import torch

    torch.zeros(PART).add_(1.0)  # a parallel part: OpenMP gives this thread a team of its own
    ready.set()
    threading.Event().wait()
