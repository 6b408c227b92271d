#!/usr/bin/python3
"""Move, delete, archive, star and undo by key, seen by a second connection: online, offline and then online, and killed at once after each
key. Nothing is lost, nothing is there twice. Two screens, `send -t` and `move` on one store at once are all served."""
import collections
import re
import threading

from fulmar import Proxy, Scripted, account, message, run_tests, wait_for

COUNT = 12


def start(test, through_proxy=False, folders=("INBOX", "Project"), count=COUNT, **keys):
    server = test.dovecot()
    for folder in folders:
        server.append(folder, *[message("%s %02d" % (folder, number), ident="%s.%d@test" % (folder.lower(), number))
                                for number in range(count if folder == "INBOX" else 1)], flags="\\Seen")
    proxy = test.enter(Proxy(server.imap)) if through_proxy else None
    home = test.home()
    home.configure(account("imap", port=proxy.port if proxy else server.imap, ca=server.ca.path, **keys))
    return server, home, proxy


def place(screen):
    found = re.search(r"line ([\d,]+) of ([\d,]+)", screen.last_line())
    return found and tuple(int(number.replace(",", "")) for number in found.groups())


def open_screen(test, home, count=COUNT):
    screen = test.enter(home.screen())
    screen.wait(lambda: place(screen) and place(screen)[1] == count, "the inbox with %d messages" % count, timeout_s=30)
    return screen


def where(server):
    """{message id: sorted folders it is in}, as another device sees it."""
    found = collections.defaultdict(list)
    for folder in server.counts():
        for _, flags, ident in server.listing(folder):
            if "\\Deleted" not in flags:
                found[ident].append(folder)
    return {ident: sorted(folders) for ident, folders in found.items()}


def flags_of(server, folder, ident):
    return [flags for _, flags, other in server.listing(folder) if other == ident]


def select(screen, subject):
    """Moves the cursor to the message."""
    screen.press("=", lambda: place(screen) and place(screen)[0] == 1, "the first line")
    while subject not in screen.cursor_line():
        line, lines = place(screen)
        if line == lines:
            break
        screen.press("j", lambda: place(screen)[0] != line, "the line after %d" % line)
    else:
        return
    raise AssertionError("no row %s\n%s" % (subject, screen.picture()))


def act(screen, subject, keys, gone=True):
    """Presses KEYS on the message and waits until the screen tells that it is done."""
    select(screen, subject)
    screen.keys(keys)
    if gone:
        screen.wait(lambda: not any(subject in line for line in screen.lines()[1:12]), "%s leaves the list after %r" % (subject, keys))


ACTIONS = [  # what is typed, and where the message is then; None: starred
    ("INBOX 01", "d", "Trash"), ("INBOX 02", "a", "Archive"), ("INBOX 03", ":move work/Project\r", "Project"), ("INBOX 04", "F", None)]


def do_all(screen):
    for subject, keys, target in ACTIONS:
        act(screen, subject, keys, gone=target is not None)
        if target is None:
            screen.wait(lambda: re.search(r"F .*%s" % subject, screen.text()), "the star")


def arrived(server, count=COUNT, total=COUNT + 1):
    """A test for the second connection: everything where it belongs, everything once."""
    def look():
        places = where(server)
        right = all(places.get("<inbox.%s@test>" % int(subject[-2:])) == [target or "INBOX"] for subject, _, target in ACTIONS)
        return right and "\\Flagged" in flags_of(server, "INBOX", "<inbox.4@test>")[0] and places
    places = wait_for(look, lambda: "the server agrees: %r" % where(server), 30)
    assert len(places) == total and all(len(folders) == 1 for folders in places.values()), places
    return places


def online(test):
    server, home, _ = start(test)
    screen = open_screen(test, home)
    do_all(screen)
    arrived(server)
    for _ in ACTIONS:
        before = screen.text()
        screen.press("u", lambda: screen.text() != before and re.search("restored|undone|nothing", screen.last_line()))
    wait_for(lambda: len(server.listing("INBOX")) == COUNT and not flags_of(server, "INBOX", "<inbox.4@test>")[0].count("\\Flagged"),
             lambda: "all is as it was: %r" % where(server), 30)
    assert all(len(folders) == 1 for folders in where(server).values()), where(server)
    screen.press("U", lambda: not re.search("restored", screen.last_line()))
    wait_for(lambda: where(server).get("<inbox.1@test>") == ["Trash"], lambda: "the first action again: %r" % where(server), 30)
    assert screen.quit() == 0


