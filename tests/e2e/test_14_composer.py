#!/usr/bin/python3
"""Writing on the screen, without a network: no word is lost, whatever the editor leaves and whenever the program or the machine dies; drafts keep their
attachments and their place in the thread; what was not sent comes back."""
import email
import email.policy
import glob
import os
import stat

from fulmar import ENTER, message, run_tests, wait_for

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"


def script(test, name, text):
    path = test.path(name)
    with open(path, "w") as out:
        out.write("#!/bin/sh\nfor file; do :; done\n" + text)
    os.chmod(path, stat.S_IRWXU)
    return path


def begin(test, editor="printf 'my words\\n' >>\"$file\"\n", undo_send=0, mails=()):
    """A home with a Maildir; what it sends lands in the folder `out` while that is there, else it is refused."""
    home = test.home()
    out = os.path.join(home.folder, "out")
    os.makedirs(out)
    sendmail = script(test, "sendmail", "[ -d %s ] && exec sh -c 'cat >%s/$$'\necho '550 5.1.1 no such user' >&2\nexit 67\n" % (out, out))
    for part in "cur", "new", "tmp":
        os.makedirs(os.path.join(home.folder, "Mail/INBOX", part))
    for number, mail in enumerate(mails):
        with open(os.path.join(home.folder, "Mail/INBOX/cur/%d.M1P1.h:2,S" % (1700000000 + number)), "wb") as file:
            file.write(mail)
    home.editor = script(test, "editor", editor)
    home.configure("[account local]\naddress = Ada <ada@localhost>\nmaildir = %s/Mail\nsmtp = sendmail:%s\n[ui]\nundo_send = %d\n"
                   % (home.folder, sendmail, undo_send))
    return home, out


def sent(out):
    mails = []
    for path in sorted(glob.glob(out + "/*"), key=os.path.getmtime):
        with open(path, "rb") as file:
            mails.append(email.message_from_binary_file(file, policy=email.policy.default))
    return mails


def letter(screen, *words):
    """Whether the composer is in front, with WORDS in it; the message pane may show the same words."""
    return screen.line(4).strip().startswith("Bcc:") and all(word in screen.text() for word in words)


def drafts_dir(home):
    return os.path.join(home.folder, "data/drafts")


def joiners(test):
    home, out = begin(test, mails=[message("A family %s here" % FAMILY, ident="q@test")])
    with home.screen() as screen:
        screen.wait("A family")
        screen.press("r", "my words")
        screen.press("y", "sent \"Re: A family")
        assert screen.quit() == 0
    mail, = sent(out)
    assert mail["Subject"] == "Re: A family %s here" % FAMILY, mail["Subject"]
    assert mail["In-Reply-To"] == "<q@test>"
    assert "answered" in home.json("list", "--json", "local/INBOX")[0]["flags"]


def asks_whom_and_what(test):
    """`m` asks for To and Subject before the editor starts; an editor that throws the header's From out leaves one's own in place."""
    home, out = begin(test, mails=[message("A question")], editor=(
        "grep -v '^From:' \"$file\" >\"$file.new\"; echo my words $(yes wordy | head -60) >>\"$file.new\"; mv \"$file.new\" \"$file\"\n"))
    with home.screen() as screen:
        screen.wait("A question")
        screen.press("m", lambda: screen.last_line().startswith("To:"))
        screen.press("bob@example.org" + ENTER, lambda: screen.last_line().startswith("Subject:"))
        screen.press("Tea" + ENTER, lambda: letter(screen, "my words", "bob@example.org", "Tea"), "the editor has been")
        rows = [line for line in screen.lines() if "wordy" in line]
        assert len(rows) > 2 and sum(row.split().count("wordy") for row in rows) == 60, "rows end between words\n" + screen.picture()
        screen.press("y", "sent \"Tea\"")
        assert screen.quit() == 0
    mail, = sent(out)
    assert (mail["To"], mail["Subject"]) == ("bob@example.org", "Tea"), mail
    assert "ada@" in mail["From"], mail


