#!/usr/bin/python3
"""Commands that need a message's text which is not here yet: they fetch it and go on by themselves, say meanwhile what they wait for, and give up at
Esc, at ^G, and at a different command. Offline they say so and what to do. A Maildir's file is found again under its new name."""
import os
import stat

from fulmar import ENTER, ESC, Proxy, account, message, run_tests, wait_for


def make_editor(test):
    """Adds a line of its own."""
    path = test.path("editor")
    with open(path, "w") as out:
        out.write("#!/bin/sh\nfor file; do :; done\necho 'my words' >>\"$file\"\n")
    os.chmod(path, stat.S_IRWXU)
    return path


def begin(test, extra=""):
    """Headers alone are kept, and there is no pager beside the list that would fetch a text in passing."""
    server = test.dovecot()
    server.append("INBOX", *[message("Letter %d" % n, body="The text of letter %d.\n" % n + "padding padding\n" * (30000 if n == 2 else 1),
                                     ident="l%d@test" % n) for n in range(3)], flags="\\Seen")
    link = test.enter(Proxy(server.imap))
    home = test.home()
    home.editor = make_editor(test)
    home.configure(account("imap", port=link.port, ca=server.ca.path, offline="headers") + extra + "[ui]\nlayout = list\n")
    return server, link, home


def start(test, home, place="line 1 of 3"):
    screen = test.enter(home.screen("work/INBOX"))
    screen.wait(lambda: place in screen.last_line() and "pushed" in screen.line(0), "the inbox, and the connection", timeout_s=30)
    return screen


def discard(screen):
    screen.press("q", "(d)iscard")
    screen.press("d", "line ")


def go_on(test):
    """Each of them, over a working link, on a message of its own."""
    server, link, home = begin(test)
    server.append("INBOX", *[message("More %d" % n, body="More text %d.\n" % n, ident="more%d@test" % n) for n in range(4)], flags="\\Seen")
    screen = start(test, home, "line 1 of 7")
    for line, key in [(1, "r"), (2, "g"), (3, "f")]:
        screen.press("%d\r" % line, "line %d of 7" % line)
        screen.press(key, lambda: "More text %d." % (4 - line) in screen.text() and "my words" in screen.text(), "the composer with the quote")
        discard(screen)
    screen.press("4\r", "line 4 of 7")
    screen.press("|", "pipe message to command:")
    screen.press("cat\r", "More text 0.")
    screen.press("\r", "line 4 of 7")
    screen.press("6\r", "line 6 of 7")
    screen.press(ESC + "s", "save message as:")
    screen.press("\025" + home.folder + "/kept.eml" + ENTER, "saved as")
    assert "The text of letter 1." in open(home.folder + "/kept.eml").read()
    assert screen.quit() == 0


def waits(test):
    """Over a link that gives nothing for a while: said what for, given up three ways, then gone on with. A file that is to be written over is whole
    until the text has come."""
    server, link, home = begin(test)
    screen = start(test, home)
    link.rate_bps = 1000
    for how in (ESC, "\007", "j"):
        screen.press("=", "line 1 of 3")
        screen.press("r", lambda: "reply: fetching the message from work (Esc gives up)" in screen.last_line(), "what it waits for")
        screen.press("r", lambda: "reply: fetching" in screen.last_line(), "the same again goes on")
        screen.press(how, lambda: "reply: fetching" not in screen.last_line(), "given up by %r" % how)
    screen.wait("line 2 of 3")
    kept = home.folder + "/kept.eml"
    with open(kept, "w") as out:
        out.write("mine\n")
    screen.press("=" + ESC + "s", "save message as:")
    screen.press("\025" + kept + ENTER, "overwrite it?")
    screen.press("y", lambda: "save: fetching" in screen.last_line())
    assert open(kept).read() == "mine\n"
    screen.press("\007", lambda: "save: given up" in screen.last_line())
    assert open(kept).read() == "mine\n"
    screen.press("r", lambda: "reply: fetching" in screen.last_line())
    link.rate_bps = None
    link.cut()
    screen.wait(lambda: "The text of letter 2." in screen.text(), "it goes on when the text has come, by another connection", timeout_s=60)
    discard(screen)
    screen.settle()
    assert "letter 2." not in screen.text(), "once, whatever was given up before"
    assert screen.quit() == 0


