#!/usr/bin/env python3
"""The rules of the house that a program can check without compiling: see doc/style.md, which names each of them.

Usage: house.py SOURCE_TOP CHECK...     one line a finding on stdout; exits 1 if there was any
       house.py SOURCE_TOP symbols OBJECT_TOP
"""
import os
import re
import shutil
import subprocess
import sys

BELOW = {
    "base": [],
    "mail": ["base"],
    "net": ["mail", "base"],
    "store": ["mail", "base"],
    "index": ["mail", "base"],
    "sync": ["net", "store", "index", "mail", "base"],
    "app": ["sync", "net", "store", "index", "mail", "base"],
    "ui": ["app", "mail", "base"],
    "cli": ["app", "sync", "index", "store", "mail", "base"],  # prints the values of the store as they are; doc/tour.md
}
# Each library is named by the includes of one layer.
OWNERS = {
    "mail": ["gmime/", "gumbo.h", "libical/", "cmark.h"],
    "net": ["libetpan/", "gnutls/", "sasl/", "zlib.h", "curl/"],
    "store": ["sqlite3.h"],
    "index": ["notmuch.h", "seccomp.h"],
    "ui": ["curses.h", "ncurses", "term.h", "vterm.h", "chafa"],
}
EVERYWHERE = ["glib.h", "glib/", "glib-unix.h", "gio/"]
# The C library and the kernel: any of its directories, and these files.
SYSTEM_DIRS = ["sys/", "netinet/", "arpa/", "linux/", "net/if"]
SYSTEM = set("""assert ctype dirent endian err errno fcntl float fnmatch ftw getopt glob grp iconv inttypes langinfo libgen limits locale math mntent
netdb paths poll pthread pwd sched search semaphore setjmp signal spawn stdarg stdatomic stdbool stddef stdint stdio stdlib string strings
syslog termios threads time uchar unistd utime wchar wctype""".split())

BANNED = "strcpy strcat sprintf vsprintf gets system popen tmpnam mktemp atoi atol strtok g_error abort".split()
BANNED_IN_UI = "getch wgetch get_wch wget_wch getstr wgetstr".split()
SILENT = ["base", "mail", "net", "store", "index", "sync"]
SPEAKING = "printf puts putchar g_print g_printerr g_warning g_message g_critical fm_log_info fm_log_warning fm_log_error".split()
# The one place that may end the program: it cannot run without threads.
EXCUSED = {("src/base/thread.c", "abort")}

TOP = ""


def files(*roots, ends=(".c", ".h")):
    for root in roots:
        for folder, dirs, names in os.walk(os.path.join(TOP, root)):
            dirs.sort()
            for name in sorted(names):
                if name.endswith(ends):
                    yield os.path.relpath(os.path.join(folder, name), TOP)


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as source:
        return source.read()


def blank(match):
    return re.sub(r"[^\n]", " ", match.group(0))


TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def code_of(text):
    """The text with comments and literals blanked out, lines kept."""
    return TOKEN.sub(blank, text)


def comments_of(text):
    return TOKEN.sub(lambda m: m.group(0) if m.group(0)[0] == "/" else blank(m), text)


def at(path, text, offset, message):
    return "%s:%d: %s" % (path, text.count("\n", 0, offset) + 1, message)


def layer_of(path):
    match = re.match(r"(?:src|include/fulmar|tests/unit)/([a-z]+)/", path)
    return match.group(1) if match and match.group(1) in BELOW else None


def owner_of(header):
    for layer, prefixes in OWNERS.items():
        if header.startswith(tuple(prefixes)):
            return layer
    return None


def is_system(header):
    return header.startswith(tuple(SYSTEM_DIRS)) or header[:-2] in SYSTEM


def judge_include(path, layer, quoted, header):
    """None, or what is wrong with LAYER including HEADER."""
    if header.startswith("fulmar/"):
        other = header.split("/")[1]
        if layer and other != layer and other not in BELOW[layer]:
            return "%s must not look at %s" % (layer, other)
    elif quoted:
        other = header.split("/")[0] if "/" in header else layer
        if other in BELOW and other != layer:
            return "a private header of %s" % other
    elif path.startswith(("src/", "include/")):
        owner = owner_of(header)
        if owner and owner != layer:
            return "<%s> belongs to %s" % (header, owner)
        if not owner and not header.startswith(tuple(EVERYWHERE)) and not is_system(header):
            return "<%s> has no owner in tests/lint/house.py" % header
    return None


def check_includes():
    for path in files("src", "include", "tests/unit"):
        text = read(path)
        for match in re.finditer(r'^\s*#\s*include\s*(["<])([^">]+)[">]', text, re.M):
            wrong = judge_include(path, layer_of(path), match.group(1) == '"', match.group(2))
            if wrong:
                yield at(path, text, match.start(), wrong)


def calls(names):
    return re.compile(r"(?<![\w.>])(%s)\s*\(" % "|".join(names))


def check_calls():
    banned, ui, speaking = calls(BANNED), calls(BANNED_IN_UI), calls(SPEAKING)
    for path in files("src", "tests"):
        text = code_of(read(path))
        layer = layer_of(path)
        found = list(banned.finditer(text))
        if path.startswith("src/") and layer == "ui":
            found += ui.finditer(text)
        if path.startswith("src/") and layer in SILENT:
            found += speaking.finditer(text)
        for match in found:
            if (path, match.group(1)) not in EXCUSED:
                yield at(path, text, match.start(), "%s () is not used in this house" % match.group(1))