def wrong_header_keeps_the_text(test):
    home, out = begin(test, mails=[message("A question")], editor=(
        "if grep -q '^no header' \"$file\"; then sed -i '/^no header/d' \"$file\"; exit; fi\n"
        "{ echo no header; cat \"$file\"; echo my precious words; } >\"$file.new\"; mv \"$file.new\" \"$file\"\n"))
    with home.screen() as screen:
        screen.wait("A question")
        screen.press("r", "line 1: a header field")
        screen.press("y", "line 1: a header field")
        screen.press("P", "line 1: a header field")
        screen.press("e", "my precious words")
        assert "line 1" not in screen.text(), screen.picture()
        screen.press("y", "sent \"Re: A question")
        assert screen.quit() == 0
    mail, = sent(out)
    assert mail.get_body().get_content().count("my precious words") == 1 and "no header" not in str(mail), str(mail)


def header_or_text(test):
    """`e` gives the editor the text alone, `E` the header too; a header that is wrong is told and kept until it is mended; a NUL byte costs no word."""
    home, out = begin(test, mails=[message("A question")], editor="cp \"$file\" \"%s\"\n. \"%s\"\n" % (test.path("seen"), test.path("todo")))

    def editing(todo):
        with open(test.path("todo"), "w") as out:
            out.write(todo)

    def seen():
        with open(test.path("seen")) as file:
            return file.read()
    editing("echo first words >>\"$file\"")
    with home.screen() as screen:
        screen.wait("A question")
        screen.press("r", lambda: letter(screen, "first words"))
        assert seen().startswith("From: Ada <ada@localhost>\n"), seen()
        editing("sed -i '1i second words' \"$file\"")
        screen.press("e", lambda: letter(screen, "second words"))
        assert seen().startswith("On Sat, 21 Nov") and "From:" not in seen() and "first words" in seen(), seen()
        editing("sed -i -e '1,/^$/s/^Subject:.*/Subject: Another/' -e '1,/^$/s/^To: .*/To: not an address/' \"$file\"")
        screen.press("E", lambda: "no mail address" in screen.text() and "Another" not in screen.text(), "what is wrong with it")
        assert seen().startswith("From: Ada") and "second words" in seen(), seen()
        for key in "y", "P":
            screen.press(key, "no mail address", "neither sent nor postponed")
        editing("sed -i '1,/^$/s/^To: .*/To: bob@example.org/' \"$file\"")
        screen.press("e", lambda: letter(screen, "Another", "bob@example.org", "second words") and "no mail address" not in screen.text(), "mended")
        assert "To: not an address" in seen(), "it was kept: " + seen()
        editing("printf 'third\\000words\\n' >>\"$file\"")
        screen.press("e", "NUL byte")
        editing("tr -d '\\000' <\"$file\" >\"$file.new\"; mv \"$file.new\" \"$file\"")
        screen.press("e", lambda: letter(screen, "thirdwords"))
        screen.press("y", "sent \"Another\"")
        assert screen.quit() == 0
    mail, = sent(out)
    assert (mail["To"], mail["Subject"]) == ("bob@example.org", "Another"), mail
    words = mail.get_body().get_content()
    assert words.startswith("second words\n") and words.count("first words") == words.count("thirdwords") == 1, words
    assert os.listdir(drafts_dir(home)) == []


def killed_editing_the_text(test):
    home, out = begin(test, mails=[message("A question", ident="q@test")], editor=(
        "case $file in *.body) echo words before the crash >>\"$file\"; touch \"%s\"; exec sleep 1000;; esac\n" % test.path("open")))
    screen = test.enter(home.screen())
    screen.wait("A question")
    screen.press("r", lambda: letter(screen, "Re: A question"))
    screen.keys("e")
    wait_for(lambda: os.path.exists(test.path("open")), "the editor")
    screen.kill()
    home.editor = "true"
    with home.screen() as screen:
        screen.wait(lambda: "1 unfinished" in screen.line(0), "what was left is told")
        screen.press("R", "words before the crash")
        screen.press("y", "sent \"Re: A question")
        assert screen.quit() == 0
    mail, = sent(out)
    assert "words before the crash" in mail.get_body().get_content() and mail["To"] == "Grace Hopper <grace@example.org>", str(mail)
    assert os.listdir(drafts_dir(home)) == []