def offline(test):
    server, link, home = begin(test)
    home.cli("sync")
    link.refuse = True
    link.cut()
    screen = test.enter(home.screen())
    screen.wait(lambda: "line 1 of 3" in screen.last_line() and "pushed" not in screen.line(0) and "connecting" not in screen.line(0), "offline")
    screen.press("r", lambda: "reply: the message is not on this machine yet, and work is offline" in screen.last_line(), "why")
    link.refuse = False
    screen.press("$", lambda: "pushed" in screen.line(0), "connected", timeout_s=60)
    screen.press("r", lambda: "The text of letter 2." in screen.text(), "the composer", timeout_s=60)
    discard(screen)
    assert screen.quit() == 0


def across(test):
    """Into another account, which takes the whole message: the texts are fetched, then the move is made."""
    mail = test.path("Mail")
    for part in ("cur", "new", "tmp"):
        os.makedirs(mail + "/INBOX/" + part)
    server, link, home = begin(test, "[account local]\naddress = ada@localhost\nmaildir = %s\n" % mail)
    screen = start(test, home)
    screen.press("tt", "2 tagged")
    screen.press(";", "tag")
    screen.command("move local/INBOX", lambda: "line 1 of 1" in screen.last_line())
    wait_for(lambda: len(os.listdir(mail + "/INBOX/cur") + os.listdir(mail + "/INBOX/new")) == 2, "both are there", 30)
    wait_for(lambda: [ident for _, _, ident in server.listing("INBOX")] == ["<l0@test>"], lambda: "gone here: %r" % server.listing("INBOX"), 30)
    screen.press("u", lambda: "line 1 of 3" in screen.last_line() or "of 3" in screen.last_line(), "and back")
    wait_for(lambda: len(server.listing("INBOX")) == 3 and not os.listdir(mail + "/INBOX/cur") + os.listdir(mail + "/INBOX/new"),
             lambda: "back on the server: %r" % server.listing("INBOX"), 30)
    assert screen.quit() == 0


def renamed(test):
    """Another program has just set a flag, which is a new name: before the store has heard of it."""
    home = test.home()
    home.editor = make_editor(test)
    folder = home.folder + "/Mail/INBOX"
    for part in ("cur", "new", "tmp"):
        os.makedirs(folder + "/" + part)
    for n in range(2):
        with open(folder + "/cur/%d.sample:2," % n, "wb") as out:
            out.write(message("Local %d" % n, body="Local text %d.\n" % n))
    home.configure("[account local]\naddress = ada@localhost\nmaildir = %s/Mail\n" % home.folder)
    home.cli("sync")
    ids = {row["subject"]: row["id"] for row in home.json("list", "--json", "local/INBOX")}
    os.rename(folder + "/cur/0.sample:2,", folder + "/cur/0.sample:2,FS")
    os.rename(folder + "/cur/1.sample:2,", folder + "/new/1.sample")
    for n in range(2):
        assert "Local text %d." % n in home.cli("show", ids["Local %d" % n]).stdout
    # Again and again beside the screen, which tries to keep up.
    with home.screen() as screen:
        screen.wait("line 1 of 2")
        for n in range(12):
            now, = [name for name in os.listdir(folder + "/cur") + os.listdir(folder + "/new") if name.startswith("1.")]
            os.rename(folder + ("/cur/" if ":" in now else "/new/") + now, folder + "/cur/1.sample:2," + ("S" if n % 2 else "FS"))
            screen.press("r", lambda: "my words" in screen.text() and "Local text 1." in screen.text(), "the composer")
            discard(screen)
        assert screen.quit() == 0


if __name__ == "__main__":
    run_tests(go_on, waits, offline, across, renamed)
