/** What a list may hold at most: characters, and lines. The engine refuses more. */
export const MAX_LIST_TEXT = 1_000_000;
export const MAX_LIST_LINES = 20_000;
/** No text of a million characters is longer, in any encoding that is read here. */
export const MAX_LIST_BYTES = 4 * MAX_LIST_TEXT;

const LINE_END = /\r\n|[\n\r\u0085\u2028\u2029]/;
const SEPARATORS = /[,;|\t]/;

function entries(text: string, separator: RegExp): number {
  return text.split(separator).filter((part) => part.trim() !== '').length;
}

/** Lines with something in them. */
export function lineCount(text: string): number {
  return entries(text, LINE_END);
}

/** Whether a pasted text is a list: several lines, or three parts and more in one. A name such as “Ruiz, Zoë” is none. */
export function isList(text: string): boolean {
  return lineCount(text) > 1 || entries(text, SEPARATORS) > 2;
}

/** Why a list cannot be looked up as it is. */
export function listFault(text: string): 'tooLong' | 'tooManyLines' | null {
  if (text.length > MAX_LIST_TEXT) return 'tooLong';
  return text.length > MAX_LIST_LINES && text.split(LINE_END).length > MAX_LIST_LINES ? 'tooManyLines' : null;
}

/** The text of a file: as its byte order mark says, else UTF-8, else what Windows wrote before that. */
export function decoded(bytes: Uint8Array): string {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (first === 0xfe && second === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('windows-1252').decode(bytes);
  }
}
