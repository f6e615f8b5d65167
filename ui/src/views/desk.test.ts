import { fireEvent, screen, waitFor } from '@testing-library/svelte';
import { describe, expect, it } from 'vitest';

import { fakeAccount, FakeBackend, fakeHold, problem } from '../backend/fake';
import { fakeDevice } from '../backend/fake-tenant';
import { clock, now, useClock } from '../state/clock.svelte';
import {
  byId,
  check,
  deviceIds,
  devicesOf,
  findId,
  noId,
  openWindow,
  row,
  search,
  selectedIds,
} from '../test-window';

describe('the desk', () => {
  it('has the focus in the search, and / brings it back', async () => {
    const { person } = await openWindow(FakeBackend.signedIn());
    await waitFor(() => expect(byId('search-input')).toHaveFocus());
    await person.click(byId('account-menu'));
    await person.keyboard('{Escape}/');
    expect(byId('search-input')).toHaveFocus();
  });

  it('finds people as they are typed and moves among them with the arrows', async () => {
    const { person } = await openWindow(FakeBackend.signedIn());
    await person.type(byId('search-input'), 'user00');
    await waitFor(() => expect(screen.getAllByTestId('user-option')).toHaveLength(8));
    await person.keyboard('{ArrowDown}{ArrowDown}');
    const second = screen.getAllByTestId('user-option')[1];
    expect(second).toHaveAttribute('aria-selected', 'true');
    expect(byId('search-input')).toHaveAttribute('aria-activedescendant', second?.id);
    await person.keyboard('{Escape}');
    expect(byId('search-input')).toHaveAttribute('aria-expanded', 'false');
  });

  it('says who was not found, and what to type', async () => {
    const { person } = await openWindow(FakeBackend.signedIn());
    await search(person, 'xyzzy');
    await waitFor(() => expect(byId('choices')).toHaveTextContent('Nobody matches “xyzzy”.'));
    await search(person, 'nobody');
    expect(await findId('no-devices')).toHaveTextContent('Nobody Here has no managed device.');
  });

  it('takes what is nobody’s name for a serial number or a device', async () => {
    const { person } = await openWindow(FakeBackend.signedIn());
    await search(person, 'SN000120');
    await waitFor(() => expect(deviceIds('device-row')).toEqual(['d-12']));
    expect(byId('mode-device')).toHaveAttribute('aria-checked', 'true');
    await person.click(byId('mode-user'));
    await person.clear(byId('search-input'));
    await person.keyboard('somebody else');
    expect(await findId('device-option')).toHaveTextContent('Search devices for “somebody else”');
  });

  it('refuses 5,000 pasted characters with words', async () => {
    const { person } = await openWindow(FakeBackend.signedIn());
    await person.click(byId('search-input'));
    await person.paste('x'.repeat(5000));
    expect(await screen.findByText('The search is too long: at most 256 characters.')).toBeInTheDocument();
    expect(byId('search-input')).toHaveValue('x'.repeat(5000));
  });

  it('never holds a device twice across searches, and says so', async () => {
    const { person } = await openWindow(FakeBackend.signedIn());
    await devicesOf(person, 'zoë');
    await person.click(byId('select-all'));
    expect(deviceIds('tray-item')).toEqual(['d-5', 'd-6', 'd-7']);

    await person.click(byId('mode-app'));
    await search(person, 'exam');
    await screen.findAllByTestId('app-option');
    await person.keyboard('{Enter}');
    await waitFor(() => expect(screen.getAllByTestId('device-row')).toHaveLength(12));
    await person.click(byId('select-all'));
    expect(byId('tray')).toHaveAttribute('data-count', '13');
    expect(new Set(deviceIds('tray-item')).size).toBe(13);
    expect(byId('tray-doubled')).toHaveTextContent('2 devices were already selected through another search.');
    expect(row('d-5')).toHaveTextContent('Already selected through Zoë Ruiz');
  });

  it('ticks a range with Shift, by mouse and by keyboard', async () => {
    const { person } = await openWindow(FakeBackend.signedIn());
    await person.click(byId('mode-device'));
    await devicesOf(person, 'IPADOS');
    const all = deviceIds('device-row');
    await person.click(check(all[1] ?? ''));
    await person.keyboard('{Shift>}');
    await person.click(check(all[4] ?? ''));
    await person.keyboard('{/Shift}');
    expect(selectedIds()).toEqual(all.slice(1, 5));
    for (const id of all.slice(1, 5)) expect(check(id)).toBeChecked();

    await person.keyboard('{ArrowDown}{Shift>}{ArrowDown}{ArrowDown}{/Shift}');
    expect(selectedIds()).toEqual(all.slice(1, 8));
  });

  it('unticks what is clicked twice', async () => {
    const { person } = await openWindow(FakeBackend.signedIn());
    await devicesOf(person, 'zoë');
    await person.click(check('d-6'));
    expect(check('d-6')).toBeChecked();
    await person.click(check('d-6'));
    expect(check('d-6')).not.toBeChecked();
    noId('tray');
  });

  it('switches select-all off while the list is incomplete, and says why', async () => {
    const backend = FakeBackend.signedIn();
    backend.devicesFound = {
      complete: false,
      counted: 1998,
      problem: problem('throttled', { hold: fakeHold(17, clock()) }),
    };
    const { person } = await openWindow(backend);
    await devicesOf(person, 'zoë');
    expect(byId('select-all')).toBeDisabled();
    expect(byId('shown')).toHaveTextContent('3 of 1,998 · incomplete');
    expect(byId('shown')).toHaveTextContent('Select all is off while the list is incomplete.');
    await person.keyboard('{Control>}a{/Control}');
    expect(selectedIds()).toEqual([]);
    expect(byId('trouble-banner')).toHaveTextContent('Microsoft Graph asked to wait 17 seconds.');
  });

  it('says how many rows did not match', async () => {
    const backend = FakeBackend.signedIn();
    backend.devicesFound = { leftOut: 1998 };
    const { person } = await openWindow(backend);
    await devicesOf(person, 'zoë');
    expect(byId('left-out')).toHaveTextContent(
      'Graph ignored the filter: 1,998 rows that do not match were left out.',
    );
    expect(byId('shown')).toHaveTextContent('3 of 3 · all loaded');
  });

  it('draws few of 10,000 rows and reaches the last one by keyboard', async () => {
    const backend = FakeBackend.signedIn();
    backend.devicesFound = {
      devices: Array.from({ length: 10_000 }, (_, index) => fakeDevice(index + 1, null)),
    };
    const { person } = await openWindow(backend);
    await person.click(byId('mode-device'));
    await devicesOf(person, 'x');
    expect(screen.getAllByTestId('device-row').length).toBeLessThan(60);
    expect(byId('results-grid')).toHaveAttribute('aria-rowcount', '10001');
    await person.keyboard('{End}');
    await waitFor(() => expect(document.activeElement).toHaveAttribute('data-device-id', 'd-10000'));
    expect(document.activeElement).toHaveAttribute('aria-rowindex', '10001');
    await person.keyboard('{Control>}a{/Control}');
    expect(byId('tray')).toHaveAttribute('data-count', '10000');
    expect(byId('recover-button')).toBeDisabled();
    expect(byId('tray')).toHaveTextContent('A run takes at most 500 devices. Remove some to go on.');
  });

  it('tells how many devices are selected to a screen reader', async () => {
    const { person } = await openWindow(FakeBackend.signedIn());
    await devicesOf(person, 'zoë');
    await person.keyboard(' ');
    expect(byId('announcer')).toHaveTextContent('1 device selected');
    await person.keyboard('{Shift>}{ArrowDown}{/Shift}');
    expect(byId('announcer')).toHaveTextContent('2 devices selected');
  });

  it('says why the session ended, with what support asks for', async () => {
    const backend = FakeBackend.signedIn();
    const { person } = await openWindow(backend);
    await devicesOf(person, 'zoë');
    await person.keyboard(' ');
    backend.endSession({ help: 'passwordChanged', requestId: 'c-1', at: '2026-11-01 08:00:00Z' });
    backend.fail('planRun', problem('signedOut'));
    await person.click(byId('recover-button'));
    const panel = await findId('error-panel');
    expect(panel).toHaveAttribute('data-help', 'passwordChanged');
    expect(panel).toHaveTextContent('c-1');
    expect(panel).toHaveTextContent('2026-11-01 08:00:00Z');
    await person.click(screen.getByRole('button', { name: 'Sign in again' }));
    await waitFor(() => noId('error-panel'));
  });

  it('keeps the selection when the session ends, and goes on after a new sign-in', async () => {
    const backend = FakeBackend.signedIn();
    const { person } = await openWindow(backend);
    await devicesOf(person, 'zoë');
    await person.keyboard(' ');
    backend.endSession();
    backend.fail('planRun', problem('signedOut'));
    await person.click(byId('recover-button'));
    expect(await findId('signed-out-banner')).toHaveTextContent(
      'alma@contoso.example is signed out. The selection is still here.',
    );
    expect(byId('account-menu')).toHaveTextContent('alma@contoso.example');
    expect(byId('account-menu')).toHaveAccessibleName('Account: alma@contoso.example');
    expect(deviceIds('tray-item')).toEqual(['d-5']);
    expect(byId('recover-button')).toBeDisabled();
    await person.click(screen.getByRole('button', { name: 'Sign in again' }));
    await waitFor(() => expect(byId('recover-button')).toBeEnabled());
    expect(deviceIds('tray-item')).toEqual(['d-5']);
  });

  it('forgets the selection when somebody else signs in', async () => {
    const backend = FakeBackend.signedIn();
    const { person } = await openWindow(backend);
    await devicesOf(person, 'zoë');
    await person.keyboard(' ');
    backend.endSession();
    backend.fail('planRun', problem('signedOut'));
    await person.click(byId('recover-button'));
    await findId('signed-out-banner');
    backend.account = { ...fakeAccount, username: 'bo@contoso.example', name: 'Bo' };
    await person.click(screen.getByRole('button', { name: 'Sign in again' }));
    await waitFor(() => noId('signed-out-banner'));
    noId('tray');
    expect(screen.queryAllByTestId('device-row')).toEqual([]);
  });

  it('keeps the selection when the language changes while nobody is signed in', async () => {
    const backend = FakeBackend.signedIn();
    const { person } = await openWindow(backend);
    await devicesOf(person, 'zoë');
    await person.keyboard(' ');
    backend.endSession();
    backend.fail('planRun', problem('signedOut'));
    await person.click(byId('recover-button'));
    await findId('signed-out-banner');
    await person.click(byId('account-menu'));
    await person.click(byId('language-es'));
    await waitFor(() => expect(document.documentElement.lang).toBe('es'));
    expect(deviceIds('tray-item')).toEqual(['d-5']);
  });

  it('forgets the selection when other settings lead to another tenant with a kept sign-in', async () => {
    const backend = FakeBackend.signedIn();
    const { person } = await openWindow(backend);
    await devicesOf(person, 'zoë');
    await person.keyboard(' ');
    await person.click(byId('account-menu'));
    await person.click(byId('open-settings'));
    const fabrikam = {
      ...fakeAccount,
      tenantId: '77777777-0000-4000-8000-000000000002',
      tenantName: 'Fabrikam',
    };
    backend.status = { ...backend.status, session: { kind: 'signedIn', account: fabrikam } };
    await person.click(byId('settings-save'));
    await findId('search-input');
    noId('tray');
    expect(screen.queryAllByTestId('device-row')).toEqual([]);
    expect(screen.getByText('Fabrikam')).toBeInTheDocument();
  });

  it('says that the tenant cannot be left while a run is under way, and leads to the run', async () => {
    const backend = FakeBackend.signedIn({ mode: 'demo' });
    const { person } = await openWindow(backend);
    backend.fail('leaveDemo', problem('runUnderWay'));
    await person.click(byId('account-menu'));
    await person.click(byId('leave-demo'));
    expect(await findId('error-panel')).toHaveTextContent('A run is under way. Let it end or cancel it');
    await person.click(screen.getByRole('button', { name: 'Open the history' }));
    await findId('history-view');
  });

  it('shows a broken configuration file in every view', async () => {
    const backend = FakeBackend.signedIn({
      configProblem: { file: '/etc/unlatch/policy.toml', key: 'max_run_size', reason: 'must be a number' },
    });
    const { person } = await openWindow(backend);
    const words = 'File: /etc/unlatch/policy.toml · Key: max_run_size · Reason: must be a number';
    expect(byId('config-banner')).toHaveTextContent(words);
    await person.click(byId('account-menu'));
    await person.click(byId('open-history'));
    expect(byId('config-banner')).toHaveTextContent(words);
  });

  it('counts the silence of a device as its last contact does, however long the window was open', async () => {
    const day = 86_400_000;
    const backend = FakeBackend.signedIn();
    const silent = {
      ...fakeDevice(1, null),
      lastContact: new Date(now() + 60_000 - 93 * day).toISOString(),
      warnings: [{ kind: 'silent' as const, days: 93 }],
    };
    const { person } = await openWindow(backend);
    const later = now() + 120_000;
    useClock(() => later);
    backend.devicesFound = { devices: [silent] };
    await person.click(byId('mode-device'));
    await devicesOf(person, 'x');
    expect(row('d-1')).toHaveTextContent('93 days ago');
    expect(row('d-1')).toHaveTextContent('No contact for 93 days');
  });

  it('keeps serial number and count in place beside a name that runs from right to left', async () => {
    const backend = FakeBackend.signedIn();
    const { person } = await openWindow(backend);
    await devicesOf(person, 'ليلى');
    expect(screen.getByRole('heading', { level: 1 })).toHaveTextContent(
      '\u2068ليلى حداد\u2069 · user0005@contoso.example',
    );
  });

  it('moves the focus on when devices are removed from the tray one by one', async () => {
    const { person } = await openWindow(FakeBackend.signedIn());
    await devicesOf(person, 'zoë');
    await person.keyboard('{Control>}a{/Control}');
    screen.getByRole('button', { name: 'Remove IPADOS-00005' }).focus();
    await person.keyboard('{Enter}');
    await waitFor(() => expect(screen.getByRole('button', { name: 'Remove IPHONE-00006' })).toHaveFocus());
    await person.keyboard('{Enter}');
    await waitFor(() => expect(screen.getByRole('button', { name: 'Remove SURFACE-00007' })).toHaveFocus());
    await person.keyboard('{Enter}');
    noId('tray');
    await waitFor(() => expect(byId('search-input')).toHaveFocus());
  });

  it('tells that the service cannot be reached, and tries again', async () => {
    const backend = FakeBackend.signedIn();
    const { person } = await openWindow(backend);
    backend.fail('searchDevices', problem('offline'));
    await person.click(byId('mode-device'));
    await search(person, 'SN000120');
    expect(await findId('trouble-banner')).toHaveTextContent('Microsoft Graph cannot be reached.');
    await person.click(screen.getByRole('button', { name: 'Try again' }));
    await waitFor(() => expect(deviceIds('device-row')).toEqual(['d-12']));
    noId('trouble-banner');
  });

  it('shows other failures where they happened, with detail for support', async () => {
    const backend = FakeBackend.signedIn();
    const { person } = await openWindow(backend);
    backend.fail(
      'searchDevices',
      problem('notAllowed', { message: 'Forbidden by role', requestId: 'req-9' }),
    );
    await person.click(byId('mode-device'));
    await search(person, 'SN000120');
    const panel = await findId('error-panel');
    expect(panel).toHaveTextContent('Your Intune or Entra role does not allow this.');
    expect(panel).toHaveTextContent('Forbidden by role');
    expect(panel).toHaveTextContent('req-9');
  });

  it('switches recovering off while the journal cannot be used', async () => {
    const backend = FakeBackend.signedIn({ journalProblem: problem('journal', { message: 'read-only' }) });
    const { person } = await openWindow(backend);
    await devicesOf(person, 'zoë');
    await person.keyboard(' ');
    expect(byId('recover-button')).toBeDisabled();
    expect(byId('journal-banner')).toHaveTextContent('read-only');
    backend.status = { ...backend.status, journalProblem: null };
    await fireEvent.click(screen.getByRole('button', { name: 'Try again' }));
    await waitFor(() => expect(byId('recover-button')).toBeEnabled());
  });

  it('wears the ribbon in the demo tenant', async () => {
    await openWindow(FakeBackend.signedIn({ mode: 'demo', keychain: 'notUsed' }));
    expect(byId('demo-ribbon')).toHaveTextContent('Demo tenant');
  });
});
