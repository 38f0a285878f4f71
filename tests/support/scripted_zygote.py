"""A zygote and its replicas that do what a test tells them, also what no interpreter should (schema/zygote.capnp).

Started like hearth/_worker/boot.py. The variable ZYGOTE says how the zygote behaves; the arguments of a call are one
line of text, a command to the replica. No locks, no threads: each replica does one thing at a time.
"""

import ctypes
import json
import mmap
import os
import select
import signal
import socket
import struct
import sys
import time

CONTROL = 3
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
CALL, REPLY, CHUNK, SIGNAL, CONTROL_FRAME, LOG = 1, 2, 3, 4, 5, 6
WORDS = {CALL: 14, REPLY: 10, CHUNK: 4, SIGNAL: 5, CONTROL_FRAME: 1, LOG: 5}
SENT, STARTED, CANCELLED, DONE = 1, 2, 4, 5
libc = ctypes.CDLL(None)


def frame(kind, data, body=b""):
    """`data`: the fields after kind, packed."""
    words = WORDS[kind]
    content = struct.pack("<H", kind) + data
    assert len(content) == 8 * words, (kind, len(content))
    pointer = (1 | (len(body) << 3 | 2) << 32) if body else 0
    padded = body + bytes(-len(body) % 8)
    total = 1 + words + 1 + len(padded) // 8
    return struct.pack("<IIQ", 0, total, words << 32 | 1 << 48) + content + struct.pack("<Q", pointer) + padded


