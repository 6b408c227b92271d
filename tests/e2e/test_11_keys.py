#!/usr/bin/python3
"""What is no key press runs no command: pasted text (bracketed, and in pieces), escape sequences whose bytes come 60 ms apart, a lone Esc,
sequences cut short, and whatever bytes a noisy line makes."""
import os
import random
import time

from fulmar import ENTER, ESC, LEFT, RIGHT, message, run_tests


def start(test):
    home = test.home()
    maildir = test.path("Mail")
    for part in ["cur", "new", "tmp"]:
        os.makedirs(maildir + "/" + part)
    for number in range(20):
        with open(maildir + "/cur/%d.test:2,S" % (1000 + number), "wb") as out:
            out.write(message("Keep me %02d" % number))
    home.configure("[account local]\naddress = ada@localhost\nmaildir = %s\n" % maildir)
    screen = test.enter(home.screen())
    screen.wait("line 1 of 20")
    return home, screen


def unharmed(home, screen, line=1):
    """Nothing was deleted, moved, flagged or sent, and no view was opened; the cursor stands where it stood."""
    screen.settle(0.3)
    assert "line %d of 20" % line in screen.last_line(), screen.picture()
    rows = home.json("list", "--json", "--limit", "100", "local/INBOX")
    assert len(rows) == 20 and all(row["flags"] == ["seen"] for row in rows), rows
    assert home.cli("queue").stdout.strip() == "nothing waits", home.cli("queue").stdout


def paced(screen, data, gap_s=0.06):
    """Each byte alone, GAP_S apart. The pace itself is the matter of the test."""
    for byte in data:
        screen.keys(bytes([byte]))
        end = time.monotonic() + gap_s
        while time.monotonic() < end:
            screen.pump(max(0, end - time.monotonic()))


def pasted(test):
    home, screen = start(test)
    text = "dddaasF\r\rDq!x:quit\rm"
    screen.keys("\033[200~" + text + "\033[201~")
    unharmed(home, screen)
    for piece in ["\033[20", "0~", "ddd", "a:q", "uit\r", "\033[20", "1", "~"]:  # torn at any place
        screen.keys(piece)
        screen.settle(0.08)
    unharmed(home, screen)
    screen.keys("\033[200~" + "d" * 100000)  # an end that comes late
    screen.settle(0.1)
    screen.keys("\033[201~")
    unharmed(home, screen)
    screen.press("j", "line 2 of 20")
    assert screen.quit() == 0


def pasted_into_prompt(test):
    """In a prompt it is text, and a line end in it runs nothing."""
    home, screen = start(test)
    screen.press("/", lambda: "search:" in screen.last_line())
    screen.keys("\033[200~Keep me\rdddd\033[201~")
    screen.wait(lambda: "Keep me" in screen.last_line(), "the text is in the prompt")
    assert "found" not in screen.line(0), "the search was not started by the paste"
    screen.keys(ESC + ESC)
    unharmed(home, screen)
    assert screen.quit() == 0


def split(test):
    """Arrows, page keys, function keys and reports of mouse and focus in pieces do what they do whole, or nothing."""
    home, screen = start(test)
    paced(screen, b"\033[B")
    screen.wait("line 2 of 20")
    paced(screen, b"\033OB")
    screen.wait("line 3 of 20")
    paced(screen, b"\033[A")
    screen.wait("line 2 of 20")
    for sequence in [b"\033[1;5D", b"\033[15~", b"\033[<0;5;5M", b"\033[<0;5;5m", b"\033[I", b"\033[O", b"\033[24;80R", b"\033[?62;22c",
                     b"\033]11;rgb:0000/0000/0000\033\\", b"\033P>|term 1.0\033\\", b"\033[99;99;99x", b"\033[200d\033[201~"]:
        paced(screen, sequence, 0.06 if len(sequence) < 12 else 0.02)
    screen.settle()
    rows = home.json("list", "--json", "--limit", "100", "local/INBOX")
    assert len(rows) == 20 and all(row["flags"] == ["seen"] for row in rows), rows
    assert home.cli("queue").stdout.strip() == "nothing waits"
    assert screen.process.poll() is None
    screen.kill()


