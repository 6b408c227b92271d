#!/usr/bin/python3
"""An answer written in $EDITOR arrives through a real Postfix with TLS and AUTH, over both kinds of TLS: it threads, has one copy in Sent, and
the server marks the original as answered."""
import email
import email.policy
import os
import re
import stat

from fulmar import ENTER, PASSWORD, Postfix, account, message, run_tests, wait_for


def make_editor(test):
    """Puts words between the headers and the quoted text, as a person does."""
    path = test.path("editor")
    with open(path, "w") as out:
        out.write("#!/bin/sh\nfor file; do :; done\n"
                  "awk '{ print } $0 == \"\" && !done { print \"An answer, äöü €.\"; done = 1 }' \"$file\" >%s\ncat %s >\"$file\"\n"
                  % (test.path("written"), test.path("written")))
    os.chmod(path, stat.S_IRWXU)
    return path


def answer_by(test, kind, port_name):
    server = test.dovecot(users=("ada", "grace"))
    os.makedirs(test.path("p"))
    postfix = test.enter(Postfix(test.path("p"), server))
    server.deliver(message("A question", body="What do you think?\nGrace\n", sender="Grace Hopper <grace@localhost>", ident="question@test"))
    home = test.home()
    home.editor = make_editor(test)
    home.configure(account("imaps", port=server.imaps, ca=server.ca.path,
                           smtp="%s://ada@localhost:%d" % (kind, getattr(postfix, port_name))))
    with home.screen() as screen:
        screen.wait("A question")
        screen.press(ENTER, "What do you think?")
        screen.press("r", lambda: "Re: A question" in screen.text() and "An answer" in screen.text(), "the composer with the answer")
        screen.press("y", lambda: "What do you think?" in screen.text() or "sent" in screen.last_line(), "sent")
        wait_for(lambda: server.listing("INBOX", "grace"), lambda: "the answer arrives\n%s\n%s\n%s" % (
            screen.picture(), home.cli("queue").stdout, postfix.log()[-2000:]), 30)
        wait_for(lambda: "\\Answered" in server.listing("INBOX")[0][1], lambda: "answered: %r" % server.listing("INBOX"), 30)
        wait_for(lambda: len(server.listing("Sent")) == 1, lambda: "one copy in Sent: %r" % server.listing("Sent"), 30)
        wait_for(lambda: "nothing waits" in home.cli("queue").stdout, "nothing waits")
        assert screen.quit() == 0
    with server.imap_client("grace") as client:
        client.select("INBOX")
        mail = email.message_from_bytes(client.fetch("1", "(BODY[])")[1][0][1], policy=email.policy.default)
    assert mail["In-Reply-To"] == "<question@test>" and "<question@test>" in mail["References"], mail.as_string()
    assert mail["Subject"] == "Re: A question" and "grace@localhost" in mail["To"] and mail["From"].endswith("<ada@localhost>")
    text = mail.get_body().get_content()
    assert "An answer, äöü €." in text and re.search(r"^> ?What do you think\?", text, re.M), text
    assert "Authenticated sender: ada" in str(mail) or re.search(r"sasl_method=\S+, sasl_username=ada", postfix.log()), postfix.log()[-2000:]
    assert re.search(r"with ESMTPSA", str(mail["Received"]) + str(mail)), str(mail)
    assert len(server.listing("Sent")) == 1 and server.listing("Sent")[0][2] == mail["Message-ID"], (server.listing("Sent"), mail["Message-ID"])
    assert len(server.listing("INBOX", "grace")) == 1
    assert PASSWORD not in home.log()
    rows = home.json("list", "--json", "work/INBOX")
    assert "answered" in rows[0]["flags"]
    sent = home.json("list", "--json", "work/Sent")
    assert len(sent) == 1 and sent[0]["thread"] == rows[0]["thread"], (sent, rows)


def smtps(test):
    answer_by(test, "smtps", "submissions")


def starttls(test):
    answer_by(test, "smtp", "submission")


if __name__ == "__main__":
    run_tests(smtps, starttls)
