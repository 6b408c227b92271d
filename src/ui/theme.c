/* A theme file is lines of `role = FOREGROUND BACKGROUND ATTRIBUTES` and `colour NAME = #rrggbb`. "-" leaves a field to the role's parent.
 * Everything is resolved when the theme is read: a look in the finished table needs no more thought, and is made of colours that the terminal
 * has. */
#include "ui/theme.h"
#include <fulmar/base/error.h>
#include <fulmar/base/paths.h>
#include <fulmar/base/text.h>
#include <string.h>
#include "src/ui/theme-builtin.h"

#define FILE_MAX_BYTES (64 * 1024)
#define COLOURS_MAX 256

enum { HAS_FG = 1, HAS_BG = 2, HAS_ATTRS = 4 };

typedef struct {
  FmLook look;
  guint has;
} Entry;

struct FmTheme {
  Entry own[FM_ROLE_COUNT];
  FmLook looks[FM_ROLE_COUNT];
  FmDepth depth;
};

static const struct {
  const char *name;
  FmRole parent;
  guint32 mono;
} roles[FM_ROLE_COUNT] = {
#define FM_X(role, role_name, parent_role, mono_attrs) { role_name, FM_ROLE_##parent_role, mono_attrs },
  FM_ROLES (FM_X)
#undef FM_X
};

static const char *const ansi_names[] = { "black", "red", "green", "yellow", "blue", "magenta", "cyan", "white", NULL };
static const char *const attr_names[] = { "bold", "dim", "italic", "underline", "reverse", NULL };

/* xterm's sixteen, the usual ground truth. */
static const guint32 ansi_rgb[16] = { 0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee, 0xcd00cd, 0x00cdcd, 0xe5e5e5,
                                      0x7f7f7f, 0xff0000, 0x00ff00, 0xffff00, 0x5c5cff, 0xff00ff, 0x00ffff, 0xffffff };

static guint
distance (guint32 a, guint32 b)
{
  int red = (int) (a >> 16 & 255) - (int) (b >> 16 & 255), green = (int) (a >> 8 & 255) - (int) (b >> 8 & 255),
      blue = (int) (a & 255) - (int) (b & 255);
  return (guint) (2 * red * red + 4 * green * green + 3 * blue * blue);
}

static guint32
cube_rgb (guint index)
{
  static const guint8 steps[] = { 0, 95, 135, 175, 215, 255 };
  if (index >= 232)
    return (8 + 10 * (index - 232)) * 0x010101u;
  index -= 16;
  return (guint32) steps[index / 36] << 16 | (guint32) steps[index / 6 % 6] << 8 | steps[index % 6];
}

static guint
nearest (guint32 rgb, guint first, guint end)
{
  guint best = first, least = G_MAXUINT;
  for (guint i = first; i < end; i++)
    {
      guint d = distance (rgb, i < 16 ? ansi_rgb[i] : cube_rgb (i));
      if (d < least)
        {
          least = d;
          best = i;
        }
    }
  return best;
}

FmColour
fm_theme_degrade (FmColour colour, FmDepth depth)
{
  guint32 kind = colour & FM_COLOUR_KIND_MASK, value = colour & ~FM_COLOUR_KIND_MASK;
  if (colour == FM_COLOUR_DEFAULT || depth == FM_DEPTH_MONO)
    return FM_COLOUR_DEFAULT;
  if (kind == FM_COLOUR_KIND_RGB)
    {
      if (depth == FM_DEPTH_DIRECT)
        return colour;
      if (depth == FM_DEPTH_256)
        return FM_COLOUR_INDEX (nearest (value, 16, 256));
      return FM_COLOUR_INDEX (nearest (value, 0, depth == FM_DEPTH_16 ? 16 : 8));
    }
  if (value >= 16 && depth < FM_DEPTH_256)
    return FM_COLOUR_INDEX (nearest (cube_rgb (value), 0, depth == FM_DEPTH_16 ? 16 : 8));
  if (value >= 8 && depth == FM_DEPTH_8)
    return FM_COLOUR_INDEX (value - 8);
  return colour;
}

