import { afterEach, describe, expect, it } from 'vitest';

import { isTyping, keyNames, keyText } from './keys';
import { useLocale } from './locale.svelte';

afterEach(() => useLocale('en'));

describe('keys', () => {
  it('are written as the system writes them', () => {
    expect(keyText('Mod+Enter', false)).toBe('Ctrl+Enter');
    expect(keyText('Mod+Enter', true)).toBe('⌘↩');
    expect(keyText('Shift+↓', true)).toBe('⇧↓');
    expect(keyNames('Mod+K', true)).toBe('Meta+K');
    expect(keyNames('Mod+K', false)).toBe('Control+K');
  });

  it('are named as a Spanish keyboard names them, but not to assistive technology', () => {
    useLocale('es');
    expect(keyText('Mod+Enter', false)).toBe('Ctrl+Intro');
    expect(keyText('Shift+↓', false)).toBe('Mayús+↓');
    expect(['Space', 'Home', 'End', 'Page Up', 'Page Down', 'Esc'].map((key) => keyText(key, false))).toEqual(
      ['Espacio', 'Inicio', 'Fin', 'Re Pág', 'Av Pág', 'Esc'],
    );
    expect(keyText('Mod+Enter', true)).toBe('⌘↩');
    expect(keyText('Home', true)).toBe('Inicio');
    expect(keyNames('Mod+Enter', false)).toBe('Control+Enter');
  });

  it('type in a text field and not in a check box', () => {
    const input = document.createElement('input');
    expect(isTyping(input)).toBe(true);
    input.type = 'checkbox';
    expect(isTyping(input)).toBe(false);
    expect(isTyping(document.createElement('textarea'))).toBe(true);
    expect(isTyping(document.body)).toBe(false);
  });
});
