#!/usr/bin/python3
"""What the screen promises beside its panes: the cursor goes to what undo brings back, saved searches tell how much is unread in them."""
import email.message
import hashlib
import os
import re

from fulmar import ESC, PASSWORD, TOP, UP, Proxy, account, message, run_tests


def local_mail(home, mails, extra=""):
    """An account "local" of HOME with MAILS in its inbox, and more lines of config."""
    for part in ("cur", "new", "tmp"):
        os.makedirs(home.folder + "/Mail/INBOX/" + part)
    for number, mail in enumerate(mails):
        with open("%s/Mail/INBOX/cur/%d.sample:2," % (home.folder, number), "wb") as out:
            out.write(mail)
    home.configure("[account local]\naddress = Ada Example <ada@localhost>\nmaildir = %s/Mail\n%s" % (home.folder, extra))


def place(screen):
    """(position, total) that the bottom line tells."""
    found = re.search(r"line ([\d,]+) of ([\d,]+)", screen.last_line())
    return found and tuple(int(number.replace(",", "")) for number in found.groups())


def undo_finds(test):
    """The cursor goes to what came back, however far away it is by then; what came back elsewhere moves nothing."""
    with test.home().screen("--demo") as screen:
        screen.wait(lambda: place(screen), "a row is selected")
        total = place(screen)[1]
        screen.press("5\r", lambda: place(screen) == (5, total))
        subject = screen.cursor_line()[-60:].strip()
        screen.press("d", lambda: (place(screen) or (0, 0))[1] == total - 1, "deleted")
        screen.press("*", lambda: place(screen) == (total - 1, total - 1), "at the end")
        screen.press("u", lambda: place(screen) == (5, total) and "restored 1 to demo/INBOX" in screen.last_line(), "back, and found")
        assert subject in screen.cursor_line(), screen.cursor_line()

        # Several by tag: on the first of them.
        screen.press("2\rtjt", lambda: "2 tagged" in screen.last_line(), "the second and the fourth are tagged")
        screen.press(";d", lambda: (place(screen) or (0, 0))[1] == total - 2, "both are deleted")
        screen.press("*", lambda: place(screen) == (total - 2, total - 2))
        screen.press("u", lambda: place(screen) == (2, total) and "restored 2 to demo/INBOX" in screen.last_line(), "both are back")

        screen.press("d", lambda: (place(screen) or (0, 0))[1] == total - 1)
        screen.command("open-folder demo/Archive", lambda: "demo/Archive" in screen.line(0) and place(screen))
        screen.press("jj", lambda: place(screen)[0] == 3)
        screen.press("u", lambda: "restored 1 to demo/INBOX" in screen.last_line() and place(screen)[0] == 3, "back in another folder")
        assert screen.quit() == 0