static gboolean
parse_colour (GHashTable *palette, const char *word, FmColour *ret_colour)
{
  guint64 number;
  const char *name = word;
  guint bright = 0;
  gpointer named;
  if (strcmp (word, "default") == 0)
    *ret_colour = FM_COLOUR_DEFAULT;
  else if (g_hash_table_lookup_extended (palette, word, NULL, &named))
    *ret_colour = GPOINTER_TO_UINT (named);
  else if (*word == '#' && strlen (word) == 7 && g_ascii_string_to_unsigned (word + 1, 16, 0, 0xffffff, &number, NULL))
    *ret_colour = FM_COLOUR_RGB (number);
  else if (g_str_has_prefix (word, "colour") && g_ascii_string_to_unsigned (word + 6, 10, 0, 255, &number, NULL))
    *ret_colour = FM_COLOUR_INDEX (number);
  else
    {
      if (g_str_has_prefix (word, "bright-"))
        {
          name += 7;
          bright = 8;
        }
      for (guint i = 0; ansi_names[i]; i++)
        if (strcmp (ansi_names[i], name) == 0)
          {
            *ret_colour = FM_COLOUR_INDEX (i + bright);
            return TRUE;
          }
      return FALSE;
    }
  return TRUE;
}

static int
find_name (const char *const *names, const char *name)
{
  for (int i = 0; names[i]; i++)
    if (strcmp (names[i], name) == 0)
      return i;
  return -1;
}

static char *
parse_value (GHashTable *palette, const char *value, Entry *ret_entry)
{
  g_auto (GStrv) words = g_strsplit_set (value, " \t", -1);
  Entry entry = { 0 };
  guint place = 0;
  for (guint i = 0; words[i]; i++)
    {
      if (!*words[i])
        continue;
      FmColour *colour = place == 0 ? &entry.look.fg : &entry.look.bg;
      int attr = find_name (attr_names, words[i]);
      g_autofree char *shown = fm_text_sanitise_line (words[i], -1);
      if (place < 2 && strcmp (words[i], "-") != 0)
        {
          if (!parse_colour (palette, words[i], colour))
            return g_strdup_printf ("`%s` is no colour: write #rrggbb, a name of the palette, red, bright-red, colour123, default or -",
                                    shown);
          entry.has |= place == 0 ? HAS_FG : HAS_BG;
        }
      else if (place >= 2 && strcmp (words[i], "none") == 0)
        entry.has |= HAS_ATTRS;
      else if (place >= 2 && attr < 0)
        return g_strdup_printf ("`%s` is no attribute: write bold, dim, italic, underline, reverse or none", shown);
      else if (place >= 2)
        {
          entry.look.attrs |= 1u << attr;
          entry.has |= HAS_ATTRS;
        }
      place++;
    }
  if (place < 2)
    return g_strdup ("a role needs a foreground and a background; - leaves one as it is");
  *ret_entry = entry;
  return NULL;
}

static char *
unknown_role (const char *name)
{
  const char *candidates[FM_ROLE_COUNT + 1];
  for (guint i = 0; i < FM_ROLE_COUNT; i++)
    candidates[i] = roles[i].name;
  candidates[FM_ROLE_COUNT] = NULL;
  const char *near = fm_text_nearest (name, candidates);
  g_autofree char *shown = fm_text_sanitise_line (name, -1);
  return g_strdup_printf ("no role is called `%s`%s%s", shown, near ? ": did you mean " : "", near ? near : "");
}

