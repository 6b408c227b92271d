"""Fulmar under test: on a pseudo terminal read by an emulator (Screen), or by its command line (Home.cli). The tests wait for what is to be
seen, never for time to pass; what they waited for and the screen are told when it does not come."""
import collections
import contextlib
import fcntl
import inspect
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import traceback
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "servers"))
from servers import PASSWORD, SLOWNESS, Ca, Dovecot, Postfix, Skip, die_with_parent, end, enron, wait_for  # noqa: E402, F401
from proxy import Proxy  # noqa: E402, F401
from scripted import Scripted  # noqa: E402, F401
from gmail import Gmail  # noqa: E402, F401

try:
    import pyte
except ImportError:
    pyte = None

TOP = os.environ.get("FULMAR_TOP_BUILDDIR", os.path.join(HERE, "../../build"))
PROGRAM = os.environ.get("FULMAR_PROGRAM", os.path.join(os.path.abspath(TOP), "src/fulmar"))
SOAK = os.environ.get("FULMAR_SOAK") == "1"
UP, DOWN, RIGHT, LEFT, ESC, ENTER, TAB = "\033[A", "\033[B", "\033[C", "\033[D", "\033", "\r", "\t"
Cell = collections.namedtuple("Cell", "char bold reverse underscore fg bg")


class Emulator(pyte.Screen if pyte else object):
    """pyte without what it does not know: private sequences that look like colours, and questions it would answer; and with what xterm's entry
    has and it has not: REP, SU and SD."""

    last_drawn = ""

    def draw(self, data):
        super().draw(data)
        self.last_drawn = data[-1:] or self.last_drawn

    def repeat_character(self, count=None):
        super().draw(self.last_drawn * (count or 1))

    def at_top_of_margins(self, function, count):
        x, y = self.cursor.x, self.cursor.y
        self.cursor.y = self.margins.top if self.margins else 0
        function(count or 1)
        self.cursor.x, self.cursor.y = x, y

    def scroll_up(self, count=None):
        self.at_top_of_margins(self.delete_lines, count)

    def scroll_down(self, count=None):
        self.at_top_of_margins(self.insert_lines, count)

    def select_graphic_rendition(self, *attributes, private=False, **_):
        if not private:
            super().select_graphic_rendition(*attributes)

    def report_device_attributes(self, *_, **__):
        pass

    def report_device_status(self, *_, **__):
        pass


class Stream(pyte.ByteStream if pyte else object):
    if pyte:
        more = {"b": "repeat_character", "S": "scroll_up", "T": "scroll_down"}
        csi = dict(pyte.ByteStream.csi, **more)
        events = pyte.ByteStream.events | set(more.values())


