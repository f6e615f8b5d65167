import { act, fireEvent, screen, waitFor, within } from '@testing-library/svelte';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { fakeAccount, FakeBackend, fakePlace, problem } from '../backend/fake';
import { byId, deviceIds, devicesOf, findId, noId, openWindow, type Person } from '../test-window';

async function withSelection(backend = FakeBackend.signedIn()) {
  const opened = await openWindow(backend);
  await devicesOf(opened.person, 'zoë');
  await opened.person.keyboard('{Control>}a{/Control}');
  return { ...opened, backend };
}

/** Confirms a review. The engine starts the run, and the window locks before it knows. Gives what lets the answer arrive. */
async function lockedWhileStarting(person: Person, backend: FakeBackend): Promise<() => void> {
  const start = backend.startRun;
  let arrive = () => {};
  backend.startRun = async (confirmation) => {
    const run = await start(confirmation);
    await new Promise<void>((resolve) => (arrive = resolve));
    return run;
  };
  await person.click(await findId('confirm-button'));
  await waitFor(() => expect(backend.called('startRun')).toHaveLength(1));
  await act(() => backend.fallAsleep());
  return () => arrive();
}

describe('the lock', () => {
  it('takes everything out of the page, and gives search and selection back', async () => {
    const { person, backend } = await withSelection();
    await person.keyboard('{Control>}l{/Control}');
    await findId('lock-view');
    expect(backend.called('lockWindow')).toHaveLength(1);
    for (const word of ['Contoso', 'Zoë', 'IPADOS', 'SN0000', 'd-5']) {
      expect(document.body.outerHTML, word).not.toContain(word);
    }
    expect(byId('lock-account')).toHaveTextContent('alma@contoso.example');
    await waitFor(() => expect(byId('unlock')).toHaveFocus());
    await person.keyboard('{Enter}');
    await findId('search-input');
    expect(byId('search-input')).toHaveValue('zoë');
    expect(deviceIds('tray-item')).toEqual(['d-5', 'd-6', 'd-7']);
    expect(deviceIds('device-row')).toEqual(['d-5', 'd-6', 'd-7']);
  });

  it('is in the account menu', async () => {
    const { person } = await openWindow(FakeBackend.signedIn());
    await person.click(byId('account-menu'));
    expect(byId('lock')).toHaveAttribute('aria-keyshortcuts', 'Control+L');
    await person.click(byId('lock'));
    await findId('lock-view');
  });

  it('comes at once when nobody has touched the window, even if the engine does not answer', async () => {
    const { backend } = await withSelection();
    backend.hold('appStatus');
    await act(() => backend.fallAsleep());
    expect(byId('lock-view')).toBeInTheDocument();
    expect(byId('announcer')).toHaveTextContent('Unlatch is locked');
    expect(screen.queryAllByTestId('device-row')).toEqual([]);
  });

  it('is not lifted by an answer from before it', async () => {
    const { person, backend } = await withSelection();
    const release = backend.hold('appStatus');
    const open = { ...backend.status, locked: false };
    backend.fail('planRun', problem('signedOut'));
    await person.click(byId('recover-button'));
    await waitFor(() => expect(backend.called('appStatus')).toHaveLength(2));
    await act(() => backend.fallAsleep());
    await waitFor(() => expect(backend.called('appStatus')).toHaveLength(3));
    // The answer was made before the lock and arrives after it.
    const locked = backend.status;
    backend.status = open;
    await act(release);
    backend.status = locked;
    await act(() => Promise.resolve());
    expect(byId('lock-view')).toBeInTheDocument();
  });

  it('is there from the start if the engine says so', async () => {
    const backend = FakeBackend.signedIn({ locked: true });
    const { person } = await openWindow(backend);
    expect(byId('lock-view')).toBeInTheDocument();
    expect(document.body.textContent).not.toContain('Contoso');
    await person.click(byId('unlock'));
    await findId('search-input');
  });

  it('takes a passcode that is shown out of the page, and it does not come back', async () => {
    const backend = FakeBackend.signedIn();
    backend.passcode = '0O1l-4711';
    backend.outcome = () => ({ state: 'done', hasPasscode: true });
    const { person } = await withSelection(backend);
    await person.keyboard('{Control>}{Enter}{/Control}');
    await person.click(await findId('confirm-button'));
    await waitFor(() => expect(screen.getAllByTestId('run-item')).toHaveLength(3));
    for (let sent = 0; sent < 3; sent += 1) backend.step('run-2');
    await person.click(screen.getAllByTestId('open-detail')[0] as HTMLElement);
    await person.click(await findId('show-passcode'));
    expect(await findId('passcode')).toHaveTextContent('0O1l-4711');
    await act(() => backend.fallAsleep());
    expect(document.body.outerHTML).not.toContain('0O1l-4711');
    await person.click(await findId('unlock'));
    await findId('run-view');
    await waitFor(() => expect(screen.getAllByTestId('run-item')).toHaveLength(3));
    expect(document.body.outerHTML).not.toContain('0O1l-4711');
  });

  it('leaves a review, and keeps the selection and what was left out', async () => {
    const { person, backend } = await withSelection();
    await person.keyboard('{Control>}{Enter}{/Control}');
    await person.click((await screen.findAllByTestId('plan-item'))[0]!);
    await act(() => backend.fallAsleep());
    await person.click(await findId('unlock'));
    await waitFor(() => expect(deviceIds('tray-item')).toEqual(['d-5', 'd-6', 'd-7']));
    noId('confirm-dialog');
    // Whoever unlocks looks around first: an Enter too many must not open a review.
    expect(byId('search-input')).toHaveFocus();
    await person.click(byId('recover-button'));
    expect(await findId('confirm-left-out')).toHaveTextContent('1 left out');
  });

  it.each(['unlock', 'sign-in-to-unlock'])('is opened by %s though a review was being made', async (way) => {
    const { person, backend } = await withSelection();
    const release = backend.hold('planRun');
    await person.click(byId('recover-button'));
    await waitFor(() => expect(backend.called('planRun')).toHaveLength(1));
    await act(() => backend.fallAsleep());
    await person.click(await findId(way));
    await findId('search-input');
    expect(byId('recover-button')).toBeEnabled();
    // Its answer belongs to what was before.
    await act(release);
    noId('confirm-dialog');
    await person.click(byId('recover-button'));
    await findId('confirm-dialog');
  });

  it('a refusal from before it asks for no consent afterwards', async () => {
    const { person, backend } = await withSelection();
    const release = backend.hold('planRun');
    backend.fail('planRun', problem('consentNeeded'));
    await person.click(byId('recover-button'));
    await waitFor(() => expect(backend.called('planRun')).toHaveLength(1));
    await act(() => backend.fallAsleep());
    await act(release);
    await person.click(await findId('unlock'));
    await findId('search-input');
    noId('consent-panel');
  });

  it('is opened though a run was being started, which is shown then', async () => {
    const { person, backend } = await withSelection();
    await person.keyboard('{Control>}{Enter}{/Control}');
    const arrive = await lockedWhileStarting(person, backend);
    await act(arrive);
    await person.click(await findId('unlock'));
    await findId('run-view');
    noId('tray');
  });

  it('a run that was being started pulls nobody out of what they turned to after unlocking', async () => {
    const { person, backend } = await withSelection();
    await person.keyboard('{Control>}{Enter}{/Control}');
    const arrive = await lockedWhileStarting(person, backend);
    await person.click(await findId('unlock'));
    await devicesOf(person, 'łukasz');
    await person.keyboard(' ');
    const [picked] = deviceIds('device-row');
    // The engine took out what the run is for when it started it.
    await waitFor(() => expect(deviceIds('tray-item')).toEqual([picked]));
    await act(arrive);
    await waitFor(() => expect(deviceIds('tray-item')).toEqual([picked]));
    noId('run-view');
  });

  it('opens no review for whoever unlocks', async () => {
    const { person, backend } = await withSelection();
    // The plan was made before the lock and arrives after it.
    const plan = backend.planRun;
    let arrive = () => {};
    backend.planRun = async () => {
      const made = await plan();
      await new Promise<void>((resolve) => (arrive = resolve));
      return made;
    };
    await person.click(byId('recover-button'));
    await waitFor(() => expect(backend.called('planRun')).toHaveLength(1));
    await act(() => backend.fallAsleep());
    await act(arrive);
    await person.click(await findId('unlock'));
    await findId('search-input');
    noId('confirm-dialog');
    noId('error-panel');
  });

  it('asks anew for what it cut off', async () => {
    const backend = FakeBackend.signedIn();
    const { person } = await openWindow(backend);
    const release = backend.hold('searchDevices');
    await person.click(byId('mode-device'));
    await person.type(byId('search-input'), 'IPADOS-00005{Enter}');
    await act(() => backend.fallAsleep());
    await act(release);
    await person.click(await findId('unlock'));
    await waitFor(() => expect(deviceIds('device-row')).toEqual(['d-5']));
  });

  it('says why it does not open, and has a sign-in open it', async () => {
    const { person, backend } = await withSelection();
    await person.keyboard('{Control>}l{/Control}');
    await findId('lock-view');
    backend.fail('unlock', problem('keychain', { keychain: 'locked' }));
    await person.click(byId('unlock'));
    const panel = await findId('error-panel');
    expect(panel).toHaveTextContent(
      'The system keychain is locked. Unlock the keychain and try again, or sign in with the same account.',
    );
    await waitFor(() => expect(byId('sign-in-to-unlock')).toHaveFocus());

    backend.fail('unlock', problem('keychain', { keychain: 'vanished' }));
    await person.click(byId('unlock'));
    await waitFor(() =>
      expect(byId('error-panel')).toHaveTextContent(
        'The system keychain went away while Unlatch was running. Sign in with the same account to unlock.',
      ),
    );

    backend.fail('unlock', problem('signedOut'));
    await person.click(byId('unlock'));
    await waitFor(() =>
      expect(byId('error-panel')).toHaveTextContent(
        'No sign-in is kept in the system keychain. Sign in with the same account to unlock.',
      ),
    );

    backend.fail('signIn', problem('otherAccount'));
    await person.click(byId('sign-in-to-unlock'));
    await waitFor(() => expect(byId('error-panel')).toHaveTextContent('Another account'));
    expect(byId('lock-view')).toBeInTheDocument();

    await person.click(byId('sign-in-to-unlock'));
    await findId('search-input');
    expect(deviceIds('tray-item')).toEqual(['d-5', 'd-6', 'd-7']);
    noId('error-panel');
  });

  it('is opened by a code on another device as well', async () => {
    const { person, backend } = await withSelection();
    await act(() => backend.fallAsleep());
    const release = backend.hold('signInWithCode');
    await person.click(await findId('sign-in-with-code'));
    expect(await findId('user-code')).toBeInTheDocument();
    release();
    await findId('search-input');
  });

  it('gives nothing of the old desk to another account', async () => {
    const { person, backend } = await withSelection();
    await act(() => backend.fallAsleep());
    backend.account = { ...fakeAccount, username: 'bo@contoso.example', name: 'Bo' };
    await person.click(await findId('sign-in-to-unlock'));
    await findId('search-input');
    noId('tray');
    expect(byId('search-input')).toHaveValue('');
  });

  it('says that a run goes on', async () => {
    const { person, backend } = await withSelection();
    await person.keyboard('{Control>}{Enter}{/Control}');
    await person.click(await findId('confirm-button'));
    await findId('run-view');
    await act(() => backend.fallAsleep());
    expect(await findId('lock-run')).toHaveTextContent('A run is under way and goes on while locked.');
  });

  it('says nothing of a run where none is', async () => {
    const { backend } = await withSelection();
    await act(() => backend.fallAsleep());
    expect(await findId('lock-view')).toBeInTheDocument();
    noId('lock-run');
  });

  it('shows itself when a command finds the window locked', async () => {
    const { person, backend } = await withSelection();
    backend.status = { ...backend.status, locked: true };
    await person.click(byId('recover-button'));
    expect(await findId('lock-view')).toBeInTheDocument();
  });

  it('comes back out when the engine cannot lock', async () => {
    const { person, backend } = await withSelection();
    backend.fail('lockWindow', problem('internal'));
    await person.keyboard('{Control>}l{/Control}');
    expect(await findId('error-panel')).toHaveTextContent('Something in Unlatch failed.');
    expect(deviceIds('tray-item')).toEqual(['d-5', 'd-6', 'd-7']);
  });

  it('names the tenant where nobody was signed in', async () => {
    const backend = new FakeBackend({ locked: true }).with(
      fakePlace('two', { tenant: 'fabrikam.example', account: fakeAccount, signedIn: true }),
    );
    await openWindow(backend);
    expect(byId('lock-tenant')).toHaveTextContent('Tenant: contoso.example');
    noId('lock-account');
  });

  it('names no tenant while a sign-in that opens it is waited for', async () => {
    const { person, backend } = await withSelection();
    await act(() => backend.fallAsleep());
    backend.hold('signIn');
    await person.click(await findId('sign-in-to-unlock'));
    await findId('sign-in-waiting');
    expect(document.body.outerHTML).not.toContain('Contoso');
  });

  it('leads to the sign-in first where none is kept', async () => {
    await openWindow(FakeBackend.signedIn({ locked: true, keychain: 'absent' }));
    expect(byId('sign-in-to-unlock')).toHaveClass('primary');
    expect(byId('unlock')).not.toHaveClass('primary');
    await waitFor(() => expect(byId('sign-in-to-unlock')).toHaveFocus());
  });

  it('does not let anybody sign out', async () => {
    const backend = FakeBackend.signedIn({ locked: true });
    await expect(backend.signOut(false)).rejects.toMatchObject({ detail: { code: 'locked' } });
  });

  it('has nothing to lock while nobody is signed in', async () => {
    const backend = new FakeBackend();
    const { person } = await openWindow(backend);
    await person.keyboard('{Control>}l{/Control}');
    expect(backend.called('lockWindow')).toEqual([]);
    noId('lock-view');
  });
});

