"""A server with Gmail's habits: one store of messages, whose labels are mailboxes. A message lies in All Mail once, in the mailbox of each label,
and in Starred while it has \\Flagged; in Trash or Spam it is nowhere else and has no labels. X-GM-LABELS omits the selected mailbox's own label, All
Mail shows the full set; to remove the selected mailbox's label by STORE is answered OK and does nothing; STORE takes modified UTF-7, SEARCH takes
decoded names; \\Deleted takes out of the mailbox at once, and of all others only in Trash and Spam. Other capabilities are told before the sign-in
than after it; CONDSTORE, no QRESYNC; 15 connections at most. The test looks at the store itself: state (), and what was fetched."""
import base64
import email.parser
import itertools
import re
import socket
import threading
import time

PLAIN_CAPABILITIES = "IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 XYZZY SASL-IR AUTH=XOAUTH2 AUTH=PLAIN AUTH=OAUTHBEARER"
CAPABILITIES = ("IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 UIDPLUS ENABLE MOVE CONDSTORE ESEARCH UTF8=ACCEPT "
                "LIST-EXTENDED LIST-STATUS LITERAL- SPECIAL-USE APPENDLIMIT=35651584")
MAX_CONNECTIONS = 15
MAX_LITERAL_MINUS = 4096
ALL, TRASH, SPAM, STARRED = "[Gmail]/All Mail", "[Gmail]/Trash", "[Gmail]/Spam", "[Gmail]/Starred"
SYSTEM = {"INBOX": "\\Inbox", "[Gmail]/Sent Mail": "\\Sent", "[Gmail]/Drafts": "\\Draft", "[Gmail]/Important": "\\Important"}
USES = {ALL: "\\All", TRASH: "\\Trash", SPAM: "\\Junk", STARRED: "\\Flagged", "[Gmail]/Sent Mail": "\\Sent", "[Gmail]/Drafts": "\\Drafts",
        "[Gmail]/Important": "\\Important"}


def to_utf7(name):
    """Modified UTF-7 (RFC 3501, 5.1.3)."""
    def encode(match):
        return "&" + base64.b64encode(match.group().encode("utf-16-be")).decode().rstrip("=").replace("/", ",") + "-"
    return re.sub(r"[^\x20-\x7e]+", encode, name.replace("&", "&-"))


def from_utf7(name):
    def decode(match):
        word = match.group(1).replace(",", "/")
        return base64.b64decode(word + "=" * (-len(word) % 4)).decode("utf-16-be") if word else "&"
    return re.sub(r"&([^-]*)-", decode, name)


def quote(text):
    return '"%s"' % text.replace("\\", "\\\\").replace('"', '\\"')


def in_set(text, last):
    """The numbers of an IMAP set as a test; LAST is what `*` means."""
    ranges = []
    for part in text.split(","):
        ends = [last if end == "*" else int(end) for end in part.split(":")]
        ranges.append((min(ends), max(ends)))
    return lambda number: any(low <= number <= high for low, high in ranges)


def as_set(numbers):
    return ",".join(map(str, numbers))


class Mail:
    def __init__(self, raw, msgid, thrid, labels, flags):
        self.raw, self.msgid, self.thrid, self.labels, self.flags = raw, msgid, thrid, set(labels), set(flags)
        self.where, self.modseq, self.date = "all", 0, time.gmtime()
        self.headers = email.parser.BytesHeaderParser().parsebytes(raw)

    def ident(self):
        return self.headers["Message-ID"].strip("<>")

    def subject(self):
        return str(self.headers["Subject"])


class Box:
    def __init__(self, name, uidvalidity):
        self.name, self.uidvalidity, self.uidnext, self.uids = name, uidvalidity, 1, {}  # uid -> msgid, ascending

    def label(self):
        return SYSTEM.get(self.name, self.name)

    def holds(self, mail):
        if self.name in (TRASH, SPAM):
            return mail.where == self.name
        if mail.where != "all":
            return False
        return self.name == ALL or ("\\Flagged" in mail.flags if self.name == STARRED else self.label() in mail.labels)

    def uid_of(self, msgid):
        return next((uid for uid, other in self.uids.items() if other == msgid), None)


