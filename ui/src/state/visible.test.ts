import { describe, expect, it } from 'vitest';

import { LONGEST_DRAWN, visible } from './visible';

describe('a text from outside', () => {
  it('shows what takes no room or turns the line around', () => {
    expect(visible('IPAD\u202e21-')).toBe('IPAD‹U+202E›21-');
    expect(visible('I\u200bPAD')).toBe('I‹U+200B›PAD');
    expect(visible('a\u0000b\nc')).toBe('a‹U+0000›b‹U+000A›c');
    expect(visible('\u{e0041}x\ufe00')).toBe('‹U+E0041›x‹U+FE00›');
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
