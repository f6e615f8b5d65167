import { afterEach, describe, expect, it } from 'vitest';

import { useLocale } from './locale.svelte';
import { spell, spellOut } from './spelling';

afterEach(() => useLocale('en'));

describe('a passcode in words', () => {
  it('tells zero from O and one from l', () => {
    useLocale('en');
    expect(spellOut('0O1lI')).toBe('zero, capital O, one, lowercase L, capital I');
  });

  it('is said in Spanish as well', () => {
    useLocale('es');
    expect(spellOut('0O1l-')).toBe('cero, O mayúscula, uno, L minúscula, guion');
  });

  it('has a name of its own for every character that a keyboard types', () => {
    for (const language of ['en', 'es']) {
      useLocale(language);
      const said = new Set<string>();
      for (let code = 0x20; code < 0x7f; code += 1) {
        const character = String.fromCharCode(code);
        const [one] = spell(character);
        said.add(one?.name ?? '');
        expect(one?.name, character).toMatch(/^[\p{L}\d][\p{L}\d -]+$/u);
        expect(one?.short, character).toBeTruthy();
      }
      expect(said.size).toBe(0x7f - 0x20);
    }
  });

  it('shows a character that nobody sees', () => {
    expect(spellOut('a\u200b')).toBe('lowercase A, ‹U+200B›');
  });

  it('knows the kind of each character', () => {
    expect(spell('7aZ-é').map(({ kind }) => kind)).toEqual([
      'digit',
      'lowercase',
      'capital',
      'sign',
      'lowercase',
    ]);
  });
});
