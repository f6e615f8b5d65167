import { m } from '../paraglide/messages';
import { visible } from './visible';

export type CharacterKind = 'digit' | 'capital' | 'lowercase' | 'sign';

/** One character, so that nobody takes it for another. */
export interface Spelled {
  character: string;
  kind: CharacterKind;
  /** In words, as it is said on the phone. */
  name: string;
  /** As much of it as fits below the character. */
  short: string;
}

const names: Record<string, () => string> = {
  '0': m.char_digit_0,
  '1': m.char_digit_1,
  '2': m.char_digit_2,
  '3': m.char_digit_3,
  '4': m.char_digit_4,
  '5': m.char_digit_5,
  '6': m.char_digit_6,
  '7': m.char_digit_7,
  '8': m.char_digit_8,
  '9': m.char_digit_9,
  '-': m.char_hyphen,
  _: m.char_underscore,
  ' ': m.char_space,
  '.': m.char_dot,
  ',': m.char_comma,
  ':': m.char_colon,
  ';': m.char_semicolon,
  '!': m.char_exclamation,
  '?': m.char_question,
  '@': m.char_at,
  '#': m.char_hash,
  $: m.char_dollar,
  '%': m.char_percent,
  '&': m.char_ampersand,
  '*': m.char_asterisk,
  '+': m.char_plus,
  '=': m.char_equals,
  '/': m.char_slash,
  '\\': m.char_backslash,
  '|': m.char_pipe,
  '(': m.char_open_paren,
  ')': m.char_close_paren,
  '[': m.char_bracket_open,
  ']': m.char_bracket_close,
  '{': m.char_brace_open,
  '}': m.char_brace_close,
  '<': m.char_less,
  '>': m.char_greater,
  '"': m.char_quote,
  "'": m.char_apostrophe,
  '`': m.char_grave,
  '^': m.char_caret,
  '~': m.char_tilde,
};

function spelled(character: string): Spelled {
  const name = names[character]?.();
  if (/^[0-9]$/.test(character) && name) return { character, kind: 'digit', name, short: name };
  if (/^\p{Lu}$/u.test(character)) {
    const said = m.char_capital({ letter: character });
    return { character, kind: 'capital', name: said, short: m.char_short_capital() };
  }
  if (/^\p{Ll}$/u.test(character)) {
    const said = m.char_lowercase({ letter: character.toUpperCase() });
    return { character, kind: 'lowercase', name: said, short: m.char_short_lowercase() };
  }
  return { character, kind: 'sign', name: name ?? visible(character), short: m.char_short_sign() };
}

export function spell(text: string): Spelled[] {
  return [...text].map(spelled);
}

/** The whole in words, for a screen reader and for the phone. */
export function spellOut(text: string): string {
  return spell(text)
    .map(({ name }) => name)
    .join(', ');
}
