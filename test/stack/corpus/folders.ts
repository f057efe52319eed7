import type { SpecialUse } from "../../../shared/domain/folders.ts";
import type { Random } from "../random.ts";

/** A folder of a generated mailbox. */
export interface CorpusFolder {
  /** Path from the root of the mailbox; `["INBOX"]` is the inbox. */
  readonly segments: readonly string[];
  readonly specialUse?: SpecialUse;
  /** How much of the mail is here, in relation to the other folders; 0 is an empty folder. */
  readonly weight: number;
}

const ALWAYS: readonly CorpusFolder[] = [
  { segments: ["INBOX"], specialUse: "inbox", weight: 40 },
  { segments: ["Sent"], specialUse: "sent", weight: 15 },
  { segments: ["Drafts"], specialUse: "drafts", weight: 2 },
  { segments: ["Trash"], specialUse: "trash", weight: 4 },
  { segments: ["Junk"], specialUse: "junk", weight: 3 },
  { segments: ["Archive"], specialUse: "archive", weight: 6 },
  { segments: ["Archive", "2019", "Q3", "Rechnungen"], weight: 5 },
  { segments: ["Projekte", "Müller & Söhne", "Angebote", "Endgültig"], weight: 5 },
  { segments: ["R&D"], weight: 3 },
];

const SOMETIMES: readonly CorpusFolder[] = [
  { segments: ["Archive", "2019"], weight: 2 },
  { segments: ["Archive", "2012"], weight: 2 },
  { segments: ["Projekte", "Müller & Söhne"], weight: 2 },
  { segments: ["日本語", "請求書", "2021年", "三月"], weight: 3 },
  { segments: ["日本語"], weight: 2 },
  { segments: ["Rechnungen & Belege"], weight: 3 },
  { segments: ["Zürich-Büro", "Été à la plage"], weight: 2 },
  { segments: ["Проекты", "Отчёты"], weight: 2 },
  { segments: ["Familie", "Urlaub 🏖 Fotos"], weight: 2 },
  { segments: ["INBOX", "Team (intern)"], weight: 2 },
  { segments: ["It's done, mostly"], weight: 1 },
  {
    segments: ["A folder with a name that goes on for quite a while, as they do after fifteen years"],
    weight: 1,
  },
  { segments: ["Leer"], weight: 0 },
];

/** Folders of one mailbox: the usual ones, and by chance some others. */
export function foldersOf(random: Random, emoji: boolean): readonly CorpusFolder[] {
  const allowed = SOMETIMES.filter(
    ({ segments }) => emoji || !/\p{Extended_Pictographic}/u.test(segments.join()),
  );
  return [...ALWAYS, ...allowed.filter(() => random.chance(0.6))];
}
