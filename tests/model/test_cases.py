#!/usr/bin/python3
"""What the random sequences (test_model.py) meet too seldom, each told to the server and compared with it: a hundred kills at a hundred moments of each
kind of action, a folder that another client empties while thousands of messages are being flagged, and a day's work without a connection."""
import contextlib
import os
import random
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from places import Dovecot  # noqa: E402
from world import SLOWNESS, Died, Engine, Mail, Raw, Zygote, memory_folder, wait_for  # noqa: E402
from fulmar import SOAK, run_tests  # noqa: E402

FOLDERS = ["Project", "Archive", "Trash"]
KILLS = 100 if SOAK else int(25 / min(SLOWNESS, 5))  # of each kind
MANY = 10000 if SOAK else 2000


class Stage:
    """A Dovecot, a raw client, and one engine."""

    def __init__(self, test, user="ada", fill=None):
        self.folder, mail = memory_folder("fmc-"), memory_folder("fmd-")
        for folder in self.folder, mail:
            test.stack.callback(shutil.rmtree, folder, ignore_errors=True)
        self.place = Dovecot(mail)
        if fill:
            self.place.fill_maildir(fill)
        test.enter(self.place)
        self.mail = Mail(1)
        self.zygote = test.enter(contextlib.closing(Zygote(self.folder)))
        self.raw = test.enter(contextlib.closing(Raw(self.place.imap, user)))
        self.engine = test.enter(contextlib.closing(Engine("a", self.folder, self.zygote.path, self.place.imap, user, 0)))
        self.raw.run(lambda raw: [raw.command("create", folder) for folder in FOLDERS])

    def add(self, numbers, folder="INBOX"):
        for number in numbers:
            data = self.mail.make(number)
            self.mail.number(data)
            self.raw.run(lambda raw: raw.command("append", folder, None, None, data))

    def write(self, path, number):
        data = self.mail.make(number)
        self.mail.number(data)
        with open(path, "wb") as out:
            out.write(data)

    def come_back(self):
        """A life of the engine that is not cut short: up to a complete pass."""
        self.engine.start()
        assert self.engine.call("die", 0)[0] == "done"
        assert self.engine.call("online")[0] == "done"
        assert self.engine.call("sync")[0] == "done", self.engine.notes

    def rows(self):
        return {number: (row, folder, uid, flags) for row, folder, uid, number, _, flags in self.engine.rows(self.mail)}

    def agree(self):
        """That store and server hold the same; {number: [(folder, flags)]} of the server."""
        def differ():
            ours = {(folder, uid): (number, flags) for _, folder, uid, number, _, flags in self.engine.rows(self.mail)}
            theirs = {(folder, uid): (row[0], row[2]) for folder, rows in self.raw.snapshot(self.mail).items() for uid, row in rows.items()}
            return [(place, ours.get(place), theirs.get(place)) for place in set(ours) | set(theirs) if ours.get(place) != theirs.get(place)]
        wrong = differ()
        assert not wrong, wrong[:10]
        assert not self.engine.waiting() and not self.engine.unsound(), self.engine.waiting() + self.engine.unsound()
        assert not self.engine.notes, self.engine.notes
        found = {}
        for folder, rows in self.raw.snapshot(self.mail).items():
            for number, _, flags in rows.values():
                found.setdefault(number, []).append((folder, flags))
        return found


