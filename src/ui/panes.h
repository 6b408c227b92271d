/* Where the three panes stand: pure arithmetic from the size of the screen and what the user wants to see. */
#pragma once
#include <glib.h>
#include "ui/canvas.h"

G_BEGIN_DECLS

typedef enum { FM_PANE_FOLDERS, FM_PANE_LIST, FM_PANE_PAGER } FmPane;
typedef enum { FM_PANES_WIDE, FM_PANES_TALL, FM_PANES_LIST } FmPanesLayout;

/* value struct: what is wanted */
typedef struct {
  FmPanesLayout layout;
  gboolean show_folders, show_pager;
  int folders_width; /* columns */
  int list_size;     /* rows (wide) or columns (tall) of the list; 0: a share of the room */
  FmPane focus;
} FmPanesWish;

/* value struct: what fits. A rectangle without width is not shown. */
typedef struct {
  FmRect folders, list, pager;
  FmRect folders_edge;   /* the line right of the folders */
  FmRect list_edge;      /* the line between list and pager */
  gboolean folders_over; /* the folders lie over the others */
} FmPanes;

/* ROOM: the screen without its top and bottom line. */
FmPanes fm_panes_arrange (FmRect room, const FmPanesWish *wish);

/* Is there room for folders beside the others? If not they are shown over them, and hidden at first. */
gboolean fm_panes_has_room_for_folders (FmRect room, FmPanesLayout layout);

G_END_DECLS
