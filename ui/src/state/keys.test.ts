import { describe, expect, it } from 'vitest';

import { isTyping, keyNames, keyText } from './keys';

describe('keys', () => {
  it('are written as the system writes them', () => {
    expect(keyText('Mod+Enter', false)).toBe('Ctrl+Enter');
    expect(keyText('Mod+Enter', true)).toBe('⌘↩');
    expect(keyText('Shift+↓', true)).toBe('⇧↓');
    expect(keyNames('Mod+K', true)).toBe('Meta+K');
    expect(keyNames('Mod+K', false)).toBe('Control+K');
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
