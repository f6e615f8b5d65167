// What takes no room on the screen, or turns the text after it around, and so lets one name look like another.
// Arabic signs for numbers count as format characters, but are seen.
const HIDDEN =
  /(?![\u0600-\u0605\u06dd\u070f\u08e2\u{110bd}])[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}\u2800]|(?! )\p{Zs}/gu;

// Joiners belong to emoji and to scripts whose letters join; a variation selector belongs to the character before it.
const JOINS =
  /[\p{Extended_Pictographic}\p{Emoji_Modifier}\ufe0f\p{Script=Arabic}\p{Script=Syriac}\p{Script=Mongolian}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Gurmukhi}\p{Script=Gujarati}\p{Script=Oriya}\p{Script=Tamil}\p{Script=Telugu}\p{Script=Kannada}\p{Script=Malayalam}\p{Script=Sinhala}\p{Script=Khmer}]/u;

/** The longest text that is drawn whole, in characters. */
export const LONGEST_DRAWN = 300;

/**
 * A text from outside as it may be drawn: characters that nobody sees are named, as ‹U+202E›, and what is longer than `most`
 * characters is cut. For comparing, sending and copying, the text itself is taken.
 */
export function visible(text: string, most: number = LONGEST_DRAWN): string {
  const cut = text.length > most ? [...text.slice(0, most * 2 + 1)] : null;
  const drawn = cut && cut.length > most ? `${cut.slice(0, most).join('')}…` : text;
  return drawn.replace(HIDDEN, (mark, at: number) => {
    const before = [...drawn.slice(Math.max(0, at - 2), at)].at(-1) ?? '';
    const after = [...drawn.slice(at + mark.length, at + mark.length + 2)][0] ?? '';
    if ((mark === '\u200d' || mark === '\u200c') && JOINS.test(before) && JOINS.test(after)) return mark;
    if (mark === '\ufe0f' || mark === '\ufe0e') {
      // After a digit only where it makes a key of it; else the digit would look like itself.
      const isKey = /[0-9#*]/.test(before) && after === '\u20e3';
      if (isKey || /\p{Extended_Pictographic}/u.test(before)) return mark;
    }
    const code = mark.codePointAt(0) ?? 0;
    return `‹U+${code.toString(16).toUpperCase().padStart(4, '0')}›`;
  });
}

/** The same for a text of several lines, which stay lines. */
export function visibleLines(text: string, most: number = LONGEST_DRAWN): string {
  const cut = text.length > most ? `${text.slice(0, most)}…` : text;
  return cut
    .split(/\r?\n/)
    .map((line) => visible(line, most + 1))
    .join('\n');
}
