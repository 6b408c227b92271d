"""One sequence: steps made from a seed alone, done to the stage, and what must hold at the end.

The rules (doc/internals/sync.md, Conflicts) as far as they can be told without knowing who was first:
- at rest the two stores and the server hold the same messages, byte for byte, with the same flags, in the same folders, and nothing waits;
- a message is nowhere twice unless somebody copied it, and never gone unless somebody deleted it for good;
- what one client alone did to a message, and was told to be durable, is so, whatever was cut or killed meanwhile."""
import collections
import contextlib
import os
import random
import shutil
import signal
import smtplib
import time

from world import BIT, KEEP, SLOWNESS, Copy, Died, Engine, Mail, Raw, Wrong, memory_folder, wait_for

FOLDERS = ["INBOX", "Project", "Archive", "Trash", "Junk"]
SETTABLE = ["\\seen", "\\answered", "\\flagged", "$forwarded", "later", "urgent"]
PASSES = 5  # complete ones of both engines until all must agree


def generate(seed, length=None):
    """The steps of a sequence: plain tuples, so that some can be left out."""
    source = random.Random(seed)
    steps, count = [], 0

    def engine():
        return source.randrange(2)

    def message():
        return source.randrange(max(count, 1))

    def change():
        return tuple(sorted(source.sample(SETTABLE, source.randint(1, 2)))), source.random() < 0.65

    def add():
        nonlocal count
        variant = source.choices(["plain", "twin"], [8, 1])[0] if count else "plain"
        steps.append(("add", source.choices(FOLDERS, [6, 2, 1, 1, 1])[0], count, variant, source.random() < 0.2,
                      tuple(sorted(source.sample(SETTABLE, source.randint(0, 2))))))
        count += 1
    makers = [
        (4, add),
        (8, lambda: steps.append(("flags", engine(), message(), source.randrange(9), *change()))),
        (8, lambda: steps.append(("move", engine(), message(), source.randrange(9), source.choice(FOLDERS)))),
        (3, lambda: steps.append(("copy", engine(), message(), source.randrange(9), source.choice(FOLDERS)))),
        (5, lambda: steps.append((source.choice(["trash", "archive", "junk", "notjunk"]), engine(), message(), source.randrange(9)))),
        (2, lambda: steps.append(("delete", engine(), message(), source.randrange(9)))),
        (2, lambda: steps.append(("append", engine(), source.choice(FOLDERS)))),
        (4, lambda: steps.append((source.choice(["undo", "undo", "redo"]), engine()))),
        (6, lambda: steps.append(("sync", engine()))),
        (2, lambda: steps.append(("view", engine(), source.choice(FOLDERS)))),
        (3, lambda: steps.append(("kill", engine()))),
        (5, lambda: steps.append(("die", engine(), source.choice([3, 12, 40, 150]) + source.randrange(40)))),
        (1, lambda: steps.append(("quit", engine()))),
        (3, lambda: steps.append(("offline", engine()))),
        (4, lambda: steps.append(("online", engine()))),
        (2, lambda: steps.append(("cut", engine()))),
        (4, lambda: steps.append(("cut after", engine(), source.choice(["up", "down"]), source.choice([300, 900, 2500]) + source.randrange(900)))),
        (1, lambda: steps.append(("restart",))),
        (5, lambda: steps.append(("raw flags", message(), source.randrange(9), *change()))),
        (4, lambda: steps.append(("raw move", message(), source.randrange(9), source.choice(FOLDERS)))),
        (1, lambda: steps.append(("raw copy", message(), source.randrange(9), source.choice(FOLDERS)))),
        (2, lambda: steps.append(("raw expunge", message(), source.randrange(9)))),
    ]
    for _ in range(source.randint(2, 5)):
        add()
    steps += [("sync", 0), ("sync", 1)]
    for _ in range(length or source.randint(10, 40)):
        source.choices([maker for _, maker in makers], [weight for weight, _ in makers])[0]()
    return steps


def as_counted(copies):
    return sorted((copy.folder, sorted(copy.flags)) for copy in copies)


