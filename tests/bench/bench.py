#!/usr/bin/python3
"""What a user waits for, measured at the terminal: Fulmar, and beside it the peers that are installed, each on the same mail and the same server.
A peer's column is its time, and in brackets how many times Fulmar's that is. BENCH_SIZE: 1k, 10k (default), 100k, 1M; BENCH_PEERS: names, or
"none". Times are noisy on a machine that does other things: compare within one run. The store alone is measured by gen-store with as many rows.
"""
import contextlib
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../e2e"))
from fulmar import ENTER, PASSWORD, PROGRAM, TOP, Dovecot, Home, Proxy, Screen, Skip, account, message, percentile, pyte  # noqa: E402

SIZES = {"1k": 1000, "10k": 10000, "100k": 100000, "1m": 1000000}
COUNT = SIZES[os.environ.get("BENCH_SIZE", "10k").lower()]
NEWEST, OLDEST = "b%07d" % (COUNT - 1), "b0000000"
GENERATOR = os.path.join(os.path.abspath(TOP), "tests/bench/gen-mail")
GEN_STORE = os.path.join(os.path.abspath(TOP), "tests/bench/gen-store")
RARE, COMMON = "zanthoxylum", "parergon"  # as gen-mail.c puts them into bodies
BODY_LINE = re.compile(r"(?:[a-z]+ ){7}")
PAGE_DOWN, HOME, END = "\033[6~", "\033[H", "\033[F"
RUNS = 3 if COUNT <= 10000 else 1


class Client:
    """How one client is told where the mail is, and its keys. write () makes its files in HOME and returns its arguments."""

    name, home, end, quit, page = "?", HOME, END, "q", PAGE_DOWN
    step, close = "j", "q"  # to the next mail; back from a mail to the list
    find = None  # what narrows the list to mails with a word in the body
    does_maildir = True

    def program(self):
        return shutil.which(self.name)

    def environment(self, home):
        return dict(Home(home).environment(), XDG_CONFIG_HOME=home + "/.config", XDG_CACHE_HOME=home + "/.cache")

    def start(self, home, place):
        arguments = self.write(home, place)
        return Screen(arguments, self.environment(home), program=self.program())


