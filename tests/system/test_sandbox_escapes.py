"""What tasks in a sandbox cannot reach, tried from inside: in a real sandbox of a real node."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Callable

import pytest
from conftest import alive
from sandboxes import SandboxNode, make_sandboxed, user, write_probes  # noqa: F401


def test_a_task_reaches_no_file_of_the_node_or_of_others(make_sandboxed: Callable[..., SandboxNode], user: str) -> None:
    node = make_sandboxed(user)
    secret = node.home / "user" / "id_ed25519"
    secret.write_text("secret")
    secret.chmod(0o644)
    write_probes(
        node,
        """
@env.task
def probe(state: str, sock: str, secret: str) -> dict[str, str]:
    found = {name: reading(f"{state}/{name}") for name in ("node-id", "hearthd.log", "control/data.mdb", "records", "blobs")}
    found["socket"] = connecting(sock)
    found["user's key"] = reading(secret)
    for path in ("/etc/shadow", "/etc/gshadow", "/etc/ssh", "/etc/sudoers", os.path.expanduser("~/.ssh"), "/boot", "/run/docker.sock",
                 "/var/log", "/var/lib/dpkg/status", "/sys/fs/cgroup", "/proc/1/root" + state + "/node-id",
                 "/proc/self/root" + state + "/node-id", "/tmp/../.." + state + "/node-id"):
        found[path] = reading(path)
    os.symlink(state, "/tmp/link")
    found["link"] = reading("/tmp/link/node-id")
    assert not [name for name in os.listdir(state) if name != "bundles"], os.listdir(state)
    assert len(os.listdir(state + "/bundles")) == 1
    return found
""",
    )
    found = node.result("probes.py", "probe", state=node.state, sock=node.environment["HEARTH_SOCKET"], secret=secret)
    assert (node.state / "node-id").exists()
    assert set(found.values()) == {"ENOENT"}, found


def test_a_task_reaches_no_process_outside(make_sandboxed: Callable[..., SandboxNode], user: str) -> None:
    node = make_sandboxed(user)
    write_probes(
        node,
        """
@env.task
def probe(daemon: int) -> dict[str, str]:
    room = ctypes.create_string_buffer(16)
    part = (ctypes.c_void_p * 2)(ctypes.addressof(room), 16)
    found = {
        "signal": refused(os.kill, daemon, 0),
        "pidfd": refused(lambda: libc.syscall(434, daemon, 0)),
        "ptrace": refused(lambda: libc.ptrace(16, daemon, 0, 0)),
        "memory": refused(lambda: libc.process_vm_readv(daemon, ctypes.byref(part), 1, ctypes.byref(part), 1, 0)),
        "of its proc": refused(os.listdir, f"/proc/{daemon}"),
        "priority": refused(os.getpriority, os.PRIO_PROCESS, daemon),
    }
    names = {open(f"/proc/{pid}/comm").read().strip() for pid in os.listdir("/proc") if pid.isdigit()}
    assert names <= {"bwrap", "py:probes", "python3"}, names
    assert "hearth-sandbox-" not in open("/proc/1/cmdline").read()  # where the node is
    assert open("/proc/1/environ").read() == ""
    return found
""",
    )
    node.start()
    found = node.result("probes.py", "probe", daemon=node.pid)
    assert found.pop("ptrace") == "EPERM"  # of any process
    assert set(found.values()) <= {"ESRCH", "ENOENT"}, found
    assert alive(node.pid)


def test_a_task_gains_no_rights(make_sandboxed: Callable[..., SandboxNode], user: str) -> None:
    node = make_sandboxed(user)
    write_probes(
        node,
        """
