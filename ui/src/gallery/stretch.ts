// Stands in for the messages in the fake build, so that they can be drawn longer than they are.
import { m as real } from '../paraglide/messages.js';

/** How much longer, of the letters. */
const LONGER = 0.4;

let on = false;

export function stretchWords(wanted: boolean): void {
  on = wanted;
}

/** The same words, 40 % longer: letters are doubled, evenly over each word. Figures stay, as they mean something. */
export function stretched(text: string): string {
  return text.replace(/\p{L}+/gu, (word) => {
    const letters = [...word];
    const more = Math.ceil(letters.length * LONGER);
    const has = (at: number) => Math.floor(((at + 1) * more) / letters.length);
    return letters.map((letter, at) => letter.repeat(1 + has(at) - has(at - 1))).join('');
  });
}

// What is put into a message comes through as it is: a name is not ours to lengthen.
const OPEN = '\ue000';
const CLOSE = '\ue001';

function mark(given: unknown): unknown {
  if (typeof given !== 'object' || given === null) return given;
  const marked = Object.entries(given).map(([key, value]) => [
    key,
    typeof value === 'string' ? `${OPEN}${value}${CLOSE}` : (value as unknown),
  ]);
  return Object.fromEntries(marked);
}

function stretchedAround(text: string): string {
  const parts = text.split(/\ue000([^\ue001]*)\ue001/);
  return parts.map((part, at) => (at % 2 === 0 ? stretched(part) : part)).join('');
}

type Words = typeof real;
type Message = (...given: unknown[]) => string;

const messages = real as unknown as Record<string, Message>;

export const m = new Proxy({} as Words, {
  get(_, key: string) {
    const message = messages[key];
    if (!message) return undefined;
    return (given?: unknown, ...rest: unknown[]) =>
      on ? stretchedAround(message(mark(given), ...rest)) : message(given, ...rest);
  },
});
