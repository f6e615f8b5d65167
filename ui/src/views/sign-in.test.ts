import { screen, waitFor, within } from '@testing-library/svelte';
import { describe, expect, it, vi } from 'vitest';

import type { ErrorCode } from '../backend/backend';
import { FakeBackend, problem } from '../backend/fake';
import { errorWords } from '../state/words';
import { byId, deviceIds, devicesOf, findId, noId, openWindow } from '../test-window';

describe('signing in', () => {
  it('asks the keychain again that did not give the kept sign-in', async () => {
    const backend = new FakeBackend({
      session: { kind: 'signedOut', problem: problem('keychain', { keychain: 'noAnswer' }) },
    });
    const { person } = await openWindow(backend);
    const panel = await findId('error-panel');
    expect(panel).toHaveTextContent('The system keychain did not answer.');
    backend.status = FakeBackend.signedIn().status;
    await person.click(within(panel).getByRole('button', { name: 'Try again' }));
    await findId('search-input');
  });

  it('waits for the browser and can be cancelled', async () => {
    const backend = new FakeBackend();
    backend.hold('signIn');
    const { person } = await openWindow(backend);
    await person.click(byId('sign-in'));
    expect(await findId('sign-in-waiting')).toHaveTextContent('Waiting for the browser');
    expect(byId('sign-in-tenant')).toHaveTextContent('Tenant: contoso.example');
    expect(byId('cancel-sign-in')).toHaveFocus();
    await person.keyboard('{Enter}');
    expect(await findId('error-panel')).toHaveTextContent('The sign-in was cancelled.');
    expect(byId('sign-in')).toBeEnabled();
  });

  it.each(Object.keys(errorWords) as ErrorCode[])('tells %s with words and detail', async (code) => {
    const backend = new FakeBackend();
    backend.fail('signIn', problem(code, { message: 'AADSTS0000: detail', requestId: 'cor-1' }));
    const { person } = await openWindow(backend);
    await person.click(byId('sign-in'));
    const panel = await findId('error-panel');
    expect(panel).toHaveTextContent(errorWords[code].what());
    expect(panel).toHaveTextContent(errorWords[code].next());
    expect(panel).toHaveTextContent('AADSTS0000: detail');
    expect(panel).toHaveTextContent('cor-1');
  });

  it('says why a kept sign-in ended', async () => {
    await openWindow(new FakeBackend({ session: { kind: 'signedOut', problem: problem('wrongTenant') } }));
    expect(byId('error-panel')).toHaveTextContent('That account belongs to another tenant.');
  });

  it('says what to do about what Entra refused, with what support asks for in the detail', async () => {
    const backend = new FakeBackend();
    const refusal = {
      message: 'AADSTS7000218: The request body must contain client_assertion',
      requestId: 'cor-7',
      help: 'publicClientOff',
      at: '2026-11-23 09:31:07Z',
    } as const;
    backend.fail('signIn', problem('signInRefused', refusal));
    const { person } = await openWindow(backend);
    await person.click(byId('sign-in'));
    const panel = await findId('error-panel');
    expect(panel).toHaveTextContent('The app registration does not allow public client flows');
    expect(panel).toHaveTextContent('App registrations → Authentication');
    expect(panel).not.toHaveTextContent(errorWords.signInRefused.what());
    const copied: string[] = [];
    vi.spyOn(navigator.clipboard, 'writeText').mockImplementation(async (text) => void copied.push(text));
    await person.click(within(panel).getByRole('button', { name: 'Copy Technical detail' }));
    expect(copied).toEqual([
      [
        'AADSTS7000218: The request body must contain client_assertion',
        'Correlation id: cor-7',
        'Time: 2026-11-23 09:31:07Z',
        'Code: signInRefused · publicClientOff',
      ].join('\n'),
    ]);
  });

  it('asks for no tenant while policy is broken, because naming one would not help', async () => {
    await openWindow(
      new FakeBackend({
        mode: 'unconfigured',
        configProblem: { file: '/etc/unlatch/policy.toml', key: null, reason: 'line 3: expected =' },
      }),
    );
    expect(byId('config-problem')).toHaveTextContent('line 3: expected =');
    expect(screen.getByText(/Sign-in is off until the file above is fixed/)).toBeInTheDocument();
    expect(byId('sign-in')).toBeDisabled();
    noId('settings-tenant');
    expect(byId('try-demo')).toHaveFocus();
  });

  it('says what to do when the browser shows an error', async () => {
    const backend = new FakeBackend();
    const { person } = await openWindow(backend);
    backend.hold('signIn');
    await person.click(byId('sign-in'));
    expect(await findId('sign-in-waiting')).toHaveTextContent(
      'If the browser shows an error, cancel here and check the tenant and the application ID.',
    );
    expect(byId('cancel-sign-in')).toHaveFocus();
  });

  it('goes to the demo tenant and out of it', async () => {
    const { person } = await openWindow(new FakeBackend());
    await person.click(byId('try-demo'));
    await findId('demo-ribbon');
    expect(byId('sign-in')).toHaveTextContent('Sign in to the demo tenant');
    await person.click(byId('sign-in'));
    await findId('search-input');
    await person.click(byId('account-menu'));
    await person.click(byId('leave-demo'));
    await waitFor(() => noId('demo-ribbon'));
    expect(byId('sign-in')).toHaveTextContent('Sign in with Microsoft');
    expect(byId('show-place')).toHaveTextContent('Contoso');
  });

  it('says how long the sign-in lasts when there is no keychain', async () => {
    await openWindow(new FakeBackend({ keychain: 'absent' }));
    expect(screen.getByText(/There is no system keychain/)).toBeInTheDocument();
  });

  it.each([
    ['sign-out-here', false],
    ['sign-out-browser', true],
  ])('signs out by %s and forgets the selection', async (way, browser) => {
    const backend = FakeBackend.signedIn();
    const { person } = await openWindow(backend);
    await devicesOf(person, 'zoë');
    await person.keyboard(' ');
    await person.click(byId('account-menu'));
    await person.click(byId('sign-out'));
    expect(backend.called('signOut')).toEqual([]);
    await person.click(byId(way));
    await person.click(await findId('sign-in'));
    await findId('search-input');
    expect(backend.called('signOut')).toEqual([browser]);
    noId('tray');
    expect(screen.queryAllByTestId('device-row')).toEqual([]);
  });

  it('keeps the selection if signing out is refused and the sign-in stays in force', async () => {
    const backend = FakeBackend.signedIn();
    const { person } = await openWindow(backend);
    await devicesOf(person, 'zoë');
    await person.keyboard(' ');
    backend.fail('signOut', problem('runUnderWay'));
    await person.click(byId('account-menu'));
    await person.click(byId('sign-out'));
    await person.click(byId('sign-out-here'));
    expect(await findId('error-panel')).toHaveTextContent('A run is under way.');
    expect(deviceIds('tray-item')).toEqual(['d-5']);
  });

  it('is signed out even if the keychain holds on to the sign-in, and tries once more', async () => {
    const backend = FakeBackend.signedIn();
    const { person } = await openWindow(backend);
    backend.fail('signOut', problem('keychain'));
    await person.click(byId('account-menu'));
    backend.endSession();
    await person.click(byId('sign-out'));
    await person.click(byId('sign-out-here'));
    expect(await findId('sign-in')).toBeEnabled();
    await person.click(within(byId('error-panel')).getByRole('button', { name: 'Try again' }));
    await waitFor(() => expect(backend.called('signOut')).toHaveLength(2));
    await waitFor(() => noId('error-panel'));
  });

  it('says that it was started once more, until that is closed', async () => {
    const backend = FakeBackend.signedIn();
    const { person } = await openWindow(backend);
    backend.notify('startedAgain');
    const banner = await findId('notice-banner');
    expect(banner).toHaveTextContent('Unlatch was started once more.');
    await person.click(within(banner).getByRole('button', { name: 'Close' }));
    noId('notice-banner');
  });

  it('follows a policy that changes while the window is open, and says so', async () => {
    const backend = FakeBackend.signedIn();
    const { person } = await openWindow(backend);
    await person.click(byId('account-menu'));
    await person.click(byId('open-settings'));
    await person.clear(byId('settings-idle-lock'));
    await person.type(byId('settings-idle-lock'), '60');
    backend.status = {
      ...backend.status,
      settings: {
        ...backend.status.settings,
        locked: ['tenant', 'client_id', 'cloud', 'tenants', 'allowed_tenants', 'idle_lock_minutes', 'export'],
        idleLockMinutes: 5,
        export: false,
      },
    };
    backend.notify('policyChanged');
    const banner = await findId('notice-banner');
    expect(banner).toHaveTextContent('Your organisation changed what Unlatch may do on this computer.');
    await waitFor(() => expect(byId('settings-idle-lock')).toBeDisabled());
    expect(byId('settings-idle-lock')).toHaveValue('5');
    for (const field of ['settings-tenant', 'settings-client-id', 'settings-cloud']) {
      expect(byId(field), field).toBeDisabled();
    }
    expect(byId('allowed-export')).toHaveTextContent('Not allowed · Set by your organisation');
    expect(byId('allowed-tenants')).toHaveTextContent(
      'Those that your organisation names · Set by your organisation',
    );
    await person.click(within(banner).getByRole('button', { name: 'Close' }));
    noId('notice-banner');
  });

  it('takes the minutes until the window locks, and no others than there can be', async () => {
    const backend = FakeBackend.signedIn();
    const { person } = await openWindow(backend);
    await person.click(byId('account-menu'));
    await person.click(byId('open-settings'));
    expect(byId('allowed-device_code')).toHaveTextContent('Allowed');
    expect(byId('allowed-tenants')).toHaveTextContent(/^Any$/);
    for (const wrong of ['241', '-1', '1.5', 'soon', '']) {
      await person.clear(byId('settings-idle-lock'));
      if (wrong) await person.type(byId('settings-idle-lock'), wrong);
      await person.click(byId('settings-save'));
      expect(byId('settings-idle-lock'), wrong).toBeInvalid();
      expect(byId('settings-idle-lock')).toHaveFocus();
    }
    expect(backend.called('saveSettings')).toEqual([]);
    await person.clear(byId('settings-idle-lock'));
    await person.type(byId('settings-idle-lock'), '0');
    await person.click(byId('settings-save'));
    await waitFor(() => expect(backend.called('saveSettings')).toMatchObject([{ idleLockMinutes: 0 }]));
  });

  it('sends the minutes that policy fixes unchanged, and says whose they are', async () => {
    const backend = FakeBackend.signedIn();
    backend.status.settings = {
      ...backend.status.settings,
      locked: ['idle_lock_minutes', 'device_code', 'keep_sign_in', 'export', 'allowed_tenants'],
      idleLockMinutes: 5,
      deviceCode: false,
      keepSignIn: false,
      export: false,
      allowedTenants: ['11111111-1111-1111-1111-111111111111'],
    };
    const { person } = await openWindow(backend);
    await person.click(byId('account-menu'));
    await person.click(byId('open-settings'));
    expect(byId('settings-idle-lock')).toBeDisabled();
    for (const key of ['device_code', 'keep_sign_in', 'export']) {
      expect(byId(`allowed-${key}`), key).toHaveTextContent('Not allowed · Set by your organisation');
    }
    expect(byId('allowed-clipboard')).toHaveTextContent(/^Allowed$/);
    expect(byId('allowed-tenants')).toHaveTextContent(/^1{8}-.* · Set by your organisation$/);
    await person.click(byId('settings-save'));
    await waitFor(() => expect(backend.called('saveSettings')).toMatchObject([{ idleLockMinutes: 5 }]));
  });

  it('shows what policy fixes as locked', async () => {
    const backend = FakeBackend.signedIn();
    backend.status = {
      ...backend.status,
      settings: { ...backend.status.settings, locked: ['tenant', 'require_reason'] },
    };
    const { person } = await openWindow(backend);
    await person.click(byId('account-menu'));
    await person.click(byId('open-settings'));
    expect(byId('settings-tenant')).toBeDisabled();
    expect(byId('settings-client-id')).toBeEnabled();
    expect(byId('settings-require-reason')).toBeDisabled();
    expect(screen.getAllByText('Set by your organisation')).toHaveLength(2);
  });

  it('tells when the engine does not answer at the start, and asks again', async () => {
    const backend = new FakeBackend();
    backend.fail('appStatus', problem('internal'));
    const { person } = await openWindow(backend);
    expect(await findId('error-panel')).toHaveTextContent('Something in Unlatch failed.');
    await person.click(screen.getByRole('button', { name: 'Try again' }));
    expect(await findId('sign-in')).toBeInTheDocument();
  });
});
