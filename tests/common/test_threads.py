"""Threads that wait briefly: in a process with several, whatever was loaded first; numbers stay what they are."""

import os
import subprocess
import sys

PROGRAM = """
import threading
import torch
torch.set_num_threads(2)
torch.manual_seed(0)
x = torch.randn(1 << 20)
before, threads = x.sum(), torch.get_num_threads()
from lmindexer.common.threads import wait_briefly
wait_briefly()
wait_briefly()
asleep = [one for one in threading.enumerate() if one.name == "lmindexer-asleep"]
assert torch.get_num_threads() == threads and torch.equal(x.sum(), before)
print(len(asleep))
"""


def asleep(**changes) -> int:
    named = {name: value for name, value in os.environ.items() if name not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=named | changes, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def test_a_second_set_of_threads_sleeps_once():
    assert asleep() == 1


def test_who_has_chosen_how_to_wait_is_left_alone():
    assert asleep(OMP_WAIT_POLICY="ACTIVE") == 0
