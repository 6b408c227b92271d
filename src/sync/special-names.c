/* A table of folder names. The order within a kind is the order of trust: the English names that programs create first, then translations. Compared
 * folded, so that case, width and composition don't matter. */
#include "sync/special-names.h"
#include "fulmar/base/text.h"

#include <string.h>

static const char *const sent_names[] = { "Sent",
                                          "Sent Items",
                                          "Sent Messages",
                                          "Sent Mail",
                                          "Sent-Mail",
                                          "Outbox/Sent",
                                          "Gesendet",
                                          "Gesendete Elemente",
                                          "Gesendete Objekte",
                                          "Gesendete Nachrichten",
                                          "Postausgang gesendet",
                                          "Envoyés",
                                          "Éléments envoyés",
                                          "Messages envoyés",
                                          "Courrier envoyé",
                                          "Objets envoyés",
                                          "Enviados",
                                          "Elementos enviados",
                                          "Mensajes enviados",
                                          "Correo enviado",
                                          "Itens enviados",
                                          "Mensagens enviadas",
                                          "Inviati",
                                          "Inviata",
                                          "Posta inviata",
                                          "Elementi inviati",
                                          "Messaggi inviati",
                                          "Verzonden",
                                          "Verzonden items",
                                          "Verzonden berichten",
                                          "Skickat",
                                          "Skickade",
                                          "Skickade objekt",
                                          "Sendt",
                                          "Sendte elementer",
                                          "Sendt post",
                                          "Lähetetyt",
                                          "Lähetetyt kohteet",
                                          "Wysłane",
                                          "Elementy wysłane",
                                          "Odeslané",
                                          "Odeslaná pošta",
                                          "Odoslané",
                                          "Poslano",
                                          "Elküldött",
                                          "Elküldött elemek",
                                          "Trimise",
                                          "Elemente trimise",
                                          "Изпратени",
                                          "Отправленные",
                                          "Надіслані",
                                          "Απεσταλμένα",
                                          "Gönderilmiş Öğeler",
                                          "Gönderilenler",
                                          "Gönderilmiş Postalar",
                                          "送信済み",
                                          "送信済みメール",
                                          "送信済みアイテム",
                                          "已发送",
                                          "已发送邮件",
                                          "已發送郵件",
                                          "寄件備份",
                                          "보낸 편지함",
                                          "보낸편지함",
                                          "פריטים שנשלחו",
                                          "المرسلة",
                                          "รายการที่ส่ง",
                                          "Đã gửi",
                                          NULL };

static const char *const draft_names[]
    = { "Drafts",      "Draft",      "Entwürfe",  "Entwurf",   "Brouillons", "Brouillon",   "Borradores", "Borrador",
        "Rascunhos",   "Bozze",      "Concepten", "Utkast",    "Kladder",    "Kladde",      "Luonnokset", "Wersje robocze",
        "Szkice",      "Koncepty",   "Rozepsané", "Osnutki",   "Skice",      "Piszkozatok", "Ciorne",     "Чернови",
        "Черновики",   "Чернетки",   "Πρόχειρα",  "Taslaklar", "下書き",     "草稿",        "草稿箱",     "草稿匣",
        "임시 보관함", "임시보관함", "טיוטות",    "مسودات",    "المسودات",   "ร่าง",         "Bản nháp",   NULL };

static const char *const trash_names[] = { "Trash",
                                           "Deleted Items",
                                           "Deleted Messages",
                                           "Deleted",
                                           "Bin",
                                           "Deleted-Items",
                                           "Papierkorb",
                                           "Gelöschte Elemente",
                                           "Gelöschte Objekte",
                                           "Gelöschte Nachrichten",
                                           "Gelöscht",
                                           "Corbeille",
                                           "Éléments supprimés",
                                           "Messages supprimés",
                                           "Papelera",
                                           "Elementos eliminados",
                                           "Lixeira",
                                           "Itens excluídos",
                                           "Itens eliminados",
                                           "Lixo",
                                           "Cestino",
                                           "Posta eliminata",
                                           "Elementi eliminati",
                                           "Prullenbak",
                                           "Verwijderde items",
                                           "Verwijderd",
                                           "Papperskorgen",
                                           "Borttaget",
                                           "Borttagna objekt",
                                           "Papirkurv",
                                           "Slettet post",
                                           "Slettede elementer",
                                           "Søppel",
                                           "Roskakori",
                                           "Poistetut",
                                           "Kosz",
                                           "Elementy usunięte",
                                           "Koš",
                                           "Odstraněná pošta",
                                           "Odstránené",
                                           "Smetnjak",
                                           "Lomtár",
                                           "Törölt elemek",
                                           "Coș de gunoi",
                                           "Elemente șterse",
                                           "Кошче",
                                           "Корзина",
                                           "Удаленные",
                                           "Удалённые",
                                           "Кошик",
                                           "Видалені",
                                           "Κάδος απορριμμάτων",
                                           "Διαγραμμένα",
                                           "Çöp Kutusu",
                                           "Çöp",
                                           "Silinmiş Öğeler",
                                           "ゴミ箱",
                                           "ごみ箱",
                                           "削除済みアイテム",
                                           "已删除",
                                           "已删除邮件",
                                           "垃圾桶",
                                           "废件箱",
                                           "刪除的郵件",
                                           "휴지통",
                                           "지운 편지함",
                                           "אשפה",
                                           "פריטים שנמחקו",
                                           "سلة المهملات",
                                           "المحذوفات",
                                           "ถังขยะ",
                                           "Thùng rác",
                                           NULL };

