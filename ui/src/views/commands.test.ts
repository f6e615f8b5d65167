import { screen, waitFor } from '@testing-library/svelte';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { FakeBackend, fakeAccount, fakePlace } from '../backend/fake';
import { byId, devicesOf, findId, noId, openWindow, selectedIds } from '../test-window';

type Person = Awaited<ReturnType<typeof openWindow>>['person'];

const options = () => screen.queryAllByTestId('palette-option').map((each) => each.dataset['command']);

async function palette(person: Person, typed = '') {
  await person.keyboard('{Control>}k{/Control}');
  await findId('palette');
  if (typed) await person.keyboard(typed);
}

beforeEach(() => localStorage.clear());
afterEach(() => delete document.documentElement.dataset['theme']);

describe('the palette', () => {
  it('opens with Ctrl+K wherever somebody is, and gives the focus back', async () => {
    const { person } = await openWindow(FakeBackend.signedIn());
    await palette(person);
    expect(byId('palette-input')).toHaveFocus();
    await person.keyboard('{Escape}');
    noId('palette');
    await waitFor(() => expect(byId('search-input')).toHaveFocus());

    await person.click(byId('account-menu'));
    await person.click(byId('open-settings'));
    await palette(person);
    expect(options()).toContain('desk');
    expect(options()).not.toContain('settings');
  });

  it('finds a command by letters of its name in either language', async () => {
    const { person } = await openWindow(FakeBackend.signedIn());
    await palette(person, 'hist');
    expect(options()[0]).toBe('history');
    await person.clear(byId('palette-input'));
    await person.keyboard('bloquear');
    expect(options()).toEqual(['lock']);
    await person.clear(byId('palette-input'));
    await person.keyboard('qqq');
    expect(byId('palette-none')).toHaveTextContent('No command matches “qqq”.');
  });

  it('does what is chosen with the arrows and Enter', async () => {
    const { person } = await openWindow(FakeBackend.signedIn());
    await palette(person);
    await person.keyboard('{ArrowDown}{ArrowUp}{ArrowUp}');
    const last = screen.getAllByTestId('palette-option').at(-1);
    expect(byId('palette-input')).toHaveAttribute('aria-activedescendant', last?.id);
    expect(last).toHaveAttribute('aria-selected', 'true');
    await person.keyboard('history{Enter}');
    await findId('history-view');
    noId('palette');
    expect(screen.getByRole('heading', { level: 1 })).toHaveFocus();
  });

  it('searches by another kind from any view', async () => {
    const { person } = await openWindow(FakeBackend.signedIn());
    await palette(person, 'settings{Enter}');
    await findId('settings-view');
    await palette(person, 'by device{Enter}');
    await waitFor(() => expect(byId('mode-device')).toHaveAttribute('aria-checked', 'true'));
    expect(byId('search-input')).toHaveFocus();
  });

  it('selects, reviews, and leaves out what is not possible', async () => {
    const { person } = await openWindow(FakeBackend.signedIn());
    await palette(person);
    for (const absent of ['select-all', 'review', 'clear', 'newest-run'])
      expect(options()).not.toContain(absent);
    await person.keyboard('{Escape}');
    await devicesOf(person, 'zoë');
    await palette(person, 'select all{Enter}');
    await waitFor(() => expect(selectedIds()).toHaveLength(3));
    await palette(person);
    expect(options()).not.toContain('select-all');
    await person.keyboard('review{Enter}');
    await findId('confirm-dialog');
    await person.keyboard('{Control>}k{/Control}?');
    noId('palette');
    noId('shortcuts-sheet');
  });

  it.each(['recover passcodes', 'recuperar códigos'])('“%s” leads to the review', async (typed) => {
    const { person } = await openWindow(FakeBackend.signedIn());
    await devicesOf(person, 'zoë');
    await palette(person, 'select all{Enter}');
    await waitFor(() => expect(selectedIds()).toHaveLength(3));
    await palette(person, typed);
    expect(options()[0]).toBe('review');
  });

  it('finds no sign-out by “recover”, and asks once more before it signs out', async () => {
    const backend = FakeBackend.signedIn();
    const { person } = await openWindow(backend);
    await palette(person, 'recover');
    expect(options()).toEqual([]);
    await person.clear(byId('palette-input'));
    await person.keyboard('sign out{Enter}');
    await waitFor(() => expect(byId('sign-out-here')).toHaveFocus());
    expect(backend.called('signOut')).toEqual([]);
    await person.keyboard('{Enter}');
    await waitFor(() => expect(backend.called('signOut')).toHaveLength(1));
  });

  it('opens the newest run', async () => {
    const { person } = await openWindow(FakeBackend.signedIn());
    await devicesOf(person, 'zoë');
    await person.keyboard('{Control>}a{Enter}{/Control}');
    await person.click(await findId('confirm-button'));
    await person.click(await findId('back-to-desk'));
    await palette(person);
    await waitFor(() => expect(options()).toContain('newest-run'));
    await person.keyboard('newest{Enter}');
    await findId('run-view');
  });

  it('switches the tenant, the language and the theme', async () => {
    const backend = FakeBackend.signedIn().with(fakePlace('two', { tenant: 'fabrikam.example' }));
    const { person } = await openWindow(backend);
    await palette(person, 'español{Enter}');
    await waitFor(() => expect(document.documentElement.lang).toBe('es'));
    await palette(person, 'dark{Enter}');
    expect(document.documentElement.dataset['theme']).toBe('dark');
    await palette(person, 'fabrikam{Enter}');
    await waitFor(() => expect(backend.called('showPlace')).toEqual(['two']));
  });

  it('checks the journal in the history', async () => {
    const { person } = await openWindow(FakeBackend.signedIn());
    await palette(person, 'check the journal{Enter}');
    await findId('journal-whole');
  });

  it('keeps the focus and the keys to itself, and locks', async () => {
    const backend = FakeBackend.signedIn();
    const { person } = await openWindow(backend);
    await palette(person);
    await person.tab();
    expect(byId('palette-input')).toHaveFocus();
    expect(byId('account-menu').closest('.under')).toHaveProperty('inert', true);
    await person.keyboard('{Control>}{Enter}{/Control}');
    expect(backend.called('planRun')).toEqual([]);
    expect(byId('palette-input')).toHaveFocus();
    await person.keyboard('{Control>}l{/Control}');
    await findId('lock-view');
    noId('palette');
    await person.keyboard('{Control>}k{/Control}?');
    noId('palette');
    noId('shortcuts-sheet');
  });

  it('is not there where nobody has signed in', async () => {
    const { person } = await openWindow(new FakeBackend());
    await person.keyboard('{Control>}k{/Control}?');
    noId('palette');
    noId('shortcuts-sheet');
  });
});

