/* Three regimes: under 60 columns one pane, the one with the focus; under 100 the folders lie over list and pager; else all stand side by side. Three
 * columns need more, 140, or no subject could be read. A room of less than 12 rows shows list or pager, not both. */
#include "ui/panes.h"

#define ONE_PANE_COLS 60
#define THREE_PANE_COLS 100
#define THREE_COLUMN_COLS 140
#define TWO_PANE_ROWS 12
#define LIST_ROWS_MIN 3
#define PAGER_ROWS_MIN 5
#define COLS_MIN 30

gboolean
fm_panes_has_room_for_folders (FmRect room, FmPanesLayout layout)
{
  return room.width >= (layout == FM_PANES_TALL ? THREE_COLUMN_COLS : THREE_PANE_COLS);
}

static void
split_rows (FmPanes *panes, FmRect room, int list_size)
{
  int rows = list_size > 0 ? list_size : room.height * 3 / 10;
  rows = CLAMP (rows, LIST_ROWS_MIN, MAX (room.height - 1 - PAGER_ROWS_MIN, LIST_ROWS_MIN));
  panes->list = (FmRect){ room.x, room.y, room.width, rows };
  panes->list_edge = (FmRect){ room.x, room.y + rows, room.width, 1 };
  panes->pager = (FmRect){ room.x, room.y + rows + 1, room.width, room.height - rows - 1 };
}

static void
split_cols (FmPanes *panes, FmRect room, int list_size)
{
  int cols = CLAMP (list_size > 0 ? list_size : room.width / 2, COLS_MIN, room.width - 1 - COLS_MIN);
  panes->list = (FmRect){ room.x, room.y, cols, room.height };
  panes->list_edge = (FmRect){ room.x + cols, room.y, 1, room.height };
  panes->pager = (FmRect){ room.x + cols + 1, room.y, room.width - cols - 1, room.height };
}

static FmPanes
one_pane (FmRect room, FmPane focus)
{
  FmPanes panes = { 0 };
  FmRect *whole = focus == FM_PANE_FOLDERS ? &panes.folders : focus == FM_PANE_PAGER ? &panes.pager : &panes.list;
  *whole = room;
  return panes;
}

FmPanes
fm_panes_arrange (FmRect room, const FmPanesWish *wish)
{
  FmPanes panes = { 0 };
  gboolean beside = fm_panes_has_room_for_folders (room, wish->layout);
  if (room.width < ONE_PANE_COLS || room.height < 1)
    return one_pane (room, wish->focus);
  FmRect folders = { room.x, room.y, CLAMP (wish->folders_width, 8, room.width / 2), room.height };
  FmRect rest = room;
  if (wish->show_folders && beside)
    {
      rest.x += folders.width + 1;
      rest.width -= folders.width + 1;
    }
  FmPanesLayout layout = room.height < TWO_PANE_ROWS || !wish->show_pager ? FM_PANES_LIST : wish->layout;
  if (layout == FM_PANES_TALL && rest.width < 2 * COLS_MIN + 1)
    layout = FM_PANES_WIDE;
  if (layout == FM_PANES_LIST)
    panes = one_pane (rest, wish->focus == FM_PANE_PAGER ? FM_PANE_PAGER : FM_PANE_LIST);
  else if (layout == FM_PANES_TALL)
    split_cols (&panes, rest, wish->list_size);
  else
    split_rows (&panes, rest, wish->list_size);
  if (wish->show_folders)
    {
      panes.folders = folders;
      panes.folders_edge = (FmRect){ folders.x + folders.width, room.y, 1, room.height };
      panes.folders_over = !beside;
    }
  return panes;
}
