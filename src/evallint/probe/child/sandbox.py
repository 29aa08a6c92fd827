"""What a process that runs a project's code may do: limits, and walls where the system has them."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct
import sys
from collections.abc import Mapping
from typing import Any

NEW_USER, NEW_NET, NEW_MOUNTS, NEW_PIDS = 0x10000000, 0x40000000, 0x00020000, 0x20000000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE, READ_ONLY = 442, -100, 0x8000, 1
PR_SET_PDEATHSIG = 1

PROCESSES = ("subprocess.Popen", "os.fork", "os.forkpty", "os.system", "os.posix_spawn", "os.exec", "os.spawn")
NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.bind")
CHANGES = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod")


def limit(limits: Mapping[str, float]) -> None:
    """Bounds what this process may use: seconds of CPU, bytes of memory and of a file, open files, processes."""
    for name, value in (
        ("RLIMIT_CPU", limits["cpu"]),
        ("RLIMIT_DATA", limits["memory"]),
        ("RLIMIT_FSIZE", limits["file"]),
        ("RLIMIT_NOFILE", 256),
        ("RLIMIT_CORE", 0),
        ("RLIMIT_NPROC", 256),
    ):
        if hasattr(resource, name):
            key = getattr(resource, name)
            hard = resource.getrlimit(key)[1]
            wanted = int(value) if hard == resource.RLIM_INFINITY else min(int(value), hard)
            soft = max(wanted - 1, 1) if name == "RLIMIT_CPU" else wanted  # the soft limit says what it was
            resource.setrlimit(key, (soft, wanted))


def walled(scratch: str) -> frozenset[str]:
    """Puts walls around this process where the system has them, and says what they keep in.

    "network": it reaches nothing; "files": it writes to `scratch` only; "processes": its next child is the first of a
    world of its own, all of which ends with it.
    """
    if sys.platform != "linux":
        return frozenset()
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    if libc.unshare(NEW_USER | NEW_NET | NEW_MOUNTS | NEW_PIDS) != 0:
        return frozenset()
    held = {"network", "processes"}
    try:
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as stream:
                stream.write(text)
        _read_only_but(libc, scratch)
        held.add("files")
    except OSError:
        pass
    return frozenset(held)


def _read_only_but(libc: Any, scratch: str) -> None:
    place = os.fsencode(scratch)
    private = struct.pack("QQQQ", 0, 0, MS_PRIVATE, 0)
    shut = struct.pack("QQQQ", READ_ONLY, 0, 0, 0)
    opened = struct.pack("QQQQ", 0, READ_ONLY, 0, 0)

    def done(result: int) -> None:
        if result != 0:
            raise OSError(ctypes.get_errno(), "mount")

    done(libc.syscall(MOUNT_SETATTR, AT_FDCWD, b"/", AT_RECURSIVE, private, len(private)))
    done(libc.mount(place, place, None, MS_BIND | MS_REC, None))
    done(libc.syscall(MOUNT_SETATTR, AT_FDCWD, b"/", AT_RECURSIVE, shut, len(shut)))
    done(libc.syscall(MOUNT_SETATTR, AT_FDCWD, place, 0, opened, len(opened)))


def end_with_parent() -> None:
    """This process is killed when the one that started it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def guard(scratch: str) -> None:
    """Refuses, from Python, other processes, the network, and changes outside `scratch`.

    Native code can get past it: it is there for a clear reason where the walls give none, or are missing.
    """
    own = (os.path.realpath(scratch), "/dev/", "/proc/self/")

    def inside(path: object) -> bool:
        if not isinstance(path, str | bytes):
            return True  # a descriptor that is open already
        return os.path.realpath(os.fsdecode(path)).startswith(own)

    def hook(event: str, given: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = given
            writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC) if isinstance(flags, int) else False
            if writes and not inside(path):
                raise PermissionError(f"the probe writes nothing outside its folder: {os.fsdecode(path)}")
        elif event in PROCESSES:
            raise PermissionError("the probe starts no processes")
        elif event in NETWORK:
            raise PermissionError("the probe has no network")
        elif event in CHANGES and not all(inside(path) for path in given[: 2 if event == "os.rename" else 1]):
            raise PermissionError("the probe changes nothing outside its folder")

    sys.addaudithook(hook)
