"""An adapter root beside a folder that may not be read, and paths that lead elsewhere or to no file."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np

from kilnmark.keymaps.zoo.write import make_adapter, write_tensors

__all__ = ["HOSTILE", "SECRET", "Places"]

SECRET = "secret_of_another_folder"


class Places:
    """An adapter root with an adapter in it, and a folder outside with one whose tensors bear a secret name.

    Attributes:
        root: What the daemon may read.
        outside: What it may not.
        adapter: Of the root.
        secret: Outside.
    """

    def __init__(self, home: Path) -> None:
        self.root, self.outside = home / "loras", home / "outside"
        for folder in (self.root, self.outside):
            folder.mkdir()
        self.adapter = make_adapter(self.root / "good.safetensors", rank=1, blocks=1)
        self.secret = self.outside / "good.safetensors"
        write_tensors(self.secret, {SECRET: np.zeros((2, 2), np.float32)})


def _made(path: Path, make: Callable[[Path], object]) -> str:
    make(path)
    return str(path)


def _beside(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"x")


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.write((1 << 60).to_bytes(8, "little"))
        file.truncate(1 << 40)


HOSTILE: dict[str, Callable[[Places], str]] = {
    "../ out of the root": lambda _: "../outside/good.safetensors",
    "../ deep inside": lambda _: "a/../../outside/good.safetensors",
    "an absolute path outside": lambda at: str(at.secret),
    "a root's own name and ..": lambda at: f"{at.root}/../outside/good.safetensors",
    "a folder that begins like a root": lambda at: _made(at.root.with_name("loras-2") / "a.safetensors", _beside),
    "a link out of the root": lambda at: _made(at.root / "out.safetensors", lambda path: path.symlink_to(at.secret)),
    "a folder that is a link out": lambda at: str(
        Path(_made(at.root / "folder", lambda path: path.symlink_to(at.outside))) / "good.safetensors"
    ),
    "a link to /proc/self/environ": lambda at: _made(
        at.root / "env.safetensors", lambda path: path.symlink_to("/proc/self/environ")
    ),
    "/proc/self/environ": lambda _: "/proc/self/environ",
    "/proc/self/root": lambda at: f"/proc/self/root{at.secret}",
    "/dev/stdin": lambda _: "/dev/stdin",
    "/etc/shadow": lambda _: "/etc/shadow",
    "a link that leads to itself": lambda at: _made(
        at.root / "loop.safetensors", lambda path: path.symlink_to("loop.safetensors")
    ),
    "a FIFO": lambda at: _made(at.root / "fifo.safetensors", os.mkfifo),
    "a socket": lambda at: _made(at.root / "s.safetensors", _socket),
    "a device, by its node": lambda at: _made(
        at.root / "zero.safetensors", lambda path: os.mknod(path, 0o020666, os.makedev(1, 5))
    ),
    "a folder": lambda at: _made(at.root / "folder.safetensors", Path.mkdir),
    "the root itself": lambda at: str(at.root),
    "a slash behind the file": lambda at: f"{at.adapter}/",
    "/. behind the file": lambda at: f"{at.adapter}/.",
    "an empty file": lambda at: _made(at.root / "empty.safetensors", Path.touch),
    "a file of 1 TiB that says its header has 2^60 bytes": lambda at: _made(at.root / "huge.safetensors", _sparse),
    "a NUL in the name": lambda _: "good.safetensors\0.png",
    "a newline in the name": lambda _: "good\n.safetensors",
    "5,000 characters": lambda _: "a/" * 2500,
    "300 characters of one name": lambda _: "a" * 300 + ".safetensors",
    "~": lambda _: "~/good.safetensors",
    "file://": lambda at: f"file://{at.adapter}",
    "$HOME": lambda _: "$HOME/good.safetensors",
    "percent-encoded dots": lambda _: "%2e%2e/outside/good.safetensors",
    "full-width dots": lambda _: "\uff0e\uff0e/outside/good.safetensors",
    "a drive letter": lambda _: "C:\\good.safetensors",
    "a wildcard": lambda _: "*.safetensors",
}
