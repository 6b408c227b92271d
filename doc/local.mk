# Manuals and the tour.

EXTRA_DIST += doc/style.md
