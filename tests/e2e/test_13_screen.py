#!/usr/bin/python3
"""What the screen promises beside its panes: the cursor goes to what undo brings back, saved searches tell how much is unread in them."""
import os
import re

from fulmar import message, run_tests


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


def unread_of(screen, name):
    found = re.search(r"^[ ▸·]+%s +(\d+) │" % name, screen.text(), re.MULTILINE)
    return int(found.group(1)) if found else 0


def searches_count(test):
    """Each saved search tells how many unread messages are in it, and follows what happens."""
    with test.home().screen("--demo") as screen:
        screen.wait(lambda: unread_of(screen, "Unread") > 10 and unread_of(screen, "Starred") > 0, "counts are in the tree")
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


if __name__ == "__main__":
    run_tests(undo_finds, searches_count, odd_searches_count)
