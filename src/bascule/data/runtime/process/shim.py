"""The parent of one container's processes: stdlib only, small, run as a script of its own.

It outlives the agent, writes the logs in the CRI format and records the exit in a file, so that an
agent started later finds out what happened meanwhile. It decides nothing. Usage: `shim.py DIR`,
where DIR holds `spec.json`. It answers `ok` or an error on stdout, then closes it. SIGHUP reopens
the log. Files written: `state.json` (pids), `exit.json` (once, last), `attach.sock`.
"""

from __future__ import annotations

import errno
import json
import os
import select
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

BLOCK = 65536
FRAGMENT = 16384


def write_json(path: str, value: dict[str, object]) -> None:
    with open(path + ".new", "w") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    os.rename(path + ".new", path)


def start_time(pid: int) -> int:
    """The kernel's start time of a process: with the pid it names a process for ever."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        return int(file.read().rpartition(b")")[2].split()[19])


class Log:
    """Lines of the CRI format; a line without its end is kept until it ends or grows too long."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.pending: dict[bytes, bytes] = {b"stdout": b"", b"stderr": b""}
        self.reopen()

    def reopen(self) -> None:
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        self.fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)

    def write(self, stream: bytes, data: bytes) -> None:
        now = time.time_ns()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now // 10**9)).encode()
        head = b"%b.%09dZ %b " % (stamp, now % 10**9, stream)
        *lines, rest = (self.pending[stream] + data).split(b"\n")
        out = []
        for line in lines:
            while len(line) > FRAGMENT:
                out.append(head + b"P " + line[:FRAGMENT] + b"\n")
                line = line[FRAGMENT:]
            out.append(head + b"F " + line + b"\n")
        while len(rest) > FRAGMENT:
            out.append(head + b"P " + rest[:FRAGMENT] + b"\n")
            rest = rest[FRAGMENT:]
        self.pending[stream] = rest
        if out:
            try:
                os.write(self.fd, b"".join(out))
            except OSError:
                pass  # a full disk loses log lines, never the workload

    def end(self) -> None:
        for stream, rest in self.pending.items():
            if rest:
                self.write(stream, b"\n")


