import { act, screen, waitFor, within } from '@testing-library/svelte';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { FakeBackend, problem } from '../backend/fake';
import { byId, findId, noId, openWindow } from '../test-window';

function fakeTime() {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  onTestFinished(() => void vi.useRealTimers());
}

/** A code is shown and not typed yet. */
async function waiting(backend = new FakeBackend()) {
  const release = backend.hold('signInWithCode');
  const opened = await openWindow(backend);
  await opened.person.click(byId('sign-in-with-code'));
  await findId('user-code');
  return { ...opened, backend, release };
}

describe('signing in with a code on another device', () => {
  it('shows the code, where to type it and what to beware of, and goes on by itself', async () => {
    const { release } = await waiting();
    expect(byId('user-code')).toHaveTextContent('FKLW7QZTB');
    expect(byId('sign-in-tenant')).toHaveTextContent('Tenant: contoso.example');
    const panel = byId('code-sign-in');
    expect(panel).toHaveTextContent('https://login.microsoft.com/device');
    expect(panel).toHaveTextContent('Enter only a code that you asked for yourself.');
    expect(byId('code-left')).toHaveTextContent('about 15 minutes left');
    expect(byId('announcer')).toHaveTextContent(
      'Type the code FKLW7QZTB at https://login.microsoft.com/device.',
    );
    expect(byId('cancel-sign-in')).toHaveFocus();
    release();
    await findId('search-input');
    noId('user-code');
    expect(document.body.textContent).not.toContain('FKLW7QZTB');
  });

  it('copies the code and the address', async () => {
    const { person } = await waiting();
    const copied: string[] = [];
    vi.spyOn(navigator.clipboard, 'writeText').mockImplementation(async (text) => void copied.push(text));
    await person.click(screen.getByRole('button', { name: 'Copy the code' }));
    await person.click(screen.getByRole('button', { name: 'Copy the address' }));
    expect(copied).toEqual(['FKLW7QZTB', 'https://login.microsoft.com/device']);
  });

  it('is not offered where policy forbids it', async () => {
    const backend = new FakeBackend();
    backend.status.settings.deviceCode = false;
    await openWindow(backend);
    expect(byId('sign-in')).toBeEnabled();
    noId('sign-in-with-code');
  });

  it('counts down in words and says the time to a screen reader only now and then', async () => {
    fakeTime();
    await waiting();
    const said = new Set<string>();
    const watch = new MutationObserver(() => said.add(byId('announcer').textContent ?? ''));
    watch.observe(byId('announcer'), { childList: true, characterData: true, subtree: true });
    for (let minute = 0; minute < 14; minute += 1) await act(() => vi.advanceTimersByTimeAsync(60_000));
    expect(byId('code-left')).toHaveTextContent(/about \d+ seconds left/);
    watch.disconnect();
    expect([...said].map((text) => text.trim())).toEqual(['about 5 minutes left', 'about 60 seconds left']);
  });

  it('hides a code that has expired, and gives another one when the engine says so', async () => {
    fakeTime();
    const { backend, person, release } = await waiting();
    backend.fail('signInWithCode', problem('signInRefused', { help: 'deviceCodeExpired' }));
    await act(() => vi.advanceTimersByTimeAsync(901_000));
    expect(await findId('code-expired')).toHaveTextContent('The code has expired.');
    noId('user-code');
    expect(byId('announcer')).toHaveTextContent('The code has expired.');
    release();
    const panel = await findId('error-panel');
    expect(panel).toHaveTextContent('Get a new code and type it within the time shown.');
    backend.code = { ...backend.code, userCode: 'NEWCODE42' };
    backend.hold('signInWithCode');
    await person.click(within(panel).getByRole('button', { name: 'Get a new code' }));
    expect(await findId('user-code')).toHaveTextContent('NEWCODE42');
  });

  it('gives another code at once when one has expired', async () => {
    fakeTime();
    const { backend, person } = await waiting();
    await act(() => vi.advanceTimersByTimeAsync(901_000));
    await findId('code-expired');
    backend.code = { ...backend.code, userCode: 'NEWCODE42' };
    const release = backend.hold('signInWithCode');
    await person.click(screen.getByRole('button', { name: 'Get a new code' }));
    expect(await findId('user-code')).toHaveTextContent('NEWCODE42');
    expect(backend.called('cancelSignIn')).toHaveLength(1);
    expect(backend.called('signInWithCode')).toEqual([false, false]);
    expect(byId('cancel-sign-in')).toHaveFocus();
    noId('error-panel');
    release();
    await findId('search-input');
  });

  it('gives no other code once it was cancelled', async () => {
    fakeTime();
    const { backend, person } = await waiting();
    await act(() => vi.advanceTimersByTimeAsync(901_000));
    const cancel = backend.cancelSignIn;
    // The engine takes its time, and the person has changed their mind.
    backend.cancelSignIn = async () => {};
    await person.click(await findId('another-code'));
    backend.cancelSignIn = cancel;
    await person.click(byId('cancel-sign-in'));
    expect(await findId('error-panel')).toHaveTextContent('The sign-in was cancelled.');
    expect(backend.called('signInWithCode')).toHaveLength(1);
  });

  it('says that Conditional Access blocks it in many tenants, and leads to the browser', async () => {
    const backend = new FakeBackend();
    backend.fail('signInWithCode', problem('signInRefused', { help: 'deviceCodeBlocked' }));
    const { person } = await openWindow(backend);
    await person.click(byId('sign-in-with-code'));
    expect(await findId('error-panel')).toHaveTextContent(
      'Conditional Access blocks signing in with a code. It does so in many tenants. Sign in through the browser.',
    );
    expect(byId('sign-in')).toHaveFocus();
    expect(byId('sign-in')).toBeEnabled();
  });

  it('can be cancelled, and a code that comes late is not shown', async () => {
    const backend = new FakeBackend();
    let late = () => {};
    const { person } = await openWindow(backend);
    backend.hold('signInWithCode');
    const ask = backend.signInWithCode;
    backend.signInWithCode = (privileged, onCode) => {
      late = () => onCode({ ...backend.code, userCode: 'LATECODE' });
      return ask(privileged, onCode);
    };
    await person.click(byId('sign-in-with-code'));
    await person.click(await findId('cancel-sign-in'));
    expect(await findId('error-panel')).toHaveTextContent('The sign-in was cancelled.');
    await act(late);
    backend.signInWithCode = () => new Promise(() => {});
    await person.click(byId('sign-in-with-code'));
    expect(await findId('code-sign-in')).toHaveTextContent('Asking Microsoft for a code…');
    noId('user-code');
  });

  it('brings a session back that ended by itself', async () => {
    const backend = FakeBackend.signedIn();
    const { person } = await openWindow(backend);
    backend.endSession();
    backend.fail('searchDevices', problem('signedOut'));
    await person.click(byId('mode-device'));
    await person.type(byId('search-input'), 'x{Enter}');
    const release = backend.hold('signInWithCode');
    await person.click(within(await findId('signed-out-banner')).getByTestId('sign-in-with-code'));
    expect(await findId('user-code')).toBeInTheDocument();
    release();
    await waitFor(() => noId('user-code'));
    noId('signed-out-banner');
    expect(byId('search-input')).toHaveValue('x');
  });
});