def killed_in_the_editor(test):
    """By SIGKILL, the editor still open: the next start offers what the editor wrote."""
    home, out = begin(test, mails=[message("A question", ident="q@test")], editor=(
        "printf 'words before the crash\\n' >>\"$file\"\ntouch \"%s\"\nexec sleep 1000\n" % test.path("open")))
    screen = test.enter(home.screen())
    screen.wait("A question")
    screen.keys("r")
    wait_for(lambda: os.path.exists(test.path("open")), "the editor")
    screen.kill()
    home.editor = "true"
    with home.screen() as screen:
        screen.wait(lambda: "1 unfinished" in screen.line(0), "what was left is told")
        screen.press("R", "words before the crash")
        assert "unfinished" not in screen.line(0), screen.picture()
        screen.press("y", "sent \"Re: A question")
        assert screen.quit() == 0
    mail, = sent(out)
    assert "words before the crash" in mail.get_body().get_content() and mail["In-Reply-To"] == "<q@test>", str(mail)
    assert os.listdir(drafts_dir(home)) == []
    assert "answered" in home.json("list", "--json", "local/INBOX")[0]["flags"]


def broken_editors(test):
    home, _ = begin(test, mails=[message("A question")])
    for editor, told in (("no-such-editor-here", "can't be run"), ("false", "ended with status 1")):
        home.editor = editor
        with home.screen() as screen:
            screen.wait("A question")
            screen.press("r", told)
            assert "Re: A question" in screen.text(), screen.picture()
            screen.press("q", "(d)iscard")
            screen.press("d", lambda: "Re: A question" not in screen.text(), "discarded")
            assert screen.quit() == 0
        assert os.listdir(drafts_dir(home)) == [], os.listdir(drafts_dir(home))


def postponed_with_files(test):
    """An answer and a forwarded message, each postponed twice, recalled, sent: files, thread and one draft only."""
    picture = message("Pictures", ident="p@test", MIME_Version="1.0").replace(b"Content-Type: text/plain; charset=utf-8", b"Content-Type: multipart/mixed; boundary=B")
    picture = picture[:picture.index(b"\r\n\r\n")] + (
        b"\r\n\r\n--B\r\nContent-Type: text/plain\r\n\r\nSee.\r\n--B\r\nContent-Type: image/png\r\nContent-Disposition: attachment; "
        b"filename=\"../pic.png\"\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n--B--\r\n")
    home, out = begin(test, mails=[picture])
    extra = test.path("notes.txt")
    with open(extra, "w") as file:
        file.write("notes\n")
    with home.screen(columns=160) as screen:
        screen.wait("Pictures")
        for key, subject in (("r", "Re: Pictures"), ("f", "Fwd: Pictures")):
            screen.press(key, lambda: letter(screen, "my words"), "the composer")
            screen.press("a", "attach file:")
            screen.press(extra + ENTER, "/notes.txt")
            screen.press("P", "saved in Drafts")
            screen.command("open-folder local/Drafts", lambda: screen.find(subject) and "line 1 of 1" in screen.last_line())
            screen.press("R", lambda: letter(screen, "my words", "/notes.txt"), "the draft is recalled")
            screen.press("P", "saved in Drafts")
            screen.wait("line 1 of 1")
            screen.press("R", lambda: letter(screen, "my words", "/notes.txt"), "the draft is recalled again")
            if key == "f":
                screen.press("t", "To:")
                screen.press("x@example.org" + ENTER, lambda: "nobody to send it to" not in screen.text(), "To is set")
            screen.press("y", "sent \"" + subject)
            screen.command("open-folder local/INBOX", lambda: screen.find("Pictures") and "line 1 of 1" in screen.last_line())
        assert screen.quit() == 0
    answer, forward = sent(out)
    assert answer["In-Reply-To"] == "<p@test>" and answer["Subject"] == "Re: Pictures"
    assert [part.get_filename() for part in answer.iter_attachments()] == ["notes.txt"]
    assert [part.get_filename() for part in forward.iter_attachments()] == ["pic.png", "notes.txt"]
    assert next(forward.iter_attachments()).get_content() == b"\x89PNG\r\n\x1a\n"
    assert home.json("list", "--json", "local/Drafts") == [] and os.listdir(drafts_dir(home)) == []
    assert "answered" in home.json("list", "--json", "local/INBOX")[0]["flags"]