class Screen:
    """The program on a terminal of COLUMNS x ROWS."""

    def __init__(self, arguments, environment, columns=120, rows=40, program=None):
        if pyte is None:
            raise Skip("no python3-pyte")
        self.columns, self.rows = columns, rows
        self.emulator = Emulator(columns, rows)
        self.stream = Stream(self.emulator)
        self.sent_bytes, self.received, self.open = 0, bytearray(), True
        self.fd, slave = pty.openpty()
        self.set_size(slave)
        self.started = time.monotonic()

        def own_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            die_with_parent()
        self.process = subprocess.Popen([program or PROGRAM] + arguments, env=environment, stdin=slave, stdout=slave, stderr=slave,
                                        preexec_fn=own_terminal, close_fds=True)
        os.close(slave)
        os.set_blocking(self.fd, False)

    def set_size(self, fd):
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", self.rows, self.columns, 0, 0))

    def resize(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.pump(0)
        self.emulator.resize(rows, columns)
        self.set_size(self.fd)

    # What is shown.

    def line(self, row):
        cells = self.emulator.buffer[row]
        return "".join(cells[column].data for column in range(self.columns))

    def lines(self):
        return [self.line(row) for row in range(self.rows)]

    def text(self):
        return "\n".join(line.rstrip() for line in self.lines())

    def cell(self, column, row):
        cell = self.emulator.buffer[row][column]
        return Cell(cell.data, cell.bold, cell.reverse, cell.underscore, cell.fg, cell.bg)

    def cursor(self):
        return self.emulator.cursor.x, self.emulator.cursor.y

    def cursor_line(self):
        """The text of the row on which the cursor stands: the selected one."""
        return self.line(self.emulator.cursor.y)

    def find(self, text):
        """(column, row) of TEXT, or None."""
        for row, line in enumerate(self.lines()):
            if text in line:
                return line.index(text), row
        return None

    # Time.

    def pump(self, timeout_s):
        """Reads what has come, waiting at most that long for the first of it; the number of bytes."""
        count = 0
        while self.open and select.select([self.fd], [], [], timeout_s if count == 0 else 0)[0]:
            try:
                data = os.read(self.fd, 65536)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            if not data:
                self.open = False
                break
            count += len(data)
            self.received += data
            self.stream.feed(data)
        return count

    def wait(self, condition, what=None, timeout_s=20):
        """Until CONDITION, a text on the screen or a function, holds; its value. The program's end fails at once."""
        check = (lambda: condition in self.text()) if isinstance(condition, str) else condition
        timeout_s *= SLOWNESS
        deadline = time.monotonic() + timeout_s
        while True:
            value = check()
            # A frame comes in pieces: what holds must hold still when the terminal is quiet.
            if value and (time.monotonic() > deadline or not (self.open and self.pump(0.02))):
                return value
            if value:
                continue
            left = deadline - time.monotonic()
            if left <= 0 or not self.open:
                reason = "%g s passed" % timeout_s if self.open else "the program ended (%s)" % self.process.wait()
                told = what or (condition if isinstance(condition, str) else inspect.getsource(condition).strip())
                raise AssertionError("%s without: %s\n%s" % (reason, told, self.picture()))
            self.pump(min(left, 0.05))

    def settle(self, quiet_s=0.15, timeout_s=10):
        """Until nothing has been painted for QUIET_S: to look at what a key has NOT done."""
        deadline = time.monotonic() + timeout_s * SLOWNESS
        while self.open and self.pump(quiet_s * SLOWNESS) and time.monotonic() < deadline:
            pass

    def picture(self):
        edge = "+" + "-" * self.columns + "+"
        return "\n".join([edge] + ["|" + line + "|" for line in self.lines()] + [edge])

    # Doing.

    def keys(self, keys):
        data = keys if isinstance(keys, bytes) else keys.encode()
        self.sent_bytes += len(data)
        while data:
            select.select([], [self.fd], [])
            data = data[os.write(self.fd, data):]  # a terminal takes some thousand bytes at once

    def press(self, keys, condition, what=None, timeout_s=20):
        self.keys(keys)
        return self.wait(condition, what or "after %r: %s" % (keys, condition if isinstance(condition, str)
                                                               else inspect.getsource(condition).strip()), timeout_s)

    def command(self, line, condition, timeout_s=20):
        """By `:`."""
        self.press(":", lambda: self.last_line().lstrip().startswith(":"), "the command line")
        return self.press(line + "\r", condition, timeout_s=timeout_s)

    def last_line(self):
        return self.line(self.rows - 1)

    def latency(self, keys, limit_s=2.0, quiet_s=0.012, shows=None):
        """Seconds from KEYS to the last byte of the repaint that follows, or of the frame after which SHOWS () holds; None if nothing was painted.
        waited_s is how much of that this process and the program's screen thread were ready to run and had no processor."""
        self.pump(0)
        began, waited, last = time.monotonic(), self.waiting_s(), None
        os.write(self.fd, keys.encode())
        chunks, shown = [], shows is None
        while time.monotonic() - began < limit_s:
            if not select.select([self.fd], [], [], quiet_s if last and shown else limit_s)[0]:
                break
            chunks.append(os.read(self.fd, 65536))
            last, waited_then = time.monotonic(), self.waiting_s()
            if not shown:
                self.take(chunks.pop())
                shown, quiet_s = shows(), 0.002
        for chunk in chunks:
            self.take(chunk)
        if last is None or not shown:
            return None
        self.waited_s = waited_then - waited
        return last - began

    def take(self, data):
        self.received += data
        self.stream.feed(data)

    def waiting_s(self):
        """How long the two threads that a key's answer needs have waited for a processor, in all."""
        total = 0
        for process in (self.process.pid, os.getpid()):
            with contextlib.suppress(OSError):
                with open("/proc/%d/task/%d/schedstat" % (process, process)) as stat:
                    total += int(stat.read().split()[1])
        return total / 1e9

    # Ending.

    def kill(self):
        """As a power cut would."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.close()

    def quit(self, timeout_s=20 * SLOWNESS):
        """By key; the exit status."""
        self.keys("x")
        deadline = time.monotonic() + timeout_s
        while self.process.poll() is None:
            if time.monotonic() > deadline:
                raise AssertionError("the program did not quit in %g s\n%s" % (timeout_s, self.picture()))
            self.pump(0.05)
        self.pump(0)
        self.close()
        return self.process.returncode

    def close(self):
        if self.fd is not None:
            end(self.process)
            os.close(self.fd)
            self.fd, self.open = None, False

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        if kind is not None and self.fd is not None and self.picture()[:40] not in str(error):
            with contextlib.suppress(Exception):
                self.pump(0.1)
            print("the screen at the end:\n" + self.picture())
        self.close()


class ProxyProcess:
    """A Proxy with a delay and a rate, in a process of its own: beside a test that measures, a thread would hold up the interpreter."""

    def __init__(self, port, delay_s, rate_bps):
        self.process = subprocess.Popen([sys.executable, os.path.join(HERE, "../servers/proxy.py"), str(port), str(delay_s), str(rate_bps)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=die_with_parent)
        self.port = int(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        end(self.process)


class Home:
    """A user's Fulmar: configuration, mail and log in a directory of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.editor = "true"
        self.extra_environment = {}
        os.makedirs(folder, exist_ok=True)
        self.config = os.path.join(folder, "fulmar.conf")

    def environment(self):
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "TMPDIR", "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS",
                                                                             "TSAN_OPTIONS", "G_SLICE")}
        return dict(kept, HOME=self.folder, FULMAR_HOME=self.folder, TERM="xterm-256color", LC_ALL="C.UTF-8", TZ="UTC", EDITOR=self.editor,
                    SHELL="/bin/sh", USER="ada", **self.extra_environment)

    def configure(self, text):
        with open(self.config, "w") as out:
            out.write(text)
        os.chmod(self.config, 0o600)

    def screen(self, *arguments, columns=120, rows=40):
        return Screen(list(arguments), self.environment(), columns, rows)

    def cli(self, *arguments, stdin=b"", timeout_s=120, check=True):
        """A command to its end: stdout, stderr as text, returncode."""
        run = subprocess.run([PROGRAM] + list(arguments), env=self.environment(), input=stdin, capture_output=True, timeout=timeout_s * SLOWNESS,
                             preexec_fn=die_with_parent)
        run.stdout, run.stderr = run.stdout.decode("utf-8", "surrogateescape"), run.stderr.decode("utf-8", "surrogateescape")
        if check and run.returncode:
            raise AssertionError("fulmar %s: exit %d\n%s%s" % (" ".join(arguments), run.returncode, run.stdout, run.stderr))
        return run

    def start_cli(self, *arguments):
        """A command that runs beside the test: a Popen."""
        return subprocess.Popen([PROGRAM] + list(arguments), env=self.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, preexec_fn=die_with_parent)

    def json(self, *arguments):
        return [json.loads(line) for line in self.cli(*arguments).stdout.splitlines()]

    def folders(self):
        return {row["folder"]: row for row in self.json("folders", "--json")}

    def log(self):
        with contextlib.suppress(OSError):
            with open(os.path.join(self.folder, "fulmar.log"), errors="replace") as log:
                return log.read()
        return ""


