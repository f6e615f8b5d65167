import { folded } from './run-table.svelte';

function begins(text: string, at: number): boolean {
  return at === 0 || /[\s:·]/.test(text[at - 1] ?? '');
}

/**
 * How well a word is found in a text: best together and at the beginning of a word, else as the beginnings of words one after
 * another. Letters from the middle of words would find nearly anything.
 */
function scoreWord(word: string, text: string): number | null {
  const together = text.indexOf(word);
  if (together === 0) return 100;
  if (together > 0) return begins(text, together) ? 80 : 50;
  let at = -2;
  for (const letter of word) {
    let next = text[at + 1] === letter ? at + 1 : text.indexOf(letter, at + 2);
    while (next > at + 1 && !begins(text, next)) next = text.indexOf(letter, next + 1);
    if (next < 0) return null;
    at = next;
  }
  return 40;
}

/** How well a question is found in the best of several texts, or null. Every word of it must be found; case and accents aside. */
export function fuzzy(question: string, texts: readonly string[]): number | null {
  const words = folded(question).split(/\s+/).filter(Boolean);
  let best: number | null = null;
  for (const text of texts) {
    const plain = folded(text);
    let sum = 0;
    let found = true;
    for (const word of words) {
      const score = scoreWord(word, plain);
      if (score === null) {
        found = false;
        break;
      }
      sum += score;
    }
    if (found && (best === null || sum > best)) best = sum;
  }
  return best;
}
