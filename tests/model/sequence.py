"""One sequence: steps made from a seed alone, done to the stage, and what must hold at the end.

The rules (doc/internals/sync.md, Conflicts) as far as they can be told without knowing who was first:
- at rest the two stores and the server hold the same messages, byte for byte, with the same flags, in the same folders, and nothing waits;
- a message is nowhere twice unless somebody copied it, and never gone unless somebody deleted it for good;
- what one client alone did to a message, and was told to be durable, is so, whatever was cut or killed meanwhile.
What a kind of server can't do changes the rules as places.py says. A message that ever was to be in one of the folders that are made, renamed and
removed (PASSING) may go with its folder, and where it then is depends on who was first."""
import collections
import contextlib
import os
import random
import shutil
import signal
import time

from world import BIT, KEEP, SLOWNESS, Copy, Died, Engine, Mail, Raw, Wrong, memory_folder, wait_for

VERSION = 2  # of the generator: a seed is kept with the version that it went wrong with, which makes the same steps of it for ever
FOLDERS = ["INBOX", "Project", "Archive", "Trash", "Junk"]
PASSING = ["Work", "Old"]  # folders that come and go
SETTABLE = ["\\seen", "\\answered", "\\flagged", "$forwarded", "later", "urgent"]
PASSES = 5  # complete ones of both engines until all must agree


def generate(seed, version=VERSION, length=None):
    """The steps of a sequence: plain tuples, so that some can be left out. Engines 0 and 1 have a store each; 2 and 3 are second processes on these.
    Whatever a version draws from the source, and in which order, must stay as it is."""
    source = random.Random(seed)
    steps, count = [], 0

    def engine():
        return source.randrange(2) if version == 1 else source.choices(range(4), [5, 5, 1, 1])[0]

    def folder():
        return source.choice(FOLDERS) if version == 1 else source.choices(FOLDERS + PASSING, [3, 2, 2, 2, 2, 4, 1])[0]

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

    def many():
        verb = source.choice(["flags", "flags", "move", "move", "copy", "trash", "archive", "delete"])
        arguments = change() if verb == "flags" else (folder(),) if verb in ("move", "copy") else ()
        steps.append(("many", engine(), message(), source.randrange(9), verb, *arguments))
    makers = [
        (4, add),
        (8, lambda: steps.append(("flags", engine(), message(), source.randrange(9), *change()))),
        (8, lambda: steps.append(("move", engine(), message(), source.randrange(9), folder()))),
        (3, lambda: steps.append(("copy", engine(), message(), source.randrange(9), folder()))),
        (5, lambda: steps.append((source.choice(["trash", "archive", "junk", "notjunk"]), engine(), message(), source.randrange(9)))),
        (2, lambda: steps.append(("delete", engine(), message(), source.randrange(9)))),
        (2, lambda: steps.append(("append", engine(), folder()))),
        (4, lambda: steps.append((source.choice(["undo", "undo", "redo"]), engine()))),
        (6, lambda: steps.append(("sync", engine()))),
        (2, lambda: steps.append(("view", engine(), folder()))),
        (3, lambda: steps.append(("kill", engine()))),
        (5, lambda: steps.append(("die", engine(), source.choice([3, 12, 40, 150]) + source.randrange(40)))),
        (1, lambda: steps.append(("quit", engine()))),
        (3, lambda: steps.append(("offline", engine()))),
        (4, lambda: steps.append(("online", engine()))),
        (2, lambda: steps.append(("cut", engine()))),
        (4, lambda: steps.append(("cut after", engine(), source.choice(["up", "down"]), source.choice([300, 900, 2500]) + source.randrange(900)))),
        (1, lambda: steps.append(("restart",))),
        (5, lambda: steps.append(("raw flags", message(), source.randrange(9), *change()))),
        (4, lambda: steps.append(("raw move", message(), source.randrange(9), folder()))),
        (1, lambda: steps.append(("raw copy", message(), source.randrange(9), folder()))),
        (2, lambda: steps.append(("raw expunge", message(), source.randrange(9)))),
    ]
    if version >= 2:
        makers += [
            (4, many),
            (2, lambda: steps.append(("undos", engine(), source.randint(2, 4)))),
            (1.5, lambda: steps.append(("create", engine(), source.choice(PASSING)))),
            (1, lambda: steps.append(("rename", engine(), *source.sample(PASSING, 2)))),
            (1, lambda: steps.append(("rmdir", engine(), source.choice(PASSING)))),
            (1, lambda: steps.append(("raw create", source.choice(PASSING)))),
            (1, lambda: steps.append(("raw rename", *source.sample(PASSING, 2)))),
            (1, lambda: steps.append(("raw rmdir", source.choice(PASSING)))),
            (1, lambda: steps.append(("raw anew", source.choice(PASSING)))),
            (1, lambda: steps.append(("validity", message(), source.randrange(9)))),
        ]
    for _ in range(source.randint(2, 5)):
        add()
    if version >= 2 and source.random() < 0.7:
        steps.append(("raw create", PASSING[0]))
    steps += [("sync", 0), ("sync", 1)]
    for _ in range(length or source.randint(10, 40)):
        source.choices([maker for _, maker in makers], [weight for weight, _ in makers])[0]()
    return steps