def account(kind, name="work", user="ada", **keys):
    """The lines of an account: account ("imaps", port=993, ca=...) signs in with the tests' password."""
    port, ca = keys.pop("port"), keys.pop("ca", None)
    service, text = kind.split("+")[0].rstrip("s"), "[account %s]\naddress = Ada Example <%s@localhost>\n" % (name, user)
    text += "%s = %s://%s@localhost:%d\n" % (service, kind, urllib.parse.quote(user, safe=""), port)
    text += "password_command = echo %s\n" % PASSWORD
    if ca:
        text += "tls_ca = %s\n" % ca
    return text + "".join("%s = %s\n" % pair for pair in keys.items())


class Test:
    """What a test function gets: a directory, things to end with it, and a place to say what was measured."""

    def __init__(self, name):
        self.name = name
        self.stack = contextlib.ExitStack()
        # /tmp itself: the names of sockets, and a path inside Dovecot's library, must be short.
        self.folder = tempfile.mkdtemp(prefix="fm-", dir="/tmp")
        os.chmod(self.folder, 0o755)
        self.stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.homes = []

    def path(self, name):
        return os.path.join(self.folder, name)

    def enter(self, context):
        return self.stack.enter_context(context)

    def home(self, name="home"):
        home = Home(self.path(name))
        self.homes.append(home)
        return home

    def dovecot(self, name="d", fill=None, **options):
        os.makedirs(self.path(name))
        server = Dovecot(self.path(name), **options)
        if fill:
            server.fill_maildir(fill)
        return self.enter(server)

    def say(self, text):
        print("  %s: %s" % (self.name, text), flush=True)


