import { act, screen, waitFor, within } from '@testing-library/svelte';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { fakeAccount, FakeBackend, fakePlace, problem } from '../backend/fake';
import { byId, deviceIds, devicesOf, findId, noId, openWindow } from '../test-window';

/** A selection of three, and the permission to send was never asked for. */
async function needed(backend = FakeBackend.signedIn()) {
  backend.consented = false;
  const opened = await openWindow(backend);
  await devicesOf(opened.person, 'zoë');
  await opened.person.keyboard('{Control>}a{Enter}{/Control}');
  await findId('consent-panel');
  return { ...opened, backend };
}

describe('consent at the first recovery', () => {
  it('is explained and asked for, and leads straight to the review', async () => {
    const { person, backend } = await needed();
    const panel = byId('consent-panel');
    expect(panel).toHaveTextContent('Recovering needs one more permission');
    expect(panel).toHaveTextContent('DeviceManagementManagedDevices.PrivilegedOperations.All');
    expect(panel).toHaveTextContent('Nothing is sent by that: the review comes afterwards.');
    expect(deviceIds('tray-item')).toEqual(['d-5', 'd-6', 'd-7']);
    expect(byId('ask-consent')).toHaveFocus();
    const release = backend.hold('signIn');
    await person.keyboard('{Enter}');
    expect(await findId('sign-in-waiting')).toHaveTextContent(
      'If the browser says that an administrator must approve, cancel here and hand over the link below.',
    );
    expect(byId('consent-link')).toHaveTextContent('/contoso.example/v2.0/adminconsent');
    expect(panel).not.toHaveTextContent('DeviceManagementManagedDevices');
    expect(byId('cancel-sign-in')).toHaveFocus();
    release();
    expect(await findId('confirm-dialog')).toHaveTextContent('recover 3 passcodes');
    expect(backend.called('signIn')).toEqual([true]);
    expect(backend.called('planRun')).toHaveLength(2);
    expect(backend.called('startRun')).toEqual([]);
    await person.click(byId('confirm-back'));
    noId('consent-panel');
  });

  it('an ordinary sign-in does not ask for it', async () => {
    const backend = new FakeBackend();
    const { person } = await openWindow(backend);
    await person.click(byId('sign-in'));
    await findId('search-input');
    expect(backend.called('signIn')).toEqual([false]);
  });

  it('says what an administrator can do when it is refused, with the link, and keeps the selection', async () => {
    const { person, backend } = await needed();
    backend.fail('signIn', problem('signInRefused', { help: 'adminConsentNeeded' }));
    await person.click(byId('ask-consent'));
    const refused = await within(byId('consent-panel')).findByTestId('error-panel');
    expect(refused).toHaveTextContent(
      'Only an administrator can consent to what Unlatch asks for. Hand this link to an administrator. Then ask for the permission again.',
    );
    const link = byId('consent-link');
    expect(refused).not.toContainElement(link);
    expect(link).toHaveTextContent('https://login.microsoftonline.com/contoso.example/v2.0/adminconsent');
    expect(within(link).getByRole('button', { name: 'Copy the link for the administrator' })).toBeEnabled();
    expect(screen.getAllByTestId('error-panel')).toHaveLength(1);
    expect(deviceIds('tray-item')).toEqual(['d-5', 'd-6', 'd-7']);
    noId('confirm-dialog');
    expect(byId('ask-consent')).toHaveFocus();
    await person.click(byId('ask-consent'));
    await findId('confirm-dialog');
  });

  it('says nothing of the link for a refusal that an administrator’s consent does not settle', async () => {
    const { person, backend } = await needed();
    backend.fail('signIn', problem('signInRefused', { help: 'mfaNeeded' }));
    await person.click(byId('ask-consent'));
    const refused = await within(byId('consent-panel')).findByTestId('error-panel');
    expect(refused).toHaveTextContent('Multi-factor authentication is needed.');
    expect(refused).not.toHaveTextContent('link');
  });

  it('shows no link where there is none', async () => {
    const backend = FakeBackend.signedIn();
    backend.status.places = backend.status.places.map((place) => ({ ...place, adminConsent: null }));
    const { person } = await needed(backend);
    noId('consent-link');
    backend.fail('signIn', problem('signInRefused', { help: 'adminConsentNeeded' }));
    const release = backend.hold('signIn');
    await person.click(byId('ask-consent'));
    expect(await findId('sign-in-waiting')).not.toHaveTextContent('link');
    release();
    expect(await findId('error-panel')).toHaveTextContent('Ask one to consent: Entra admin center');
  });

  it('gives another code for the same permission', async () => {
    vi.useFakeTimers({ shouldAdvanceTime: true });
    onTestFinished(() => void vi.useRealTimers());
    const { person, backend } = await needed();
    backend.hold('signInWithCode');
    await person.click(byId('ask-consent-with-code'));
    await findId('user-code');
    await act(() => vi.advanceTimersByTimeAsync(901_000));
    await person.click(await findId('another-code'));
    await findId('confirm-dialog');
    expect(backend.called('signInWithCode')).toEqual([true, true]);
  });

  it('gives the link of the tenant that is shown', async () => {
    const backend = new FakeBackend().with(
      fakePlace('two', {
        tenant: 'fabrikam.example',
        account: { ...fakeAccount, tenantName: 'Fabrikam' },
        signedIn: true,
        removable: true,
      }),
    );
    const first = await openWindow(backend);
    await first.person.click(byId('show-place'));
    await findId('search-input');
    backend.consented = false;
    await devicesOf(first.person, 'zoë');
    await first.person.keyboard('{Control>}a{Enter}{/Control}');
    backend.fail('signIn', problem('signInRefused', { help: 'adminConsentNeeded' }));
    await first.person.click(await findId('ask-consent'));
    await within(byId('consent-panel')).findByTestId('error-panel');
    expect(byId('consent-panel')).toHaveTextContent('/fabrikam.example/v2.0/adminconsent');
    expect(byId('consent-panel')).not.toHaveTextContent('contoso.example/');
  });

  it('says so when the permission is still missing afterwards, instead of asking in a circle', async () => {
    const { person, backend } = await needed();
    backend.fail('planRun', problem('consentNeeded'));
    await person.click(byId('ask-consent'));
    expect(await within(byId('consent-panel')).findByTestId('error-panel')).toHaveTextContent(
      'Sending the action was not consented to yet.',
    );
    noId('confirm-dialog');
  });

  it('can be cancelled and closed', async () => {
    const { person, backend } = await needed();
    backend.hold('signIn');
    await person.click(byId('ask-consent'));
    await person.click(await findId('cancel-sign-in'));
    expect(await findId('error-panel')).toHaveTextContent('The sign-in was cancelled. Nothing was asked.');
    await person.click(byId('close-consent'));
    noId('consent-panel');
    expect(deviceIds('tray-item')).toEqual(['d-5', 'd-6', 'd-7']);
    await waitFor(() => expect(byId('recover-button')).toHaveFocus());
  });

  it('is closed by Escape, but not from elsewhere and not while it waits', async () => {
    const { person, backend } = await needed();
    await person.click(byId('search-input'));
    await person.keyboard('{Escape}');
    expect(byId('consent-panel')).toBeInTheDocument();
    const release = backend.hold('signIn');
    backend.fail('signIn', problem('signInTimedOut'));
    await person.click(byId('ask-consent'));
    await findId('sign-in-waiting');
    await person.keyboard('{Escape}');
    expect(byId('sign-in-waiting')).toBeInTheDocument();
    release();
    await findId('error-panel');
    await waitFor(() => expect(byId('ask-consent')).toHaveFocus());
    await person.keyboard('{Escape}');
    noId('consent-panel');
    await waitFor(() => expect(byId('recover-button')).toHaveFocus());
  });

  it('reviews nothing if somebody else signs in', async () => {
    const { person, backend } = await needed();
    backend.account = { ...fakeAccount, username: 'bo@contoso.example', name: 'Bo' };
    await person.click(byId('ask-consent'));
    await waitFor(() => noId('consent-panel'));
    noId('tray');
    noId('confirm-dialog');
    expect(backend.called('planRun')).toHaveLength(1);
  });

  it('does not pull a person out of another view', async () => {
    const { person, backend } = await needed();
    const release = backend.hold('signIn');
    await person.click(byId('ask-consent'));
    await person.click(byId('account-menu'));
    await person.click(byId('open-history'));
    release();
    await waitFor(() => expect(backend.status.session.kind).toBe('signedIn'));
    await waitFor(() => expect(backend.consented).toBe(true));
    expect(byId('history-view')).toBeInTheDocument();
    expect(backend.called('planRun')).toHaveLength(1);
  });
});
