/* Alpine's fingers, after its own screens: message index, message text, folder list, composer. Whole, never a blend: with this set the mutt
 * keys are gone. Keys Alpine does not have for what Fulmar can do are left to `:`. */
#include "ui/keymap-alpine.h"
#include <fulmar/app/command.h>

#define LIST FM_CONTEXT_LIST
#define PAGER FM_CONTEXT_PAGER
#define MAIL (FM_CONTEXT_LIST | FM_CONTEXT_PAGER)
#define FOLDERS FM_CONTEXT_FOLDERS
#define COMPOSE FM_CONTEXT_COMPOSE
#define PARTS FM_CONTEXT_ATTACHMENTS

static const FmKeymapAlpineRow rows[] = {
  { FM_CONTEXT_ALL, "?", "help" },
  { FM_CONTEXT_ALL, "<C-l>", "redraw" },
  { FM_CONTEXT_ALL, "<C-z>", "suspend" },
  { FM_CONTEXT_ALL, ":", "command" },
  { FM_CONTEXT_ALL, "<Up>", "up" },
  { FM_CONTEXT_ALL, "<Down>", "down" },
  { FM_CONTEXT_ALL, "<PgUp> - <C-y>", "page-up" },
  { FM_CONTEXT_ALL, "<PgDn> <Space> + <C-v>", "page-down" },
  { FM_CONTEXT_ALL, "<Home>", "top" },
  { FM_CONTEXT_ALL, "<End>", "bottom" },
  { FM_CONTEXT_ALL, "<Enter>", "enter" },
  { MAIL | FOLDERS, "<F6>", "focus-next" },
  { MAIL | FOLDERS, "<S-Tab>", "focus-previous" },
  { MAIL | FOLDERS, "<Left>", "focus-left" },
  { MAIL | FOLDERS, "<Right>", "focus-right" },
  { MAIL | FOLDERS, "q Q", "quit" },
  { MAIL | FOLDERS, "g G", "open-folder" },
  { MAIL | FOLDERS, "c C", "compose" },
  { LIST, "n N", "next" },
  { LIST, "p P", "previous" },
  { LIST, "v V > .", "open" },
  { LIST, "l L < , m M", "focus-folders" },
  { LIST, "<Tab>", "next-unread" },
  { LIST, "w W", "search" },
  { LIST, "<dollar>", "sort" },
  { LIST, ";", "tag-pattern" },
  { LIST, "a A", "tag-prefix" },
  { PAGER, "n N", "next-message" },
  { PAGER, "p P", "previous-message" },
  { PAGER, "l L < , i I", "back" },
  { PAGER, "m M", "focus-folders" },
  { PAGER, "v V > .", "attachments" },
  { PAGER, "<Tab>", "next-unread" },
  { PAGER, "w W", "find" },
  { PAGER, "h H", "headers" },
  { MAIL, "d D", "delete" },
  { MAIL, "u U", "undo" },
  { MAIL, "r R", "reply" },
  { MAIL, "f F", "forward" },
  { MAIL, "s S", "move" },
  { MAIL, "e E", "save" },
  { MAIL, "x X", "sync" },
  { MAIL, "*", "flag" },
  { MAIL, "|", "pipe" },
  { FOLDERS, "n N", "folder-down" },
  { FOLDERS, "p P", "folder-up" },
  { FOLDERS, "v V > .", "enter" },
  { FOLDERS, "l L < ,", "focus-list" },
  { FOLDERS, "a A", "create-folder" },
  { FOLDERS, "r R", "rename-folder" },
  { FOLDERS, "d D", "delete-folder" },
  { PARTS, "n N", "folder-down" },
  { PARTS, "p P", "folder-up" },
  { PARTS, "v V >", "enter" },
  { PARTS, "l L < ,", "back" },
  { PARTS, "s S", "part-save" },
  { PARTS, "|", "part-pipe" },
  { COMPOSE, "<C-x>", "send" },
  { COMPOSE, "<C-o>", "postpone" },
  { COMPOSE, "<C-c>", "abandon" },
  { COMPOSE, "<C-j>", "attach" },
  { COMPOSE, "<C-_>", "edit" },
  { 0, NULL, NULL },
};

const FmKeymapAlpineRow *
fm_keymap_alpine_rows (void)
{
  return rows;
}
