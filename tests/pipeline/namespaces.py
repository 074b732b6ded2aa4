"""Machines in network namespaces of their own, joined by a switch whose cables can be pulled."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Sequence
from typing import Any

_PLACES = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
_END_SECONDS = 240


class NoNamespaces(Exception):
    """Network namespaces cannot be made here; the message says why."""


class Network:
    """Hosts 10.217.0.1, 10.217.0.2, ... on one switch, each with an interface ``eth0``.

    The switch is a bridge in a namespace of its own, so that interfaces, addresses and routes of the machine that all
    this runs on stay as they are, and nobody outside reaches what listens inside. Disks and processes are shared.
    """

    def __init__(self, hosts: Sequence[str]) -> None:
        """Builds it.

        Raises:
            NoNamespaces: not root, no iproute2, or the system does not allow it.
        """
        program = shutil.which("ip", path=_PLACES)
        if os.geteuid() != 0:
            raise NoNamespaces("only root may make them")
        if program is None:
            raise NoNamespaces("iproute2's program ip is not there")
        self._ip = program
        self._prefix = f"binsparx-{uuid.uuid4().hex[:8]}"
        self._names: list[str] = []
        self.addresses = {host: f"10.217.0.{index}" for index, host in enumerate(hosts, start=1)}
        try:
            self._build()
        except BaseException:
            self.remove()
            raise

    def _build(self) -> None:
        switch = self._add("switch")
        self._make("-n", switch, "link", "add", "name", "bridge", "type", "bridge")
        self._run("-n", switch, "link", "set", "dev", "bridge", "up")
        for host, address in self.addresses.items():
            name = self._add(host)
            cable = ["name", host, "type", "veth", "peer", "name", "eth0", "netns", name]
            self._make("-n", switch, "link", "add", *cable)
            self._run("-n", switch, "link", "set", "dev", host, "master", "bridge", "up")
            self._run("-n", name, "address", "add", f"{address}/24", "dev", "eth0")
            self._run("-n", name, "link", "set", "dev", "lo", "up")
            self._run("-n", name, "link", "set", "dev", "eth0", "up")
            # Programs that ask for the way to the internet to learn their own address get the right one.
            self._run("-n", name, "route", "add", "default", "dev", "eth0")

    def start(self, host: str, command: Sequence[str], **options: Any) -> subprocess.Popen[str]:
        """Starts a program on a host; ``options`` are those of ``Popen``."""
        return subprocess.Popen([self._ip, "netns", "exec", self._name(host), *command], text=True, **options)

    def cut(self, host: str) -> None:
        """Pulls the cable out of the switch: the host runs on, and no connection is told that it has ended."""
        self._run("-n", self._name("switch"), "link", "set", "dev", host, "down")

    def join(self, host: str) -> None:
        """Puts the cable back."""
        self._run("-n", self._name("switch"), "link", "set", "dev", host, "up")

    def processes(self, host: str) -> list[int]:
        """All that runs on a host, and so was started by us."""
        return [int(pid) for pid in self._run("netns", "pids", self._name(host)).split()]

    def kill_all(self, host: str) -> None:
        """SIGKILL to all that runs on a host, as when its power goes; returns when nothing is left.

        Raises:
            RuntimeError: something is left.
        """
        end = time.monotonic() + _END_SECONDS
        while pids := self.processes(host):
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if time.monotonic() > end:
                raise RuntimeError(f"processes of {host} do not end: {pids}")
            time.sleep(0.05)

    def remove(self) -> None:
        """Ends all processes and leaves nothing; interfaces go with their namespaces."""
        with contextlib.ExitStack() as everything:  # what fails for one does not keep the others
            while self._names:
                everything.callback(self._remove, self._names.pop())

    def _remove(self, name: str) -> None:
        try:
            self.kill_all(name)
        finally:
            self._run("netns", "delete", self._name(name))

    def _add(self, name: str) -> str:
        self._make("netns", "add", self._name(name))
        self._names.append(name)
        return self._name(name)

    def _name(self, name: str) -> str:
        return f"{self._prefix}-{name}"

    def _make(self, *arguments: str) -> None:
        """As ``_run``, for what not every system allows."""
        try:
            self._run(*arguments)
        except subprocess.CalledProcessError as error:
            reason = " ".join(error.stderr.split())
            raise NoNamespaces(f"ip {' '.join(arguments)}: {reason}") from None

    def _run(self, *arguments: str) -> str:
        return subprocess.run([self._ip, *arguments], check=True, capture_output=True, text=True).stdout
