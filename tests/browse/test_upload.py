"""Uploads: kept for one person, and for as long as the process runs."""

import os
import subprocess
import sys
from pathlib import Path

from lmindexer.browse import upload


def test_uploads_are_for_one_person_and_go_with_the_process(tmp_path, monkeypatch):
    monkeypatch.setattr(upload.tempfile, "tempdir", str(tmp_path))
    upload._folder.cache_clear()
    old, new, link = (tmp_path / f"{upload.UPLOADS}{name}" for name in ("old", "new", "link"))
    old.mkdir(), new.mkdir(), link.symlink_to(tmp_path)
    os.utime(old, (0, 0))
    path = upload.keep(b"id,text\n1,a\n", ".csv")
    assert path.read_bytes() == b"id,text\n1,a\n" and path == upload.keep(b"id,text\n1,a\n", ".csv")
    assert path.parent.stat().st_mode & 0o077 == 0
    assert not old.exists() and new.exists() and link.exists()
    code = "from lmindexer.browse import upload; print(upload.keep(b'x', '.csv'))"
    gone = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert gone.endswith(".csv") and not Path(gone).exists() and not Path(gone).parent.exists()
    upload._folder.cache_clear()