def acts_by_lines(test):
    """After an action on a whole thread the cursor is on the next line, folded or not; what is deleted by pattern elsewhere moves nothing."""
    home = test.home()
    local_mail(home, [message("Thread %d, letter %d" % (n // 3, n), ident="t%d@test" % n,
                              **({"References": "<t%d@test>" % (n - n % 3)} if n % 3 else {})) for n in range(15)])
    with home.screen() as screen:
        screen.wait(lambda: place(screen) == (1, 15), "fifteen letters")
        screen.press("2\r\022", lambda: place(screen) == (4, 15), "over the rest of the thread")
        screen.press(ESC + "V", lambda: place(screen) == (2, 5), "five lines")
        screen.press("\022", lambda: place(screen) == (3, 5), "one line on")
        screen.press("\004", lambda: place(screen) == (3, 4) and "Thread 1" in screen.cursor_line(), "a thread deleted, the next in its place")
        screen.press("u", lambda: place(screen) == (3, 5) and "restored 3" in screen.last_line(), "and back")
        screen.command("delete-pattern subject:\"letter 2\"", lambda: "moved 1" in screen.last_line() and place(screen) == (3, 5))
        assert screen.quit() == 0


def effects(test):
    """What each command does on a server, for each kind of account: one page, and the same in the manual."""
    with test.home().screen("--demo", rows=60) as screen:
        screen.wait(lambda: place(screen), "a row is selected")
        screen.command("effects", "What each command does on the server")
        seen, told = [], {}
        while not seen or screen.line(1) != seen[-1]:
            seen.append(screen.line(1))
            for line in screen.lines()[1:-1]:
                heading, kind = re.match(r" ([a-z-]+): ", line), re.match(r" {5}(IMAP|Gmail|POP|local) +(\S.*)", line)
                if heading:
                    name = heading.group(1)
                elif kind and seen[-1] != "":
                    told.setdefault(name, {})[kind.group(1)] = kind.group(2).strip()
            screen.keys(" ")
            screen.settle(0.05)
        screen.press("q", lambda: place(screen), "back")
        assert screen.quit() == 0
    for name in ("delete", "archive", "move", "copy", "star", "undo", "undo-list", "empty-trash", "empty-junk", "send", "rename-folder"):
        assert sorted(told[name]) == ["Gmail", "IMAP", "POP", "local"], (name, told.get(name))
    assert "MOVE" in told["delete"]["IMAP"] and "label" in told["move"]["Gmail"]
    with open(os.path.join(os.path.abspath(TOP), "doc/fulmar.1")) as manual:
        text = manual.read().replace("\\-", "-")
    section = text[text.index(".Sh WHAT EVERY ACTION DOES ON THE SERVER"):text.index(".Sh QUERIES")]
    assert set(told) == set(re.findall(r"^\.It Ic (\S+)$", section, re.M)), "the manual tells of the same commands"


def tells_what_may_follow(test):
    """A lone Esc and a count say what may follow them; mutt's `a` is told once that it archives here."""
    with test.home().screen("--demo") as screen:
        screen.wait(lambda: place(screen), "a row is selected")
        screen.press(ESC, lambda: "Esc-" in screen.last_line() and "t:tag-thread" in screen.last_line() and "s:save" in screen.last_line())
        screen.press(ESC, lambda: "Esc-" not in screen.last_line())
        screen.press("12", lambda: "12-" in screen.last_line() and "go to message 12" in screen.last_line())
        screen.press("\r", lambda: (place(screen) or (0, 0))[0] == 12)
        screen.press("a", lambda: "archived 1" in screen.last_line() and "brings it back" in screen.last_line(), "said at the first use")
        screen.press("a", lambda: re.match(r" archived 1 *line", screen.last_line()), "and no more")
        assert screen.quit() == 0


def unread_of(screen, name):
    found = re.search(r"^[ ▸·●]+%s +(\d+) │" % name, screen.text(), re.MULTILINE)
    return int(found.group(1)) if found else 0


def searches_count(test):
    """Each saved search tells how many unread messages are in it, and follows what happens."""
    with test.home().screen("--demo") as screen:
        folders = ["INBOX", "book-club", "fulmar-de…"]
        screen.wait(lambda: 10 < unread_of(screen, "Unread") == sum(unread_of(screen, name) for name in folders), "counts are in the tree")
        screen.wait(lambda: unread_of(screen, "Starred") == 2)
        before = unread_of(screen, "Unread"), unread_of(screen, "Starred")
        screen.press("N", lambda: unread_of(screen, "Unread") == before[0] - 1, "one read, one less")
        screen.wait(lambda: unread_of(screen, "Starred") == before[1] - 1, "it was starred too")
        screen.press("u", lambda: (unread_of(screen, "Unread"), unread_of(screen, "Starred")) == before, "unread again")
        screen.command("open-folder Unread", lambda: "%d found" % before[0] in screen.line(0))
        assert screen.quit() == 0


def odd_searches_count(test):
    """In mutt's words; several terms; what can't be parsed counts nothing and hides no other; words that the index knows."""
    home = test.home()
    local_mail(home, [message("Boats %d" % i, body="A %s.\n" % ("dinghy" if i < 2 else "raft")) for i in range(3)] + [message("Oars")],
               "[search Wrong]\nquery = from:(\n[search Boats]\nquery = ~s boats\n"
               "[search Either]\nquery = subject:oars or subject:\"boats 1\"\n[search Body]\nquery = dinghy\n")
    with home.screen() as screen:
        screen.wait(lambda: [unread_of(screen, name) for name in ("Wrong", "Boats", "Either", "Body")] == [0, 3, 2, 2], "all are counted")
        assert "can't" not in screen.last_line(), "nobody asked for the wrong one"
        assert screen.quit() == 0


def many_parts():
    """Alternatives, a message within, a picture with an evil name, JSON: eleven parts, five of them attachments."""
    inner = email.message.EmailMessage()
    inner["From"], inner["To"], inner["Subject"] = "Inge <inge@example.org>", "ada@localhost", "The inner letter"
    inner.set_content("Inner text.\n")
    inner.add_attachment(b"inner bytes", maintype="application", subtype="octet-stream", filename="inner.bin")
    mail = email.message.EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Grace Hopper <grace@example.org>", "ada@localhost", "Many parts"
    mail["Date"], mail["Message-ID"] = "Sat, 21 Nov 2026 10:00:00 +0000", "<parts@test.example>"
    mail.set_content("Plain body.\n")
    mail.add_alternative("<p>Rich <b>body</b>.</p>", subtype="html")
    mail.add_attachment(inner)
    mail.add_attachment(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40, maintype="image", subtype="png", filename="../../evil\x1b[31m.png")
    mail.add_attachment(b'{"a": [1, 2, 3]}\n', maintype="application", subtype="json", filename="data.json")
    mail.add_attachment(b"--- a\n+++ b\n", maintype="text", subtype="x-patch", filename=".hidden")
    return mail.as_bytes()


def parts(test):
    """v lists what a message is made of; each part is read in the pager, saved under a safe name, handed to a command."""
    home = test.home()
    local_mail(home, [many_parts()])
    with home.screen() as screen:
        def at(number):
            return "part %d of 11" % number in screen.last_line()

        screen.wait(lambda: "Plain body." in screen.text(), "the message is shown beside the list")
        screen.press("v", lambda: at(5) and "The inner letter" in screen.cursor_line(), "the list of parts, on the first attachment")
        for words in ("text/html", "image/png", "data.json", "inner.bin"):
            assert words in screen.text(), screen.picture()
        screen.press("\r", lambda: "Subject: The inner letter" in screen.text() and "Inner text." in screen.text(), "a message within")
        screen.press("q", lambda: at(5), "back in the list of parts")
        screen.press(UP + "\r", lambda: "Rich body." in screen.text() and "text/html" in screen.text(), "the HTML")
        screen.press("q", lambda: at(4))
        screen.press("jjjj", lambda: at(8))
        screen.press("j\r", lambda: "This is no text" in screen.text(), "a picture is not poured on the screen")
        screen.press("q", lambda: at(9))
        screen.press("j\r", lambda: '{"a": [1, 2, 3]}' in screen.text(), "JSON is read")
        screen.press("q", lambda: at(10))

        # One, asked where; the second time it asks before it writes over it.
        saved = home.folder + "/data.json"
        screen.press("s", lambda: "save as: ~/data.json" in screen.last_line())
        screen.press("\r", lambda: "saved as" in screen.last_line())
        assert open(saved).read() == '{"a": [1, 2, 3]}\n'
        with open(saved, "w") as out:
            out.write("mine")
        screen.press("s\r", lambda: "overwrite it?" in screen.last_line())
        screen.press("n", lambda: at(10))
        assert open(saved).read() == "mine"

        # All, and the tagged: into a directory, beside what is there.
        screen.press("S", lambda: "save 5 parts in: ~" in screen.last_line())
        screen.press("\r", lambda: "saved 5 in" in screen.last_line() and "1 under a new name" in screen.last_line())
        assert open(saved).read() == "mine" and open(home.folder + "/data-2.json").read() == '{"a": [1, 2, 3]}\n'
        names = set(os.listdir(home.folder))
        assert {"inner.bin", "hidden", "The inner letter.eml"} <= names, names
        evil = [name for name in names if name.endswith(".png")]
        assert len(evil) == 1 and "\033" not in evil[0] and not os.path.exists(test.folder + "/" + evil[0]), evil
        assert os.stat(home.folder + "/inner.bin").st_mode & 0o777 == 0o600
        os.mkdir(home.folder + "/tagged")
        screen.press(UP + UP + "tt", lambda: "2 tagged" in screen.last_line() and at(10))
        screen.press(";s", lambda: "save 2 parts in: ~" in screen.last_line())
        screen.press("/tagged\r", lambda: "saved 2 in" in screen.last_line())
        assert sorted(os.listdir(home.folder + "/tagged")) == sorted([evil[0], "inner.bin"])
        screen.press("S/nowhere\r", lambda: "nothing was saved" in screen.last_line())

        # Through a command: the part's decoded bytes, on its standard input.
        screen.press("|", lambda: "pipe part to command:" in screen.last_line())
        screen.press("md5sum >%s/sum; echo piped-it\r" % home.folder, lambda: "piped-it" in screen.text())
        screen.press("\r", lambda: at(10))
        screen.press("q", lambda: "line 1 of 1" in screen.last_line() and "Plain body." in screen.text(), "back in the list of messages")
        assert screen.quit() == 0
    assert open(home.folder + "/sum").read()[:32] == hashlib.md5(b'{"a": [1, 2, 3]}\n').hexdigest()


def empty_is_explained(test):
    """No list says "nothing found" where nothing was looked for: what is awaited is said, and why it does not come."""
    server, home = test.dovecot(), test.home()
    server.append("INBOX", message("First of all"))
    good = account("imaps", port=server.imaps, ca=server.ca.path)
    home.configure(re.sub("password_command.*\n", "", good))
    with home.screen(columns=80, rows=24) as screen:
        screen.wait(lambda: "password for work:" in screen.text(), "the password is asked for")
        screen.wait(lambda: "password?" in screen.line(0) and "connecting" not in screen.line(0), "the top line says what it waits for")
        assert "found" not in screen.text(), screen.picture()
        screen.press(ESC + ESC, lambda: "waits for its password: $ asks" in screen.text(), "what is missing, and what to do")
        screen.press("$", lambda: "password for work:" in screen.text(), "it is asked for again")
        screen.press("wrong\r", lambda: "IMAP at localhost refused the password of ada (account work) that was typed" in screen.text(),
                     "which password is wrong")
        assert "password for work:" in screen.text(), screen.picture()
        screen.press(PASSWORD + "\r", lambda: "First of all" in screen.text(), "and then mail comes")
        assert PASSWORD not in screen.text()
        assert screen.quit() == 0
    server.stop()
    other = test.home("other")
    other.configure(good)
    with other.screen() as screen:
        screen.wait(lambda: "no folders are known yet: retrying" in screen.text(), "why there is nothing")
        assert "found" not in screen.text(), screen.picture()
        assert screen.quit() == 0


def hits_in_the_list(test):
    """n goes to the next message of the list that the last search finds, Esc-/ backwards; both go on round the end. A limit shows in the top line."""
    home = test.home()
    local_mail(home, [message(("Boats %d" if number % 3 == 0 else "Oars %d") % number) for number in range(10)])
    with home.screen() as screen:
        screen.wait(lambda: place(screen) == (1, 10), "the inbox is open")
        screen.press("n", lambda: "nothing was searched for yet" in screen.last_line())
        screen.press("/", lambda: "search:" in screen.text())
        screen.press("subject:boats\r", lambda: "4 found" in screen.line(0))
        screen.press("q", lambda: place(screen) == (1, 10))
        for at in (4, 7, 10):
            screen.press("n", lambda: (place(screen) or (0, 0))[0] == at)
        screen.press("n", lambda: "went on from the top" in screen.last_line() and place(screen)[0] == 1)
        screen.press(ESC + "n", lambda: "went on from the end" in screen.last_line() and place(screen)[0] == 10)
        screen.press(ESC + "/", lambda: "backwards in this list:" in screen.text())
        screen.press('subject:"oars 2"\r', lambda: (place(screen) or (0, 0))[0] == 8)
        screen.press("n", lambda: "no other hit here" in screen.last_line())
        screen.press("l", lambda: "limit to" in screen.text())
        screen.press("subject:boats\r", lambda: "4 of 10 match subject:boats" in screen.line(0) and (place(screen) or (0, 0))[1] == 4)
        screen.press("l", lambda: "limit to" in screen.text())
        screen.press("\025\r", lambda: "match" not in screen.line(0) and (place(screen) or (0, 0))[1] == 10)
        assert screen.quit() == 0


def search_tells_its_limits(test):
    """Where texts are not kept, "nothing found" would be half the truth; of a search in headers it is the whole."""
    server, home = test.dovecot(), test.home()
    server.append("INBOX", message("First of all", body="zebra\n"), message("Second", body="zebra\n"))
    home.configure(account("imaps", port=server.imaps, ca=server.ca.path, offline="headers"))
    with home.screen() as screen:
        screen.wait(lambda: "First of all" in screen.text() and "Second" in screen.text())
        screen.press("/quagga\r", lambda: "nothing found, not looking in texts that are not kept here" in screen.last_line())
        screen.press("q/subject:nosuch\r", lambda: "nothing found" in screen.last_line() and "not looking" not in screen.last_line())
        assert screen.quit() == 0


def bells(screen):
    """How often it rang; a title may end in the same byte."""
    return re.sub(rb"\x1b\][^\a\x1b]*\a", b"", bytes(screen.received)).count(b"\a")


def settings_work(test):
    """`:set` completes names and values; `wrap` narrows the text, `bell` rings for new mail."""
    home = test.home()
    local_mail(home, [message("Wide", body="word " * 60 + "\n")])
    with home.screen(columns=140) as screen:
        screen.wait(lambda: "word word" in screen.text(), "the message is shown")
        screen.press(":", lambda: screen.last_line().startswith(":"))
        screen.press("set wra\t", lambda: "set wrap=" in screen.last_line())
        before = max(len(line.rstrip()) for line in screen.lines() if "word" in line)
        screen.press("40\r", lambda: max(len(line.rstrip()) for line in screen.lines() if "word" in line) < before - 30, "narrower")
        screen.press(":", lambda: screen.last_line().startswith(":"))
        screen.press("set theme=n\t", lambda: "set theme=nord" in screen.last_line())
        screen.press("\025set theme=purplish\r", lambda: "no theme is called `purplish`" in screen.last_line())
        screen.press(":set theme\r", lambda: "theme = dark" in screen.last_line(), "what is not there is not kept")
        screen.press(":", lambda: screen.last_line().startswith(":"))
        screen.press("\025set bell=t\t", lambda: "set bell=true" in screen.last_line())
        screen.press("\r", lambda: "bell = true" in screen.last_line())
        screen.settle()
        heard = bells(screen)
        with open(home.folder + "/Mail/INBOX/new/9.sample", "wb") as out:
            out.write(message("Ding"))
        screen.wait(lambda: bells(screen) == heard + 1, "it rings at once")
        assert "bell = true" in screen.last_line(), "what was asked for can be read first: %s" % screen.last_line()
        screen.wait(lambda: "1 new message in local/INBOX" in screen.last_line())
        assert bells(screen) == heard + 1, "it rings once"
        assert screen.quit() == 0


def first_inbox(test):
    """A first start opens the first account's inbox, though another's was here sooner; not under the fingers of somebody who has begun to work."""
    server = test.dovecot()
    server.append("INBOX", message("From the server"))
    proxy = test.enter(Proxy(server.imaps))
    for busy in False, True:
        proxy.delay_s = 0.1
        home = test.home("busy" if busy else "idle")
        local_mail(home, [message("From the disk")])
        with open(home.config) as config:
            second = config.read()
        home.configure(account("imaps", port=proxy.port, ca=server.ca.path) + second)
        with home.screen() as screen:
            screen.wait(lambda: "From the disk" in screen.text() and "local/INBOX" in screen.line(0), "what is here at once")
            if busy:
                screen.keys("j")
            screen.wait(lambda: re.search(r"work +pushed", screen.text()) and "INBOX" in screen.text(), "the other account is in")
            if busy:
                assert "local/INBOX" in screen.line(0), screen.picture()
            else:
                screen.wait(lambda: "work/INBOX" in screen.line(0) and "From the server" in screen.text(), "the first account's")
            assert screen.quit() == 0


def config_told(test):
    """A wrong line of the configuration is told on the screen too, where its writer looks."""
    home = test.home()
    local_mail(home, [message("One")], "leave = sometimes\nsize_limit = 50K\n")
    with home.screen(columns=80, rows=24) as screen:
        screen.wait(lambda: "config line 4: leave is" in screen.last_line() and "One" in screen.text(), "the first of them")
        assert "more" not in screen.last_line(), "50K is a size: " + screen.last_line()
        assert screen.quit() == 0


if __name__ == "__main__":
    run_tests(undo_finds, first_inbox, config_told, acts_by_lines, effects, tells_what_may_follow, searches_count, odd_searches_count, parts, empty_is_explained,
              hits_in_the_list, search_tells_its_limits, settings_work)
