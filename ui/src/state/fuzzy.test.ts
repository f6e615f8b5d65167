import { describe, expect, it } from 'vitest';

import { fuzzy } from './fuzzy';

describe('what a person types of a command', () => {
  it.each([
    ['hist', 'History'],
    ['HISTORIAL', 'Historial'],
    ['sel todo', 'Seleccionar todo lo que coincide'],
    ['todo sel', 'Seleccionar todo lo que coincide'],
    ['sbu', 'Search by user'],
    ['sesion', 'Cerrar la sesión de Contoso'],
  ])('%s finds “%s”', (typed, name) => expect(fuzzy(typed, [name])).not.toBeNull());

  it.each([
    ['xyz', 'History'],
    ['history now', 'History'],
    ['yrotsih', 'History'],
    ['recover', 'Sign out of Contoso and of the browser'],
    ['recuperar', 'Cerrar la sesión de Contoso Corporativa y la del navegador'],
    ['slc', 'Select all that match'],
  ])('%s does not find “%s”', (typed, name) => expect(fuzzy(typed, [name])).toBeNull());

  it('the beginning of a name goes before its middle, and letters together before scattered ones', () => {
    const score = (name: string) => fuzzy('loc', [name]) ?? 0;
    expect(score('Lock')).toBeGreaterThan(score('Sign out and lock'));
    expect(score('Sign out and lock')).toBeGreaterThan(score('Unlock'));
    expect(score('Unlock')).toBeGreaterThan(score('Light or dark colours'));
  });

  it('the better one of two languages counts', () => {
    expect(fuzzy('lock', ['Bloquear', 'Lock'])).toBe(fuzzy('lock', ['Lock']));
  });
});