def as_counted(copies):
    return sorted((copy.folder, sorted(copy.flags)) for copy in copies)


class Sequence:
    """STEPS done to a fresh user of PLACE, a server with the rules that it asks for (places.py)."""

    def __init__(self, place, zygote, seed, steps, tag):
        self.place, self.seed, self.steps = place, seed, steps
        self.user = "m%s" % tag
        self.folder = memory_folder("fmm-")
        self.mail = Mail(seed)
        self.raw = Raw(place.imap, self.user)
        self.engines = [Engine(name, self.folder, zygote.path, place.imap, self.user, 0 if name == "a" or seed % 3 else 2) for name in "ab"]
        self.engines += [Engine(one.name + "2", self.folder, zygote.path, place.imap, self.user, one.offline, one) for one in self.engines]
        self.touched = collections.defaultdict(set)  # message -> who did something to it
        self.expected = {}                           # message -> what who alone touched it was shown last, as_counted
        self.copies = collections.Counter()          # message -> how often it may lie there besides once
        self.movers = collections.defaultdict(set)   # message -> who moved it: a server may do two sessions' moves at once, and have it twice
        self.may_go = set()                          # messages that somebody deleted for good
        self.twins = set()                           # messages that can't be told from others by their headers
        self.passing = set()                         # messages that were to be in a folder that comes and goes
        self.tree_changed = self.tree_lost = False   # a folder was made, renamed or removed; removed
        self.validities = 0
        self.appended = 1000
        self.log = []

    def close(self):
        for engine in reversed(self.engines):
            engine.close()
        self.raw.close()
        if not KEEP:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.place.forget(self.user)

    def run(self):
        self.place.welcome(self.user)
        self.raw.run(lambda raw: [raw.command("create", self.place.named(folder)) for folder in FOLDERS[1:]])
        for step in self.steps:
            began = time.monotonic()
            result = getattr(self, "do_" + step[0].replace(" ", "_"))(*step[1:])
            self.log.append("%.3f %-60s %s (%.0f ms)" % (time.time() % 1000, step, result if result is not None else "", (time.monotonic() - began) * 1000))
        self.come_to_rest()

    def aim(self, number, folder):
        """The message is to be in FOLDER."""
        if folder in PASSING:
            self.passing.update(self.twins if number in self.twins else {number})

    def seen(self, copies):
        """What of COPIES is there to a user of this server."""
        return [copy._replace(flags=self.place.flags(copy.flags)) for copy in copies if not self.place.is_hidden(copy.flags)]

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
        return {number: as_counted(self.seen(copies)) for number, copies in found.items()}

    def mine(self, index):
        """Messages that the engines of this store alone have done something to, and that can be told from others."""
        return [number for number, who in self.touched.items() if who == {index % 2} and number not in self.twins]

    def look_again(self, index):
        """A new life: what was under way when the last one ended is there or not."""
        store = self.engines[index % 2]
        unsure = [number for number in self.mine(index) if number in store.unsure or None in store.unsure]
        self.expected.update(self.shown(index, unsure))
        store.unsure = set()

    def doubt(self, index, numbers):
        """A process died while it was busy with these; None: with any. Where there is another, that one may still do it."""
        if self.engines[(index + 2) % 4].socket:
            for number in self.mine(index) if numbers is None else numbers:
                self.touched[number].add("a process that died")
        else:
            self.engines[index % 2].unsure.update({None} if numbers is None else numbers)

    def act(self, index, numbers, *words):
        """An action on messages; NUMBERS None: on whichever (undo, redo)."""
        engine = self.alive(index)
        for number in numbers or ():
            self.touched[number].add(index % 2)
            if words[0] not in ("flags", "copy"):
                self.movers[number].add(index % 2)
        try:
            word, text = engine.call(*words)
        except Died:
            self.doubt(index, numbers)
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
        return self.alive(index).folders().get(self.place.named(folder))

    def flag_words(self, names, add):
        """The words of "flags" that the place can keep."""
        names = self.place.flags(names)
        bits = sum(BIT[name] for name in names if name in BIT)
        words = " ".join(sorted(name for name in names if name not in BIT))
        return bits if add else 0, 0 if add else bits, words if add else "", "" if add else words

    def do_flags(self, index, number, pick, names, add):
        return self.act_on(index, number, pick, "flags", *self.flag_words(names, add))

    def do_move(self, index, number, pick, folder):
        self.aim(number, folder)
        target = self.folder_id(index, folder)
        return self.act_on(index, number, pick, "move", target) if target else "no folder"

    def do_copy(self, index, number, pick, folder):
        self.aim(number, folder)
        target = self.folder_id(index, folder)
        self.copies[number] += 1
        return self.act_on(index, number, pick, "copy", target) if target else "no folder"

    def do_many(self, index, number, pick, verb, *arguments):
        """One action on all that a folder shows: the one where this message is."""
        shown = [row for row in self.alive(index).rows(self.mail) if row[3] is not None]
        homes = [row[1] for row in shown if row[3] == number]
        rows = [row for row in shown if homes and row[1] == homes[pick % len(homes)]]
        words = self.flag_words(*arguments) if verb == "flags" else [self.folder_id(index, arguments[0])] if arguments else []
        if not rows or None in words:
            return "nothing"
        for row in rows:
            number = row[3]
            if verb in ("move", "copy"):
                self.aim(number, arguments[0])
            if verb == "delete":
                self.may_go.update(self.twins if number in self.twins else {number})
            self.copies[number] += verb == "copy"
        return self.act(index, sorted({row[3] for row in rows}), verb, *words, " ".join(str(row[0]) for row in rows))

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
        self.aim(number, folder)
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
        self.may_go.update(number for number, who in self.touched.items() if number >= 1000 and index % 2 in who)
        return self.act(index, None, "undo")

    def do_undos(self, index, times):
        return ", ".join([self.do_undo(index) for _ in range(times)])

    def do_redo(self, index):
        self.copies.update({number: 1 for number in list(self.copies) if index % 2 in self.touched[number]})
        return self.act(index, None, "redo")

    def tree(self, index, *words):
        """An action on a folder."""
        self.tree_changed = True
        return self.simple(index, *words)

    def do_create(self, index, folder):
        return self.tree(index, "create", self.place.named(folder))

    def do_rename(self, index, folder, name):
        return self.tree(index, "rename", self.place.named(folder), self.place.named(name))

    def do_rmdir(self, index, folder):
        self.tree_lost = True
        return self.tree(index, "rmdir", self.place.named(folder))

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

    def was_cut(self, index):
        self.engines[index % 2].was_cut = True

    def do_kill(self, index):
        self.was_cut(index)
        self.engines[index].kill()

    def do_die(self, index, calls):
        self.was_cut(index)
        return self.simple(index, "die", calls)

    def do_quit(self, index):
        self.was_cut(index)
        self.engines[index].quit()

    def do_offline(self, index):
        self.was_cut(index)
        self.engines[index].proxy.refuse = True
        self.engines[index].proxy.cut()

    def do_online(self, index):
        proxy = self.engines[index].proxy
        proxy.refuse, proxy.cut_after, proxy.cut_up_after = False, None, None
        return self.simple(index, "online")

    def do_cut(self, index):
        self.was_cut(index)
        self.engines[index].proxy.cut()

    def do_cut_after(self, index, direction, count):
        self.was_cut(index)
        setattr(self.engines[index].proxy, "cut_after" if direction == "down" else "cut_up_after", count)

    def do_validity(self, number, pick):
        """The server's numbers of the messages in one folder mean nothing any more."""
        place = self.raw.run(lambda raw: raw.find(number, pick, self.mail))
        self.validities += 1
        return place and "%s: %s" % (place[0], self.place.change_validity(self.user, place[0], 2000000000 + self.validities))

    def do_restart(self):
        """The server's processes that serve this user end, as in a restart."""
        for index in range(2):
            self.was_cut(index)
        ending = list(self.place.serving(self.user))
        for pid in ending:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not set(ending) & set(self.place.serving(self.user)), "the server's processes to end")

    # --- the third client ---

    def do_add(self, folder, number, variant, by_lmtp, names):
        data = self.mail.make(number, variant)
        if variant == "twin":
            self.twins.update({number, number - 1})
        if by_lmtp:
            self.place.deliver(data, self.user)
        else:
            # Again only if the answer alone was lost.
            flags = " ".join(sorted(self.place.flags(names)))
            self.raw.run(lambda raw: raw.find(number, 0, self.mail) or raw.append(self.place.named(folder), "(%s)" % flags, data))
        self.watch(number)

    def watch(self, number):
        """The raw client sees what it did."""
        snapshot = self.raw.snapshot(self.mail)
        self.expected[number] = as_counted(self.there(snapshot, number))

    def there(self, snapshot, number):
        return self.seen([Copy(number, folder, row[2]) for folder, rows in snapshot.items() for row in rows.values() if row[0] == number])

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
        self.watch(number)
        return result

    def do_raw_flags(self, number, pick, names, add):
        names = self.place.flags(names)
        return self.raw_on(number, pick, lambda raw, uid: names and raw.command("uid", "store", uid, "%sFLAGS" % ("+" if add else "-"),
                                                                               "(%s)" % " ".join(sorted(names))))

    def do_raw_move(self, number, pick, folder):
        self.aim(number, folder)
        self.movers[number].add("raw")
        return self.raw_on(number, pick, lambda raw, uid: raw.move(uid, self.place.named(folder)))

    def do_raw_copy(self, number, pick, folder):
        self.aim(number, folder)
        self.copies[number] += 2  # again, if the answer was lost
        return self.raw_on(number, pick, lambda raw, uid: raw.command("uid", "copy", uid, self.place.named(folder)))

    def do_raw_expunge(self, number, pick):
        self.may_go.add(number)
        return self.raw_on(number, pick, lambda raw, uid: raw.expunge(uid))

    def raw_tree(self, name, *folders):
        self.tree_changed = True
        return self.raw.run(lambda raw: raw.unselect() or raw.command(name, *[self.place.named(folder) for folder in folders])) is not None

    def do_raw_create(self, folder):
        return self.raw_tree("create", folder)

    def do_raw_rename(self, folder, name):
        return self.raw_tree("rename", folder, name)

    def do_raw_rmdir(self, folder):
        self.tree_lost = True
        return self.raw_tree("delete", folder)

    def do_raw_anew(self, folder):
        return self.do_raw_rmdir(folder) and self.do_raw_create(folder)

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
            wrong = [text for engine in self.engines[:2] for text in self.differences(engine, server) + engine.waiting()]
            # After one pass of each, what the second sent is news to the first: however long a server took, there is another.
            if not wrong or passes == PASSES or (passes > 1 and time.monotonic() > deadline):
                break
        for engine in self.engines[:2]:
            wrong += engine.unsound()
        for engine in self.engines:
            # What is done to a folder that somebody else removes is refused, and that is told.
            wrong += ["%s was told: %s" % (engine.name, note) for note in engine.notes if not self.tree_changed]
        wrong += self.lost_or_doubled(server) + self.undone(server)
        if wrong:
            raise Wrong("\n".join([self.folder] + wrong))

    def catch_up(self, index):
        """One pass over this store; whether it was told to be complete. Where only the first pass of a process compares all flags, it is one."""
        both = self.engines[index::2]
        for engine in both:
            if self.place.afresh:
                engine.quit()
            elif engine.socket:
                with contextlib.suppress(Died):
                    engine.call("die", 0)
        engine = both[0]
        try:
            self.alive(index)
            engine.call("online")
            word, text = engine.call("sync")
        except Died:
            self.doubt(index, None)
            word, text = "died", ""
        self.log.append("%s: %s %s" % (engine.name, word, text))
        return word == "done"

    def differences(self, engine, server):
        """Where the engine's store is not what the server has."""
        rows = engine.rows(self.mail)
        ours = {(folder, uid): (number, digest, self.place.flags(flags)) for _, folder, uid, number, digest, flags in rows
                if not self.place.is_hidden(flags)}
        theirs = {(folder, uid): (*row[:2], self.place.flags(row[2])) for folder, rows in server.items() for uid, row in rows.items()
                  if not self.place.is_hidden(row[2])}
        wrong = ["%s: folder %s is only %s" % (engine.name, name, "here" if name in engine.folders() else "there")
                 for name in sorted(set(engine.folders()) ^ set(server))]
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
        count = collections.Counter(row[0] for rows in server.values() for row in rows.values() if not self.place.is_hidden(row[2]))
        wrong = []
        numbers = set(self.expected) | set(count)
        # Which of several twins an engine meant can't be told where it has no body: they are counted together.
        for group in [self.twins & numbers] + [{number} for number in sorted(numbers - self.twins)]:
            gone = self.may_go | (self.passing if self.tree_lost else set())
            least, most = sum(number not in gone for number in group), sum(self.copies[number] + max(len(self.movers[number]), 1) + self.validities for number in group)
            # Dovecot does half a MOVE out of a folder whose UIDVALIDITY changes meanwhile: it copies, and then says NO.
            there = sum(count[number] for number in group)
            if not least <= there <= most:
                wrong.append("message %s is there %d times, not %d to %d" % (sorted(group), there, least, most))
        return wrong

    def undone(self, server):
        """What one client alone did to a message, and is not so."""
        wrong = []
        for number, expected in self.expected.items():
            if number in self.twins | self.passing or len(self.touched[number]) > 1:
                continue
            copies = self.there(server, number)
            if as_counted(copies) != expected:
                wrong.append("message %d, touched by %s alone, should be %s and is %s" % (
                    number, list(self.touched[number]) or "nobody", expected, as_counted(copies)))
        return wrong
