#!/usr/bin/python3
"""The disk is full: a tmpfs that the test makes smaller under the running program, in a mount namespace of its own (root alone may; else skipped).
It is said, the screen stays, nothing is lost or done twice, and all goes on by itself when there is room again."""
import ctypes
import glob
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


def writer(test, editor, undo_send=0):
    """A home whose store lies on a disk of its own, its mail and what it sends elsewhere. Beside `sent-fills` in the home the disk is full as soon as a mail
    is sent."""
    home = test.home()
    disk = test.enter(Disk(home.folder + "/data"))
    out = test.path("out")
    os.makedirs(out)
    for part in "cur", "new", "tmp":
        os.makedirs(home.folder + "/Mail/INBOX/" + part)
    with open(home.folder + "/Mail/INBOX/cur/1700000000.M1P1.h:2,S", "wb") as mail:
        mail.write(message("A question", ident="q@test"))
    for name, text in (("editor", editor), ("sendmail", "cat >%s/$$\n[ ! -e %s/sent-fills ] || mount -o remount,size=%s %s\n"
                                            % (out, home.folder, "$(df --output=used -B1 %s/data | tail -1)" % home.folder, disk.path))):
        with open(test.path(name), "w") as script:
            script.write("#!/bin/sh\nfor file; do :; done\n" + text)
        os.chmod(test.path(name), 0o700)
    home.editor = test.path("editor")
    home.configure("[account local]\naddress = Ada <ada@localhost>\nmaildir = %s/Mail\nsmtp = sendmail:%s\n[ui]\nundo_send = %d\n"
                   % (home.folder, test.path("sendmail"), undo_send))
    home.cli("sync")
    return home, disk, out


def sent_once(home, out, words):
    """One mail has left, and one copy is in Sent."""
    home.cli("sync")
    texts = [open(os.path.join(out, name)).read() for name in os.listdir(out)]
    copies = [open(path).read() for path in glob.glob(home.folder + "/Mail/.Sent/*/*") + glob.glob(home.folder + "/Mail/Sent/*/*")]
    assert [text.count(words) for text in texts] == [1], texts
    assert [text.count(words) for text in copies] == [1], copies


def written(test):
    """A mail that is written while the disk is full: nothing is lost and nothing left, whatever is pressed; once there is room it goes."""
    own_namespace()
    home, disk, out = writer(test, "printf 'my precious words\\n' >>\"$file\"\n[ ! -e \"$file.full\" ] || exit 0\n")
    with home.screen() as screen:
        screen.wait("A question")
        disk.fill(0)
        screen.press("r", lambda: re.match(r" *No space .* not saved, but kept here", screen.last_line()), "a draft that can't be saved")
        assert "Re: A question" in screen.text(), "it is in front: " + screen.picture()
        screen.press("y", lambda: re.search("could not be written .free some space", screen.last_line()), "nor sent")
        screen.press("P", lambda: home.log().count("could not be written") == 2, "nor postponed")
        disk.make_room()
        screen.press("e", "my precious words")
        disk.fill(0)
        screen.press("s\025Of a full disk\r", lambda: "not saved, but kept here" in screen.last_line() and "Of a full disk" in screen.text())
        screen.press("y", lambda: home.log().count("could not be written") == 3, "not sent")
        screen.kill()
    disk.make_room()
    with home.screen() as screen:
        screen.wait(lambda: "1 unfinished" in screen.line(0), "what was left is told")
        screen.press("R", "my precious words")
        screen.press("y", "sent \"Re: A question")
        assert screen.quit() == 0
    sent_once(home, out, "my precious words")

WORDS = "printf 'my precious words\\n' >>\"$file\"\n"


