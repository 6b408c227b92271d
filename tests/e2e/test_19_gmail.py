#!/usr/bin/python3
"""Gmail as Gmail: one message whatever its labels, its text fetched once; labels are folders and are shown; what is done to one copy shows at once in the
others, and is done on the server as Gmail means it. Judged by the state of a server with Gmail's habits (tests/servers/gmail.py)."""
import glob
import os

from fulmar import PASSWORD, Gmail, account, message, run_tests, wait_for

INBOX = "\\Inbox"
MAIL = {  # name: labels, text
    "three": ((INBOX, "Work/Plans", "Überblick"), "A text of three labels.\n" * 40),
    "plain": ((INBOX,), "Only in the inbox.\n" * 40),
    "filed": (("Work/Plans",), "Filed away.\n" * 40),
    "kept": ((), "In All Mail alone.\n" * 40),
}


def ident(name):
    return name + "@test"


def start(test, mail=MAIL, **keys):
    server = test.enter(Gmail(password=PASSWORD))
    for name, (labels, body) in mail.items():
        server.deliver(message("Subject " + name, body=body, ident=ident(name)), labels=labels, flags=("\\Seen",))
    home = test.home()
    home.configure(account("imap+plain", port=server.port, **keys))
    return server, home


def files(home):
    return glob.glob(os.path.join(home.folder, "**/*.eml"), recursive=True)


def rows(home, folder):
    return {row["message_id"].split("@")[0]: row for row in home.json("list", "--json", "work/" + folder)}


def labels(server, name):
    return server.labels(ident(name))


def one_file(test):
    """Three labels, All Mail besides: one body fetched, one file; nothing again at the next pass."""
    server, home = start(test)
    home.cli("sync")
    folders = home.folders()
    for folder, total in ("INBOX", 2), ("Work/Plans", 2), ("Überblick", 1), ("[Gmail]/All Mail", 4):
        assert folders["work/" + folder]["total"] == total, folders
    assert sorted(name for _, name in server.fetched) == sorted(map(ident, MAIL)), server.fetched
    assert len(files(home)) == len(MAIL), files(home)
    for name, (_, body) in MAIL.items():
        shown = home.cli("show", "--text", "id:" + ident(name)).stdout
        assert body.split("\n", 1)[0] in shown, shown
    server.fetched.clear()
    server.change(ident("plain"), add=["Work/Plans"])
    home.cli("sync")
    assert "plain" in rows(home, "Work/Plans")
    assert not server.fetched, server.fetched
    assert server.most_sessions <= 15


def shown(test):
    """Labels are folders, a column of the list and a line of the pager; the folder's own is not repeated in its list. In Gmail's own other words too:
    a label that no program is shown as a folder."""
    server, home = start(test)
    server.change(ident("three"), add=["Hidden one"])
    del server.boxes["Hidden one"]
    home.cli("sync")
    assert rows(home, "INBOX")["three"]["labels"] == ["Hidden one", "Inbox", "Work/Plans", "Überblick"], rows(home, "INBOX")
    assert rows(home, "Work/Plans")["three"]["labels"] == ["Hidden one", "Inbox", "Work/Plans", "Überblick"]
    assert rows(home, "[Gmail]/All Mail")["kept"]["labels"] == []
    screen = test.enter(home.screen())
    screen.wait("Subject three")
    line = next(line for line in screen.lines() if "Subject three" in line)
    assert "Hidden one, Work/" in line and "Inbox" not in line, line
    screen.press("j", lambda: "Subject three" in screen.cursor_line())
    screen.press("\r", "A text of three labels.")
    assert "Labels: Hidden one, Inbox, Work/Plans, Überblick" in screen.text(), screen.text()
    assert screen.quit() == 0


def message_id(name):
    return "id:" + ident(name)


FOLDERS = ["INBOX", "Work/Plans", "Überblick", "[Gmail]/All Mail", "[Gmail]/Trash"]
COMMANDS = [  # what is typed, and the labels of the message then
    ("copy work/Work/Plans", "plain", INBOX + " Work/Plans"),
    ("copy work/Überblick", "kept", "Überblick"),
    ("move work/Überblick", "filed", "Überblick"),
    ("tag +Fresh", "plain", "Fresh " + INBOX),
    ("tag -Work/Plans", "three", INBOX + " Überblick"),
    ("tag -Inbox +Work/Plans", "plain", "Work/Plans"),
    ("delete", "three", "trash"),
    ("flag +flagged", "three", INBOX + " Work/Plans Überblick"),
]


def by_command(test):
    """Each command by itself, in the inbox or wherever the message is; its undo gives back the labels as they were."""
    server, home = start(test)
    home.cli("sync")
    before = server.state()
    for command, name, after in COMMANDS:
        place = next(row["id"] for folder in ("INBOX", "Work/Plans", "[Gmail]/All Mail") for row in rows(home, folder).values()
                     if row["message_id"] == ident(name))
        home.cli(*command.split(" "), place)
        home.cli("sync")
        assert sorted(labels(server, name).split()) == sorted(after.split()), (command, server.state())
        assert len(server.state()) == len(MAIL), (command, server.state())
        agree(server, home)
        undo(home)
        home.cli("sync")
        assert server.state() == before, (command, server.state())
        agree(server, home)
    assert len(files(home)) == len(MAIL), files(home)


def agree(server, home):
    """Every folder here holds what the server's does, once."""
    with server.lock:
        there = {name: sorted(server.mails[msgid].ident().split("@")[0] for msgid in server.boxes[name].uids.values()) for name in FOLDERS}
    here = {name: sorted(row["message_id"].split("@")[0] for row in home.json("list", "--json", "work/" + name)) for name in FOLDERS}
    assert here == there, (here, there)


def undo(home):
    with home.screen() as screen:
        screen.wait("INBOX")
        screen.press("u", lambda: "restored" in screen.last_line() or "undone" in screen.last_line())
        assert screen.quit() == 0


def search(test):
    """In Gmail's own words, by command line and screen; what is not here yet comes."""
    server, home = start(test, offline="headers")
    home.cli("sync")
    server.deliver(message("Subject late", body="Über alles.\n", ident=ident("late")), labels=("Work/Plans",))

    def found(words):
        return sorted(row["message_id"].split("@")[0] for row in home.json("search", "--json", words))
    assert found("gmail:label:Überblick") == ["three"]
    assert found("gmail:filed -three") == ["filed"]
    assert found('gmail:"Only in the inbox"') == ["plain"]
    assert found("gmail:Über alles") == ["late"], "sent as UTF-8, and fetched"
    assert found("gmail:nowhere at all") == []
    assert home.cli("search", "gmail:", check=False).returncode == 1
    row = home.json("search", "--json", "gmail:rfc822msgid:%s" % ident("three"))
    assert len(row) == 1 and row[0]["folder"] == "work/INBOX", row
    screen = test.enter(home.screen())
    screen.wait("Subject three")
    screen.command("search-server three label:work/plans", "1 found")
    assert "Subject three" in screen.cursor_line(), screen.cursor_line()
    screen.press("q", "Subject plain")
    screen.press("/", lambda: "search:" in screen.last_line())
    screen.press("gmail:subject:kept\r", lambda: "subject:kept   1 found" in screen.line(0))
    assert "Subject kept" in screen.cursor_line(), screen.cursor_line()
    assert screen.quit() == 0


if __name__ == "__main__":
    run_tests(one_file, shown, by_command, search)
