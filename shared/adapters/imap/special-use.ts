import type { SpecialUse } from "../../domain/folders.ts";

type NamedUse = Exclude<SpecialUse, "inbox">;

/** Attributes of RFC 6154. */
const ATTRIBUTES: Readonly<Record<string, NamedUse>> = {
  "\\sent": "sent",
  "\\drafts": "drafts",
  "\\trash": "trash",
  "\\junk": "junk",
  "\\archive": "archive",
};

/**
 * Names under which mail programs and servers create these folders: English, German, French, Spanish, Portuguese,
 * Italian, Dutch, Swedish, Danish, Norwegian, Finnish, Polish, Czech, Slovak, Hungarian, Romanian, Russian, Ukrainian,
 * Turkish, Greek, Japanese, Chinese (simplified, traditional), Korean, Hebrew, Arabic; one language a line.
 */
const NAMES: Readonly<Record<NamedUse, string>> = {
  sent: `
    sent|sent items|sent messages|sent mail|sent-mail
    gesendet|gesendete elemente|gesendete objekte|gesendete nachrichten
    envoyés|éléments envoyés|messages envoyés|courrier envoyé
    enviados|elementos enviados|mensajes enviados|correo enviado
    itens enviados|enviadas|mensagens enviadas|e-mails enviados
    inviati|posta inviata|messaggi inviati|elementi inviati
    verzonden|verzonden items|verzonden berichten
    skickat|skickade objekt|skickade meddelanden
    sendt|sendt post|sendte elementer|sendte beskeder
    sendte meldinger|sendt e-post
    lähetetyt|lähetetyt kohteet|lähetetyt viestit
    wysłane|elementy wysłane|wysłane elementy
    odeslané|odeslaná pošta|odeslané položky
    odoslané|odoslaná pošta|odoslané položky
    elküldött|elküldött elemek|elküldött üzenetek
    trimise|mesaje trimise|elemente trimise
    отправленные|отправленные элементы
    надіслані|відправлені|надіслані елементи
    gönderilenler|gönderilmiş öğeler|gönderilmiş postalar
    απεσταλμένα|σταλμένα|απεσταλμένα στοιχεία
    送信済み|送信済みアイテム|送信済みメール
    已发送|已发送邮件|已发邮件|已发送的邮件
    寄件備份|已傳送|已寄出
    보낸 편지함|보낸편지함|보낸메일함
    פריטים שנשלחו|נשלחו
    المرسلة|العناصر المرسلة|البريد المرسل`,
  drafts: `
    drafts|draft
    entwürfe|entwurf
    brouillons|brouillon
    borradores
    rascunhos
    bozze
    concepten
    utkast
    kladder
    kladd
    luonnokset
    kopie robocze|szkice|wersje robocze
    koncepty
    rozpísané
    piszkozatok
    schițe|ciorne
    черновики
    чернетки
    taslaklar
    πρόχειρα
    下書き
    草稿|草稿箱
    草稿匣
    임시 보관함|임시보관함
    טיוטות
    المسودات|مسودات`,
  trash: `
    trash|deleted|deleted items|deleted messages|bin
    papierkorb|gelöscht|gelöschte elemente|gelöschte objekte
    corbeille|éléments supprimés|messages supprimés
    papelera|elementos eliminados|mensajes eliminados
    lixeira|itens eliminados|itens excluídos|lixo
    cestino|posta eliminata|elementi eliminati
    prullenbak|prullenmand|verwijderde items|verwijderd
    papperskorgen|borttaget|borttagna objekt
    slettet post|papirkurv|slettede elementer
    søppel|papirkurven
    roskakori|poistetut|poistetut kohteet
    kosz|elementy usunięte|usunięte
    koš|odstraněná pošta|odstraněné položky
    kôš|odstránená pošta|odstránené položky
    kuka|törölt elemek|törölt üzenetek
    coș de gunoi|gunoi|elemente șterse
    корзина|удаленные|удалённые|удаленные элементы
    кошик|видалені|видалені елементи
    çöp kutusu|çöp|silinmiş öğeler
    κάδος|κάδος απορριμμάτων|διαγραμμένα
    ゴミ箱|ごみ箱|削除済みアイテム
    已删除|已删除邮件|垃圾箱|废件箱
    垃圾桶|刪除的郵件
    휴지통|지운 편지함
    אשפה|פריטים שנמחקו
    سلة المهملات|المهملات|العناصر المحذوفة`,
  junk: `
    junk|spam|junk e-mail|junk email|junk mail|bulk mail
    junk-e-mail|unerwünscht|unerwünschte werbung|spamverdacht
    courrier indésirable|indésirables|pourriel
    correo no deseado|no deseado
    lixo eletrônico|lixo eletrónico|correio não solicitado
    posta indesiderata|indesiderata
    ongewenste e-mail|ongewenst|ongewenste reclame
    skräppost
    uønsket|uønsket mail|uønsket post
    søppelpost|uønsket e-post
    roskaposti
    wiadomości-śmieci|niechciane
    nevyžádaná pošta|nevyžádané
    nevyžiadaná pošta
    levélszemét
    mesaje nedorite|nedorite
    спам|нежелательная почта
    небажана пошта
    gereksiz|gereksiz e-posta|önemsiz
    ανεπιθύμητα|ανεπιθύμητη αλληλογραφία
    迷惑メール
    垃圾邮件
    垃圾郵件
    스팸|스팸메일함|정크 메일
    דואר זבל
    البريد غير الهام|البريد المزعج`,
  archive: `
    archive|archives|archived
    archiv
    archivé
    archivo|archivados
    arquivo|arquivo morto|arquivos
    archivio
    archief
    arkiv
    arkiveret
    arkivert
    arkisto
    archiwum
    archív
    archívum
    arhivă|arhiva
    архив
    архів
    arşiv
    αρχείο|αρχειοθήκη
    アーカイブ
    存档|归档
    封存
    보관함|아카이브
    ארכיון
    أرشيف|الأرشيف`,
};

