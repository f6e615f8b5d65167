import { describe, expect, it } from 'vitest';

import { LONGEST_DRAWN, visible } from './visible';

describe('a text from outside', () => {
  it('shows what takes no room or turns the line around', () => {
    expect(visible('IPAD\u202e21-')).toBe('IPAD‹U+202E›21-');
    expect(visible('I\u200bPAD')).toBe('I‹U+200B›PAD');
    expect(visible('a\u0000b\nc')).toBe('a‹U+0000›b‹U+000A›c');
    expect(visible('\u{e0041}x\ufe00')).toBe('‹U+E0041›x‹U+FE00›');
  });

  it('tells names apart that look the same', () => {
    expect(visible('IPAD-00012\ufe0f')).toBe('IPAD-00012‹U+FE0F›');
    expect(visible('A\u00a0B')).toBe('A‹U+00A0›B');
    expect(visible('A\u3000B\u2800\u180b\u{1d173}')).toBe('A‹U+3000›B‹U+2800›‹U+180B›‹U+1D173›');
    expect(visible('a b 1\ufe0f\u20e3 ❤️')).toBe('a b 1\ufe0f\u20e3 ❤️');
    expect(visible('\u0600١٢')).toBe('\u0600١٢');
  });

  it('leaves joiners where a script or an emoji needs them', () => {
    for (const name of ['👩‍🏫 aula', '🏳️‍🌈', 'می‌خواهم', 'क्‍ष', 'Zoë Ruiz', 'ليلى حداد', '李 🎒']) {
      expect(visible(name)).toBe(name);
    }
    expect(visible('a\u200db')).toBe('a‹U+200D›b');
  });

  it('is cut at whole characters', () => {
    const long = '🎒'.repeat(10_000);
    expect([...visible(long)]).toHaveLength(LONGEST_DRAWN + 1);
    expect(visible(long).endsWith('🎒…')).toBe(true);
    expect(visible('🎒'.repeat(LONGEST_DRAWN))).not.toContain('…');
  });
});