def tagged(test):
    server, home, _ = start(test)
    screen = open_screen(test, home)
    screen.keys("=ttt")
    screen.wait(lambda: "3 tagged" in screen.last_line())
    screen.press(";d", lambda: place(screen) and place(screen)[1] == COUNT - 3)
    wait_for(lambda: len(server.listing("Trash")) == 3 and len(server.listing("INBOX")) == COUNT - 3, "three in Trash")
    screen.press("u", lambda: "restored 3" in screen.last_line() and place(screen)[1] == COUNT)
    wait_for(lambda: len(server.listing("Trash")) == 0 and len(server.listing("INBOX")) == COUNT, "three brought back")
    assert screen.quit() == 0


def tags_leave_with_their_message(test):
    """A tagged message that is deleted alone is not met by the next `;`, which would fetch it out of the Trash."""
    server, home, _ = start(test)
    screen = open_screen(test, home)
    for subject in "INBOX 01", "INBOX 02", "INBOX 03":
        select(screen, subject)
        screen.press("t", lambda: "tagged" in screen.last_line())
    screen.wait("3 tagged")
    act(screen, "INBOX 01", "d")
    screen.wait("2 tagged")
    screen.press(";a", lambda: place(screen) and place(screen)[1] == COUNT - 3)
    assert screen.quit() == 0
    home.cli("sync")
    there = where(server)
    assert [there["<inbox.%d@test>" % number] for number in (1, 2, 3)] == [["Trash"], ["Archive"], ["Archive"]], there


def offline(test):
    """Everything while the server can't be reached; it hears of it when it can."""
    server, home, proxy = start(test, through_proxy=True)
    home.cli("sync")
    proxy.refuse = True
    screen = open_screen(test, home)
    screen.wait(lambda: re.search("retry|offline", screen.line(0)), "the state is told")
    do_all(screen)
    screen.wait(lambda: re.search(r"4 queued", screen.line(0)), "what waits is told")
    assert len(server.listing("INBOX")) == COUNT
    assert screen.quit() == 0
    assert len(home.cli("queue").stdout.splitlines()) == len(ACTIONS), home.cli("queue").stdout
    proxy.refuse = False
    screen = test.enter(home.screen())
    arrived(server)
    screen.wait(lambda: "queued" not in screen.line(0), "nothing waits any more")
    assert screen.quit() == 0


def killed(test):
    """kill -9 right after the key, at each step: once the screen shows no more `...`, and once without any wait."""
    server, home, proxy = start(test, through_proxy=True)
    home.cli("sync")
    for wait in [True, False]:
        for subject, keys, target in [(s if wait else "INBOX %02d" % (int(s[-2:]) + 4), k, t) for s, k, t in ACTIONS]:
            ident = "<inbox.%d@test>" % int(subject[-2:])
            screen = test.enter(home.screen())
            screen.wait(lambda: place(screen))
            select(screen, subject)
            screen.keys(keys)
            if wait:
                if target:
                    screen.wait(lambda: not any(subject in line for line in screen.lines()[1:12]))
                else:
                    screen.wait(lambda: re.search(r"F .*%s" % subject, screen.text()))
                screen.settle(0.05)
            screen.kill()
            home.cli("sync")
            places = where(server)
            assert len(places) == COUNT + 1 and all(len(folders) == 1 for folders in places.values()), (subject, places)
            if wait:  # it was shown as done: it is done
                assert places[ident] == [target or "INBOX"], (subject, places)
                assert target or "\\Flagged" in flags_of(server, "INBOX", ident)[0], "the star of " + subject
    ours = {row["message_id"]: row["folder"] for folder in home.folders() for row in home.json("list", "--json", "--limit", "100", folder)}
    assert {("<%s>" % ident): ["/".join(folder.split("/")[1:])] for ident, folder in ours.items()} == where(server), (ours, where(server))
    test.say("8 kills; the store and the server agree on %d messages" % len(ours))


def killed_undo(test):
    """kill -9 right after `u`: of what the server has done and of what it has not heard of yet, once the screen says so and once at once."""
    server, home, proxy = start(test, through_proxy=True)
    home.cli("sync")
    for offline, wait in [(False, True), (False, False), (True, True), (True, False)]:
        for subject, keys, target in ACTIONS:
            ident = "<inbox.%d@test>" % int(subject[-2:])

            def is_done():
                return where(server).get(ident) == [target] if target else "\\Flagged" in flags_of(server, "INBOX", ident)[0]

            def is_undone():
                return where(server).get(ident) == ["INBOX"] and "\\Flagged" not in flags_of(server, "INBOX", ident)[0]
            proxy.refuse = offline
            screen = test.enter(home.screen())
            screen.wait(lambda: place(screen))
            act(screen, subject, keys, gone=target is not None)
            if not offline:
                wait_for(is_done, lambda: "%s is done: %r" % (subject, where(server)), 30)
            screen.keys("u")
            if wait:
                screen.wait(lambda: re.search("restored|undone", screen.last_line()), "it is said to be undone")
            screen.kill()
            proxy.refuse = False
            home.cli("sync")
            places = where(server)
            assert len(places) == COUNT + 1 and all(len(folders) == 1 for folders in places.values()), (subject, places)
            if wait:
                assert is_undone(), (offline, subject, places)
            elif not is_undone():
                test.say("%s: killed before `u` was on disk" % subject)
                screen = test.enter(home.screen())
                screen.wait(lambda: place(screen))
                screen.press("u", lambda: re.search("restored|undone", screen.last_line()), "it is undone after all")
                assert screen.quit() == 0
                home.cli("sync")
                assert is_undone(), (offline, subject, where(server))
    ours = {row["message_id"]: row["folder"] for folder in home.folders() for row in home.json("list", "--json", "--limit", "100", folder)}
    assert {("<%s>" % ident): ["/".join(folder.split("/")[1:])] for ident, folder in ours.items()} == where(server), (ours, where(server))


