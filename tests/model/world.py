"""The stage of the model test: a server with a fresh user, two engines that can be killed, a link that can be cut, a raw IMAP client, and what
each side holds, written down so that it can be compared."""
import collections
import contextlib
import hashlib
import imaplib
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
from fulmar import PASSWORD, SLOWNESS, Proxy, die_with_parent, end, wait_for  # noqa: E402

FLAGS = ["\\seen", "\\answered", "\\flagged", "\\deleted", "\\draft", "$forwarded", "$junk", "$notjunk", "$mdnsent"]
BIT = {name: 1 << number for number, name in enumerate(FLAGS)}
KEEP = "FULMAR_KEEP" in os.environ
STATES = ["planned", "sent", "settling"]
Copy = collections.namedtuple("Copy", "number folder flags")  # one copy of a message, as it is shown or lies on the server


class Died(Exception):
    """The process of an engine is gone."""


class Wrong(Exception):
    """What the test is about: something that must never be."""


def as_flags(names):
    return frozenset(name.lower() for name in names) - {"\\recent"}


class Mail:
    """The messages of one sequence. What they say is made from their number, so that the same sequence has the same messages."""

    def __init__(self, seed):
        self.seed, self.digests, self.sizes = seed, {}, {}

    def make(self, number, variant="plain"):
        """plain; nameless: without a Message-ID; twin: Message-ID, date, subject and size of the message before, and another text."""
        of = number - 1 if variant == "twin" else number
        head = ["Date: Sat, 21 Nov 2026 10:%02d:%02d +0000" % (of // 60 % 60, of % 60), "From: Grace Hopper <grace@example.org>",
                "To: Ada Example <ada@localhost>", "Subject: number %d" % of, "X-Model: %06d" % number]
        if variant != "nameless" and not self.is_nameless(of):
            head.append("Message-ID: <m%d.%d@model>" % (of, self.seed))
        text = "%06d says %s\r\n" % (number, "x" * (of * 37 % 200))
        return ("\r\n".join(head) + "\r\n\r\n" + text).encode()

    def is_nameless(self, number):
        return number % 11 == 10

    def number(self, data):
        """Whose bytes these are, as some server keeps them; learns their digest."""
        digest = hashlib.sha256(data).hexdigest()
        if digest not in self.digests:
            found = re.search(rb"^X-Model: (\d+)\r$", data, re.M)
            self.digests[digest] = int(found.group(1)) if found else None
        return self.digests[digest], digest


class Raw:
    """Another client: plain commands, on a connection of its own."""

    def __init__(self, port, user):
        self.port, self.user, self.client, self.told = port, user, None, set()

    def connect(self):
        self.close()
        self.client = imaplib.IMAP4("127.0.0.1", self.port)
        self.client.login(self.user, PASSWORD)
        self.told = set(self.client.capability()[1][0].decode().upper().split())

    def close(self):
        if self.client:
            with contextlib.suppress(Exception):
                self.client.shutdown()
            self.client = None

    def command(self, name, *arguments):
        status, data = getattr(self.client, name)(*arguments)
        return data if status == "OK" else None

    def unselect(self):
        """So that the folder that was selected can be removed."""
        self.command("select", "INBOX", True)

    def append(self, folder, flags, data):
        # Courier takes nothing into a folder that was only looked at.
        if self.command("append", folder, flags, None, data) is None:
            self.command("select", folder)
            self.command("append", folder, flags, None, data)

    def move(self, uid, folder):
        if "MOVE" in self.told:
            self.command("uid", "move", uid, folder)
        elif self.command("uid", "copy", uid, folder) is not None:
            self.expunge(uid)

    def expunge(self, uid):
        self.command("uid", "store", uid, "+FLAGS", "(\\Deleted)")
        if "UIDPLUS" in self.told:
            self.command("uid", "expunge", uid)
        else:
            self.command("expunge")

    def run(self, function):
        """FUNCTION (self), again on a new connection where the server was restarted under it."""
        for again in True, True, False:
            try:
                if not self.client:
                    self.connect()
                return function(self)
            except (imaplib.IMAP4.error, OSError):
                self.close()
                if not again:
                    raise
        return None

    def folders(self):
        rows = self.command("list") or []
        names = []
        for row in rows:
            found = re.match(rb'\(([^)]*)\) (?:"."|NIL) "?(.*?)"?$', row or b"")
            if found and b"\\noselect" not in found.group(1).lower():
                names.append(found.group(2).decode())
        return names

    def listing(self, folder, mail):
        """{uid: (number, digest, flags)}; None: there is no such folder."""
        if self.command("select", '"%s"' % folder, True) is None:
            return None
        if self.client.untagged_responses.get("EXISTS") == [b"0"]:
            return {}
        rows = {}
        for item in self.command("uid", "fetch", "1:*", "(UID FLAGS BODY.PEEK[])") or []:
            if isinstance(item, tuple):
                uid = int(re.search(rb"UID (\d+)", item[0]).group(1))
                flags = re.search(rb"FLAGS \(([^)]*)\)", item[0]).group(1).decode().split()
                rows[uid] = (*mail.number(item[1]), as_flags(flags))
        return rows

    def snapshot(self, mail):
        """{folder: {uid: (number, digest, flags)}}"""
        def look(raw):
            listings = {folder: raw.listing(folder, mail) for folder in raw.folders()}
            return {folder: rows for folder, rows in listings.items() if rows is not None}
        return self.run(look)

    def find(self, number, pick, mail):
        """(folder, uid) of one copy of the message, or None; the folder is not selected."""
        copies = [(folder, uid) for folder, rows in sorted(self.snapshot(mail).items()) for uid, row in rows.items() if row[0] == number]
        return copies[pick % len(copies)] if copies else None


class TracedProxy(Proxy):
    """Writes down what passes, a line for each piece: when, on which connection, which way."""

    def __init__(self, port, path):
        self.trace = open(path, "ab")
        super().__init__(port)

    def pass_on(self, link, sink, direction, data):
        mark = "> " if direction == "up" else "< "
        self.trace.write(b"%.4f %s %s %r\n" % (time.time() % 1000, b"%x" % (id(link) >> 4 & 0xffff), mark.encode(), bytes(data)))
        self.trace.flush()
        super().pass_on(link, sink, direction, data)


class Engine:
    """One Fulmar: a store, a link that can be spoiled, and most of the time a process. BESIDE: the engine whose store and link it shares."""

    def __init__(self, name, folder, zygote, port, user, offline, beside=None):
        self.name, self.zygote, self.user, self.offline = name, zygote, user, offline
        self.folder = beside.folder if beside else os.path.join(folder, name)
        self.proxy = beside.proxy if beside else TracedProxy(port, self.folder + ".wire") if KEEP else Proxy(port)
        self.is_second = beside is not None
        self.socket, self.input, self.pid = None, None, None
        self.notes = []
        self.was_cut = False  # something that was sent may never have been answered
        self.unsure = set()  # messages with which it was busy when it died; None: all it did something to

    # Its life.

    def start(self):
        if self.socket:
            return
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(130 * SLOWNESS)
        self.socket.connect(self.zygote)
        self.input = self.socket.makefile("rb")
        self.pid = int(self.read()[1])
        self.call("open", self.folder, self.proxy.port, self.user, PASSWORD, self.offline)

    def send(self, *words):
        try:
            self.socket.sendall(("\t".join(str(word) for word in words) + "\n").encode())
        except OSError:
            self.gone()

    def read(self):
        try:
            line = self.input.readline()
        except TimeoutError:
            raise Wrong("%s hangs" % self.name)
        except OSError:
            line = b""
        if not line:
            self.gone()
        word, text, notes = line.decode(errors="replace").rstrip("\n").split("\t")
        if notes:
            self.notes.append(notes)
        if word == "timeout":
            raise Wrong("%s does not answer (%s)" % (self.name, text))
        return word, text

    def call(self, *words):
        """(word, text): "done" or "failed". Died if the process goes meanwhile."""
        self.send(*words)
        return self.read()

    def gone(self):
        self.forget()
        raise Died(self.name)

    def forget(self):
        if self.socket:
            self.input.close()
            self.socket.close()
        self.socket = self.input = self.pid = None

    def kill(self):
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            with contextlib.suppress(OSError):
                while self.socket.recv(4096):
                    pass
        self.forget()

    def quit(self):
        if self.socket:
            with contextlib.suppress(Died):
                self.call("quit")
        self.forget()

    def close(self):
        self.kill()
        if not self.is_second:
            self.proxy.__exit__()

    # Its store.

    @contextlib.contextmanager
    def database(self):
        base = sqlite3.connect("file:%s/state.db?mode=ro" % self.folder, uri=True, timeout=20)
        try:
            yield base
        finally:
            base.close()

    def rows(self, mail):
        """[(row id, folder, uid, number, digest or None, flags)] of what is shown."""
        with self.database() as base:
            keywords = collections.defaultdict(list)
            for row, name in base.execute("SELECT m.msg_id, k.name FROM msg_kw m JOIN keyword k ON k.id = m.kw_id WHERE m.bits & 2"):
                keywords[row].append(name)
            found = base.execute("SELECT m.id, f.name, m.uid, m.flags & 511, b.sha, m.subject FROM msg m JOIN folder f ON f.id = m.folder_id"
                                 " LEFT JOIN blob b ON b.id = m.blob_id WHERE NOT f.hidden ORDER BY m.id").fetchall()
        rows = []
        for row, folder, uid, bits, digest, subject in found:
            flags = as_flags([name for name in FLAGS if bits & BIT[name]] + keywords[row])
            # Of a message that somebody has just taken away Courier sends a header of its own making.
            number = mail.digests.get(digest) if digest else int(subject.split()[-1]) if subject[-1:].isdigit() else None
            rows.append((row, folder, uid, number, digest, flags))
        return rows

    def folders(self):
        with self.database() as base:
            return dict(base.execute("SELECT name, id FROM folder WHERE selectable AND NOT hidden"))

    def waiting(self):
        """What is not finished, in words."""
        with self.database() as base:
            ops = base.execute("SELECT o.id, o.kind, o.state, o.msg_id, f.name, o.uid, t.name, o.new_msg_id, o.after_op, o.error FROM op o"
                               " LEFT JOIN folder f ON f.id = o.folder_id LEFT JOIN folder t ON t.id = o.target_id WHERE o.state < 3").fetchall()
            limbo = base.execute("SELECT id, folder_id, subject FROM msg WHERE folder_id = 0 OR uid IS NULL").fetchall()
        return ["operation %d of kind %d is %s: row %d, %s/%s to %s, copy %d, after %d %s" % (op[:2] + (STATES[op[2]],) + op[3:]) for op in ops] \
            + ["row %d in folder %d has no place: %s" % row for row in limbo]

    def unsound(self):
        """Where the store contradicts itself."""
        with self.database() as base:
            wrong = ["%s: %s" % ("integrity", text) for text, in base.execute("PRAGMA integrity_check") if text != "ok"]
            wrong += ["%s counts %d and %d unread, has %d and %d" % row for row in base.execute(
                "SELECT * FROM (SELECT name, total, unread, (SELECT count(*) FROM msg WHERE folder_id = f.id) AS n,"
                " (SELECT count(*) FROM msg WHERE folder_id = f.id AND NOT flags & 1) AS u FROM folder f) WHERE total <> n OR unread <> u")]
            wrong += ["thread %d of folder %d counts %d and %d unread, has %d and %d" % row for row in base.execute(
                "SELECT * FROM (SELECT thread_id, folder_id, count, unread, (SELECT count(*) FROM msg m WHERE m.folder_id = t.folder_id AND"
                " m.thread_id = t.thread_id) AS n, (SELECT count(*) FROM msg m WHERE m.folder_id = t.folder_id AND m.thread_id = t.thread_id"
                " AND NOT flags & 1) AS u FROM thread t) WHERE count <> n OR unread <> u")]
        return wrong


class Zygote:
    """The program whose children are the engines (engine.c)."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "z")
        program = os.path.join(os.environ.get("FULMAR_TOP_BUILDDIR", os.path.join(HERE, "../../build")), "tests/model/engine")
        self.process = subprocess.Popen([program, self.path], preexec_fn=die_with_parent)
        wait_for(lambda: os.path.exists(self.path), "the socket of " + program)

    def close(self):
        end(self.process)


def memory_folder(prefix):
    """A new directory, in memory where that can be had: what is tested is the death of a process, not of the machine."""
    import tempfile
    top = "/dev/shm" if os.access("/dev/shm", os.W_OK) and shutil.disk_usage("/dev/shm").free > 1 << 29 else None
    return tempfile.mkdtemp(prefix=prefix, dir=top)
