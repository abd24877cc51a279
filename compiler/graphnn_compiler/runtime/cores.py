"""How many threads this process may use: the environment, else what affinity and the cgroup's quota leave."""

from __future__ import annotations

import math
import os
from pathlib import Path

VARIABLE = "GRAPHNN_NUM_THREADS"


def default_threads() -> int:
    """The number of threads of the team.

    Raises:
        ValueError: GRAPHNN_NUM_THREADS is not a positive whole number.
    """
    text = os.environ.get(VARIABLE, "").strip()
    if text:
        if not text.isdecimal() or int(text) < 1:
            raise ValueError(f"{VARIABLE} must be a positive whole number, received {text!r}")
        return int(text)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cgroup_quota()
    return max(1, min(cores, math.ceil(quota)) if quota else cores)


def cgroup_quota(root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> float | None:
    """CPUs that the cgroups of this process allow, or None without a limit."""
    limits = [limit for directory in _cgroups(root, own) if (limit := _limit(directory)) is not None]
    return min(limits) if limits else None


def _cgroups(root: Path, own: Path) -> list[Path]:
    """The directories of this process's CPU cgroup and all above it, in both versions of the file system."""
    found: list[Path] = []
    for line in _read(own).splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        for base in (root / controllers, root / "cpu") if controllers else (root,):
            here = base / path.lstrip("/")
            found.extend(d for d in (here, *here.parents) if d == base or base in d.parents)
    return found


def _limit(directory: Path) -> float | None:
    new = _read(directory / "cpu.max").split()
    if len(new) == 2:
        return _ratio(new[0], new[1])
    return _ratio(_read(directory / "cpu.cfs_quota_us"), _read(directory / "cpu.cfs_period_us"))


def _ratio(quota: str, period: str) -> float | None:
    """quota / period; None for "max", -1 or anything that is not a number."""
    quota, period = quota.strip(), period.strip()
    if quota.isdecimal() and period.isdecimal() and int(quota) > 0 and int(period) > 0:
        return int(quota) / int(period)
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