def become(spec: dict[str, Any], slave: int | None, failure: int) -> None:
    """In the child: join the cgroups, drop rights, exec. Never returns."""
    try:
        os.setsid()
        if slave is not None:
            import fcntl
            import termios

            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        for path in spec["cgroup_files"]:
            with open(path, "w") as file:
                file.write("0")
        os.chdir(spec["cwd"])  # before rights are dropped: the way there is closed to other users
        if spec["gid"] is not None or spec["groups"]:
            os.setgroups(spec["groups"])
        if spec["gid"] is not None:
            os.setgid(spec["gid"])
        if spec["uid"] is not None:
            os.setuid(spec["uid"])
        for number in (signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        os.execvpe(spec["argv"][0], spec["argv"], spec["env"])
    except BaseException as error:
        said = getattr(error, "strerror", None) or str(error)
        os.write(failure, f'exec: "{spec["argv"][0]}": {said}'.encode())
    os._exit(128)


class Shim:
    def __init__(self, directory: str) -> None:
        self.directory = directory
        with open(directory + "/spec.json") as file:
            self.spec: dict[str, Any] = json.load(file)
        self.log = Log(self.spec["log"])
        self.pid = 0
        self.outputs: dict[int, bytes] = {}  # fd: stream
        self.input: int | None = None
        self.server: Any = None
        self.clients: dict[int, list[Any]] = {}  # fd: [socket, unread bytes]
        self.poll = select.poll()

    def spawn(self) -> str:
        """Start the container's process; returns an error text or ''."""
        slave = None
        if self.spec["tty"]:
            master, slave = os.openpty()
            ends = (slave, slave, slave)
            self.outputs = {master: b"stdout"}
            self.input = master
        else:
            out, out_end = os.pipe()
            err, err_end = os.pipe()
            if self.spec["stdin"]:
                in_end, self.input = os.pipe()
            else:
                in_end = os.open("/dev/null", os.O_RDONLY)
            ends = (in_end, out_end, err_end)
            self.outputs = {out: b"stdout", err: b"stderr"}
        failed, failure = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            for number, end in enumerate(ends):
                os.dup2(end, number)
            become(self.spec, slave, failure)
        os.close(failure)
        for end in set(ends):
            os.close(end)
        started = time.time_ns()
        error = os.read(failed, 4096).decode()
        os.close(failed)
        me = os.getpid()
        if not error:
            state: dict[str, object] = {
                "shim": me,
                "shim_start": start_time(me),
                "pid": self.pid,
                "started_ns": started,
            }
            write_json(self.directory + "/state.json", state)
        return error

    def listen(self) -> None:
        if self.input is None:
            return
        import socket

        self.server = socket.socket(socket.AF_UNIX)
        os.chdir(self.directory)  # the path may be longer than a socket address
        self.server.bind("attach.sock")
        self.server.listen(8)
        self.poll.register(self.server.fileno(), select.POLLIN)

    def output(self, fd: int) -> bool:
        """Read once; False when nothing more will come."""
        try:
            data = os.read(fd, BLOCK)
        except OSError as error:
            return error.errno == errno.EAGAIN
        if not data:
            return False
        self.tell(fd, data)
        return True

    def tell(self, fd: int, data: bytes) -> None:
        """To the log and to whoever is attached."""
        stream = self.outputs[fd]
        self.log.write(stream, data)
        frame = bytes([1 if stream == b"stdout" else 2]) + len(data).to_bytes(4, "big") + data
        for number, (connection, _) in list(self.clients.items()):
            try:
                connection.sendall(frame)
            except OSError:
                self.drop(number)

    def drop(self, number: int) -> None:
        self.poll.unregister(number)
        self.clients.pop(number)[0].close()

    def client(self, number: int) -> None:
        """Frames from an attached client: 0 stdin (empty: close), 4 resize as two 16-bit numbers."""
        connection, unread = self.clients[number]
        try:
            data = connection.recv(BLOCK)
        except OSError:
            data = b""
        if not data:
            self.drop(number)
            return
        unread += data
        while len(unread) >= 5 and len(unread) >= 5 + (size := int.from_bytes(unread[1:5], "big")):
            kind, body, unread = unread[0], unread[5 : 5 + size], unread[5 + size :]
            if kind == 4 and self.input is not None and self.spec["tty"]:
                import fcntl
                import termios

                fcntl.ioctl(self.input, termios.TIOCSWINSZ, body + b"\0\0\0\0")
            elif kind == 0:
                self.feed(body)
        self.clients[number][1] = unread

    def feed(self, body: bytes) -> None:
        if self.input is None:
            return
        try:
            if body:
                os.write(self.input, body)
            elif not self.spec["tty"]:
                os.close(self.input)
                self.input = None
        except OSError:
            pass

    def run(self) -> None:
        wake, wake_end = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(wake_end, False)
        signal.set_wakeup_fd(wake_end, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGHUP, lambda *_: self.log.reopen())
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        error = self.spawn()
        if error:
            ended = {"exit_code": 128, "finished_ns": time.time_ns(), "reason": "StartError", "message": error}
            write_json(self.directory + "/exit.json", ended)
            os.write(1, error.encode())
            return
        self.listen()
        os.write(1, b"ok")
        os.dup2(os.open("/dev/null", os.O_WRONLY), 1)
        for fd in (wake, *self.outputs):
            self.poll.register(fd, select.POLLIN)
        status = None
        while status is None:
            for fd, _ in self.poll.poll():
                if fd == wake:
                    os.read(wake, 512)
                elif fd in self.outputs:
                    if not self.output(fd):
                        self.poll.unregister(fd)
                elif self.server is not None and fd == self.server.fileno():
                    connection, _ = self.server.accept()
                    self.clients[connection.fileno()] = [connection, b""]
                    self.poll.register(connection.fileno(), select.POLLIN)
                elif fd in self.clients:
                    self.client(fd)
            pid, code = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                status = code
        self.finish(status)

    def finish(self, status: int) -> None:
        """The first process is gone, so is the container: end the rest, keep what it still said."""
        finished = time.time_ns()
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except OSError:
            pass
        for fd in self.outputs:
            os.set_blocking(fd, False)
            try:
                while data := os.read(fd, BLOCK):
                    self.tell(fd, data)
            except OSError:
                pass
        self.log.end()
        code = 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        write_json(self.directory + "/exit.json", {"exit_code": code, "finished_ns": finished})


if __name__ == "__main__":
    Shim(sys.argv[1]).run()