/* One line; the complaint about it, or NULL. */
static char *
parse_line (FmTheme *theme, GHashTable *palette, char *line)
{
  char *equals = strchr (line, '=');
  if (!equals)
    return g_strdup ("this is neither `role = colours` nor `colour NAME = #rrggbb`");
  *equals = '\0';
  char *name = g_strstrip (line), *value = g_strstrip (equals + 1);
  if (g_str_has_prefix (name, "colour "))
    {
      FmColour colour;
      if (!parse_colour (palette, value, &colour))
        return g_strdup ("this is no colour: write #rrggbb");
      if (g_hash_table_size (palette) >= COLOURS_MAX)
        return g_strdup ("too many colours");
      g_hash_table_insert (palette, g_strdup (g_strstrip (name + 7)), GUINT_TO_POINTER (colour));
      return NULL;
    }
  for (guint i = 0; i < FM_ROLE_COUNT; i++)
    if (strcmp (roles[i].name, name) == 0)
      return parse_value (palette, value, &theme->own[i]);
  return unknown_role (name);
}

static FmLook
apply (FmLook base, const Entry *own)
{
  if (own->has & HAS_FG)
    base.fg = own->look.fg;
  if (own->has & HAS_BG)
    base.bg = own->look.bg;
  if (own->has & HAS_ATTRS)
    base.attrs = own->look.attrs;
  return base;
}

/* A shade beyond the sixteen for which eight colours have black or white only. */
static gboolean
is_lost (FmColour colour)
{
  guint32 kind = colour & FM_COLOUR_KIND_MASK, value = colour & ~FM_COLOUR_KIND_MASK;
  if (colour == FM_COLOUR_DEFAULT || (kind == FM_COLOUR_KIND_INDEX && value < 16))
    return FALSE;
  FmColour left = fm_theme_degrade (colour, FM_DEPTH_8);
  return left == FM_COLOUR_INDEX (0) || left == FM_COLOUR_INDEX (7);
}

/* Black or white may be the terminal's own background: text of such a shade becomes the terminal's own, and where it was the ground, the
 * attributes stand in that tell the role where there is no colour at all. */
static void
replace_lost (Entry *own, guint32 mono, guint32 base_attrs)
{
  gboolean fg = own->has & HAS_FG && is_lost (own->look.fg), bg = own->has & HAS_BG && is_lost (own->look.bg);
  if (fg)
    own->look.fg = FM_COLOUR_DEFAULT;
  if (own->has & HAS_ATTRS)
    own->look.attrs |= base_attrs & FM_ATTR_REVERSE;
  if (!bg)
    return;
  own->look.bg = FM_COLOUR_DEFAULT;
  own->look.fg = FM_COLOUR_DEFAULT;
  own->look.attrs = (own->has & HAS_ATTRS ? own->look.attrs : 0) | mono;
  own->has |= HAS_FG | HAS_ATTRS;
}

/* Roles stand after their parents in the table, so one pass resolves all. */
static void
resolve (FmTheme *theme)
{
  for (guint i = 0; i < FM_ROLE_COUNT; i++)
    {
      Entry *own = &theme->own[i];
      if (theme->depth == FM_DEPTH_8)
        replace_lost (own, roles[i].mono, i == FM_ROLE_NORMAL ? 0 : theme->looks[roles[i].parent].attrs);
      own->look.fg = fm_theme_degrade (own->look.fg, theme->depth);
      own->look.bg = fm_theme_degrade (own->look.bg, theme->depth);
      if (theme->depth == FM_DEPTH_MONO)
        *own = (Entry){ .look.attrs = (own->has & HAS_ATTRS ? own->look.attrs : 0) | roles[i].mono, .has = HAS_ATTRS };
      FmLook base = i == FM_ROLE_NORMAL ? (FmLook){ 0 } : theme->looks[roles[i].parent];
      if (i != FM_ROLE_NORMAL && theme->depth == FM_DEPTH_MONO)
        base = theme->looks[FM_ROLE_NORMAL];
      theme->looks[i] = apply (base, own);
    }
}