describe('the sheet of shortcuts', () => {
  it('opens with a question mark, but not in a field, and closes with Escape', async () => {
    const { person } = await openWindow(FakeBackend.signedIn());
    await person.keyboard('?');
    noId('shortcuts-sheet');
    byId('account-menu').focus();
    await person.keyboard('?');
    expect(await findId('shortcuts-sheet')).toHaveTextContent(/Ctrl\+K\s*Every command/);
    await person.tab();
    await person.tab();
    await person.tab();
    expect(byId('shortcuts-sheet').contains(document.activeElement)).toBe(true);
    await person.keyboard('{Escape}');
    noId('shortcuts-sheet');
    await waitFor(() => expect(byId('account-menu')).toHaveFocus());
  });

  it('is opened from the account menu and from the palette', async () => {
    const { person } = await openWindow(FakeBackend.signedIn());
    await person.click(byId('account-menu'));
    await person.click(byId('open-shortcuts'));
    await person.click(await findId('shortcuts-close'));
    noId('shortcuts-sheet');
    await palette(person, 'keyboard{Enter}');
    await findId('shortcuts-sheet');
  });
});

describe('the theme', () => {
  it('changes at once in the settings and is remembered', async () => {
    const { person, unmount } = await openWindow(FakeBackend.signedIn());
    await person.click(byId('account-menu'));
    await person.click(byId('open-settings'));
    expect(byId('theme-system')).toBeChecked();
    await person.click(byId('theme-light'));
    expect(document.documentElement.dataset['theme']).toBe('light');
    expect(localStorage.getItem('unlatch.theme')).toBe('light');
    unmount();
    delete document.documentElement.dataset['theme'];
    const { person: later } = await openWindow(FakeBackend.signedIn());
    expect(document.documentElement.dataset['theme']).toBe('light');
    await later.click(byId('account-menu'));
    await later.click(byId('open-settings'));
    await later.click(byId('theme-system'));
    expect(document.documentElement.dataset['theme']).toBeUndefined();
  });
});

describe('the title bar', () => {
  it('tells of a run in another tenant and leads there', async () => {
    const account = { ...fakeAccount, tenantName: 'Fabrikam\u202e', tenantId: 'other' };
    const backend = FakeBackend.signedIn().with(
      fakePlace('two', { tenant: 'fabrikam.example', account, signedIn: true }),
    );
    backend.running.add('two');
    const { person } = await openWindow(backend);
    expect(await findId('run-elsewhere')).toHaveTextContent('A run is under way in Fabrikam‹U+202E›');
    await person.click(byId('run-elsewhere'));
    await waitFor(() => expect(backend.called('showPlace')).toEqual(['two']));
  });

  it('is quiet while the only run is in the tenant that is shown', async () => {
    const backend = FakeBackend.signedIn();
    backend.running.add('home');
    await openWindow(backend);
    noId('run-elsewhere');
  });
});
