"""The servers of the model, each with what it can't do and what the rules must therefore leave open; doc/internals/sync.md tells the same of the
program. NAME is what seeds.txt calls it."""
import imaplib
import os
import shutil

from world import PASSWORD, memory_folder
import others
import servers

EXTRA = """
mail_fsync = never
verbose_proctitle = yes
passdb {
  driver = static
  args = password=s3cret
}
service imap {
  service_count = 50
  process_min_avail = 4
}
"""


class Rules:
    """What holds where nothing else is said."""

    NAME = None
    PREFIX = ""          # of every folder but the inbox
    KEYWORDS = True      # any keyword can be set
    HAS_UIDPLUS = True   # else \Deleted stays on what is gone for who deleted it, and what carries it is looked at by nobody
    afresh = False       # without CONDSTORE, only the first pass of a process compares all flags of every folder

    def named(self, name):
        return name if name == "INBOX" else self.PREFIX + name

    def flags(self, names):
        """Those that the server can keep."""
        return frozenset(name for name in names if self.KEYWORDS or name.startswith("\\"))

    def is_hidden(self, flags):
        return not self.HAS_UIDPLUS and "\\deleted" in flags

    def welcome(self, user):
        """Before this user's first sign-in."""

    def forget(self, user):
        """The user is not coming back."""

    def change_validity(self, user, folder, validity):
        return "not here"


class Dovecot(Rules, servers.Dovecot):
    NAME = "dovecot"
    WITHOUT = ()  # capabilities that it is made not to have

    def __init__(self, folder):
        os.makedirs(folder, exist_ok=True)
        servers.Dovecot.__init__(self, folder, extra=EXTRA)

    def start(self):
        super().start()
        if self.WITHOUT and not self.options.get("capability"):
            with imaplib.IMAP4("127.0.0.1", self.imap) as client:
                client.login("ada", PASSWORD)
                told = client.capability()[1][0].decode().split()
            self.options["capability"] = " ".join(word for word in told if word not in self.WITHOUT)
            self.stop()
            super().start()
        return self

    def serving(self, user):
        with open("/proc/%d/task/%d/children" % (self.process.pid, self.process.pid)) as children:
            pids = [int(pid) for pid in children.read().split()]
        for pid in pids:
            try:
                with open("/proc/%d/cmdline" % pid) as title:
                    if "[%s " % user in title.read():
                        yield pid
            except OSError:
                pass

    def change_validity(self, user, folder, validity):
        self.doveadm("mailbox", "update", "-u", user, "--uid-validity", str(validity), folder)
        return validity

    def forget(self, user):
        shutil.rmtree(self.home(user), ignore_errors=True)


class DovecotCondstore(Dovecot):
    NAME = "dovecot-condstore"
    WITHOUT = ("QRESYNC",)


class DovecotOld(Dovecot):
    NAME = "dovecot-old"
    WITHOUT = ("QRESYNC", "CONDSTORE", "LIST-STATUS", "MOVE")
    afresh = True


class InMemory:
    """A server that flushes to disk at each step is kept in memory, where that can be had."""

    def __init__(self):
        self.top = memory_folder("fms-")
        os.chmod(self.top, 0o755)
        super().__init__(os.path.join(self.top, "s"))

    def __exit__(self, *_):
        super().__exit__()
        shutil.rmtree(self.top, ignore_errors=True)


class Cyrus(InMemory, Rules, others.Cyrus):
    """With QRESYNC and MOVE of its own making; nothing is left open."""

    NAME = "cyrus"

    def welcome(self, user):
        self.add_user(user)


class Courier(InMemory, Rules, others.Courier):
    """No CONDSTORE: flags are compared. No MOVE: what was copied is taken out by UID."""

    NAME = "courier"
    PREFIX = "INBOX."
    afresh = True

    def welcome(self, user):
        self.add_user(user)

    def forget(self, user):
        shutil.rmtree(self.home(user), ignore_errors=True)
