import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { damagedMessages, type Family } from "./mutations.ts";
import { agreement, type Point, points, type Reading } from "./reading.ts";

const run = promisify(execFile);
const stored = join(import.meta.dirname, "verdicts.json");

/** Programs that read mail and share no code with the product or each other, and how each is run on a directory. */
const programs = {
  "Python email": ["python3", "python_email.py"],
  "GMime (notmuch)": ["python3", "notmuch.py"],
  "MIME-tools": ["perl", "mime_tools.pl"],
  Dovecot: ["python3", "dovecot.py"],
  "Thunderbird (JSMime)": ["node", "thunderbird.ts"],
  "Ruby Mail": ["ruby", "ruby_mail.rb"],
  "postal-mime": ["node", "postal_mime.ts"],
} as const;

export type Witness = keyof typeof programs;
export const witnesses = Object.keys(programs) as readonly Witness[];

/**
 * Families that a program says nothing of: Dovecot hands texts and encoded words on as they are. What it agrees in is no
 * witness there.
 */
const silentIn: Partial<Record<Witness, readonly Family[]>> = { Dovecot: ["charset", "encoding", "words"] };

export function isSilentIn(witness: Witness, family: Family): boolean {
  return silentIn[witness]?.includes(family) === true;
}

/** By message and program, the points in which the program reads no truth; absent where it read nothing. */
export type Verdicts = Readonly<Record<string, Partial<Record<Witness, readonly Point[]>>>>;

export async function storedVerdicts(): Promise<Verdicts> {
  return JSON.parse(await readFile(stored, "utf8"));
}

/**
 * Has every program read every damaged message, and stores what they make of it. Needs Debian's python3, perl, notmuch,
 * libmime-tools-perl, ruby-mail and dovecot-core, and root; Thunderbird's package is downloaded and not installed.
 */
export async function askWitnesses(): Promise<void> {
  const messages = damagedMessages();
  const directory = await mkdtemp(join(tmpdir(), "imap-to-m365-witnesses-"));
  try {
    // Ids are no file names.
    for (const [index, { content }] of messages.entries())
      await writeFile(join(directory, `${index}.eml`), content);
    const verdicts = messages.map((): Partial<Record<Witness, readonly Point[]>> => ({}));
    for (const witness of witnesses) {
      const [command, script] = programs[witness];
      const { stdout } = await run(command, [join(import.meta.dirname, "witnesses", script), directory], {
        maxBuffer: 1 << 28,
      });
      const readings: Readonly<Record<string, Reading | undefined>> = JSON.parse(stdout);
      messages.forEach(({ truth }, index) => {
        const reading = readings[index];
        if (reading === undefined) return;
        const told = { ...reading, text: reading.text ?? undefined };
        const agreed = agreement(told, truth);
        const verdict = verdicts[index];
        if (verdict !== undefined) verdict[witness] = points.filter((point) => !agreed.has(point));
      });
    }
    const lines = messages.map(
      ({ id }, index) => `${JSON.stringify(id)}: ${JSON.stringify(verdicts[index])}`,
    );
    await writeFile(stored, `{\n${lines.join(",\n")}\n}\n`);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