@env.task
def probe() -> dict[str, str]:
    status = dict(line.split(":\\t", 1) for line in open("/proc/self/status") if ":\\t" in line)
    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[kind], 16) == 0, (kind, status[kind])
    assert int(status["NoNewPrivs"]) == 1
    handle = ctypes.create_string_buffer(b"\\x80\\0\\0\\0" + bytes(132))
    return {
        "user": refused(os.setuid, 12345),
        "group": refused(os.setgid, 12345),
        "groups": refused(os.setgroups, [0]),
        "owner": refused(os.chown, "/tmp", 12345, 12345),
        "user namespace": refused(lambda: libc.unshare(CLONE_NEWUSER)),
        "mount namespace": refused(lambda: libc.unshare(CLONE_NEWNS)),
        "pid namespace": refused(lambda: libc.unshare(CLONE_NEWPID)),
        "net namespace": refused(lambda: libc.unshare(CLONE_NEWNET)),
        "mount": refused(lambda: libc.mount(b"x", b"/tmp", b"tmpfs", 0, None)),
        "remount": refused(lambda: libc.mount(None, b"/", None, MS_REMOUNT | MS_BIND, None)),
        "remount usr": refused(lambda: libc.mount(None, b"/usr", None, MS_REMOUNT | MS_BIND, None)),
        "unmount": refused(lambda: libc.umount2(b"/proc", 2)),
        "chroot": refused(os.chroot, "/tmp"),
        "pivot": refused(lambda: libc.syscall(155, b"/tmp", b"/tmp")),
        "device": refused(os.mknod, "/tmp/disk", 0o60600, os.makedev(254, 0)),
        "handle": refused(lambda: libc.open_by_handle_at(-100, handle, 0)),
        "host name": refused(lambda: libc.sethostname(b"x", 1)),
        "clock": refused(lambda: libc.settimeofday(ctypes.create_string_buffer(16), None)),
        "module": refused(lambda: libc.syscall(313, 0, b"", 0)),
        "keys": refused(lambda: libc.syscall(250, 0, -5, 0)),  # the keyring of the session
        "key": refused(lambda: libc.syscall(248, b"user", b"x", b"y", 1, -3)),
        "bpf": refused(lambda: libc.syscall(321, 0, None, 0)),
        "io_uring": refused(lambda: libc.syscall(425, 1, None)),
        "userfaultfd": refused(lambda: libc.syscall(323, 1)),
        "perf": refused(lambda: libc.syscall(298, None, 0, -1, -1, 0)),
        "trace": refused(lambda: libc.ptrace(0, 0, 0, 0)),
        "reboot": refused(lambda: libc.reboot(0)),
    }
""",
    )
    found = node.result("probes.py", "probe")
    assert set(found.values()) <= {"EPERM", "EINVAL", "ENOSPC", "EBADF"}, found
    assert {found[name] for name in ("mount", "remount", "remount usr", "unmount", "chroot", "device", "handle")} == {"EPERM"}


def test_a_task_writes_only_to_places_of_its_own(make_sandboxed: Callable[..., SandboxNode], user: str) -> None:
    node = make_sandboxed(user)
    write_probes(
        node,
        """
@env.task
def probe() -> dict[str, str]:
    for place in ("/tmp", "/var/tmp", "/dev/shm", os.path.expanduser("~")):
        open(place + "/mine", "w").close()
    sdk = os.path.dirname(hearth.__file__)
    found = {place: making(place + "/mine") for place in ("/", "/usr", "/usr/bin", "/etc", "/dev", "/proc", "/sys", sdk, os.getcwd())}
    for file in ("/etc/passwd", "/etc/resolv.conf", __file__, hearth.__file__, sys.executable, "/proc/sys/kernel/core_pattern",
                 "/proc/sysrq-trigger", "/proc/self/oom_score_adj_x"):
        found[file] = writing(file)
    for file in ("/proc/sys/kernel/modprobe", "/proc/sys/vm/drop_caches", "/proc/sys/kernel/ns_last_pid", "/proc/irq/default_smp_affinity"):
        found[file] = writing(file)
    for device in ("/dev/vda", "/dev/sda", "/dev/mem", "/dev/kmsg", "/dev/fuse", "/dev/net/tun", "/dev/tty"):
        found[device] = writing(device)
    return found
""",
    )
    found = node.result("probes.py", "probe")
    assert set(found.values()) <= {"EROFS", "ENOENT", "EACCES", "ENXIO", "ETXTBSY"}, found


def test_nothing_of_the_node_is_left_open_in_a_task(make_sandboxed: Callable[..., SandboxNode], user: str) -> None:
    node = make_sandboxed(user, AWS_SECRET_ACCESS_KEY="secret")
    write_probes(
        node,
        """
def descriptors() -> list[str]:
    return [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if os.path.islink(f"/proc/self/fd/{fd}")]

at_import = descriptors()

@env.task
def probe() -> list[str]:
    assert not [name for name in os.environ if name.startswith(("HEARTH_SOCKET", "HEARTH_STATE", "AWS", "XDG"))], os.environ
    return [*at_import, *descriptors()]