class Gmail:
    """Listens until closed. `fetched` are the bodies that were fetched (mailbox, Message-ID), `headers` likewise; `commands` what was said. HOOK
    (session, name, text), if set, is called when a command has taken effect, before it is answered."""

    def __init__(self, user="ada", password="secret"):
        self.user, self.password, self.lock = user, password, threading.Condition(threading.RLock())
        self.mails, self.boxes, self.modseq, self.hook = {}, {}, 1000, None
        self.numbers, self.validities = itertools.count(1592225494819146101), itertools.count(1)
        self.fetched, self.headers, self.commands, self.sessions, self.most_sessions, self.sent_bytes = [], [], [], [], 0, 0
        for name in ["INBOX", ALL] + [box for box in USES if box != ALL]:
            self.boxes[name] = Box(name, next(self.validities))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        self.cut()

    def cut(self):
        """Every connection is lost."""
        with self.lock:
            for session in list(self.sessions):
                try:
                    session.socket.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=Session(self, connection).run, daemon=True).start()

    # What webmail does, and what the test looks at.

    def label_box(self, label):
        name = next((box for box, system in SYSTEM.items() if system.lower() == label.lower()), label)
        if name not in self.boxes:
            self.boxes[name] = Box(name, next(self.validities))
        return self.boxes[name]

    def changed(self, mail):
        """After any change: mailboxes gain and lose it, and whoever waits is told."""
        self.modseq += 1
        mail.modseq = self.modseq
        for box in self.boxes.values():
            uid, holds = box.uid_of(mail.msgid), mail.msgid in self.mails and box.holds(mail)
            if holds and uid is None:
                box.uids[box.uidnext] = mail.msgid
                box.uidnext += 1
            elif uid is not None and not holds:
                del box.uids[uid]
        self.lock.notify_all()

    def deliver(self, raw, labels=("\\Inbox",), flags=(), thrid=None):
        with self.lock:
            msgid = next(self.numbers)
            mail = Mail(raw, msgid, thrid or msgid, labels, flags)
            self.mails[msgid] = mail
            for label in labels:
                self.label_box(label)
            self.changed(mail)
            return mail

    def change(self, ident, add=(), remove=(), flags=None):
        """As in webmail: labels and flags of the message with this Message-ID."""
        with self.lock:
            mail = self.find(ident)
            for label in add:
                self.label_box(label)
            mail.labels = (mail.labels | set(add)) - set(remove)
            mail.flags = mail.flags if flags is None else set(flags)
            self.changed(mail)

    def put(self, mail, where):
        """Into Trash or Spam, which takes all labels; or back among all."""
        if where != "all":
            mail.labels = set()
        mail.where = where

    def find(self, ident):
        return next(mail for mail in self.mails.values() if mail.ident() == ident)

    def state(self):
        """{Message-ID: (where, labels, flags)}, one for each message there is; a second one of the same Message-ID shows by its number."""
        with self.lock:
            found = {}
            for mail in self.mails.values():
                key = mail.ident() if mail.ident() not in found else "%s again %d" % (mail.ident(), mail.msgid)
                where = {"all": "all", TRASH: "trash", SPAM: "spam"}[mail.where]
                found[key] = (where, tuple(sorted(mail.labels)), tuple(sorted(mail.flags)))
            return found

    def labels(self, ident):
        where, labels, _ = self.state()[ident]
        return where if where != "all" else " ".join(labels)

    def search(self, box, text):
        """Gmail's own syntax, as far as the tests speak it: words, "phrases", label: in: from: subject: has: rfc822msgid:, - for not."""
        uids = list(box.uids)
        for sign, key, phrase, word in re.findall(r'(-?)(?:(\w+):)?(?:"([^"]*)"|(\S+))', text):
            value = (phrase or word).lower()

            def matches(mail):
                if key == "label":
                    return any(label.lower() == value for label in mail.labels)
                if key == "in":
                    return mail.where == "all" and (value == "anywhere" or "\\" + value in [label.lower() for label in mail.labels])
                if key in ("from", "subject"):
                    return value in str(mail.headers[key]).lower()
                if key == "has":
                    return b"attachment" in mail.raw.lower()
                if key == "rfc822msgid":
                    return mail.ident().lower() == value.strip("<>")
                return value in mail.raw.decode("utf-8", "replace").lower()
            uids = [uid for uid in uids if matches(self.mails[box.uids[uid]]) != bool(sign)]
        return uids


class Refused(Exception):
    pass


