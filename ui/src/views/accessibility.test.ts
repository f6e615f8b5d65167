import axe from 'axe-core';
import { screen, waitFor } from '@testing-library/svelte';
import { describe, expect, it } from 'vitest';

import { FakeBackend, fakePlace, problem } from '../backend/fake';
import { fakeLoss } from '../backend/fake-values';
import { byId, devicesOf, findId, openWindow, search } from '../test-window';

type Person = Awaited<ReturnType<typeof openWindow>>['person'];

function several(backend: FakeBackend): FakeBackend {
  backend.running.add('three');
  return backend
    .with(fakePlace('two', { tenant: 'fabrikam.example', removable: true }))
    .with(fakePlace('three', { tenant: 'northwind.example', removable: true }));
}

function nameless(): FakeBackend {
  const backend = new FakeBackend({ mode: 'unconfigured' });
  backend.status.settings = { ...backend.status.settings, tenant: null, clientId: null };
  return backend;
}

async function openFromMenu(person: Person, id: string) {
  await person.click(byId('account-menu'));
  await person.click(byId(id));
}

async function review(person: Person) {
  await devicesOf(person, 'zoë');
  await person.keyboard('{Control>}a{Enter}{/Control}');
  await findId('confirm-dialog');
}

const views: [string, () => FakeBackend, (person: Person) => Promise<unknown>][] = [
  ['sign-in', () => new FakeBackend({ keychain: 'locked' }), async () => {}],
  [
    'sign-in, unconfigured and refused',
    () =>
      new FakeBackend({
        mode: 'unconfigured',
        session: { kind: 'signedOut', problem: problem('unknownTenant') },
        configProblem: { file: 'config.toml', key: null, reason: 'cannot be read' },
      }),
    async () => {},
  ],
  [
    'sign-in with a code, among several tenants',
    () => {
      const backend = several(new FakeBackend());
      backend.hold('signInWithCode');
      return backend;
    },
    async (person) => {
      await person.click(byId('sign-in-with-code'));
      await findId('user-code');
    },
  ],
  ['sign-in, among several tenants', () => several(new FakeBackend()), async () => {}],
  ['set-up', nameless, async () => {}],
  [
    'set-up, with everything wrong',
    () => {
      const backend = nameless();
      backend.tenantCheck = () => ({ kind: 'otherCloud', host: 'login.partner.microsoftonline.cn' });
      return backend;
    },
    async (person) => {
      await person.type(byId('setup-client-id'), '12345');
      await person.type(byId('setup-tenant'), 'contoso.example');
      await screen.findByText(/This tenant is in another cloud/);
    },
  ],
  [
    'a further tenant',
    () => several(FakeBackend.signedIn()),
    async (person) => {
      await openFromMenu(person, 'add-tenant');
      await person.type(byId('setup-tenant'), 'contoso.example');
      await person.type(byId('setup-client-id'), '8f6c1c1e-2b7a-4c7e-9d5a-0a3b1c2d4e5f');
      await findId('copy-adminConsent');
    },
  ],
  [
    'consent, refused',
    () => {
      const backend = FakeBackend.signedIn();
      backend.consented = false;
      backend.fail('signIn', problem('signInRefused', { help: 'adminConsentNeeded' }));
      return backend;
    },
    async (person) => {
      await devicesOf(person, 'zoë');
      await person.keyboard('{Control>}a{Enter}{/Control}');
      await person.click(await findId('ask-consent'));
      await findId('error-panel');
    },
  ],
  [
    'the lock, not opened',
    () => {
      const backend = several(FakeBackend.signedIn({ locked: true }));
      backend.fail('unlock', problem('keychain'));
      return backend;
    },
    async (person) => {
      await person.click(byId('unlock'));
      await findId('error-panel');
    },
  ],
  [
    'account menu, signing out, among several tenants',
    () => several(FakeBackend.signedIn()),
    async (person) => {
      await openFromMenu(person, 'sign-out');
      await findId('sign-out-here');
    },
  ],
  [
    'account menu, signing out while a run is under way',
    () => {
      const backend = FakeBackend.signedIn();
      backend.running.add('home');
      return backend;
    },
    async (person) => {
      await openFromMenu(person, 'sign-out');
      await findId('sign-out-run');
    },
  ],
  [
    'consent, waiting for the browser',
    () => {
      const backend = FakeBackend.signedIn();
      backend.consented = false;
      backend.hold('signIn');
      return backend;
    },
    async (person) => {
      await devicesOf(person, 'zoë');
      await person.keyboard('{Control>}a{Enter}{/Control}');
      await person.click(await findId('ask-consent'));
      await findId('sign-in-waiting');
    },
  ],
  [
    'sign-in to a further tenant, removing it',
    () => several(new FakeBackend()),
    async (person) => {
      await person.click(screen.getAllByTestId('show-place')[0] as HTMLElement);
      await person.click(await findId('remove-place'));
    },
  ],
  [
    'settings, removing a tenant',
    () => several(FakeBackend.signedIn()),
    async (person) => {
      await openFromMenu(person, 'open-settings');
      await person.click(screen.getAllByTestId('remove-place')[0] as HTMLElement);
    },
  ],
  ['empty desk', () => FakeBackend.signedIn({ mode: 'demo' }), async () => {}],
  [
    'desk with people',
    () => FakeBackend.signedIn(),
    async (person) => {
      await person.type(byId('search-input'), 'user{ArrowDown}');
      await screen.findAllByTestId('user-option');
    },
  ],
  [
    'desk with apps',
    () => FakeBackend.signedIn(),
    async (person) => {
      await person.click(byId('mode-app'));
      await search(person, 'exam');
      await screen.findAllByTestId('app-option');
    },
  ],
  [
    'desk with devices and a selection',
    () => FakeBackend.signedIn(),
    async (person) => {
      await devicesOf(person, 'zoë');
      await person.keyboard('{Control>}a{/Control}');
    },
  ],
  [
    'account menu',
    () => FakeBackend.signedIn(),
    async (person) => {
      await person.click(byId('account-menu'));
      await findId('sign-out');
    },
  ],
  ['confirmation', () => FakeBackend.signedIn(), review],
  [
    'run',
    () => FakeBackend.signedIn(),
    async (person) => {
      await review(person);
      await person.click(byId('confirm-button'));
      await waitFor(() => expect(screen.getAllByTestId('run-item')).toHaveLength(3));
    },
  ],
  [
    'run, counting down',
    () => {
      const backend = FakeBackend.signedIn();
      backend.status.settings.countdownSeconds = 5;
      return backend;
    },
    async (person) => {
      await review(person);
      await person.click(byId('confirm-button'));
      await findId('starting');
    },
  ],
  [
    'run, interrupted, with details and reports open',
    () => {
      const backend = FakeBackend.signedIn();
      backend.pace = 1;
      backend.outcome = (position) =>
        position === 0
          ? { state: 'unconfirmed', canSendAgain: true, hasPasscode: true, attempts: 2 }
          : { state: 'notSent' };
      return backend;
    },
    async (person) => {
      await review(person);
      await person.click(byId('confirm-button'));
      await findId('export-run');
      await person.click(screen.getAllByTestId('open-detail')[0] as HTMLElement);
      await person.click(await findId('send-again'));
      await person.click(byId('export-run'));
    },
  ],
  [
    'history',
    () => FakeBackend.signedIn(),
    async (person) => {
      await review(person);
      await person.click(byId('confirm-button'));
      await findId('run-view');
      await openFromMenu(person, 'open-history');
      await findId('history-run');
      await person.click(byId('verify-journal'));
      await findId('journal-whole');
    },
  ],
  [
    'the dialog on a journal that lost entries',
    () => FakeBackend.signedIn({ journalWentBack: fakeLoss }),
    async (person) => {
      await person.click(byId('went-back-look'));
      await findId('went-back');
    },
  ],
  [
    'history, with devices found',
    () => FakeBackend.signedIn(),
    async (person) => {
      await review(person);
      await person.click(byId('confirm-button'));
      await findId('run-view');
      await openFromMenu(person, 'open-history');
      await person.type(await findId('history-text'), 'ipad');
      await findId('history-item');
    },
  ],
  [
    'a passcode on the screen',
    () => {
      const backend = FakeBackend.signedIn();
      backend.pace = 1;
      backend.passcode = '0O1l-4711';
      backend.outcome = () => ({ state: 'done', hasPasscode: true, attempts: 1 });
      return backend;
    },
    async (person) => {
      await review(person);
      await person.click(byId('confirm-button'));
      await person.click((await screen.findAllByTestId('open-detail'))[0] as HTMLElement);
      await person.click(await findId('show-passcode'));
      await findId('passcode');
    },
  ],
  [
    'the palette',
    () => FakeBackend.signedIn(),
    async (person) => {
      await person.keyboard('{Control>}k{/Control}');
      await findId('palette');
    },
  ],
  [
    'the sheet of shortcuts',
    () => FakeBackend.signedIn(),
    async (person) => {
      await openFromMenu(person, 'open-shortcuts');
      await findId('shortcuts-sheet');
    },
  ],
  ['settings', () => FakeBackend.signedIn(), (person) => openFromMenu(person, 'open-settings')],
  [
    'about',
    () => FakeBackend.signedIn(),
    async (person) => {
      await openFromMenu(person, 'open-settings');
      await person.click(byId('open-about'));
      await findId('third-party-notices');
    },
  ],
];

describe('accessibility', () => {
  it.each(views)('axe finds nothing in: %s', async (_, backend, go) => {
    const { person } = await openWindow(backend());
    await go(person);
    // Colours are measured in tokens.test.ts: jsdom paints nothing.
    const found = await axe.run(document.body, { rules: { 'color-contrast': { enabled: false } } });
    expect(found.violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html)])).toEqual([]);
  });

  it('nothing can be tabbed to behind the confirmation', async () => {
    const { person } = await openWindow(FakeBackend.signedIn());
    await review(person);
    expect(byId('account-menu').closest('header')).toHaveProperty('inert', true);
    expect(byId('confirm-dialog')).toHaveAttribute('aria-modal', 'true');
  });
});
