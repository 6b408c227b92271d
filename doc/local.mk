# Manuals and the tour.