def check_notes():
    for path in files("src", "include", "tests", ends=(".c", ".h", ".py", ".sh", ".mk")):
        if path.startswith("tests/lint/"):
            continue
        text = read(path)
        for match in re.finditer(r"(?:/\*|//|#)\s*TODO\b|\bFIXME\b", text):
            yield at(path, text, match.start(), "a note to oneself: %s" % match.group(0))
        if path.endswith((".c", ".h")):
            comments = comments_of(text)
            for match in re.finditer(r"\bXXX\b", comments):
                yield at(path, comments, match.start(), "a note to oneself: XXX")


def check_opening():
    for path in files("src", "include", "tests"):
        text = read(path)
        if not text.startswith("/* "):
            yield path + ":1: a file opens with a comment that tells its idea"
        if path.endswith(".h") and not re.search(r"^#pragma once$", text, re.M):
            yield path + ":1: no #pragma once"


def check_headers():
    """Public headers: names of the house, and bodies only for plain values and for classes to embed."""
    for path in files("include"):
        text = read(path)
        code = code_of(text)
        for match in re.finditer(r"^struct (\w+)\s*\{", code, re.M):
            before = text[: match.start()].rstrip().rsplit("/*", 1)
            if len(before) < 2 or not before[1].endswith("*/") or not re.search(r"plain value|embed this first", before[1]):
                yield at(path, code, match.start(), "the body of %s belongs into the .c (or say `plain value` above it)" % match.group(1))
        for match in re.finditer(r"^typedef struct\s*\w*\s*\{(.*?)^\}", code, re.M | re.S):
            if match.group(1).count("\n") > 40:
                yield at(path, code, match.start(), "a value of more than 40 lines: make it opaque")
        for match in re.finditer(r"^typedef [^;{(]*?(\w+);|\}[ ]?(\w+);|^typedef [^;{]*?\(\*(\w+)\)", code, re.M):
            name = match.group(1) or match.group(2) or match.group(3)
            if not re.match(r"Fm[A-Z]", name):
                yield at(path, code, match.start(), "the type %s does not begin with Fm" % name)
        stem = re.sub(r"\W", "_", os.path.basename(path)[:-2])
        for match in re.finditer(r"^\s*#\s*define (\w+)", code, re.M):
            if not re.match(r"FM_|fm_%s_" % stem, match.group(1)):
                yield at(path, code, match.start(), "the macro %s does not begin with FM_" % match.group(1))


def check_listed():
    """Every source is named by its room's local.mk, or a release would miss it."""
    for path in files("src", "tests/unit", "tests/fuzz", "tests/bench", "tests/screen", "tests/e2e"):
        folder = os.path.dirname(path)
        while folder and not os.path.exists(os.path.join(TOP, folder, "local.mk")):
            folder = os.path.dirname(folder)
        listing = read(os.path.join(folder, "local.mk")) if folder else read("Makefile.am")
        if path not in listing and os.path.basename(path) not in listing:
            yield "%s:1: not listed in %s" % (path, os.path.join(folder, "local.mk"))


def check_format():
    tool = shutil.which("clang-format-14") or shutil.which("clang-format")
    version = subprocess.run([tool, "--version"], capture_output=True, text=True).stdout if tool else ""
    if " 14." not in version:
        print("format: clang-format 14 is not here; other versions differ", file=sys.stderr)
        sys.exit(77)
    sources = list(files("src", "include", "tests"))
    out = subprocess.run([tool, "--dry-run", "-Wclang-format-violations"] + sources, cwd=TOP, capture_output=True, text=True).stderr
    for path, line in sorted(set(re.findall(r"^(\S+?):(\d+):\d+: warning: code should be clang-formatted", out, re.M))):
        yield "%s:%s: not formatted (make format)" % (path, line)


def check_shell():
    for path in ["bootstrap", ".ci/run"] + list(files("tests", ends=(".sh",))):
        shell = "bash" if read(path).startswith(("#!/bin/bash", "#!/usr/bin/env bash")) else "sh"
        out = subprocess.run([shell, "-n", path], cwd=TOP, capture_output=True, text=True)
        if out.returncode:
            yield "%s:1: %s" % (path, out.stderr.strip())


def check_symbols(object_top):
    """Every global symbol of foo-bar.o is fm_foo_bar or begins with fm_foo_bar_."""
    for folder, _, names in sorted(os.walk(os.path.join(object_top, "src"))):
        for name in sorted(n for n in names if n.endswith(".o")):
            stem = re.sub(r"^(lib\w+_a-|fulmar-)", "", name[:-2])
            prefix = "fm_" + stem.replace("-", "_")
            listing = subprocess.run(["nm", "-g", "--defined-only", os.path.join(folder, name)], capture_output=True, text=True).stdout
            for symbol in re.findall(r"^\S* ?[A-Z] (\S+)$", listing, re.M):
                if symbol != prefix and not symbol.startswith(prefix + "_") and (stem, symbol) != ("main", "main"):
                    yield "%s/%s.c: %s does not begin with %s_" % (os.path.relpath(folder, object_top), stem, symbol, prefix)


CHECKS = {
    "includes": check_includes,
    "calls": check_calls,
    "notes": check_notes,
    "opening": check_opening,
    "headers": check_headers,
    "listed": check_listed,
    "format": check_format,
    "shell": check_shell,
}


def main(arguments):
    global TOP
    if len(arguments) < 2:
        sys.exit(__doc__)
    TOP = arguments[0]
    if arguments[1] == "symbols":
        findings = list(check_symbols(arguments[2]))
    else:
        findings = [finding for name in arguments[1:] for finding in CHECKS[name]()]
    print("".join(finding + "\n" for finding in findings), end="")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
