/* The groups of commands, in the manual's order. A new cmd-NAME.c adds its NAME here and defines fm_cmd_NAME_commands, ended by { NULL }. */
#pragma once
#include <fulmar/app/command.h>

#define FM_COMMAND_GROUPS(X) \
  X (navigate)               \
  X (screen)                 \
  X (folder)                 \
  X (delete)                 \
  X (move)                   \
  X (archive)                \
  X (junk)                   \
  X (flag)                   \
  X (tag)                    \
  X (undo)                   \
  X (thread)                 \
  X (search)                 \
  X (sort)                   \
  X (show)                   \
  X (save)                   \
  X (part)                   \
  X (compose)                \
  X (draft)                  \
  X (queue)                  \
  X (fetch)                  \
  X (sync)                   \
  X (set)

#define FM_X(name) extern const FmCommand fm_cmd_##name##_commands[];
FM_COMMAND_GROUPS (FM_X)
#undef FM_X
