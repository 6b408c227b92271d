#!/usr/bin/python3
"""The disk is full: a tmpfs that the test makes smaller under the running program, in a mount namespace of its own (root alone may; else skipped).
It is said, the screen stays, nothing is lost or done twice, and all goes on by itself when there is room again."""
import ctypes
import os
import re
import subprocess

from fulmar import Skip, account, message, run_tests

CLONE_NEWNS = 0x20000
BODY = "A line of a letter that takes some room on the disk, as letters do.\n" * 700


def own_namespace():
    if os.geteuid() != 0 or ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS):
        raise Skip("no right to mount anything")
    if subprocess.run(["mount", "--make-rprivate", "/"], capture_output=True).returncode:
        raise Skip("no right to mount anything")


class Disk:
    """A file system that can be full at once, and have room again. The size is a limit: it takes no memory before something is written."""

    def __init__(self, path):
        self.path = path
        os.makedirs(path, exist_ok=True)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2g,mode=700", "tmpfs", path], capture_output=True).returncode:
            raise Skip("no tmpfs")

    def fill(self, left_bytes):
        stat = os.statvfs(self.path)
        used = (stat.f_blocks - stat.f_bfree) * stat.f_frsize
        subprocess.run(["mount", "-o", "remount,size=%d" % (used + left_bytes), self.path], check=True)

    def make_room(self):
        subprocess.run(["mount", "-o", "remount,size=2g", self.path], check=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", self.path], check=False)


def letters(kind, count, first=0):
    return [message("Letter %d" % number, body="Roomword%d here.\n" % number + BODY, ident="%s.%d@test" % (kind, number))
            for number in range(first, first + count)]


def idents(home, folder="work/INBOX"):
    return sorted(row["message_id"] for row in home.json("list", "--json", "--limit", "1000", folder))


def all_of(kind, count):
    return sorted("%s.%d@test" % (kind, number) for number in range(count))


def imap(test):
    own_namespace()
    server = test.dovecot(fill={"INBOX": [(data, 0) for data in letters("full", 40)]})
    home = test.home()
    disk = test.enter(Disk(home.folder + "/data"))
    home.configure(account("imaps", port=server.imaps, ca=server.ca.path))
    home.cli("sync", "work/INBOX")
    with home.screen() as screen:
        screen.wait("Letter 39")
        disk.fill(65536)
        for data in letters("full", 30, 40):
            server.deliver(data)
        screen.wait(lambda: re.search(r"space|free|room|full", screen.text()), "it is said that the disk is full", timeout_s=60)
        disk.make_room()
        screen.wait(lambda: re.search(r"line \d+ of 70", screen.last_line()), "the new mail, by itself", timeout_s=150)
        assert screen.quit() == 0
    home.cli("sync")
    assert idents(home) == all_of("full", 70)
    server.stop()
    for number in [5, 41, 69]:
        assert "Roomword%d here" % number in home.cli("show", "--text", "id:full.%d@test" % number).stdout, number
    assert len(home.json("search", "--json", "roomword69")) == 1


def first_sync(test):
    """A disk with no room for the half of the mailbox."""
    own_namespace()
    server = test.dovecot(fill={"INBOX": [(data, 0) for data in letters("first", 60)]})
    home = test.home()
    disk = test.enter(Disk(home.folder + "/data"))
    disk.fill(1500000)
    home.configure(account("imaps", port=server.imaps, ca=server.ca.path))
    run = home.cli("sync", check=False)
    assert run.returncode == 1 and re.search(r"space|free", run.stderr), run.stderr
    disk.make_room()
    home.cli("sync")
    assert idents(home) == all_of("first", 60)
    assert len(home.json("search", "--json", "body:roomword59")) == 1


def pop(test):
    """What is not safely here stays on the server."""
    own_namespace()
    server = test.dovecot(fill={"INBOX": [(data, 0) for data in letters("pop", 40)]})
    home = test.home()
    disk = test.enter(Disk(home.folder + "/data"))
    disk.fill(1500000)
    home.configure(account("pop+plain", port=server.pop, leave="none"))
    run = home.cli("sync", check=False)
    assert run.returncode == 1 and re.search(r"space|free", run.stderr), run.stderr
    left, here = server.counts()["INBOX"][0], len(idents(home))
    assert left == 40, (left, here)
    disk.make_room()
    home.cli("sync")
    assert idents(home) == all_of("pop", 40) and server.counts()["INBOX"][0] == 0
    assert len(home.json("search", "--json", "body:roomword39")) == 1
    test.say("%d of 40 were here when the disk was full" % here)


if __name__ == "__main__":
    run_tests(imap, first_sync, pop)
