"""Trials on a local Ray cluster of two workers, one of which is killed in the middle."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

pytest.importorskip("ray")

from tests.calibrate.test_calibrate import setup_of

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]


def _parent(pid: int) -> int:
    text = Path(f"/proc/{pid}/stat").read_text("utf-8")
    return int(text.rpartition(")")[2].split()[1])


def _ours(pid: int) -> bool:
    while pid > 1:
        if pid == os.getpid():
            return True
        pid = _parent(pid)
    return False


def _busy_worker() -> int | None:
    for path in Path("/proc").glob("[0-9]*"):
        try:
            name = (path / "cmdline").read_bytes()
            if name.startswith(b"ray::_run") and _ours(int(path.name)):
                return int(path.name)
        except OSError:
            continue
    return None


def _kill_one(killed: list[int]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        worker = _busy_worker()
        if worker is not None:
            os.kill(worker, signal.SIGKILL)
            killed.append(worker)
            return
        time.sleep(0.2)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the worker through /proc")
def test_a_lost_worker_changes_no_number(folder: Path) -> None:
    from lora_advisor.calibrate.engines import engine
    from lora_advisor.calibrate.short_runs import short_run

    setup = setup_of(folder)
    trials = [
        short_run(setup.adapter, rate, batch=8, seed=1, steps=20) for rate in (1e-3, 3e-3, 1e-2)
    ]
    with engine("serial", setup) as serial:
        expected = list(serial.map(trials))
    killed: list[int] = []
    with engine("ray", setup, workers=2) as cluster:
        killer = threading.Thread(target=_kill_one, args=(killed,))
        killer.start()
        found = list(cluster.map(trials))
        killer.join()
    assert killed
    assert all(a.same_numbers(b) for a, b in zip(expected, found, strict=True))