def killed_in_flight(test):
    """The connection cut after each few bytes of the answer to a move, and the program killed there."""
    server, home, proxy = start(test, through_proxy=True)
    home.cli("sync")
    ids = {row["message_id"]: row["id"] for row in home.json("list", "--json", "work/INBOX")}
    proxy.refuse = True
    for number in range(8):
        home.cli("move", "work/Project", ids["inbox.%d@test" % number])
    proxy.refuse = False
    cut = 0
    for step in range(0, 2400, 160):
        proxy.cut_up_after = 600 + step
        job = home.start_cli("sync")
        wait_for(lambda: job.poll() is not None or proxy.up >= 600 + step, "the cut", 30)
        cut += job.poll() is None
        job.kill()
        job.communicate()
        proxy.cut()
        proxy.clear()
    proxy.cut_up_after = None
    test.say("killed at %d of 15 places of the conversation" % cut)
    home.cli("sync")
    places = where(server)
    assert len(places) == COUNT + 1 and all(len(folders) == 1 for folders in places.values()), places
    assert all(places["<inbox.%d@test>" % number] == ["Project"] for number in range(8)), places


def together(test):
    """Two screens, a mail given to `send -t` and a `move`, at once, on one store."""
    server, home, _ = start(test)
    sent = []

    def smtp(talk):
        talk.send("220 here\r\n")
        while True:
            line = talk.line()
            if line.upper().startswith("DATA"):
                talk.send("354 go on\r\n")
                data = iter(talk.line, ".")
                sent.append("\n".join(data))
                talk.send("250 taken\r\n")
            elif line.upper().startswith("QUIT") or not line:
                return
            else:
                talk.send("250 fine\r\n")
    sink = test.enter(Scripted(smtp))
    home.configure(account("imap", port=server.imap, ca=server.ca.path, smtp="smtp+plain://localhost:%d" % sink.port))
    first, second = open_screen(test, home), open_screen(test, home)
    ids = {row["message_id"]: row["id"] for row in home.json("list", "--json", "work/INBOX")}
    results = {}

    def run(name, *arguments, stdin=b""):
        results[name] = home.cli(*arguments, stdin=stdin, check=False)
    jobs = [threading.Thread(target=run, args=("move", "move", "work/Project", ids["inbox.7@test"], ids["inbox.8@test"])),
            threading.Thread(target=run, args=("send", "send", "-t"), kwargs={"stdin": message("By send -t", to="Bob <bob@example.org>")}),
            threading.Thread(target=run, args=("flag", "flag", "+flagged", ids["inbox.9@test"]))]
    for job in jobs:
        job.start()
    act(first, "INBOX 01", "d")
    act(second, "INBOX 02", "a")
    for job in jobs:
        job.join()
    assert all(result.returncode == 0 for result in results.values()), {name: (r.returncode, r.stderr) for name, r in results.items()}
    wait_for(lambda: where(server).get("<inbox.1@test>") == ["Trash"] and where(server).get("<inbox.2@test>") == ["Archive"]
             and where(server).get("<inbox.7@test>") == ["Project"] and where(server).get("<inbox.8@test>") == ["Project"]
             and "\\Flagged" in flags_of(server, "INBOX", "<inbox.9@test>")[0], lambda: "all is done: %r" % where(server), 30)
    wait_for(lambda: sent, lambda: "the mail is sent: %s" % home.cli("queue").stdout, 30)
    for screen in [first, second]:
        screen.wait(lambda: place(screen) and place(screen)[1] == COUNT - 4, "both screens show the same in the end")
    assert len(sent) == 1 and "By send -t" in sent[0]
    assert first.quit() == 0
    act(second, "INBOX 05", "d")
    wait_for(lambda: where(server).get("<inbox.5@test>") == ["Trash"], "the second screen takes over when the first has gone", 30)
    assert second.quit() == 0


if __name__ == "__main__":
    run_tests(online, tagged, tags_leave_with_their_message, offline, killed, killed_undo, killed_in_flight, together)
