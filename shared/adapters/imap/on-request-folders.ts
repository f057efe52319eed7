/** What a server says of itself, as far as it tells the product. */
export interface ServerTraits {
  readonly greeting: string;
  /** Its name by ID. */
  readonly software: string;
  has(capability: string): boolean;
}

/**
 * Folders that Exchange shows over IMAP although they hold no mail, or mail that was never sent. IMAP has no attribute
 * for them, and Exchange names them in the user's language; one language a line: English, German, French, Spanish,
 * Portuguese, Italian, Dutch, Swedish, Danish, Norwegian, Finnish, Polish, Czech.
 */
const EXCHANGE = `
  calendar|contacts|suggested contacts|journal|notes|outbox|tasks|sync issues|recipient cache|quick step settings
  kalender|kontakte|vorgeschlagene kontakte|notizen|postausgang|aufgaben|synchronisierungsprobleme
  calendrier|contacts suggérés|boîte d'envoi|boîte d\u2019envoi|tâches|problèmes de synchronisation
  calendario|contactos|contactos sugeridos|diario|notas|bandeja de salida|tareas|problemas de sincronización
  calendário|contatos|contatos sugeridos|diário|anotações|caixa de saída|tarefas|problemas de sincronização
  contatti|contatti suggeriti|note|posta in uscita|attività|problemi di sincronizzazione
  agenda|contactpersonen|voorgestelde contactpersonen|logboek|notities|postvak uit|taken|synchronisatieproblemen
  kontakter|föreslagna kontakter|anteckningar|utkorgen|uppgifter|synkroniseringsproblem
  kontaktpersoner|foreslåede kontaktpersoner|noter|udbakke|opgaver|synkroniseringsproblemer
  foreslåtte kontakter|notater|utboks|oppgaver|synkroniseringsproblemer
  kalenteri|yhteystiedot|ehdotetut yhteystiedot|päiväkirja|muistiinpanot|lähtevät|tehtävät|synkronointiongelmat
  kalendarz|kontakty|sugerowane kontakty|dziennik|notatki|skrzynka nadawcza|zadania|problemy z synchronizacją
  kalendář|navrhované kontakty|deník|poznámky|pošta k odeslání|úkoly|potíže se synchronizací`;

/** Folders of other kinds that a Zimbra server shows, in their fixed English names. */
const ZIMBRA = "briefcase|calendar|contacts|emailed contacts|notebook|tasks";

const exchangeNames = namesIn(EXCHANGE);
const zimbraNames = namesIn(ZIMBRA);

/** Attributes of folders that show what others hold (RFC 6154, section 2; RFC 8457). */
const VIEWS = ["\\all", "\\flagged", "\\important"];

interface Candidate {
  readonly segments: readonly string[];
  /** LIST attributes in lower case. */
  readonly attributes: ReadonlySet<string>;
}

/**
 * Tells the folders that are left out unless an operator asks for them: views of other folders, and those of a
 * groupware server that hold something else than mail, with everything below. Only such servers': on any other one a
 * folder named Calendar is a folder of mail. Pure.
 */
export function onRequestFolders(server: ServerTraits): (folder: Candidate) => boolean {
  const names = isExchange(server) ? exchangeNames : isZimbra(server) ? zimbraNames : undefined;
  return ({ segments: [top = ""], attributes }) =>
    VIEWS.some((view) => attributes.has(view)) || names?.has(top.normalize("NFC").toLowerCase()) === true;
}

/** The capability is Exchange's alone, and stays where an administrator changed the greeting. */
function isExchange(server: ServerTraits): boolean {
  const { greeting, software } = server;
  return /\bMicrosoft[ .]Exchange\b/i.test(`${greeting} ${software}`) || server.has("CLIENTACCESSRULES");
}

function isZimbra({ greeting, software }: ServerTraits): boolean {
  return /\bZimbra\b/i.test(`${greeting} ${software}`);
}

function namesIn(table: string): ReadonlySet<string> {
  return new Set(table.split(/[|\n]/).map((name) => name.trim().normalize("NFC")));
}
