# Manuals and the tour.

EXTRA_DIST += doc/style.md
EXTRA_DIST += doc/violations.md
EXTRA_DIST += doc/internals/journal.md
