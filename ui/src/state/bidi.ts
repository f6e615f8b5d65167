// Scripts that run from right to left, and the invisible marks that turn a line around.
const TURNS =
  /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

/** A name for the inside of a sentence: whichever way it runs, the words and figures beside it stay in their order. */
export function isolated(text: string): string {
  if (!TURNS.test(text)) return text;
  // An end of isolation inside the name would end this one.
  return `\u2068${text.replace(/[\u2066-\u2069]/g, '')}\u2069`;
}