def kills(test, kind, words):
    """Each of KILLS messages has something done to it by an engine that dies soon: at its first system call, its second, and so on. What it had not
    written down by then the user does again."""
    stage = Stage(test)
    numbers = range(KILLS) if kind == "append" else range(2 * KILLS)
    path = os.path.join(stage.folder, "message")
    if kind != "append":
        stage.add(numbers)
    stage.come_back()
    killed = 0
    for number in range(KILLS):
        if kind == "append":
            stage.write(path, number)
        stage.come_back()
        before = len(stage.rows())
        row = stage.rows().get(number, [0])[0]
        try:
            stage.engine.call("die", number * 100 // KILLS + 1)
            stage.engine.call(*words(stage, row, path))
            stage.engine.call("sync")
            stage.engine.call("sync")
        except Died:
            killed += 1
        stage.come_back()
        now = stage.rows()
        is_undone = len(now) == before if kind == "append" else number in now and now[number][1::2] == ("INBOX", frozenset())
        if is_undone:
            assert stage.engine.call(*words(stage, now.get(number, [0])[0], path))[0] == "done"
    stage.come_back()
    found = stage.agree()
    test.say("%d of %d killed" % (killed, KILLS))
    assert killed > KILLS / 2, killed
    return stage, found


def killed_in_append(test):
    _, found = kills(test, "append", lambda stage, row, path: ("append", stage.engine.folders()["INBOX"], 0, path))
    assert found == {number: [("INBOX", frozenset())] for number in range(KILLS)}, found


def killed_in_move(test):
    _, found = kills(test, "move", lambda stage, row, path: ("move", stage.engine.folders()["Project"], row))
    assert found == {number: [("Project" if number < KILLS else "INBOX", frozenset())] for number in range(2 * KILLS)}, found


def killed_in_store(test):
    _, found = kills(test, "flags", lambda stage, row, path: ("flags", 4, 0, "later", "", row))
    assert found == {number: [("INBOX", frozenset(["\\flagged", "later"] if number < KILLS else []))] for number in range(2 * KILLS)}, found


def killed_in_expunge(test):
    _, found = kills(test, "delete", lambda stage, row, path: ("delete", row))
    assert found == {number: [("INBOX", frozenset())] for number in range(KILLS, 2 * KILLS)}, found


def emptied_while_flagging(test):
    """Another client removes everything while the flags of everything are on their way."""
    mail = Mail(1)
    stage = Stage(test, fill={"INBOX": [(mail.make(number), False) for number in range(MANY)]})
    stage.engine.offline = 2
    stage.come_back()
    rows = stage.engine.rows(mail)
    assert len(rows) == MANY, len(rows)
    # In several actions, so that some are still planned, some under way and some done when the messages go.
    stage.engine.proxy.rate_bps = 200000
    for first in range(0, MANY, MANY // 10):
        ids = " ".join(str(row[0]) for row in rows[first:first + MANY // 10])
        assert stage.engine.call("flags", 4, 0, "later" if first % (MANY // 5) else "", "", ids)[0] == "done"

    def empty(raw):
        raw.command("select", "INBOX")
        raw.command("uid", "store", "1:*", "+FLAGS.SILENT", "(\\Deleted)")
        raw.command("expunge")
    stage.raw.run(empty)
    assert stage.engine.waiting(), "all was done before the messages went"
    stage.engine.proxy.rate_bps = None
    stage.add([MANY])
    wait_for(lambda: stage.come_back() or not stage.engine.waiting(), stage.engine.waiting, timeout_s=60)
    assert stage.agree() == {MANY: [("INBOX", frozenset())]}


def offline_for_a_day(test):
    """Five hundred operations without a connection, over several lives of the program; then the server has all of it."""
    source, count = random.Random(500), 300
    stage = Stage(test)
    stage.add(range(count))
    stage.come_back()
    stage.engine.proxy.refuse = True
    stage.engine.proxy.cut()
    path, appended, done = os.path.join(stage.folder, "message"), 0, 0
    while done < 500:
        shown = stage.rows()
        folders = stage.engine.folders()
        number = source.choice(sorted(shown))
        verb = source.choice(["flags", "flags", "move", "move", "copy", "append", "delete", "undo", "quit"])
        if verb == "quit":
            stage.engine.kill()
            stage.engine.start()
            continue
        if verb == "flags":
            bit = source.choice([1, 2, 4])
            words = ("flags", bit, 0, source.choice(["", "later"]), "") if source.random() < 0.7 else ("flags", 0, bit, "", "later")
            words += (shown[number][0],)
        elif verb == "append":
            stage.write(path, 1000 + appended)
            appended += 1
            words = ("append", folders["Archive"], 1, path)
        elif verb in ("move", "copy"):
            words = (verb, folders[source.choice(FOLDERS)], shown[number][0])
        else:
            words = (verb, shown[number][0]) if verb == "delete" else (verb,)
        done += stage.engine.call(*words)[0] == "done"
    told = sorted((number or 0, folder, sorted(flags)) for _, folder, _, number, _, flags in stage.engine.rows(stage.mail))
    assert stage.engine.waiting()
    stage.engine.proxy.refuse = False
    wait_for(lambda: stage.come_back() or not stage.engine.waiting(), stage.engine.waiting, timeout_s=60)
    found = stage.agree()
    there = sorted((number, folder, sorted(flags)) for number, copies in found.items() for folder, flags in copies)
    assert there == told, [pair for pair in zip(there, told) if pair[0] != pair[1]][:5]
    test.say("%d messages in the end" % len(there))


if __name__ == "__main__":
    run_tests(killed_in_append, killed_in_move, killed_in_store, killed_in_expunge, emptied_while_flagging, offline_for_a_day)
