import { describe, expect, it } from "vitest";
import { bufferSource } from "../../../../../shared/adapters/byte-source.ts";
import { loadContent } from "../../../../../shared/adapters/graph/mime/content.ts";
import { isGuess } from "../../../../../shared/adapters/graph/mime/notes.ts";
import { planMessage } from "../../../../../shared/adapters/graph/mime/plan.ts";
import { propertyIds, propertyValue } from "../../../../../shared/adapters/graph/properties.ts";
import { damagedKinds, type RightReading } from "../../../../stack/conformance/damaged/kinds.ts";

const facts = { internalDate: new Date("2020-05-06T07:08:09Z"), flags: [], stamp: "s", chunkToken: "c" };

/** The same points of a plan as those of the right reading. */
async function read(content: Buffer, right: RightReading): Promise<RightReading> {
  const source = bufferSource(content);
  const { message, attachments } = await planMessage(source, facts);
  const text = message.body.content.replaceAll("\r\n", "\n").trim();
  const files = await Promise.all(
    attachments.map(async (one) => [one.name, (await loadContent(source, one.content)).toString()] as const),
  );
  const reading: Required<RightReading> = {
    subject: message.subject,
    from: message.from?.emailAddress ?? {},
    to: message.toRecipients.map((one) => one.emailAddress),
    text: message.body.contentType === "text" ? text : "",
    html: message.body.contentType === "html" ? text : "",
    files,
    sent: propertyValue(message.singleValueExtendedProperties, propertyIds.sent) ?? "",
    fileType: attachments[0]?.contentType ?? "",
  };
  return Object.fromEntries(Object.entries(reading).filter(([point]) => point in right));
}

describe("damaged mail", () => {
  it.each(damagedKinds.map((one) => [one.kind, one] as const))("%s", async (_, { content, right }) => {
    expect(await read(content, right)).toEqual(right);
  });

  it("keeps the whole header, whatever stands before and between the fields", async () => {
    for (const { kind, content } of damagedKinds) {
      const { message } = await planMessage(bufferSource(content), facts);
      const stored = propertyValue(message.singleValueExtendedProperties, propertyIds.transportHeaders) ?? "";
      const shown = message.body.content;
      for (const line of ["Microsoft Mail", "+OK 512", ">From ann", "a line", "another line"])
        if (content.includes(line))
          expect([kind, `${stored}${shown}`]).toEqual([kind, expect.stringContaining(line)]);
    }
  });

  it("says which readings are guesses", async () => {
    const guessed = new Set<string>();
    for (const { content } of damagedKinds)
      for (const note of (await planMessage(bufferSource(content), facts)).notes)
        if (isGuess(note)) guessed.add(note);
    expect([...guessed].toSorted()).toEqual([
      "BodyNamed",
      "BoundaryGuessed",
      "CharsetGuessed",
      "ContentTypeGuessed",
      "DateGuessed",
      "FileInText",
      "HeaderCharsetGuessed",
      "HeaderMended",
      "NameGuessed",
      "PartAfterEnd",
      "TextOutsideParts",
    ]);
  });
});