static const char *const junk_names[] = { "Junk",
                                          "Spam",
                                          "Junk E-mail",
                                          "Junk Email",
                                          "Junk Mail",
                                          "Bulk Mail",
                                          "Bulk",
                                          "Unerwünscht",
                                          "Spamverdacht",
                                          "Werbung",
                                          "Indésirables",
                                          "Pourriel",
                                          "Courrier indésirable",
                                          "Correo no deseado",
                                          "Lixo eletrônico",
                                          "Lixo electrónico",
                                          "Posta indesiderata",
                                          "Ongewenste e-mail",
                                          "Ongewenst",
                                          "Skräppost",
                                          "Uønsket e-post",
                                          "Uønsket mail",
                                          "Uønsket",
                                          "Roskaposti",
                                          "Wiadomości-śmieci",
                                          "Nevyžádaná pošta",
                                          "Nevyžiadaná pošta",
                                          "Levélszemét",
                                          "Mesaje nedorite",
                                          "Нежелана поща",
                                          "Спам",
                                          "Нежелательная почта",
                                          "Небажана пошта",
                                          "Ανεπιθύμητα",
                                          "Gereksiz",
                                          "Önemsiz E-posta",
                                          "İstenmeyen",
                                          "迷惑メール",
                                          "垃圾邮件",
                                          "垃圾郵件",
                                          "스팸",
                                          "스팸 편지함",
                                          "정크 메일",
                                          "דואר זבל",
                                          "البريد غير الهام",
                                          "อีเมลขยะ",
                                          "Thư rác",
                                          NULL };

static const char *const archive_names[]
    = { "Archive", "Archives", "Archived", "Archiv", "Archivo", "Archivio", "Archief",    "Arkiv",   "Arkisto",    "Archiwum", "Archív",
        "Arhiv",   "Arhivă",   "Archívum", "Архив",  "Архів",   "Αρχείο",   "Αρχειοθήκη", "Arşiv",   "アーカイブ", "存档",     "归档",
        "封存",    "보관함",   "보관",     "ארכיון", "أرشيف",   "الأرشيف",  "ที่เก็บถาวร",   "Lưu trữ", NULL };

static const char *const inbox_names[] = { "INBOX", NULL };

static const char *const *const tables[] = {
  [FM_SPECIAL_NAMES_INBOX] = inbox_names, [FM_SPECIAL_NAMES_SENT] = sent_names, [FM_SPECIAL_NAMES_DRAFTS] = draft_names,
  [FM_SPECIAL_NAMES_TRASH] = trash_names, [FM_SPECIAL_NAMES_JUNK] = junk_names, [FM_SPECIAL_NAMES_ARCHIVE] = archive_names,
};

/* The part of NAME that may be a special name, or NULL if it stands too deep. */
static const char *
last_component (const char *name, char delim)
{
  const char *last = delim == '\0' ? NULL : strrchr (name, delim);
  if (last == NULL)
    return name;
  static const char *const parents[] = { "INBOX", "[Gmail]", "[Google Mail]" };
  gsize length = (gsize) (last - name);
  for (guint i = 0; i < G_N_ELEMENTS (parents); i++)
    if (strlen (parents[i]) == length && g_ascii_strncasecmp (parents[i], name, length) == 0)
      return last + 1;
  return NULL;
}

/* Folded name -> its place, kind * RANKS + rank; made once, since folding the table for each of thousands of folders would be felt. */
#define RANKS 1000

static GHashTable *
places (void)
{
  static GHashTable *made;
  if (g_once_init_enter (&made))
    {
      GHashTable *table = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
      for (guint kind = FM_SPECIAL_NAMES_INBOX; kind < G_N_ELEMENTS (tables); kind++)
        for (guint i = 0; tables[kind][i] != NULL; i++)
          g_hash_table_insert (table, fm_text_fold (tables[kind][i]), GUINT_TO_POINTER (kind * RANKS + i));
      g_once_init_leave (&made, table);
    }
  return made;
}

static guint
place_of (const char *folder_name, char delim)
{
  const char *component = last_component (folder_name, delim);
  if (component == NULL)
    return 0;
  g_autofree char *folded = fm_text_fold (component);
  guint place = GPOINTER_TO_UINT (g_hash_table_lookup (places (), folded));
  return place / RANKS == FM_SPECIAL_NAMES_INBOX && component != folder_name ? 0 : place;
}

guint
fm_special_names_rank (const char *folder_name, char delim, FmSpecialNames kind)
{
  guint place = place_of (folder_name, delim);
  return place != 0 && place / RANKS == (guint) kind ? place % RANKS : G_MAXUINT;
}

FmSpecialNames
fm_special_names_find (const char *folder_name, char delim)
{
  return (FmSpecialNames) (place_of (folder_name, delim) / RANKS);
}

const char *
fm_special_names_default (FmSpecialNames kind)
{
  return kind == FM_SPECIAL_NAMES_NONE || kind >= G_N_ELEMENTS (tables) ? "" : tables[kind][0];
}