describe('what keeps the window open', () => {
  it('is every kind of input, told at most every ten seconds and never while it is locked', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const backend = FakeBackend.signedIn();
    await openWindow(backend);
    const told = () => backend.called('touch').length;
    expect(told()).toBe(0);
    for (const [index, input] of [
      fireEvent.pointerDown,
      fireEvent.pointerMove,
      fireEvent.wheel,
      (where: Element) => fireEvent.keyDown(where, { key: 'a' }),
    ].entries()) {
      await input(document.body);
      expect(told()).toBe(index + 1);
      vi.advanceTimersByTime(9_000);
      await input(document.body);
      expect(told()).toBe(index + 1);
      vi.advanceTimersByTime(1_500);
    }
    await act(() => backend.fallAsleep());
    vi.advanceTimersByTime(60_000);
    await fireEvent.pointerDown(document.body);
    expect(told()).toBe(4);
    expect(within(byId('lock-view')).getByTestId('unlock')).toBeInTheDocument();
  });

  it('counts a key that somebody else has used up', async () => {
    const backend = FakeBackend.signedIn();
    await openWindow(backend);
    byId('account-menu').addEventListener('keydown', (event) => event.stopPropagation());
    await fireEvent.keyDown(byId('account-menu'), { key: 'Escape' });
    expect(backend.called('touch')).toHaveLength(1);
  });
});
