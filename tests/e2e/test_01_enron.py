#!/usr/bin/python3
"""A real mailbox (4,139 mails in 12 folders) from a real Dovecot, over TLS and over STARTTLS: the screen opens it and walks it; afterwards
counts equal doveadm's and hits equal the notmuch command line's on the same files, and all is read and found with the server gone."""
import os
import random
import re
import shutil
import subprocess
import time

from fulmar import ENTER, Skip, account, enron, percentile, run_tests

# Each is also a query of the notmuch command line; more are made of the mailbox's own words.
QUERIES = """california
California
dynegy
weather
blackout
"holiday party"
kilowatt or megawatt
california and not enron
(blackout or dabhol) and (from:enron or subject:re)
zapmedia
nosuchwordatall
regul*
body:"natural gas"
body:skilling and not body:enron
subject:kudlow
subject:california
subject:meeting
subject:meet*
subject:"conference call"
subject:"thank you"
subject:e-mail
subject:re and not subject:fw
from:fastow
from:kudlow
from:enron
from:"skilling jeff"
from:jeff.skilling@enron.com
not from:enron
to:skilling
to:jeff.skilling@enron.com
to:employees
to:Executive
to:"all enron"
date:2001-01-01..2001-03-31
date:..2000-12-31 and subject:meeting
not from:enron and not to:enron""".split("\n")


def mended(data):
    """The mail without what notmuch can't read of it: addresses with two dots together, or one at an end, which GMime drops whole."""
    head, _, text = data.partition(b"\r\n\r\n")
    fields = re.split(rb"\r\n(?![ \t])", head)
    for at, field in enumerate(fields):
        if re.match(rb"(From|To|Cc|Bcc):", field, re.I):
            fields[at] = re.sub(rb"(?<=[<\s,])\.+(?=\w)", b"", re.sub(rb"\.+@", b"@", re.sub(rb"\.\.+", b".", field)))
    return b"\r\n".join(fields) + b"\r\n\r\n" + text


def own_words(mail, count, seed):
    """COUNT queries of words that stand in MAIL side by side, the same for the same SEED."""
    chosen, queries = random.Random(seed), []
    fields = [("subject:", rb"^Subject: (.*)"), ("from:", rb"^From: (.*)"), ("to:", rb"^To: (.*)"), ("body:", rb"\r\n\r\n((?s:.*))")]
    while len(queries) < count:
        name, pattern = chosen.choice(fields)
        found = re.search(pattern, chosen.choice(mail), re.M)
        words = re.findall(r"(?<![\w&'.@])[A-Za-z]{3,}(?![\w&'.@])", found.group(1).decode("ascii", "replace").strip()) if found else []
        words = [word for word in words if not re.match("and|not|xor|near|adj", word, re.I)]  # "subject:not*" is an operator to notmuch
        if words:
            word = chosen.choice(words)
            queries.append(name + chosen.choice([word, word.lower(), word[:max(3, len(word) - 2)] + "*", '"%s"' % word]))
    return queries


def start(test):
    mail = {folder: [(mended(data), index % 3 > 0) for index, data in enumerate(box)] for folder, box in enron().items()}
    seed = int(os.environ.get("FULMAR_SEED", time.time()))
    test.say("queries of the mailbox's own words: FULMAR_SEED=%d" % seed)
    test.queries = QUERIES + own_words([data for box in mail.values() for data, _ in box], 12, seed)
    return test.dovecot(fill=mail), sum(map(len, mail.values()))


def notmuch_hits(test, maildir):
    """{query: set of message ids} by the notmuch command line over MAILDIR."""
    if not shutil.which("notmuch"):
        raise Skip("no notmuch command line")
    copy, config = test.path("notmuch"), test.path("notmuch-config")
    shutil.copytree(maildir, copy, ignore=shutil.ignore_patterns("dovecot*"))
    environment = dict(os.environ, NOTMUCH_CONFIG=config, HOME=test.folder, XAPIAN_CJK_NGRAM="1", TZ="UTC")
    with open(config, "w") as out:
        out.write("[database]\npath=%s\n[user]\nname=a\nprimary_email=a@example.org\n[new]\ntags=new\n" % copy)
    subprocess.run(["notmuch", "new"], env=environment, check=True, capture_output=True)
    return {query: set(subprocess.run(["notmuch", "search", "--output=messages", "--exclude=false", "--", query], env=environment,
                                      check=True, capture_output=True, text=True).stdout.replace("id:", "").split()) for query in test.queries}


def compare_counts(test, home, server):
    ours, theirs = home.folders(), server.counts()
    for folder, (messages, unseen) in theirs.items():
        row = ours["work/" + folder]
        assert (row["total"], row["unread"]) == (messages, unseen), "%s: %r, doveadm says %r" % (folder, row, (messages, unseen))
    test.say("counts of %d folders equal doveadm's: %d messages" % (len(theirs), sum(count for count, _ in theirs.values())))