def put(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as out:
        out.write(text)
    os.chmod(path, 0o600)


class Fulmar(Client):
    name, quit = "fulmar", "x"
    find = "/%s\r"
    offline = "headers"

    def program(self):
        return PROGRAM

    def write(self, home, place):
        if isinstance(place, str):
            text = "[account bench]\naddress = ada@localhost\nmaildir = %s\n" % os.path.dirname(place)
        else:
            text = account("imap+plain", "bench", port=place.port, offline=self.offline)
        put(home + "/fulmar.conf", text + "[ui]\nthreads = false\nsort = -date\nlayout = list\n")
        return ["bench/INBOX"]


class Neomutt(Client):
    name, home, end = "neomutt", "=", "*"
    find = "l~b %s\r"
    cache = "set header_cache=%s/cache/\n"

    def write(self, home, place):
        os.makedirs(home + "/cache", exist_ok=True)
        box = place if isinstance(place, str) else "imap://ada@localhost:%d/INBOX" % place.port
        put(home + "/rc", self.cache % home + "set quit=yes sleep_time=0 wait_key=no sort=reverse-date imap_pass=%s imap_user=ada\n"
            'set ssl_starttls=no ssl_force_tls=no imap_idle=yes timeout=10 mail_check=5 from=ada@localhost folder="%s" index_format="%%4C %%Z %%d %%-15.15L %%s"\n'
            % (PASSWORD, os.path.dirname(box)))
        return ["-n", "-F", home + "/rc", "-f", box]


class Mutt(Neomutt):
    name = "mutt"


class Aerc(Client):
    name, home, end, quit = "aerc", "gg", "G", ":quit\r"
    close, find = ":close\r", ":filter -b %s\r"

    def write(self, home, place):
        source = "maildir://" + os.path.dirname(place) if isinstance(place, str) else \
            "imap+insecure://ada:%s@localhost:%d" % (PASSWORD, place.port)
        put(home + "/.config/aerc/aerc.conf", "[ui]\ndirlist-delay=0s\nsort=-r date\n[viewer]\npager=less -R\n")
        put(home + "/.config/aerc/accounts.conf", "[bench]\nsource=%s\nfrom=Ada <ada@localhost>\ndefault=INBOX\n" % source)
        return []


class Alpine(Client):
    name, quit, page, end, does_maildir = "alpine", "qy", " ", None, False
    step, close = "n", "<"

    def write(self, home, place):
        os.makedirs(home + "/mail", exist_ok=True)
        put(home + "/.pinerc", "user-domain=localhost\ninbox-path={localhost:%d/user=ada/notls}INBOX\nsort-key=Arrival/Reverse\n"
            "initial-keystroke-list=i\nlast-version-used=6.26\nlast-time-prune-questioned=130.1\nfeature-list=quit-without-confirm\n" % place.port)
        return ["-p", home + "/.pinerc"]


FULMAR = Fulmar()
WANTED = os.environ.get("BENCH_PEERS", "neomutt,mutt,aerc,alpine").split(",")
PEERS = [peer for peer in (Neomutt(), Mutt(), Aerc(), Alpine()) if peer.name in WANTED and peer.program()]


def processes(top):
    """TOP and what it started."""
    children = {}
    for entry in os.listdir("/proc"):
        with contextlib.suppress(OSError, ValueError):
            with open("/proc/%d/stat" % int(entry)) as stat:
                children.setdefault(int(stat.read().rsplit(")", 1)[1].split()[1]), []).append(int(entry))
    found = [top]
    for process in found:
        found += children.get(process, [])
    return found


def numbers(pid, field):
    """FIELD of /proc/*/status, of each thread of each process."""
    for process in processes(pid):
        with contextlib.suppress(OSError):
            for thread in os.listdir("/proc/%d/task" % process):
                with open("/proc/%d/task/%s/status" % (process, thread)) as status:
                    for line in status:
                        if line.startswith(field):
                            yield int(line.split()[1])


def peak_mb(screen):
    with open("/proc/%d/status" % screen.process.pid) as status:
        return int(re.search(r"VmHWM:\s+(\d+)", status.read()).group(1)) / 1024


def wakeups(screen):
    return sum(numbers(screen.process.pid, "voluntary_ctxt")) + sum(numbers(screen.process.pid, "nonvoluntary_ctxt"))


def cpu_s(screen):
    """Seconds of processor time, of the program and what it started."""
    total = 0
    for process in processes(screen.process.pid):
        with contextlib.suppress(OSError):
            with open("/proc/%d/stat" % process) as stat:
                total += sum(int(ticks) for ticks in stat.read().rsplit(")", 1)[1].split()[11:13])
    return total / os.sysconf("SC_CLK_TCK")


def wait_newest(screen):
    """Seconds from its start to the newest subject on the screen; passwords and first-run questions are answered."""
    def shown():
        text = screen.text()
        if "password" in text.lower() and not asked:
            asked.append(screen.keys(PASSWORD + "\r"))
        if "Preserve password" in text and len(asked) < 2:
            asked.append(screen.keys("n"))
        return NEWEST in text
    asked = []
    screen.wait(shown, "the newest mail", timeout_s=30 + COUNT / 5000)
    return time.monotonic() - screen.started


def leave(screen, client):
    with contextlib.suppress(OSError):
        screen.keys(client.quit)
    deadline = time.monotonic() + 10
    while screen.process.poll() is None and time.monotonic() < deadline:
        screen.pump(0.05)
    screen.close()


class Table:
    """Rows of (what, unit, target) with each client's value."""

    def __init__(self):
        self.rows = {}

    def add(self, client, what, unit, value, target="-"):
        self.rows.setdefault((what, unit), {"target": target})[client.name] = value
        print("  %-9s %-52s %10.3f %s" % (client.name, what, value, unit), flush=True)

    def print(self):
        head = "%-52s %-6s %9s %8s" % ("%d mails" % COUNT, "", "Fulmar", "target")
        print("\n" + head + "".join("%20s" % peer.name for peer in PEERS))
        for (what, unit), values in self.rows.items():
            ours = values.get("fulmar")
            line = "%-52s %-6s %9s %8s" % (what, unit, "-" if ours is None else "%.3f" % ours, values["target"])
            for peer in PEERS:
                theirs = values.get(peer.name)
                ratio = "" if theirs is None or not ours else " (x%.1f)" % (theirs / ours)
                line += "%20s" % ("-" if theirs is None else "%.3f%s" % (theirs, ratio))
            print(line)


def measure_start(table, client, folder, place, label, targets, counted=None):
    """First ever, then again; the screen of the last run stays open and is returned."""
    for turn, target in zip(("first", "again"), targets):
        times = []
        for run in range(RUNS if turn == "again" else 1):
            if counted:
                counted.clear()
            screen = client.start(os.path.join(folder, client.name), place)
            times.append(wait_newest(screen))
            if counted and turn == "again" and run == 0:
                screen.settle(1.0, 20)
                table.add(client, label + ": bytes down, again", "kB", counted.down / 1024, "4")
                table.add(client, label + ": round trips, again", "", counted.turns)
            screen.settle(0.5 if turn == "again" else 2.0, 600)
            if turn == "first" or run < RUNS - 1:
                leave(screen, client)
        table.add(client, "%s: newest mail on screen, %s" % (label, turn), "s", statistics.median(times), target)
    return screen


def measure_keys(table, client, screen, label):
    if client.end:
        screen.settle(0.3)
        taken = screen.latency(client.end, limit_s=10, shows=lambda: OLDEST in screen.text())
        if taken:
            table.add(client, label + ": jump to the oldest", "ms", 1000 * taken, "10")
        screen.keys(client.home)
        screen.settle(0.3)
    before, times = len(screen.received), []
    for _ in range(min(100, COUNT // 40)):
        times.append(1000 * (screen.latency(client.page, quiet_s=0.02) or 0))
    table.add(client, label + ": page down, median", "ms", percentile(times, .5), "1")
    table.add(client, label + ": page down, p99", "ms", percentile(times, .99), "5")
    table.add(client, label + ": bytes painted a page", "B", (len(screen.received) - before) / len(times), "2500")


def measure_steps(table, client, screen, label):
    """The cursor from one mail to the next, and a mail opened."""
    screen.settle(0.3)
    before, times = len(screen.received), []
    for _ in range(30):
        times.append(1000 * (screen.latency(client.step, quiet_s=0.02) or 0))
    table.add(client, label + ": next mail, median", "ms", percentile(times, .5), "1")
    table.add(client, label + ": next mail, p99", "ms", percentile(times, .99), "5")
    screen.settle(0.3)
    table.add(client, label + ": bytes painted a step", "B", (len(screen.received) - before) / len(times))
    before, times = 0, []
    for _ in range(5):
        times.append(screen.latency(ENTER, limit_s=10, shows=lambda: BODY_LINE.search(screen.text())))
        screen.keys(client.close)
        screen.settle(0.3)
        screen.keys(client.step)
        screen.settle(0.3)
    if all(times):
        table.add(client, label + ": open a mail, median", "ms", 1000 * percentile(times, .5), "30")


def measure_search(table, client, screen, folder, label):
    """From the last key of a query for a rare word to its only old hit on the screen; ours answers from its index, once that is whole."""
    if not client.find:
        return
    home = Home(os.path.join(folder, client.name))
    deadline = time.monotonic() + 60 + COUNT / 50
    while client.name == "fulmar" and time.monotonic() < deadline:
        if len(home.cli("search", COMMON, "--json", check=False).stdout.splitlines()) >= COUNT // 100:
            break
        screen.pump(1)
    keys = client.find % RARE
    screen.keys(keys[:-1])
    screen.settle(0.5)
    taken = screen.latency(keys[-1], limit_s=60 + COUNT / 1000, shows=lambda: OLDEST in screen.text() and NEWEST not in screen.text())
    if taken:
        table.add(client, label + ": search a rare word", "ms", 1000 * taken, "30")


def measure_idle(table, client, screen, label, seconds=10):
    screen.settle(2.0, 30)
    time.sleep(3)
    before, worked, began = wakeups(screen), cpu_s(screen), time.monotonic()
    while time.monotonic() - began < seconds:
        screen.pump(1)
    table.add(client, label + ": wake-ups a second when idle", "", (wakeups(screen) - before) / seconds, "0.1")
    table.add(client, label + ": CPU when idle", "ms/s", 1000 * (cpu_s(screen) - worked) / seconds, "0")
    table.add(client, label + ": peak memory", "MB", peak_mb(screen), "40")


def maildir(table, folder):
    place = os.path.join(folder, "md/INBOX")
    os.makedirs(os.path.dirname(place))
    subprocess.run([GENERATOR, place, str(COUNT)], check=True)
    for client in [FULMAR] + [peer for peer in PEERS if peer.does_maildir]:
        with contextlib.suppress(AssertionError):
            screen = measure_start(table, client, os.path.join(folder, "m"), place, "Maildir", ("0.25", "0.05"))
            measure_keys(table, client, screen, "Maildir")
            measure_steps(table, client, screen, "Maildir")
            measure_search(table, client, screen, os.path.join(folder, "m"), "Maildir")
            measure_idle(table, client, screen, "Maildir")
            leave(screen, client)


def fill_time(server, folder):
    """Seconds until all headers, and all mails, are in the store of an account that keeps everything offline."""
    import sqlite3
    client, proxy, headers = Fulmar(), Proxy(server.imap), None
    client.offline = "all"
    home = os.path.join(folder, "fill")
    with proxy, client.start(home, proxy) as screen:
        while True:
            screen.pump(0.2)
            store = subprocess.run(["find", home, "-name", "state.db"], capture_output=True, text=True).stdout.strip()
            with contextlib.suppress(sqlite3.Error):
                database = sqlite3.connect("file:%s?mode=ro" % store, uri=True)
                rows, bodies = database.execute("SELECT count(*), count(blob_id) FROM msg").fetchone()
                database.close()
                if headers is None and rows >= COUNT:
                    headers = time.monotonic() - screen.started
                if bodies >= COUNT:
                    return headers, time.monotonic() - screen.started, proxy.turns
            if time.monotonic() - screen.started > 3600:
                raise AssertionError("not filed in an hour")


def measure_push(table, server, client, screen, label):
    """From the server's word that it has a mail to its subject on the screen."""
    times = []
    screen.keys(client.home)
    screen.settle(0.3)
    for number in range(3):
        subject = "pushed %d to %s" % (number, client.name)
        server.deliver(message(subject))
        began = time.monotonic()
        try:
            screen.wait(subject, timeout_s=20)
        except AssertionError:
            return
        times.append(time.monotonic() - began)
    table.add(client, label + ": push to screen, median", "s", percentile(times, .5), "0.52")


def imap(table, folder):
    path = os.path.join(folder, "d")
    os.makedirs(path)
    server = Dovecot(path)
    subprocess.run([GENERATOR, server.maildir(), str(COUNT)], check=True)
    server.who.give(server.home())
    with server, Proxy(server.imap) as proxy:
        server.doveadm("index", "-u", "ada", "INBOX")
        for delay_ms in (0, 100):
            proxy.delay_s = delay_ms / 2000
            label = "IMAP, %d ms" % delay_ms
            for client in [FULMAR] + PEERS:
                with contextlib.suppress(AssertionError):
                    targets = ("0.12", "0.05") if delay_ms == 0 else ("0.60", "0.05")
                    screen = measure_start(table, client, os.path.join(folder, "i%d" % delay_ms), proxy, label, targets, proxy)
                    if delay_ms == 0:
                        measure_steps(table, client, screen, label)
                        measure_idle(table, client, screen, label)
                        measure_push(table, server, client, screen, label)
                    leave(screen, client)
        headers, everything, turns = fill_time(server, folder)
        table.add(FULMAR, "IMAP, 0 ms: all headers in the store", "s", headers, "%.2f" % (2 * COUNT / 1e5))
        table.add(FULMAR, "IMAP, 0 ms: every mail filed", "s", everything, "%.0f" % max(1, 60 * COUNT / 1e5))
        table.add(FULMAR, "IMAP, 0 ms: round trips for that", "", turns)


def store(folder):
    if os.access(GEN_STORE, os.X_OK):
        print("\nThe store alone, %d rows:" % COUNT, flush=True)
        subprocess.run([GEN_STORE, os.path.join(folder, "store"), str(COUNT)])


def main():
    if pyte is None or not os.access(GENERATOR, os.X_OK) or not os.access(PROGRAM, os.X_OK):
        print("skipped: needs python3-pyte, %s and %s" % (GENERATOR, PROGRAM))
        return 0
    table, folder = Table(), tempfile.mkdtemp(prefix="fm-", dir="/tmp")  # Dovecot needs a short path
    os.chmod(folder, 0o755)
    try:
        maildir(table, folder)
        try:
            imap(table, folder)
        except Skip as reason:
            print("no IMAP figures: %s" % reason)
    finally:
        table.print()
        store(folder)
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
