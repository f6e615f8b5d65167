import { folded } from './run-table.svelte';

/** How well a word is found in a text: its letters in their order, best together and at the beginning of a word. */
function scoreWord(word: string, text: string): number | null {
  const together = text.indexOf(word);
  if (together === 0) return 100;
  if (together > 0) return /[\s:·]/.test(text[together - 1] ?? '') ? 80 : 50;
  let at = -1;
  let score = 40;
  for (const letter of word) {
    const next = text.indexOf(letter, at + 1);
    if (next < 0) return null;
    const begins = next === 0 || /[\s:·]/.test(text[next - 1] ?? '');
    if (next !== at + 1 && !begins) score -= 6;
    at = next;
  }
  return Math.max(1, score);
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