def hits(home, query):
    return {row["message_id"] for row in home.json("search", "--json", "--limit", "100000", query)}


def compare_hits(test, home, expected):
    for query, theirs in expected.items():
        ours = hits(home, query)
        assert ours == theirs, "%s: %d, notmuch finds %d; only ours %s; only notmuch's %s" % (
            query, len(ours), len(theirs), sorted(ours - theirs)[:3], sorted(theirs - ours)[:3])
    test.say("hits of %d queries equal notmuch's: %d in all" % (len(expected), sum(map(len, expected.values()))))


def place(screen):
    found = re.search(r"line ([\d,]+) of ([\d,]+)", screen.last_line())
    return found and tuple(int(number.replace(",", "")) for number in found.groups())


def walk(test, screen, counts):
    """Folders by name, messages by key; each folder shows its count and a message that can be read."""
    opened = []
    for folder, (messages, _) in sorted(counts.items()):
        if not messages:
            continue
        began = time.monotonic()
        screen.command("open-folder work/" + folder, lambda: place(screen) == (1, messages), timeout_s=60)
        screen.press(ENTER, lambda: re.search(r"^.*(From|Date): \S", screen.text(), re.M) and "Subject: " in screen.text())
        screen.press("q", lambda: place(screen))
        if messages > 1:
            screen.press("j", lambda: place(screen) == (2, messages))
        opened.append(time.monotonic() - began)
    test.say("%d folders walked, %.2f s the slowest" % (len(opened), max(opened)))


def read_on(test, screen, count):
    """J through the inbox: each message is shown whole; the time of each from key to last byte."""
    screen.command("open-folder work/INBOX", lambda: place(screen))
    screen.press(ENTER, "Subject: ")
    times = [screen.latency("J") for _ in range(count)]
    screen.press("q", lambda: place(screen) and place(screen)[0] == count + 1)
    painted = [value * 1000 for value in times if value]
    test.say("%d messages read one by one: %.1f ms median, %.1f ms p99" % (len(painted), percentile(painted, .5), percentile(painted, .99)))


def search_on_screen(screen, query, expected):
    screen.press("/", lambda: "search:" in screen.last_line())
    pattern = r"\b%s found" % "{:,}".format(expected) if expected else r"nothing found"
    screen.press(query + "\r", lambda: re.search(pattern, screen.text()), "%s finds %d" % (query, expected))
    screen.press("q", lambda: "work/INBOX" in screen.line(0) and place(screen))


def tls(test):
    """The screen first, while everything still comes; then the rest, the comparison and the life without a server."""
    server, total = start(test)
    home = test.home()
    home.configure(account("imaps", port=server.imaps, ca=server.ca.path))
    counts = server.counts()
    with home.screen() as screen:
        began = time.monotonic()
        screen.wait(lambda: place(screen), "the first messages")
        test.say("first visit: first messages after %.2f s" % (time.monotonic() - began))
        walk(test, screen, counts)
        read_on(test, screen, 20)
        assert screen.quit() == 0
    began = time.monotonic()
    home.cli("sync")
    test.say("all %d bodies here and in the index after another %.1f s" % (total, time.monotonic() - began))
    compare_counts(test, home, server)
    expected = notmuch_hits(test, server.maildir())
    compare_hits(test, home, expected)
    rows = {query: len(home.json("search", "--json", "--limit", "100000", query)) for query in ["dynegy", "zapmedia"]}
    server.stop()

    with home.screen() as screen:
        began = time.monotonic()
        screen.wait(lambda: place(screen) and place(screen)[1] == counts["INBOX"][0], "the inbox without a server")
        test.say("warm start without a server: %.3f s" % (time.monotonic() - began))
        for query, expected in rows.items():
            search_on_screen(screen, query, expected)
        walk(test, screen, counts)
        read_on(test, screen, 20)
        assert screen.quit() == 0


def starttls(test):
    """The command line alone, over STARTTLS; then words found offline."""
    server, total = start(test)
    home = test.home()
    home.configure(account("imap", port=server.imap, ca=server.ca.path))
    began = time.monotonic()
    home.cli("sync")
    test.say("%d messages in %.1f s" % (total, time.monotonic() - began))
    compare_counts(test, home, server)
    assert "TLS" in server.log() and " secured" not in server.log().split("Login: user=<ada>")[1].split("\n")[0], "the sign-in was under TLS"
    online = {query: hits(home, query) for query in QUERIES[::8] + ["dynegy"]}
    server.stop()
    for query, expected in online.items():
        assert hits(home, query) == expected, "%s finds the same offline" % query
    ident = sorted(online["dynegy"])[0]
    shown = home.cli("show", "--text", "id:" + ident).stdout
    assert "ynegy" in shown, "a message is read offline: " + shown[:300]


if __name__ == "__main__":
    run_tests(tls, starttls)