def still(screen):
    """The screen without its clock."""
    screen.settle(0.2)
    return [screen.line(0)[:40]] + screen.lines()[1:]


def everywhere(test):
    """In each view: what is pasted, sequences in pieces and a lone Esc change nothing, neither mail nor view. y sends in the composer."""
    home, screen = start(test)

    def harmless(where):
        before = still(screen)
        screen.keys("\033[200~yPdddaasF\r!xq:quit\r;d|S\033[201~")
        screen.settle(0.1)
        for sequence in [b"\033[99;99;99x", b"\033[<0;5;5M", b"\033[24;80R", b"\033]11;rgb:0/0/0\033\\"]:
            paced(screen, sequence)
        screen.keys(ESC)
        screen.settle(0.7)
        screen.keys(ESC)
        after = still(screen)
        assert after[:-1] == before[:-1], "%s: the screen changed\n%s\n%s" % (where, "\n".join(before), screen.picture())
        rows = home.json("list", "--json", "--limit", "100", "local/INBOX")
        assert len(rows) == 20 and all(row["flags"] == ["seen"] for row in rows), (where, rows)
        assert home.cli("queue").stdout.strip() == "nothing waits", where

    screen.wait("Subject: Keep me 19")
    harmless("the list")
    screen.press("\r", lambda: "q:back" in screen.last_line(), "the pager")
    harmless("the pager")
    screen.press("v", lambda: "part 1 of 1" in screen.last_line(), "the parts")
    harmless("the parts")
    screen.press("q", lambda: "part 1 of" not in screen.last_line())
    screen.press("q", lambda: "line 1 of 20" in screen.last_line())
    screen.press(LEFT, lambda: "line" not in screen.last_line(), "the folders")
    harmless("the folders")
    screen.press(RIGHT, lambda: "line 1 of 20" in screen.last_line())
    screen.press("m", lambda: screen.last_line().startswith("To:"), "whom to")
    screen.press("\t\007", lambda: "line 1 of 20" in screen.last_line(), "^G begins no message")
    screen.press("m", lambda: screen.last_line().startswith("To:"), "whom to")
    screen.press(ENTER, lambda: screen.last_line().startswith("Subject:"), "what about")
    screen.press(ENTER, lambda: "y:send" in screen.last_line(), "the composer")
    screen.press("t", lambda: "o:" in screen.last_line(), "whom to")
    screen.press("bob@localhost\r", lambda: "bob@localhost" in screen.text() and "y:send" in screen.last_line())
    harmless("the composer")
    screen.kill()


def lone_escape(test):
    home, screen = start(test)
    screen.keys(ESC)
    screen.wait(lambda: "Esc" in screen.last_line(), "the hint that Esc waits for its letter")
    screen.keys(ESC)
    unharmed(home, screen)
    screen.keys(ESC)
    screen.settle(0.7)
    screen.keys(ESC)
    unharmed(home, screen)
    screen.press("j", "line 2 of 20")
    assert screen.quit() == 0


def noise(test):
    """Control bytes, broken UTF-8, NULs, half sequences: the program lives and the next keys work."""
    home, screen = start(test)
    screen.wait("of 20")
    seed = random.SystemRandom().randrange(1 << 30)
    source = random.Random(seed)
    test.say("seed %d" % seed)
    for _ in range(200):
        # Without "$": rxvt ends a sequence with it, and what comes after is the next key.
        screen.keys(b"\033[" + bytes(source.choice(b"0123456789;:<=>?!\"#%&'()*+,-./\x80\xc3\xff") for _ in range(source.randrange(1, 30)))
                    + b"\x18")
    screen.settle(0.3)
    assert screen.process.poll() is None
    rows = home.json("list", "--json", "--limit", "100", "local/INBOX")
    assert len(rows) == 20, rows
    screen.keys(ESC + ESC)
    screen.settle()
    screen.keys("=")
    screen.press("j", "line 2 of 20")
    assert screen.quit() == 0


if __name__ == "__main__":
    run_tests(pasted, pasted_into_prompt, split, everywhere, lone_escape, noise)
