/** So many programs have to agree, or it is said why they do not. */
export const enoughWitnesses = 3;

const lostLines =
  "The others take the first lines of the text for fields, up to the next blank line, and show the message without them. Here no line of text is lost.";
const rawSource =
  "The others show one text with the source of all parts in it, or nothing. The delimiters stand in the body, so that the parts can be found.";
const label =
  "The others believe the label and show wrong characters. Bytes beyond ASCII that are valid UTF-8 are hardly anything else.";

/** Where few programs agree: what the others make of it, and why the message is read otherwise here. */
export const disagreements: Readonly<Record<string, string>> = {
  "header: empty lines before":
    "By the letter of RFC 5322 an empty line ends the header, so the others show all fields as text, without sender and subject. Relays put the line there; fields that are known follow.",
  "header: no blank line after": lostLines,
  "header: line of blanks after": lostLines,
  "header: comma in a name":
    "By the grammar of RFC 5322 these are two senders, the first of them without an address. Address books write names so; one sender with the whole name is what was meant, and the only one who can be answered.",
  "boundary: folded inside quotes": rawSource,
  "boundary: closed before the last part":
    "What follows the closing delimiter is to be ignored (RFC 2046, 5.1.1), and the others do. Here a part is never lost: it is kept as an attachment, and counted.",
  "boundary: not declared": rawSource,
  "boundary: no semicolon": rawSource,
  "boundary: a second Content-Type first":
    "The others take the first of both fields, and show the source of the parts. Of two fields the one fits whose boundary is in the body.",
  "charset: declared as ASCII": label,
  "charset: declared as Latin-1": label,
  "charset: Latin-1 without declaration":
    "The others take ASCII or UTF-8 for granted and show replacement characters. What is not valid UTF-8 is read as Windows-1252 here, in which every byte is something.",
  "encoding: soft line break with blanks":
    "The others show the equals sign and break the word. Blanks at the end of a line came on the way and do not count (RFC 2045, 6.7, rule 3).",
  "encoding: in quotes":
    "The others do not know the encoding with its quotes, and keep the file encoded. Only one encoding can be meant.",
  "encoding: on the line of the type":
    "None of them sees the field, and so the text is shown encoded. The name of a known field is no parameter.",
  "encoding: uuencode in the text":
    "The others show the encoded lines. Mail programs of people have always shown a file there (MIME-tools where it is asked to).",
  "names: quotes inside quotes":
    "All end the name at the first quote inside, or drop it. It is the sender's whole name of the file.",
  "names: no semicolon":
    "None of them sees the name, and the file has none. The name of a known parameter tells.",
  "names: extended without asterisk":
    "All show the percent signs of the encoded form as the name. Charset and percent signs say what it is.",
  "words: question marks and blanks":
    "By the letter of RFC 2047 such a word is none, and the others show its source. Mail programs decode it, and so does GMime.",
  "words: cut inside base64":
    "The others decode each word alone, and show junk where a word ends within three bytes. Words of one charset next to each other are one text that was cut.",
  "words: raw in the charset of the text":
    "The others show replacement characters. Bytes in a header that are no UTF-8 are in the charset of the text, as senders of that time wrote them.",
};