class Session:
    def __init__(self, server, connection):
        self.server, self.socket, self.buffer, self.box, self.view, self.seen = server, connection, b"", None, [], 0
        self.signed_in, self.read_only = False, False

    def send(self, text):
        data = text if isinstance(text, bytes) else text.encode()
        self.server.sent_bytes += len(data)
        self.socket.sendall(data)

    def read(self, n=None):
        """N bytes, or a line with its end."""
        while (b"\n" not in self.buffer) if n is None else len(self.buffer) < n:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError
            self.buffer += data
        n = self.buffer.index(b"\n") + 1 if n is None else n
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def run(self):
        server = self.server
        self.socket.settimeout(60)
        try:
            self.send("* OK Gimap ready for requests\r\n")
            while self.command():
                pass
        except (OSError, EOFError):
            pass
        finally:
            with server.lock:
                if self in server.sessions:
                    server.sessions.remove(self)
            self.socket.close()

    def command(self):
        """One command, its literals among it."""
        line, literal = self.read(), None
        match = re.search(rb"\{(\d+)(\+?)\}\r?\n$", line)
        if match:
            size = int(match.group(1))
            if match.group(2) and size > MAX_LITERAL_MINUS:
                self.send("* BYE a literal that does not wait must not be longer than %d\r\n" % MAX_LITERAL_MINUS)
                return False
            if not match.group(2):
                self.send("+ go ahead\r\n")
            literal = self.read(size)
            self.read()
        tag, _, text = line.decode().rstrip("\r\n").partition(" ")
        name, _, rest = text.partition(" ")
        name = name.upper()
        if name == "UID":
            verb, _, rest = rest.partition(" ")
            name = "UID " + verb.upper()
        return self.answer(tag, name, rest, literal)

    def answer(self, tag, name, rest, literal):
        server, ok = self.server, "Success"
        with server.lock:
            server.commands.append("%s %s" % (name, rest))
            method = getattr(self, "do_" + name.lower().replace(" ", "_"), None)
            if method is None or not (self.signed_in or name in ("CAPABILITY", "LOGIN", "AUTHENTICATE", "NOOP", "LOGOUT", "ID")):
                self.send("%s BAD Unknown command\r\n" % tag)
                return True
            try:
                ok = method(rest, literal) or ok
            except Refused as refusal:
                self.send("%s NO %s\r\n" % (tag, refusal))
                return True
            hook = server.hook
        if hook:
            hook(self, name, rest)
        if name not in ("FETCH", "STORE", "SEARCH"):
            self.report()
        self.send("%s OK %s\r\n" % (tag, ok))
        return name != "LOGOUT"

    # The session's own view of the mailbox.

    def report(self):
        """What changed since it was told last."""
        with self.server.lock:
            if self.box is None:
                return
            for uid in [uid for uid in self.view if uid not in self.box.uids]:
                self.send("* %d EXPUNGE\r\n" % (self.view.index(uid) + 1))
                self.view.remove(uid)
            fresh = [uid for uid in self.box.uids if uid not in self.view]
            if fresh:
                self.view += sorted(fresh)
                self.send("* %d EXISTS\r\n" % len(self.view))
            for number, uid in enumerate(self.view, 1):
                mail = self.mail(uid)
                if mail.modseq > self.seen and uid not in fresh:
                    self.send("* %d FETCH (X-GM-LABELS (%s) UID %d MODSEQ (%d) FLAGS (%s))\r\n"
                              % (number, self.labels(mail), uid, mail.modseq, " ".join(sorted(mail.flags))))
            self.seen = self.server.modseq

    def mail(self, uid):
        return self.server.mails[self.box.uids[uid]]

    def labels(self, mail):
        words = sorted(mail.labels | ({"\\Starred"} if "\\Flagged" in mail.flags else set()))
        own = "\\Starred" if self.box.name == STARRED else self.box.label()
        return " ".join(to_utf7(word) if re.fullmatch(r"[A-Za-z0-9]+", word) else quote(to_utf7(word)) for word in words if word != own)

    def chosen(self, text, by_uid):
        """(sequence number, UID) of a set."""
        test = in_set(text, (self.view or [0])[-1] if by_uid else len(self.view))
        return [(number, uid) for number, uid in enumerate(self.view, 1) if test(uid if by_uid else number) and uid in self.box.uids]

    # Commands without a mailbox.

    def do_capability(self, *_):
        self.send("* CAPABILITY %s\r\n" % (CAPABILITIES if self.signed_in else PLAIN_CAPABILITIES))

    def sign_in(self, user, password):
        if (user, password) != (self.server.user, self.server.password):
            raise Refused("[AUTHENTICATIONFAILED] Invalid credentials (Failure)")
        if len(self.server.sessions) >= MAX_CONNECTIONS:
            raise Refused("[ALERT] Too many simultaneous connections. (Failure)")
        self.signed_in = True
        self.server.sessions.append(self)
        self.server.most_sessions = max(self.server.most_sessions, len(self.server.sessions))
        return "%s authenticated (Success)" % user

    def do_login(self, rest, _):
        return self.sign_in(*[word.strip('"') for word in rest.split(" ", 1)])

    def do_authenticate(self, rest, _):
        mechanism, _, response = rest.partition(" ")
        if mechanism.upper() != "PLAIN":
            raise Refused("unknown mechanism")
        if not response:
            self.send("+ \r\n")
            response = self.read().decode().strip()
        return self.sign_in(*base64.b64decode(response).decode().split("\0")[1:])

    def do_id(self, *_):
        self.send('* ID ("name" "GImap" "vendor" "Google, Inc.")\r\n')

    def do_enable(self, rest, _):
        self.send("* ENABLED%s\r\n" % (" CONDSTORE" if "CONDSTORE" in rest.upper() else ""))

    def do_namespace(self, *_):
        self.send('* NAMESPACE (("" "/")) NIL NIL\r\n')

    def do_noop(self, *_):
        pass

    def do_logout(self, *_):
        self.send("* BYE LOGOUT Requested\r\n")

    def status(self, box):
        unseen = sum("\\Seen" not in self.server.mails[msgid].flags for msgid in box.uids.values())
        self.send("* STATUS %s (HIGHESTMODSEQ %d MESSAGES %d UIDNEXT %d UIDVALIDITY %d UNSEEN %d)\r\n"
                  % (quote(to_utf7(box.name)), self.server.modseq, len(box.uids), box.uidnext, box.uidvalidity, unseen))

    def do_list(self, rest, _):
        self.send('* LIST (\\HasChildren \\NonExistent) "/" "[Gmail]"\r\n')
        for box in list(self.server.boxes.values()):
            self.send('* LIST (\\HasNoChildren \\Subscribed%s) "/" %s\r\n' % (" " + USES[box.name] if box.name in USES else "",
                                                                          quote(to_utf7(box.name))))
            if "STATUS" in rest.upper():
                self.status(box)

    def named(self, text):
        """The mailbox that begins TEXT, and what follows."""
        match = re.match(r'"((?:[^"\\]|\\.)*)" ?|(\S+) ?', text)
        name = re.sub(r"\\(.)", r"\1", match.group(1)) if match.group(1) is not None else match.group(2)
        name = from_utf7(name)
        return "INBOX" if name.upper() == "INBOX" else name, text[match.end():]

    def existing(self, text):
        name, rest = self.named(text)
        if name not in self.server.boxes:
            raise Refused("[NONEXISTENT] Unknown Mailbox: %s (Failure)" % name)
        return self.server.boxes[name], rest

    def do_status(self, rest, _):
        self.status(self.existing(rest)[0])

    def do_create(self, rest, _):
        name = self.named(rest)[0]
        if name in self.server.boxes:
            raise Refused("[ALREADYEXISTS] Duplicate folder name %s (Failure)" % name)
        self.server.boxes[name] = Box(name, next(self.server.validities))

    def do_subscribe(self, *_):
        pass

    def do_delete(self, rest, _):
        box, _ = self.existing(rest)
        del self.server.boxes[box.name]
        for mail in self.server.mails.values():
            if box.label() in mail.labels:
                mail.labels.discard(box.label())
                self.server.changed(mail)

    def do_append(self, rest, literal):
        box, rest = self.existing(rest)
        flags = re.match(r"\(([^)]*)\)", rest)
        flags = set(flags.group(1).split()) if flags else set()
        ident = email.parser.BytesHeaderParser().parsebytes(literal)["Message-ID"]
        known = [mail for mail in self.server.mails.values() if mail.headers["Message-ID"] == ident and mail.raw == literal]
        mail = known[0] if known else self.server.deliver(literal, labels=())
        mail.flags |= flags
        self.place(mail, box)
        self.server.changed(mail)
        return "[APPENDUID %d %d] (Success)" % (box.uidvalidity, box.uid_of(mail.msgid))

    # Commands on the selected mailbox.

    def select(self, rest):
        self.box = None
        self.box, _ = self.existing(rest)
        self.view, self.seen = sorted(self.box.uids), self.server.modseq
        self.send("* FLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen $Forwarded $Junk $NotJunk)\r\n"
                  "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen $Forwarded $Junk $NotJunk \\*)] Flags permitted.\r\n"
                  "* OK [UIDVALIDITY %d] UIDs valid.\r\n* %d EXISTS\r\n* 0 RECENT\r\n* OK [UIDNEXT %d] Predicted next UID.\r\n"
                  "* OK [HIGHESTMODSEQ %d]\r\n" % (self.box.uidvalidity, len(self.view), self.box.uidnext, self.server.modseq))

    def do_select(self, rest, _):
        self.read_only = False
        self.select(rest)
        return "[READ-WRITE] %s selected. (Success)" % self.box.name

    def do_examine(self, rest, _):
        self.read_only = True
        self.select(rest)
        return "[READ-ONLY] %s selected. (Success)" % self.box.name

    def do_unselect(self, *_):
        self.box, self.view = None, []

    do_close = do_unselect

    def do_idle(self, *_):
        """Until DONE: what changes is told as it does."""
        self.send("+ idling\r\n")
        done = threading.Event()

        def wait():
            try:
                self.read()
            except (OSError, EOFError):
                self.box = None
            done.set()
            with self.server.lock:
                self.server.lock.notify_all()
        threading.Thread(target=wait, daemon=True).start()
        while not done.is_set():
            self.report()
            self.server.lock.wait(0.5)

    def fetch(self, rest, by_uid):
        numbers, _, items = rest.partition(" ")
        since = re.search(r"CHANGEDSINCE (\d+)", items)
        items = items.upper()
        for number, uid in self.chosen(numbers, by_uid):
            mail = self.mail(uid)
            if since and mail.modseq <= int(since.group(1)):
                continue
            self.send(self.fetched(number, uid, mail, items, by_uid))

    def fetched(self, number, uid, mail, items, by_uid):
        told = []
        if "X-GM-THRID" in items:
            told.append("X-GM-THRID %d" % mail.thrid)
        if "X-GM-MSGID" in items:
            told.append("X-GM-MSGID %d" % mail.msgid)
        if "X-GM-LABELS" in items:
            told.append("X-GM-LABELS (%s)" % self.labels(mail))
        if by_uid or re.search(r"\bUID\b", items):
            told.append("UID %d" % uid)
        if "RFC822.SIZE" in items:
            told.append("RFC822.SIZE %d" % len(mail.raw))
        if "MODSEQ" in items or "CHANGEDSINCE" in items:
            told.append("MODSEQ (%d)" % mail.modseq)
        if "INTERNALDATE" in items:
            told.append('INTERNALDATE "%s"' % time.strftime("%d-%b-%Y %H:%M:%S +0000", mail.date))
        if "FLAGS" in items:
            told.append("FLAGS (%s)" % " ".join(sorted(mail.flags)))
        data = ("* %d FETCH (" % number + " ".join(told)).encode()
        wanted = re.search(r"BODY\.PEEK\[(HEADER\.FIELDS \(([^)]*)\))?\]", items)
        if wanted:
            section = mail.raw
            (self.server.headers if wanted.group(1) else self.server.fetched).append((self.box.name, mail.ident()))
            if wanted.group(1):
                names = wanted.group(2).split()
                section = "".join("%s: %s\r\n" % pair for pair in mail.headers.items() if pair[0].upper() in names).encode() + b"\r\n"
            data += b" BODY[%s] {%d}\r\n" % ((wanted.group(1) or "").encode(), len(section)) + section
        return data + b")\r\n"

    def do_fetch(self, rest, _):
        self.fetch(rest, False)

    def do_uid_fetch(self, rest, _):
        self.fetch(rest, True)

    def do_uid_store(self, rest, _):
        numbers, what, words = re.match(r"(\S+) (?:\(UNCHANGEDSINCE \d+\) )?(\S+) \((.*)\)", rest).groups()
        sign, name = what[0], what.lstrip("+-").upper()
        words = [re.sub(r"\\(.)", r"\1", quoted) if quoted else atom for quoted, atom in re.findall(r'"((?:[^"\\]|\\.)+)"|([^\s"]+)', words)]
        for _, uid in self.chosen(numbers, True):
            mail = self.mail(uid)
            if name.startswith("X-GM-LABELS"):
                self.store_labels(mail, sign, [from_utf7(word) for word in words])
            elif sign == "+" and "\\Deleted" in words:
                self.take_out(mail)
            else:
                mail.flags = mail.flags | set(words) if sign == "+" else mail.flags - set(words)
            self.server.changed(mail)
            if not name.endswith(".SILENT") and uid in self.box.uids:
                self.send("* %d FETCH (UID %d FLAGS (%s))\r\n" % (self.view.index(uid) + 1, uid, " ".join(sorted(mail.flags))))

    def store_labels(self, mail, sign, labels):
        for label in labels:
            if label == self.box.label():
                continue  # OK, and nothing is done
            if sign == "+":
                self.place(mail, self.server.label_box(label))
            else:
                mail.labels.discard(label)

    def take_out(self, mail):
        """\\Deleted, with auto-expunge on: gone from this mailbox; for good only in Trash and Spam."""
        if self.box.name in (TRASH, SPAM):
            del self.server.mails[mail.msgid]
        elif self.box.name == STARRED:
            mail.flags.discard("\\Flagged")
        elif self.box.name not in (ALL, "[Gmail]/Sent Mail"):
            mail.labels.discard(self.box.label())

    def place(self, mail, box):
        if box.name in (TRASH, SPAM):
            self.server.put(mail, box.name)
            return
        self.server.put(mail, "all")
        if box.name == STARRED:
            mail.flags.add("\\Flagged")
        elif box.name != ALL:
            mail.labels.add(box.label())

    def transfer(self, rest, move):
        numbers, _, target = rest.partition(" ")
        name, _ = self.named(target)
        if name not in self.server.boxes:
            raise Refused("[TRYCREATE] No folder %s (Failure)" % name)
        box, source, pairs = self.server.boxes[name], self.box, []
        for _, uid in self.chosen(numbers, True):
            mail = self.mail(uid)
            was_here = mail.where
            self.place(mail, box)
            if move and was_here == "all" and box is not source and mail.where == "all":
                self.take_out(mail)
            self.server.changed(mail)
            pairs.append((uid, box.uid_of(mail.msgid)))
        if not pairs:
            return "(Success)"
        return "[COPYUID %d %s %s] (Success)" % (box.uidvalidity, as_set(uid for uid, _ in pairs), as_set(uid for _, uid in pairs))

    def do_uid_copy(self, rest, _):
        return self.transfer(rest, False)

    def do_uid_move(self, rest, _):
        return self.transfer(rest, True)

    def do_uid_expunge(self, *_):
        pass  # auto-expunge has done it

    def do_uid_search(self, rest, literal):
        rest = re.sub(r"^RETURN \(ALL\) ", "", rest)
        if rest.startswith("CHARSET UTF-8 "):
            rest = re.sub(r"\{\d+\+?\}$", "", rest[14:]) + (quote(literal.decode()) if literal else "")
        elif not rest.isascii():
            raise Refused("[BADCHARSET (UTF-8)] Could not parse command")
        uids = list(self.view)
        while rest:
            match = (re.match(r'(X-GM-RAW) "((?:[^"\\]|\\.)*)" ?', rest) or re.match(r'(HEADER Message-ID) "([^"]*)" ?', rest, re.I)
                     or re.match(r"(X-GM-LABELS|X-GM-MSGID|UID) (\S+) ?", rest) or re.match(r"(ALL)()( |$)", rest))
            if not match:
                raise Refused("Could not parse command")
            uids = [uid for uid in uids if uid in self.found(match.group(1).upper(), match.group(2))]
            rest = rest[match.end():]
        self.send('* ESEARCH (TAG "x") UID%s\r\n' % (" ALL " + as_set(uids) if uids else ""))

    def found(self, key, value):
        box = self.box
        if key == "X-GM-RAW":
            return self.server.search(box, re.sub(r"\\(.)", r"\1", value))
        if key == "UID":
            return [uid for uid in box.uids if in_set(value, (self.view or [0])[-1])(uid)]
        if key == "X-GM-LABELS":
            return [uid for uid in box.uids if value.strip('"') in self.mail(uid).labels]
        if key == "X-GM-MSGID":
            return [uid for uid, msgid in box.uids.items() if msgid == int(value)]
        if key == "HEADER MESSAGE-ID":
            return [uid for uid in box.uids if value in self.mail(uid).ident()]
        return list(box.uids)