""",
    )
    for target in node.result("probes.py", "probe"):
        assert target.startswith(("pipe:", "socket:", "anon_inode:", "/memfd:", "/dev/null", "/proc/")), target


def test_what_an_environment_sets_does_not_change_the_program_that_makes_its_sandbox(
    make_sandboxed: Callable[..., SandboxNode],
) -> None:
    if shutil.which("gcc") is None:
        pytest.skip("a library to be preloaded needs a compiler")
    node = make_sandboxed()
    marker = node.home / "outside"
    source = node.write("evil.c", f'#include <stdio.h>\n__attribute__((constructor)) void run(void) {{ fclose(fopen("{marker}", "w")); }}\n')
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", str(node.home / "evil.so"), str(source)], check=True)
    write_probes(node, "\n@env.task\ndef probe() -> str:\n    return os.environ['LD_PRELOAD']\n",
                 f"env_vars={{'LD_PRELOAD': '{node.home}/evil.so'}}")  # fmt: skip
    assert node.result("probes.py", "probe").endswith("evil.so")
    assert not marker.exists()


def test_environments_do_not_see_each_other(make_sandboxed: Callable[..., SandboxNode], user: str) -> None:
    node = make_sandboxed(user)
    node.write(
        "two.py",
        """
        import hearth, os

        one = hearth.TaskEnvironment("one", reusable=hearth.ReusePolicy(replicas=1))
        two = hearth.TaskEnvironment("two", reusable=hearth.ReusePolicy(replicas=1))

        @one.task
        def leave() -> int:
            open("/tmp/left", "w").close()
            open("/dev/shm/left", "w").close()
            return len([pid for pid in os.listdir("/proc") if pid.isdigit()])

        @two.task
        def look() -> list[str]:
            return [*os.listdir("/tmp"), *os.listdir("/dev/shm"), *[pid for pid in os.listdir("/proc") if pid.isdigit()]]

        if __name__ == "__main__":
            count = leave.remote()
            seen = look.remote()
            assert "left" not in seen, seen
            assert count == len([name for name in seen if name.isdigit()]) == 3, (count, seen)  # bwrap, zygote, replica
        """,
    )
    node.python("two.py")


def test_mounts_show_what_they_name_and_never_the_nodes_own_files(make_sandboxed: Callable[..., SandboxNode], user: str) -> None:
    node = make_sandboxed(user)
    node.start()
    data, scratch = node.home / "data", node.home / "scratch"
    for folder in (data, scratch):
        folder.mkdir()
        folder.chmod(0o777)
    (data / "in").write_text("42")
    write_probes(
        node,
        """
@env.task
def probe(home: str) -> dict[str, str]:
    assert open(home + "/data/in").read() == "42"
    with open(home + "/scratch/out", "w") as out:
        out.write("43")
    os.symlink(home + "/state/hearth/node-id", home + "/scratch/link")
    return {"data": making(home + "/data/new"), "link": reading(home + "/scratch/link"), "other": reading(home + "/project")}
""",
        f"mounts=({str(data)!r}, {str(scratch) + ':rw'!r})",
    )
    found = node.result("probes.py", "probe", home=node.home)
    assert found == {"data": "EROFS", "link": "ENOENT", "other": "ENOENT"}
    assert (scratch / "out").read_text() == "43"
    write_probes(
        node,
        """
@env.task
def probe(home: str, sock: str) -> dict[str, str]:
    assert os.path.isdir(home + "/project")
    return {"state": reading(home + "/state/hearth/node-id"), "socket": connecting(sock), "settings": reading(home + "/config/hearth/target")}
""",
        f"mounts=({str(node.home) + ':rw'!r},)",
    )
    found = node.result("probes.py", "probe", home=node.home, sock=node.environment["HEARTH_SOCKET"])
    assert found.pop("socket") in ("ECONNREFUSED", "ENOTSOCK", "ENOENT", "EACCES"), found
    assert set(found.values()) == {"ENOENT"}, found


def test_a_mount_of_the_nodes_own_files_is_refused_and_one_that_is_not_there_too(make_sandboxed: Callable[..., SandboxNode]) -> None:
    node = make_sandboxed()
    node.start()
    link = node.home / "innocent"
    link.symlink_to(node.state)
    for path, said in ((node.state / "bundles", "no task may see"), (link, "no task may see"), ("/nonexistent/data", "there is no /nonexistent/data")):
        write_probes(node, "\n@env.task\ndef probe() -> int:\n    return 1\n", f"mounts=({str(path)!r},)")
        done = node.command("run", "probes.py", "probe", status=1)
        assert said in done.stderr, done.stderr
