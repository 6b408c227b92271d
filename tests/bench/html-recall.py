#!/usr/bin/env python3
"""Word recall, in order, of our HTML view and of w3m's, against the .txt beside each .html of the corpus.

Usage: html-recall.py RENDER_HTML CORPUS_HTML_DIR"""
import difflib
import os
import re
import subprocess
import sys


def words(text):
    return re.findall(r"\w+", text.lower())[:4000]


def recall(reference, shown):
    matcher = difflib.SequenceMatcher(None, reference, shown, autojunk=False)
    return sum(block.size for block in matcher.get_matching_blocks()) / len(reference)


def reference_of(path):
    for other in (path[:-5] + ".txt", path.replace("/html/", "/txt/", 2)[:-5] + ".txt", path.replace("tests/html/", "tests/txt/")[:-5] + ".txt"):
        if os.path.exists(other):
            return open(other, encoding="utf-8", errors="replace").read()
    return None


def output(argv):
    return subprocess.run(argv, capture_output=True, timeout=60).stdout.decode("utf-8", "replace")


def main():
    ours, theirs, worst = [], [], []
    for folder, _, names in sorted(os.walk(sys.argv[2])):
        for name in sorted(names):
            path = os.path.join(folder, name)
            reference = words(reference_of(path) or "") if name.endswith(".html") else []
            if len(reference) < 5 or os.path.getsize(path) > 500000:
                continue
            ours.append(recall(reference, words(output([sys.argv[1], "80", path]))))
            theirs.append(recall(reference, words(output(["w3m", "-dump", "-cols", "80", "-I", "UTF-8", "-O", "UTF-8", "-T", "text/html", path]))))
            worst.append((ours[-1] - theirs[-1], ours[-1], theirs[-1], path))
    print(f"{len(ours)} files: fulmar {sum(ours) / len(ours):.4f}, w3m {sum(theirs) / len(theirs):.4f}")
    for gap, our, their, path in sorted(worst)[:12]:
        print(f"{gap:+.3f}  fulmar {our:.3f}  w3m {their:.3f}  {path}")


main()