class Sequence:
    """STEPS done to a fresh user of SERVER."""

    def __init__(self, server, zygote, seed, steps, tag, afresh=False):
        """AFRESH: at rest each pass is the first one of a process. To a server without CONDSTORE only that compares all flags of every folder."""
        self.server, self.seed, self.steps, self.afresh = server, seed, steps, afresh
        self.user = "m%s" % tag
        self.folder = memory_folder("fmm-")
        self.mail = Mail(seed)
        self.raw = Raw(server.imap, self.user)
        self.engines = [Engine(name, self.folder, zygote.path, server.imap, self.user, 0 if name == "a" or seed % 3 else 2) for name in "ab"]
        self.touched = collections.defaultdict(set)  # message -> who did something to it
        self.expected = {}                           # message -> what who alone touched it was shown last, as_counted
        self.copies = collections.Counter()          # message -> how often it may lie there besides once
        self.movers = collections.defaultdict(set)   # message -> who moved it: a server may do two sessions' moves at once, and have it twice
        self.may_go = set()                          # messages that somebody deleted for good
        self.twins = set()                           # messages that can't be told from others by their headers
        self.appended = 1000
        self.log = []

    def close(self):
        for engine in self.engines:
            engine.close()
        self.raw.close()
        if not KEEP:
            shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.server.home(self.user), ignore_errors=True)

    def run(self):
        self.raw.run(lambda raw: [raw.command("create", folder) for folder in FOLDERS[1:]])
        for step in self.steps:
            began = time.monotonic()
            result = getattr(self, "do_" + step[0].replace(" ", "_"))(*step[1:])
            self.log.append("%.3f %-60s %s (%.0f ms)" % (time.time() % 1000, step, result if result is not None else "", (time.monotonic() - began) * 1000))
        self.come_to_rest()

    # --- engines ---

    def alive(self, index):
        engine = self.engines[index]
        if not engine.socket:
            engine.start()
            self.look_again(index)
        return engine

    def shown(self, index, numbers):
        """What the engine shows of these messages: {number: as_counted}"""
        found = {number: [] for number in numbers}
        for _, folder, _, number, _, flags in self.engines[index].rows(self.mail):
            if number in found:
                found[number].append(Copy(number, folder, flags))
        return {number: as_counted(copies) for number, copies in found.items()}

    def mine(self, index):
        """Messages that this engine alone has done something to, and that can be told from others."""
        return [number for number, who in self.touched.items() if who == {index} and number not in self.twins]

    def look_again(self, index):
        """A new life: what was under way when the last one ended is there or not."""
        engine = self.engines[index]
        unsure = [number for number in self.mine(index) if number in engine.unsure or None in engine.unsure]
        self.expected.update(self.shown(index, unsure))
        engine.unsure = set()

    def act(self, index, numbers, *words):
        """An action on messages; NUMBERS None: on whichever (undo, redo)."""
        engine = self.alive(index)
        for number in numbers or ():
            self.touched[number].add(index)
            if words[0] not in ("flags", "copy"):
                self.movers[number].add(index)
        try:
            word, text = engine.call(*words)
        except Died:
            engine.unsure = set(numbers) if numbers is not None else {None}
            return "died"
        if word == "done":
            self.expected.update(self.shown(index, numbers if numbers is not None else self.mine(index)))
        return "%s %s" % (word, text)

    def act_on(self, index, number, pick, *words):
        """...on one copy of a message that the engine knows; no word of "ROW" is kept."""
        engine = self.alive(index)
        rows = [row for row in engine.rows(self.mail) if row[3] == number]
        if not rows:
            return "unknown"
        row = rows[pick % len(rows)]
        return "row %d in %s: %s" % (row[0], row[1], self.act(index, [number], *words, row[0]))

    def folder_id(self, index, folder):
        return self.alive(index).folders().get(folder)

    def do_flags(self, index, number, pick, names, add):
        bits = sum(BIT[name] for name in names if name in BIT)
        words = " ".join(name for name in names if name not in BIT)
        return self.act_on(index, number, pick, "flags", bits if add else 0, 0 if add else bits, words if add else "", "" if add else words)

    def do_move(self, index, number, pick, folder):
        target = self.folder_id(index, folder)
        return self.act_on(index, number, pick, "move", target) if target else "no folder"

    def do_copy(self, index, number, pick, folder):
        target = self.folder_id(index, folder)
        self.copies[number] += 1
        return self.act_on(index, number, pick, "copy", target) if target else "no folder"

    def do_trash(self, index, number, pick):
        return self.act_on(index, number, pick, "trash")

    def do_archive(self, index, number, pick):
        return self.act_on(index, number, pick, "archive")

    def do_junk(self, index, number, pick):
        return self.act_on(index, number, pick, "junk")

    def do_notjunk(self, index, number, pick):
        return self.act_on(index, number, pick, "notjunk")

    def do_delete(self, index, number, pick):
        # Which of several twins it is can't be told where there is no body.
        self.may_go.update(self.twins if number in self.twins else {number})
        return self.act_on(index, number, pick, "delete")

    def do_append(self, index, folder):
        target = self.folder_id(index, folder)
        if not target:
            return "no folder"
        number, self.appended = self.appended, self.appended + 1
        path = os.path.join(self.folder, "append")
        data = self.mail.make(number)
        self.mail.number(data)
        with open(path, "wb") as out:
            out.write(data)
        result = self.act(index, [number], "append", target, 0, path)
        if not result.startswith("done"):
            self.may_go.add(number)
        return "%d: %s" % (number, result)

    def do_undo(self, index):
        # An undone append, and an undone move between what is there twice, take a copy away.
        self.may_go.update(number for number, who in self.touched.items() if number >= 1000 and index in who)
        return self.act(index, None, "undo")

    def do_redo(self, index):
        self.copies.update({number: 1 for number in list(self.copies) if index in self.touched[number]})
        return self.act(index, None, "redo")

    def do_sync(self, index):
        return self.simple(index, "sync")

    def do_view(self, index, folder):
        target = self.folder_id(index, folder)
        return self.simple(index, "view", target) if target else "no folder"

    def simple(self, index, *words):
        try:
            return "%s %s" % self.alive(index).call(*words)
        except Died:
            return "died"

    # --- what goes wrong ---

    def do_kill(self, index):
        self.engines[index].was_cut = True
        self.engines[index].kill()

    def do_die(self, index, calls):
        self.engines[index].was_cut = True
        return self.simple(index, "die", calls)

    def do_quit(self, index):
        self.engines[index].was_cut = True
        self.engines[index].quit()

    def do_offline(self, index):
        self.engines[index].was_cut = True
        self.engines[index].proxy.refuse = True
        self.engines[index].proxy.cut()

    def do_online(self, index):
        proxy = self.engines[index].proxy
        proxy.refuse, proxy.cut_after, proxy.cut_up_after = False, None, None
        return self.simple(index, "online")

    def do_cut(self, index):
        self.engines[index].was_cut = True
        self.engines[index].proxy.cut()

    def do_cut_after(self, index, direction, count):
        self.engines[index].was_cut = True
        setattr(self.engines[index].proxy, "cut_after" if direction == "down" else "cut_up_after", count)

    def do_restart(self):
        """The server's processes that serve this user end, as in a restart."""
        def serving():
            with open("/proc/%d/task/%d/children" % (self.server.process.pid, self.server.process.pid)) as children:
                pids = [int(pid) for pid in children.read().split()]
            for pid in pids:
                with contextlib.suppress(OSError):
                    with open("/proc/%d/cmdline" % pid) as title:
                        if "[%s " % self.user in title.read():
                            yield pid
        for engine in self.engines:
            engine.was_cut = True
        ending = list(serving())
        for pid in ending:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not set(ending) & set(serving()), "the server's processes to end")

    # --- the third client ---

    def do_add(self, folder, number, variant, by_lmtp, names):
        data = self.mail.make(number, variant)
        if variant == "twin":
            self.twins.update({number, number - 1})
        if by_lmtp:
            with smtplib.LMTP("127.0.0.1", self.server.lmtp) as lmtp:
                lmtp.sendmail("someone@example.org", [self.user + "@localhost"], data)
        else:
            # Again only if the answer alone was lost.
            self.raw.run(lambda raw: raw.find(number, 0, self.mail) or raw.command("append", folder, "(%s)" % " ".join(names), None, data))
        self.watch("raw", number)

    def watch(self, who, number):
        """The raw client sees what it did."""
        snapshot = self.raw.snapshot(self.mail)
        copies = [Copy(number, folder, row[2]) for folder, rows in snapshot.items() for row in rows.values() if row[0] == number]
        if who == "raw":
            self.expected[number] = as_counted(copies)
        return copies

    def raw_on(self, number, pick, function):
        def once(raw):
            place = raw.find(number, pick, self.mail)
            if not place:
                return "unknown"
            self.touched[number].add("raw")
            raw.command("select", place[0])
            function(raw, str(place[1]))
            return "%s/%d" % place
        result = self.raw.run(once)
        self.watch("raw", number)
        return result

    def do_raw_flags(self, number, pick, names, add):
        return self.raw_on(number, pick, lambda raw, uid: raw.command("uid", "store", uid, "%sFLAGS" % ("+" if add else "-"),
                                                                     "(%s)" % " ".join(names)))

    def do_raw_move(self, number, pick, folder):
        self.movers[number].add("raw")
        return self.raw_on(number, pick, lambda raw, uid: raw.command("uid", "move", uid, folder))

    def do_raw_copy(self, number, pick, folder):
        self.copies[number] += 2  # again, if the answer was lost
        return self.raw_on(number, pick, lambda raw, uid: raw.command("uid", "copy", uid, folder))

    def do_raw_expunge(self, number, pick):
        self.may_go.add(number)

        def expunge(raw, uid):
            raw.command("uid", "store", uid, "+FLAGS", "(\\Deleted)")
            raw.command("uid", "expunge", uid)
        return self.raw_on(number, pick, expunge)

    # --- at rest ---

    def come_to_rest(self):
        for index, engine in enumerate(self.engines):
            engine.proxy.refuse, engine.proxy.cut_after, engine.proxy.cut_up_after = False, None, None
            if (self.seed >> index) & 1:
                engine.quit()
        deadline, passes = time.monotonic() + 60 * SLOWNESS, 0
        while True:
            passes += all([self.catch_up(index) for index in range(2)])
            server = self.raw.snapshot(self.mail)
            wrong = [text for engine in self.engines for text in self.differences(engine, server) + engine.waiting()]
            if not wrong or passes == PASSES or time.monotonic() > deadline:
                break
        for engine in self.engines:
            wrong += engine.unsound()
            wrong += ["%s was told: %s" % (engine.name, note) for note in engine.notes]
        wrong += self.lost_or_doubled(server) + self.undone(server)
        if wrong:
            raise Wrong("\n".join([self.folder] + wrong))

    def catch_up(self, index):
        """One pass of this engine; whether it was told to be complete."""
        if self.afresh:
            self.engines[index].quit()
        engine = self.alive(index)
        try:
            engine.call("die", 0)
            engine.call("online")
            word, text = engine.call("sync")
        except Died:
            engine.unsure = {None}
            word, text = "died", ""
        self.log.append("%s: %s %s" % (engine.name, word, text))
        return word == "done"

    def differences(self, engine, server):
        """Where the engine's store is not what the server has."""
        rows = engine.rows(self.mail)
        ours = {(folder, uid): (number, digest, flags) for _, folder, uid, number, digest, flags in rows}
        theirs = {(folder, uid): row for folder, rows in server.items() for uid, row in rows.items()}
        wrong = []
        for place in sorted(set(ours) | set(theirs), key=str):
            here, there = ours.get(place), theirs.get(place)
            if here is None or there is None:
                wrong.append("%s: %s/%s is %s here, %s there" % (engine.name, *place, here, there))
            elif here[2] != there[2]:
                wrong.append("%s: %s/%s (%d) has %s here, %s there" % (engine.name, *place, there[0], sorted(here[2]), sorted(there[2])))
            elif here[1] != there[1] and (here[1] or engine.offline == 0) and not (engine.was_cut and self.twins & {here[0], there[0]}):
                wrong.append("%s: %s/%s (%d) has other bytes: %s here, %s there" % (engine.name, *place, there[0], here[1], there[1]))
        return wrong

    def lost_or_doubled(self, server):
        count = collections.Counter(row[0] for rows in server.values() for row in rows.values())
        wrong = []
        numbers = set(self.expected) | set(count)
        # Which of several twins an engine meant can't be told where it has no body: they are counted together.
        for group in [self.twins & numbers] + [{number} for number in sorted(numbers - self.twins)]:
            least, most = sum(number not in self.may_go for number in group), sum(self.copies[number] + max(len(self.movers[number]), 1) for number in group)
            there = sum(count[number] for number in group)
            if not least <= there <= most:
                wrong.append("message %s is there %d times, not %d to %d" % (sorted(group), there, least, most))
        return wrong

    def undone(self, server):
        """What one client alone did to a message, and is not so."""
        wrong = []
        for number, expected in self.expected.items():
            if number in self.twins or len(self.touched[number]) > 1:
                continue
            copies = [Copy(number, folder, row[2]) for folder, rows in server.items() for row in rows.values() if row[0] == number]
            if as_counted(copies) != expected:
                wrong.append("message %d, touched by %s alone, should be %s and is %s" % (
                    number, list(self.touched[number]) or "nobody", expected, as_counted(copies)))
        return wrong
