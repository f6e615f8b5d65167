import { describe, expect, it } from 'vitest';

import { isolated } from './bidi';

describe('names inside sentences', () => {
  it('leaves a name alone that runs from left to right', () => {
    for (const name of ['IPADOS-00012', 'Zoë Ruiz', 'Aula 3 · 李 🎒', '']) expect(isolated(name)).toBe(name);
  });

  it('isolates a name that runs from right to left', () => {
    expect(isolated('ليلى')).toBe('\u2068ليلى\u2069');
    expect(isolated('לוח 12')).toBe('\u2068לוח 12\u2069');
  });

  it('lets no mark inside a name turn the words after it around', () => {
    expect(isolated('x\u2069\u202egpj')).toBe('\u2068x\u202egpj\u2069');
  });
});