const USE_BY_NAME: ReadonlyMap<string, NamedUse> = new Map(
  (Object.entries(NAMES) as [NamedUse, string][]).flatMap(([use, names]) =>
    names.split(/[|\n]/).map((name): [string, NamedUse] => [fold(name), use]),
  ),
);

/** The use the server declares for a folder. @param attributes LIST attributes in lower case. */
export function declaredUse(attributes: ReadonlySet<string>): NamedUse | undefined {
  for (const attribute of attributes) {
    const use = ATTRIBUTES[attribute];
    if (use) return use;
  }
  return undefined;
}

/** The use a folder's name suggests, for folders at the top or right below the inbox. */
export function suggestedUse(segments: readonly string[]): NamedUse | undefined {
  const [name] = segments[0] === "INBOX" ? segments.slice(1) : segments;
  const depth = segments[0] === "INBOX" ? segments.length - 1 : segments.length;
  return depth === 1 && name !== undefined ? USE_BY_NAME.get(fold(name)) : undefined;
}

interface Candidate {
  readonly path: string;
  readonly segments: readonly string[];
  readonly attributes: ReadonlySet<string>;
}

/**
 * Gives each use to one folder at most: to the one the server declares, and only where it declares none to the first
 * one whose name suggests it. Pure.
 * @returns uses by path.
 */
export function assignUses(folders: readonly Candidate[]): ReadonlyMap<string, SpecialUse> {
  const uses = new Map<string, SpecialUse>();
  const taken = new Set<SpecialUse>();
  const assign = (folder: Candidate, use: SpecialUse | undefined) => {
    if (use === undefined || taken.has(use) || uses.has(folder.path)) return;
    taken.add(use);
    uses.set(folder.path, use);
  };
  for (const folder of folders)
    if (folder.segments.length === 1 && folder.segments[0] === "INBOX") assign(folder, "inbox");
  for (const folder of folders) assign(folder, declaredUse(folder.attributes));
  for (const folder of folders) assign(folder, suggestedUse(folder.segments));
  return uses;
}

function fold(name: string): string {
  return name.trim().normalize("NFC").toLowerCase();
}