class Replica:
    def __init__(self, sock_fd, table_fd, start):
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.sock = socket.socket(fileno=sock_fd)
        self.table = mmap.mmap(table_fd, 8 * start["slots"])
        self.fresh = start.get("fresh", False)
        self.cancelled = False
        signal.signal(signal.SIGUSR1, lambda number, stack: setattr(self, "cancelled", True))
        hello = {"protocol": 1, "program": "replica", "pid": os.getpid(), "version": "3.x"}
        self.control({"hello": hello})

    def control(self, request, number=0):
        self.send(frame(CONTROL_FRAME, struct.pack("<HI", 0, number), json.dumps(request).encode()))

    def send(self, data):
        self.sock.sendall(data)

    def take(self, count):
        data = b""
        while len(data) < count:
            part = self.sock.recv(count - len(data))
            if not part:
                os._exit(0)
            data += part
        return data

    def next(self):
        """(kind, fields' bytes, body)"""
        _, words = struct.unpack("<II", self.take(8))
        data = self.take(8 * words)
        (kind,) = struct.unpack_from("<H", data, 8)
        end = 8 + 8 * WORDS[kind]
        (pointer,) = struct.unpack_from("<Q", data, end)
        return kind, data[10:end], data[end + 8 : end + 8 + (pointer >> 35)]

    def swap(self, slot, generation, old, new):
        """Not atomic: tests that race do so in C++."""
        (word,) = struct.unpack_from("<Q", self.table, 8 * slot)
        if word & 0xFF != old or (word >> 8) & 0xFFFFFFFF != generation:
            return False
        struct.pack_into("<Q", self.table, 8 * slot, word & ~0xFF | new)
        return True

    def serve(self):
        while True:
            kind, data, body = self.next()
            if kind == SIGNAL:
                (what,) = struct.unpack_from("<H", data, 2)
                if what == 1:
                    self.cancelled = True
                continue
            if kind == REPLY:
                self.child_reply = body
                continue
            if kind != CALL:
                continue
            self.slot, self.generation, self.hi, self.lo = struct.unpack_from("<IIQQ", data, 14)
            (size,) = struct.unpack_from("<Q", data, 102)
            while len(body) < size:
                _, _, more = self.next()
                body += more
            if not self.swap(self.slot, self.generation, SENT, STARTED):
                continue
            self.run(body)
            if self.fresh:
                os._exit(0)

    def reply(self, value, flags=0, code=0, slot=None, split=0):
        self.swap(self.slot, self.generation, STARTED, DONE) or self.swap(self.slot, self.generation, CANCELLED, DONE)
        first = value[:split] if split else value
        head = struct.pack("<HHHIIQQQQQQQQ", flags, code, 1, self.slot if slot is None else slot, self.generation, self.hi,
                           self.lo, len(value), 1, 0, 0, 0, 0)  # fmt: skip
        self.send(frame(REPLY, head, first))
        at = len(first)
        while at < len(value):
            part = value[at : at + split]
            last = at + len(part) == len(value)
            self.send(frame(CHUNK, struct.pack("<HIQQQ", 2 | last, 0, self.hi, self.lo, at), part))
            at += len(part)

    def log(self, text):
        self.send(frame(LOG, struct.pack("<HIQQQQ", 1, 0, self.hi, self.lo, 0, 0), text))

    def run(self, body):
        command, _, argument = body.partition(b" ")
        getattr(self, "do_" + command.decode())(argument)

    # -- what a call may do --------------------------------------------------------------------------------------------

    def do_echo(self, argument):
        self.reply(argument, split=1 << 20)

    def do_pid(self, argument):
        self.reply(str(os.getpid()).encode())

    def do_environment(self, argument):
        self.reply("\n".join(f"{k}={v}" for k, v in os.environ.items()).encode())

    def do_descriptors(self, argument):
        self.reply(" ".join(sorted(os.listdir("/proc/self/fd"), key=int)).encode())

    def do_large(self, argument):
        self.reply(b"0123456789abcdef" * (int(argument) // 16), split=1 << 20)

    def do_wait(self, argument):
        """Until it is cancelled."""
        self.log(b"waiting")
        while not self.cancelled:
            select.select([], [], [], 0.01)
        self.reply(b"cancelled")

    def do_hang(self, argument):
        """Whatever happens, short of SIGKILL."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        self.log(b"hanging")
        while True:
            time.sleep(1000)

    def do_ignore_end(self, argument):
        """Replies, then closes neither its socket nor itself."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self.reply(b"")
        while True:
            time.sleep(1000)

    def do_exit(self, argument):
        os._exit(int(argument))

    def do_kill(self, argument):
        os.kill(os.getpid(), int(argument))

    def do_say_and_die(self, argument):
        os.write(2, b"Traceback of mine\n" + argument + b"\n")
        os._exit(7)

    def do_raw(self, argument):
        os.write(1, argument + b"\n")
        self.reply(b"")

    def do_raw_and_wait(self, argument):
        os.write(1, argument + b"\n")
        time.sleep(1000)

    def do_garbage(self, argument):
        self.send(b"GET / HTTP/1.1\r\n\r\n" * 10)
        time.sleep(1000)

    def do_oversize(self, argument):
        self.send(struct.pack("<II", 0, 1 << 28))
        time.sleep(1000)

    def do_wrong_slot(self, argument):
        self.reply(b"", slot=self.slot + 1)
        time.sleep(1000)

    def do_reply_twice(self, argument):
        self.reply(b"")
        self.reply(b"")
        time.sleep(1000)

    def do_half_a_frame_and_die(self, argument):
        self.send(frame(LOG, struct.pack("<HIQQQQ", 1, 0, 0, 0, 0, 0), b"x" * 1000)[:500])
        os.kill(os.getpid(), signal.SIGKILL)

    def do_flood(self, argument):
        """Writes to stdout as fast as it is read, then replies."""
        for _ in range(int(argument)):
            os.write(1, b"x" * 65535 + b"\n")
        self.reply(b"flooded")

    def do_eat(self, argument):
        """Takes memory until it is ended."""
        self.log(b"eating")
        kept = []
        while True:
            kept.append(b"\1" * (1 << 20))
            time.sleep(0.001)

    def do_child_eats(self, argument):
        """A child that has left the session takes this many MiB and keeps them; replies when it has."""
        read, write = os.pipe()
        if os.fork() == 0:
            os.setsid()
            kept = b"\1" * (int(argument) << 20)
            os.write(write, b"%d" % len(kept))
            time.sleep(1000)
        os.read(read, 100)
        self.reply(b"eaten")

    def do_grandchild(self, argument):
        """Leaves a process behind that has left its session, its parent and its group; replies with its pid."""
        read, write = os.pipe()
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                os.write(write, str(os.getpid()).encode())
                time.sleep(1000)
            os._exit(0)
        os.wait()
        self.reply(os.read(read, 100))

    def do_hold_socket_and_die(self, argument):
        """A forked child keeps the socket open."""
        if os.fork() == 0:
            time.sleep(1000)
        os.kill(os.getpid(), signal.SIGKILL)

    def do_child(self, argument):
        """Calls task 0 of environment handle 1 with its argument."""
        self.send(frame(CALL, struct.pack("<HHHIIIIQQQQQQQQQQQ", 2, 1, 1, 1, 0, 0, 0, 50, 51, 0, 0, self.hi, self.lo, 0, 0, 0, 0,
                                          len(argument)), argument))  # fmt: skip
        self.child_reply = None
        kind, _, body = self.next()
        self.reply(b"child said " + body)

    def do_open(self, argument):
        self.control({"openEnvironment": {"project": "p", "domain": "d", "name": argument.decode()}}, number=5)
        kind, _, body = self.next()
        self.reply(body)


def die_with(parent):
    libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


class Zygote:
    def __init__(self, control):
        self.control = control
        self.children = {}

    def tell(self, event, descriptors=()):
        data = json.dumps(event).encode()
        if descriptors:
            socket.send_fds(self.control, [data], descriptors)
        else:
            self.control.send(data)

    def ready(self, can_fork=True, reason="", table=True):
        self.tell({"ready": {"pid": os.getpid(), "python": "3.x", "canFork": can_fork, "spawnReason": reason,
                             "importUs": "1", "hasSlotTable": table}})  # fmt: skip

    def serve(self):
        poll = select.poll()
        poll.register(self.control, select.POLLIN)
        while True:
            for fd, _ in poll.poll():
                if fd != self.control.fileno():
                    poll.unregister(fd)
                    self.reap(fd)
                    continue
                data, descriptors, _, _ = socket.recv_fds(self.control, 1 << 20, 4)
                if not data:
                    os._exit(0)
                order = json.loads(data)
                if "become" in order:
                    return Replica(*descriptors, order["become"]).serve()
                pidfd = self.fork(order["fork"], descriptors)
                poll.register(pidfd, select.POLLIN)

    def fork(self, start, descriptors):
        zygote, pid = os.getpid(), os.fork()
        if pid == 0:
            die_with(zygote)
            os.setsid()
            self.control.close()
            os.dup2(descriptors[2], 1)
            os.dup2(descriptors[2], 2)
            os.close(descriptors[2])
            Replica(descriptors[0], descriptors[1], start).serve()
        for fd in descriptors:
            os.close(fd)
        pidfd = os.pidfd_open(pid)
        self.children[pidfd] = (start["replica"], pid)
        self.tell({"forked": {"replica": start["replica"], "pid": pid}}, [pidfd])
        return pidfd

    def reap(self, pidfd):
        replica, pid = self.children.pop(pidfd)
        os.close(pidfd)
        _, status = os.waitpid(pid, 0)
        killed = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        code = 128 + killed if killed else os.WEXITSTATUS(status)
        self.tell({"exited": {"replica": replica, "pid": pid, "status": code, "signal": killed}})


def main():
    die_with(os.getppid())
    control = socket.socket(fileno=CONTROL)
    configure = json.loads(control.recv(1 << 20))["configure"]
    os.chdir(configure["codeDirectory"])
    zygote = Zygote(control)
    how = os.environ.get("ZYGOTE", "fork")
    if how == "fork":
        zygote.ready()
    elif how == "spawn":
        zygote.ready(can_fork=False, reason="a thread was started")
    elif how == "no_table":
        zygote.ready(table=False)
    elif how == "fail":
        zygote.tell({"failed": {"message": "Cannot import 'torch'.", "code": 4}})
        os._exit(1)
    elif how == "exit":
        print("something went wrong", file=sys.stderr)
        sys.exit(3)
    elif how == "garbage":
        control.send(b"\0\1\2")
        time.sleep(1000)
    elif how == "fork_without_descriptor":
        zygote.ready()
        socket.recv_fds(control, 1 << 20, 4)
        zygote.tell({"forked": {"replica": "1", "pid": os.getpid()}})
        time.sleep(1000)
    elif how == "forks_only_the_second":
        zygote.ready()
        order, descriptors, _, _ = socket.recv_fds(control, 1 << 20, 4)
        for fd in descriptors:
            os.close(fd)
        replica = json.loads(order)["fork"]["replica"]
        zygote.tell({"exited": {"replica": replica, "pid": 0, "status": 1, "signal": 0, "reason": "no more processes"}})
    elif how == "dies_instead_of_forking":
        zygote.ready()
        socket.recv_fds(control, 1 << 20, 4)
        os.kill(os.getpid(), signal.SIGKILL)
    zygote.serve()


main()