FmTheme *
fm_theme_parse (const char *text, gssize size_bytes, const char *file_name, FmDepth depth, GPtrArray *problems)
{
  FmTheme *theme = g_new0 (FmTheme, 1);
  g_autofree char *copy = g_strndup (text, size_bytes < 0 ? strlen (text) : (gsize) size_bytes);
  g_auto (GStrv) lines = g_strsplit (copy, "\n", -1);
  g_autoptr (GHashTable) palette = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  theme->depth = depth;
  for (guint i = 0; lines[i]; i++)
    {
      char *line = g_strstrip (lines[i]);
      if (!*line || *line == '#')
        continue;
      g_autofree char *problem = parse_line (theme, palette, line);
      if (problem && problems)
        g_ptr_array_add (problems, g_strdup_printf ("%s:%u: %s", file_name, i + 1, problem));
    }
  resolve (theme);
  return theme;
}

void
fm_theme_free (FmTheme *theme)
{
  g_free (theme);
}

FmLook
fm_theme_look (const FmTheme *theme, FmRole role)
{
  return theme->looks[role];
}

FmLook
fm_theme_over (const FmTheme *theme, FmRole role, FmLook base)
{
  guint32 attrs = base.attrs;
  FmLook look = apply (base, &theme->own[role]);
  look.attrs |= attrs;
  return look;
}

const char *const *
fm_theme_names (void)
{
  static const char *names[G_N_ELEMENTS (builtin_themes) + 1];
  for (guint i = 0; i < G_N_ELEMENTS (builtin_themes); i++)
    names[i] = builtin_themes[i].name;
  return names;
}

static const char *
builtin (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (builtin_themes); i++)
    if (strcmp (builtin_themes[i].name, name) == 0)
      return builtin_themes[i].text;
  return NULL;
}

static char *
theme_path (const char *dir, const char *name)
{
  g_autofree char *safe = fm_paths_safe_name (name, 100);
  g_autofree char *file = g_strconcat (safe, ".theme", NULL);
  return g_build_filename (dir, file, NULL);
}

/* The text of the first file that there is; a theme file is small, so a bigger one is no theme. */
static char *
read_theme (const char *name, char **ret_path)
{
  g_autofree char *config = fm_paths_config_file ();
  g_autofree char *config_dir = g_path_get_dirname (config);
  g_autofree char *own_dir = g_build_filename (config_dir, "themes", NULL);
  char *paths[] = { strchr (name, '/') ? fm_paths_expand (name) : theme_path (own_dir, name), theme_path (FM_THEMEDIR, name) };
  char *text = NULL;
  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      gsize size;
      if (!text && g_file_get_contents (paths[i], &text, &size, NULL))
        {
          text[MIN (size, FILE_MAX_BYTES)] = '\0';
          *ret_path = g_strdup (paths[i]);
        }
      g_free (paths[i]);
    }
  return text;
}

gboolean
fm_theme_exists (const char *name)
{
  g_autofree char *path = NULL, *file = read_theme (name, &path);
  return file || builtin (name);
}

void
fm_theme_tell_unknown (const char *name, const char *instead, GPtrArray *problems)
{
  const char *near = fm_text_nearest (name, fm_theme_names ());
  g_autofree char *shown = fm_text_sanitise_line (name, -1);
  g_ptr_array_add (
      problems, g_strdup_printf ("no theme is called `%s`%s%s: using %s", shown, near ? "; did you mean " : "", near ? near : "", instead));
}

FmTheme *
fm_theme_load (const char *name, FmDepth depth, GPtrArray *problems)
{
  g_autofree char *path = NULL;
  g_autofree char *file = read_theme (name, &path);
  const char *text = file ? file : builtin (name);
  if (text)
    return fm_theme_parse (text, -1, path ? path : name, depth, problems);
  if (problems)
    fm_theme_tell_unknown (name, "dark", problems);
  return fm_theme_parse (builtin ("dark"), -1, "dark", depth, problems);
}
