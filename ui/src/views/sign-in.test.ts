import { screen, waitFor, within } from '@testing-library/svelte';
import { describe, expect, it } from 'vitest';

import type { ErrorCode } from '../backend/backend';
import { FakeBackend, problem } from '../backend/fake';
import { errorWords } from '../state/words';
import { byId, findId, noId, openWindow } from '../test-window';

const CLIENT = '8f6c1c1e-2b7a-4c7e-9d5a-0a3b1c2d4e5f';

describe('signing in', () => {
  it('waits for the browser and can be cancelled', async () => {
    const backend = new FakeBackend();
    backend.hold('signIn');
    const { person } = await openWindow(backend);
    await person.click(byId('sign-in'));
    expect(await findId('sign-in-waiting')).toHaveTextContent('Waiting for the browser');
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

  it('is off until a tenant and an application are named, and says so', async () => {
    const backend = new FakeBackend({
      mode: 'unconfigured',
      configProblem: {
        file: '/home/alma/.config/unlatch/config.toml',
        key: 'client_id',
        reason: 'not a GUID',
      },
    });
    backend.status = {
      ...backend.status,
      settings: { ...backend.status.settings, tenant: null, clientId: null },
    };
    const { person } = await openWindow(backend);
    expect(byId('sign-in')).toBeDisabled();
    expect(byId('config-problem')).toHaveTextContent('/home/alma/.config/unlatch/config.toml');
    expect(byId('config-problem')).toHaveTextContent('client_id');
    expect(byId('config-problem')).toHaveTextContent('not a GUID');

    expect(byId('settings-tenant')).toHaveFocus();
    await person.type(byId('settings-tenant'), 'contoso');
    await person.type(byId('settings-client-id'), '12345');
    await person.click(byId('settings-save'));
    expect(screen.getByText(/Enter a tenant id/)).toBeInTheDocument();
    expect(screen.getByText(/Enter a GUID/)).toBeInTheDocument();
    expect(backend.called('saveSettings')).toEqual([]);

    await person.type(byId('settings-tenant'), '.example');
    await person.clear(byId('settings-client-id'));
    await person.type(byId('settings-client-id'), CLIENT);
    await person.click(byId('settings-save'));
    await waitFor(() => expect(byId('sign-in')).toBeEnabled());
    expect(backend.called('saveSettings')).toMatchObject([{ tenant: 'contoso.example', clientId: CLIENT }]);
  });

  it('asks for no tenant while policy is broken, because naming one would not help', async () => {
    await openWindow(
      new FakeBackend({
        mode: 'unconfigured',
        configProblem: { file: '/etc/unlatch/policy.toml', key: null, reason: 'line 3: expected =' },
      }),
    );
    expect(byId('config-problem')).toHaveTextContent('line 3: expected =');
    expect(screen.getByText(/Sign-in is off until the file above is mended/)).toBeInTheDocument();
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
    await findId('try-demo');
    noId('demo-ribbon');
  });

  it('says how long the sign-in lasts when there is no keychain', async () => {
    await openWindow(new FakeBackend({ keychain: 'absent' }));
    expect(screen.getByText(/There is no system keychain/)).toBeInTheDocument();
  });

  it('signs out and forgets the selection', async () => {
    const { person } = await openWindow(FakeBackend.signedIn());
    await person.click(byId('account-menu'));
    await person.click(byId('sign-out'));
    expect(await findId('sign-in')).toBeEnabled();
  });

  it('is signed out even if the keychain holds on to the sign-in, and tries once more', async () => {
    const backend = FakeBackend.signedIn();
    const { person } = await openWindow(backend);
    backend.fail('signOut', problem('keychain'));
    await person.click(byId('account-menu'));
    backend.endSession();
    await person.click(byId('sign-out'));
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