def due(test):
    """A mail in the outbox whose time comes while the disk is full waits, and goes once there is room."""
    own_namespace()
    home, disk, out = writer(test, WORDS, undo_send=2)
    with home.screen() as screen:
        screen.wait("A question")
        screen.press("r", "my precious words")
        screen.press("y", "sending in 2 s")
        disk.fill(0)
        # What is written over needs no room, so it may get as far as to be sent.
        screen.wait(lambda: re.search("(not sent yet: |can't be written down yet: |no copy can be kept yet: ).*full", home.log()), "it is said why")
        assert len(os.listdir(out)) == ("not sent yet" not in home.log()), home.log()
        disk.make_room()
        screen.wait("sent \"Re: A question", timeout_s=60)
        assert screen.quit() == 0
    sent_once(home, out, "my precious words")


def filled_by_sending(test):
    """The disk is full when the mail has left: that it was sent is not forgotten, and its copy made later."""
    own_namespace()
    home, disk, out = writer(test, WORDS)
    open(home.folder + "/sent-fills", "w").close()
    with home.screen() as screen:
        screen.wait("A question")
        screen.press("r", "my precious words")
        screen.press("y", lambda: re.search("was sent, (which can't be written down|but no copy can be kept) yet", home.log()), "it is said what")
        screen.settle()
        disk.make_room()
        screen.wait("sent \"Re: A question", timeout_s=60)
        assert screen.quit() == 0
    sent_once(home, out, "my precious words")


def killed_when_filled_by_sending(test):
    """Killed before it could be written down, nobody knows: it is asked about, not sent again."""
    own_namespace()
    home, disk, out = writer(test, WORDS)
    open(home.folder + "/sent-fills", "w").close()
    with home.screen() as screen:
        screen.wait("A question")
        screen.press("r", "my precious words")
        screen.press("y", lambda: re.search("was sent, (which can't be written down|but no copy can be kept) yet", home.log()), "it is said what")
        known = "written down" not in home.log()
        screen.kill()
    disk.make_room()
    with home.screen() as screen:
        screen.wait(lambda: known or "1 not sent" in screen.line(0), "it is asked about")
        screen.settle()
        assert screen.quit() == 0
    assert len(os.listdir(out)) == 1
    if known:
        sent_once(home, out, "my precious words")
    else:
        assert "Re: A question" in home.cli("queue").stdout


def backup(test):
    """`export` onto a disk that is full in the middle of a file: it says so, keeps what was whole, and completes the backup when run again."""
    own_namespace()
    home = test.home()
    for part in "cur", "new", "tmp":
        os.makedirs(home.folder + "/Mail/INBOX/" + part)
    mails = letters("backup", 40)
    for number, mail in enumerate(mails):
        with open(home.folder + "/Mail/INBOX/cur/%d.M1P1.h:2,S" % (1700000000 + number), "wb") as out:
            out.write(mail)
    home.configure("[account local]\naddress = Ada <ada@localhost>\nmaildir = %s/Mail\n" % home.folder)
    home.cli("sync")
    disk = test.enter(Disk(test.path("stick")))
    disk.fill(1000000)

    def copies():
        found = {}
        for path in glob.glob(disk.path + "/out/local/INBOX/*/*"):
            with open(path, "rb") as copy:
                found[path] = copy.read()
        return found
    run = home.cli("export", disk.path + "/out", check=False)
    assert run.returncode == 1 and "No space left" in run.stderr, run
    some = copies()
    assert 0 < len(some) < 40 and all(copy in mails for copy in some.values()), sorted(map(len, some.values()))
    assert run.stdout.startswith("%d copied" % len(some)), run.stdout
    for path in list(some)[:2]:  # as an unclean end could leave it
        with open(path, "r+b") as copy:
            copy.truncate(100)
    nodes = {path: os.stat(path).st_ino for path in list(some)[2:]}
    disk.make_room()
    run = home.cli("export", disk.path + "/out")
    assert run.stdout == "%d copied, %d there already\n" % (42 - len(some), len(some) - 2), run.stdout
    assert sorted(copies().values()) == sorted(mails)
    assert nodes == {path: os.stat(path).st_ino for path in nodes}, "what was there is not written over"
    assert home.cli("export", disk.path + "/out").stdout == "0 copied, 40 there already\n"


if __name__ == "__main__":
    run_tests(imap, first_sync, pop, written, due, filled_by_sending, killed_when_filled_by_sending, backup)
