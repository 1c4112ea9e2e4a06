"""One fit at a time in a run's folder: a lock of the operating system, which ends with the process that holds it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from lmindexer.common.arguments import expect_path, resolved
from lmindexer.common.errors import BundleError


@contextlib.contextmanager
def one_fit_in(run: str | Path | None) -> Iterator[None]:
    """Hold a run's folder for a fit; None, a fit that is not kept, holds nothing.

    The lock is a hidden file beside the folder, for the folder itself is replaced at the end. It is held by the
    process and not by the file: what a killed fit leaves behind holds nobody up.

    Raises BundleError at once while another fit, of this process or another one, works there.
    """
    if run is None:
        yield
        return
    expect_path(run)
    folder = resolved(run)
    lock = lock_of(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=False)
    except Timeout:
        if not Path(lock.lock_file).exists():  # it waits for a file that nobody can make
            raise BundleError(f"{run} cannot be written; choose another folder.") from None
        raise BundleError(
            f"Another fit is at work in {run}; wait until it is finished, stop it, or choose another folder for the "
            "run."
        ) from None
    except OSError as error:
        raise BundleError(f"{run} cannot be written ({error.strerror or error}); choose another folder.") from None
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows deletes no open file; left behind it does no harm
            Path(lock.lock_file).unlink()
        lock.release()


def lock_of(folder: Path) -> FileLock:
    """The lock beside a run's folder."""
    return FileLock(folder.with_name(f".{folder.name}.lock"), thread_local=False)