def run_tests(*tests):
    """Runs the functions, or those named on the command line; exit status for the test driver."""
    failed, skipped, wanted = 0, 0, sys.argv[1:]
    if not os.access(PROGRAM, os.X_OK):
        print("no program at " + PROGRAM)
        sys.exit(77)
    chosen = [test for test in tests if not wanted or test.__name__ in wanted]
    for function in chosen:
        test, began = Test(function.__name__), time.monotonic()
        try:
            with test.stack:
                try:
                    function(test)
                except BaseException:
                    for home in test.homes:
                        if home.log():
                            print("the log of %s:\n%s" % (os.path.basename(home.folder), home.log()[-3000:]))
                    raise
            print("ok %s (%.1f s)" % (test.name, time.monotonic() - began), flush=True)
        except Skip as reason:
            skipped += 1
            print("skipped %s: %s" % (test.name, reason), flush=True)
        except Exception:
            failed += 1
            traceback.print_exc(file=sys.stdout)
            print("not ok %s (%.1f s)" % (test.name, time.monotonic() - began), flush=True)
    sys.exit(1 if failed else 77 if skipped else 0)


def message(subject, body="Hello.\n", sender="Grace Hopper <grace@example.org>", ident=None, to="Ada Example <ada@localhost>", **headers):
    """A small mail as bytes; IDENT is its Message-ID without brackets."""
    message.count += 1
    ident = ident or "m%d.%d@test.example" % (message.count, os.getpid())
    head = ["Date: Sat, 21 Nov 2026 10:%02d:%02d +0000" % (message.count // 60 % 60, message.count % 60), "From: " + sender, "To: " + to,
            "Subject: " + subject, "Message-ID: <%s>" % ident, "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8"]
    head += ["%s: %s" % (name.replace("_", "-"), value) for name, value in headers.items()]
    return ("\n".join(head) + "\n\n" + body).replace("\r\n", "\n").replace("\n", "\r\n").encode()


message.count = 0


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def plain(text):
    return re.sub(r"\s+", " ", text)