def long_letter(test):
    """All of it can be read before it is sent."""
    home, _ = begin(test, mails=[message("A question")], editor="seq 1 300 | sed 's/^/row /' >>\"$file\"\n")
    with home.screen(columns=80, rows=24) as screen:
        screen.wait("A question")
        screen.press("r", lambda: "row 1\n" in screen.text() and "of 30" in screen.last_line(), "the beginning")
        screen.press(" ", lambda: "row 1\n" not in screen.text() and "row 20\n" in screen.text(), "the next page")
        screen.press("\033[F", "row 300")
        screen.press("\033[A", lambda: "row 300" not in screen.text() and "row 299" in screen.text(), "a row up")
        screen.press("\033[H", "row 1\n")
        screen.press("q", "(d)iscard")
        screen.press("d", lambda: "row 1\n" not in screen.text(), "discarded")
        assert screen.quit() == 0


def taken_back(test):
    """Within undo_send seconds nothing leaves; u makes it a draft again, hidden recipients and all."""
    home, out = begin(test, undo_send=600, mails=[message("A question")])
    with home.screen() as screen:
        screen.wait("A question")
        screen.press("r", "my words")
        screen.press("b", "Bcc:")
        screen.press("hidden@example.org" + ENTER, "hidden@example.org")
        screen.press("y", "sending in 600 s")
        assert home.json("queue", "--json")[0]["state"] == "waits"
        screen.press("u", "the mail is back in Drafts")
        screen.command("open-folder local/Drafts", "Re: A question")
        screen.press("R", lambda: letter(screen, "hidden@example.org", "my words"), "the draft")
        screen.press("q", "(d)iscard")
        screen.press("d", lambda: "my words" not in screen.text() or "Drafts" in screen.text(), "left")
        assert screen.quit() == 0
    assert sent(out) == []


def unsent(test):
    """A refused mail is shown with the server's words, edited, sent again."""
    home, out = begin(test, mails=[message("A question")])
    os.rename(out, out + ".closed")
    with home.screen() as screen:
        screen.wait("A question")
        screen.press("r", "my words")
        screen.press("y", "550 5.1.1 no such user")
        screen.wait("1 not sent")
        screen.command("queue", "NOT SENT: \"Re: A question\"")
        screen.press(ENTER, "(s)end now, (e)dit, (d)rop")
        assert "550 5.1.1 no such user" in screen.last_line(), screen.picture()
        screen.press("e", lambda: screen.text().count("my words") == 2, "edited again")
        screen.wait(lambda: "not sent" not in screen.line(0), "the queue is empty")
        screen.press("y", "1 not sent")
        os.rename(out + ".closed", out)
        screen.command("queue", "NOT SENT: \"Re: A question\"")
        screen.press(ENTER, "(s)end now, (e)dit, (d)rop")
        screen.press("s", "sent \"Re: A question")
        screen.wait(lambda: "not sent" not in screen.line(0), "nothing is unsent")
        wait_for(lambda: home.cli("queue").stdout.strip() == "nothing waits", "its copy in Sent is answered for too")
        screen.command("queue", "nothing waits")
        assert screen.quit() == 0
    mail, = sent(out)
    assert mail.get_body().get_content().count("my words") == 2
    assert home.json("list", "--json", "local/Drafts") == []


if __name__ == "__main__":
    run_tests(joiners, asks_whom_and_what, wrong_header_keeps_the_text, header_or_text, killed_editing_the_text, killed_in_the_editor, broken_editors, postponed_with_files, long_letter, taken_back, unsent)
