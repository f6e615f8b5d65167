import { screen, waitFor, within } from '@testing-library/svelte';
import { describe, expect, it } from 'vitest';

import type { ItemState, ItemView } from '../backend/backend';
import { FakeBackend, fakeHold, problem } from '../backend/fake';
import { clock } from '../state/clock.svelte';
import { itemWords } from '../state/words';
import { byId, devicesOf, findId, noId, openWindow } from '../test-window';

async function start(backend: FakeBackend) {
  const opened = await openWindow(backend);
  await devicesOf(opened.person, 'zoë');
  await opened.person.keyboard('{Control>}a{Enter}{/Control}');
  await findId('confirm-dialog');
  await opened.person.click(byId('confirm-button'));
  await findId('run-view');
  await waitFor(() => expect(screen.getAllByTestId('run-item')).toHaveLength(3));
  return { ...opened, id: 'run-2' };
}

const states = () => screen.getAllByTestId('run-item').map((item) => item.dataset['state']);

describe('a run', () => {
  it('shows each answer as it comes, with its request id and route', async () => {
    const backend = FakeBackend.signedIn();
    const outcomes: Partial<ItemView>[] = [
      { state: 'accepted', fellBack: true },
      { state: 'refused', reason: 'roleDenied' },
      { state: 'unconfirmed' },
    ];
    backend.outcome = (position) => outcomes[position] ?? {};
    const { id } = await start(backend);
    expect(states()).toEqual(['waiting', 'waiting', 'waiting']);
    backend.step(id);
    await waitFor(() => expect(states()).toEqual(['accepted', 'waiting', 'waiting']));
    backend.step(id);
    backend.step(id);
    await waitFor(() => expect(states()).toEqual(['accepted', 'refused', 'unconfirmed']));

    const [first, second, third] = screen.getAllByTestId('run-item');
    expect(first).toHaveTextContent('Sent by the direct route because Graph does not know this route.');
    expect(first).toHaveTextContent('5b1c9e20-7d44-4f0e-9a61-000000000000');
    expect(second).toHaveTextContent('Your Intune role does not allow this on this device.');
    expect(third).toHaveTextContent('Unconfirmed: the answer was lost. It may have arrived.');
    expect(byId('run-state')).toHaveTextContent('Every request was sent or stopped.');
    expect(screen.getByRole('progressbar')).toHaveAttribute(
      'aria-valuetext',
      '3 of 3 requests sent or stopped',
    );
    noId('cancel-run');
  });

  it.each(Object.keys(itemWords) as ItemState[])('says %s in words', async (state) => {
    const backend = FakeBackend.signedIn();
    backend.outcome = () => ({ state });
    const { id } = await start(backend);
    backend.step(id);
    await waitFor(() =>
      expect(
        within(screen.getAllByTestId('run-item')[0] as HTMLElement).getByText(itemWords[state].what()),
      ).toBeVisible(),
    );
  });

  it('narrows the table to what failed, and back', async () => {
    const backend = FakeBackend.signedIn();
    const outcomes: Partial<ItemView>[] = [{ state: 'accepted' }, { state: 'refused' }, { state: 'stopped' }];
    backend.outcome = (position) => outcomes[position] ?? {};
    const { person, id } = await start(backend);
    for (let sent = 0; sent < 3; sent += 1) backend.step(id);
    await waitFor(() => expect(states()).toEqual(['accepted', 'refused', 'stopped']));
    await person.click(screen.getByRole('button', { name: /^Refused or stopped/ }));
    expect(states()).toEqual(['refused', 'stopped']);
    expect(screen.getByRole('grid')).toHaveAttribute('aria-rowcount', '3');
    expect(screen.getByRole('button', { name: /^Refused or stopped/ })).toHaveTextContent('2');
    await person.click(screen.getByRole('button', { name: /^All/ }));
    expect(states()).toHaveLength(3);
  });

  it('keeps a narrowed table that has run empty, and says so', async () => {
    const backend = FakeBackend.signedIn();
    const { person, id } = await start(backend);
    await person.click(screen.getByRole('button', { name: /^Waiting/ }));
    for (let sent = 0; sent < 3; sent += 1) backend.step(id);
    expect(await screen.findByText('No device is in this state now.')).toBeInTheDocument();
    expect(screen.getByRole('button', { name: /^Waiting/ })).toHaveTextContent('0');
  });

  it('narrows the table by words and to what needs a person', async () => {
    const backend = FakeBackend.signedIn();
    const outcomes: Partial<ItemView>[] = [
      { state: 'accepted' },
      { state: 'unconfirmed', canSendAgain: true },
      { state: 'failed', canSendAgain: true },
    ];
    backend.outcome = (position) => outcomes[position] ?? {};
    const { person, id } = await start(backend);
    noId('run-filter-person');
    for (let sent = 0; sent < 3; sent += 1) backend.step(id);
    await waitFor(() => expect(byId('run-filter-person')).toHaveTextContent('Needs a person 2'));
    await person.click(byId('run-filter-person'));
    expect(states()).toEqual(['unconfirmed', 'failed']);
    await person.type(byId('run-filter-text'), 'surface');
    expect(states()).toEqual(['failed']);
    await person.type(byId('run-filter-text'), 'x');
    expect(screen.getByText('No device matches “surfacex” here.')).toBeVisible();
  });

  it('keeps the focus on its device when rows above it leave, and goes on when it leaves itself', async () => {
    const backend = FakeBackend.signedIn();
    const { person, id } = await start(backend);
    await person.click(byId('run-filter-waiting'));
    screen.getAllByTestId('run-item')[1]?.focus();
    backend.step(id);
    const focused = () => document.activeElement?.getAttribute('data-device-id');
    await waitFor(() => expect(screen.getAllByTestId('run-item')).toHaveLength(2));
    await waitFor(() => expect(focused()).toBe('d-6'));
    expect(document.activeElement).toBe(screen.getAllByTestId('run-item')[0]);
    backend.step(id);
    await waitFor(() => expect(focused()).toBe('d-7'));
    backend.step(id);
    await waitFor(() => expect(screen.getByRole('grid')).toHaveFocus());
  });

  it('is told of at the start, at each quarter and at the end, not with each device', async () => {
    const backend = FakeBackend.signedIn();
    const said: string[] = [];
    const { person } = await openWindow(backend);
    await person.click(byId('mode-device'));
    await devicesOf(person, 'IPADOS');
    await person.keyboard('{Control>}a{Enter}{/Control}');
    await person.type(await findId('typed-count'), '40');
    const watch = new MutationObserver(() => said.push(byId('announcer').textContent ?? ''));
    watch.observe(byId('announcer'), { childList: true, characterData: true, subtree: true });
    await person.click(byId('confirm-button'));
    await findId('run-view');
    await waitFor(() => expect(said.some((text) => text.includes('Requests are going out.'))).toBe(true));
    said.length = 0;
    for (let sent = 0; sent < 40; sent += 1) {
      backend.step('run-2');
      await Promise.resolve();
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    await waitFor(() => expect(said.at(-1)).toContain('Every request was sent or stopped.'));
    watch.disconnect();
    expect(said.filter((text) => text.includes('%')).map((text) => text.slice(0, 4))).toEqual([
      '25 %',
      '50 %',
      '75 %',
    ]);
    expect(said.length).toBeLessThanOrEqual(4);
  });

  it('draws what a device is called as nobody can be misled by it', async () => {
    const backend = FakeBackend.signedIn();
    backend.outcome = () => ({
      state: 'other',
      name: '<img src=x onerror=alert(1)>\u202egnp.exe',
      message: 'wait\u200bing',
    });
    const { id } = await start(backend);
    backend.step(id);
    await waitFor(() => expect(states()[0]).toBe('other'));
    const [first] = screen.getAllByTestId('run-item');
    expect(first).toHaveTextContent('<img src=x onerror=alert(1)>‹U+202E›gnp.exe');
    expect(first).toHaveTextContent('a state this version does not know: wait‹U+200B›ing.');
    expect(document.querySelector('img')).toBeNull();
  });

  it('opens the details of a device by keyboard, with both ids', async () => {
    const backend = FakeBackend.signedIn();
    backend.outcome = () => ({ state: 'refused', reason: 'roleDenied', message: 'Forbidden by scope tag' });
    const { person, id } = await start(backend);
    backend.step(id);
    await waitFor(() => expect(states()[0]).toBe('refused'));
    const [first, second] = screen.getAllByTestId('run-item');
    first?.focus();
    await person.keyboard('{Enter}');
    expect(byId('item-detail')).toHaveTextContent('Forbidden by scope tag');
    expect(byId('item-detail')).toHaveTextContent('5b1c9e20-7d44-4f0e-9a61-000000000000');
    expect(byId('correlation-id')).toHaveTextContent('c11e47aa-7d44-4f0e-9a61-000000000000');
    await person.click(within(byId('item-detail')).getByRole('button', { name: 'Copy Correlation id' }));
    expect(await navigator.clipboard.readText()).toBe('c11e47aa-7d44-4f0e-9a61-000000000000');

    first?.focus();
    await person.keyboard('{ArrowDown}');
    expect(second).toHaveFocus();
    expect(byId('item-detail')).toHaveAttribute('aria-label', 'Details of IPHONE-00006');
    await person.keyboard('{Escape}');
    noId('item-detail');
    expect(second).toHaveFocus();
  });

  it('hands the details of a device to a ticket', async () => {
    const backend = FakeBackend.signedIn();
    const { person, id } = await start(backend);
    backend.step(id);
    await person.click(screen.getAllByTestId('open-detail')[0] as HTMLElement);
    await person.click(screen.getByRole('button', { name: 'Copy details for the ticket' }));
    const text = await navigator.clipboard.readText();
    for (const part of ['IPADOS-00005 · SN000050', 'alma@contoso.example', '2026-11-23T09:30:00.000Z'])
      expect(text).toContain(part);
  });

  it('keeps the focus when a button has done its work and goes', async () => {
    const backend = FakeBackend.signedIn();
    const { person, id } = await start(backend);
    await person.click(byId('cancel-run'));
    await waitFor(() => noId('cancel-run'));
    await waitFor(() => expect(screen.getByRole('heading', { level: 1 })).toHaveFocus());
    expect(id).toBe('run-2');
  });

  it('stops on cancel and keeps what was not sent apart', async () => {
    const backend = FakeBackend.signedIn();
    const { person, id } = await start(backend);
    backend.step(id);
    await person.click(byId('cancel-run'));
    await waitFor(() => expect(states()).toEqual(['accepted', 'notSent', 'notSent']));
    expect(byId('run-state')).toHaveTextContent('Cancelled. What had not been sent stays unsent.');
    noId('cancel-run');
  });

  it('says so when Graph asks to wait', async () => {
    const backend = FakeBackend.signedIn();
    const { id } = await start(backend);
    backend.say(id, { hold: fakeHold(17, clock()), remainingSeconds: 95 });
    expect(await findId('hold-notice')).toHaveTextContent(
      'Microsoft Graph asked to wait 17 seconds. Nothing is lost.',
    );
    expect(byId('remaining')).toHaveTextContent('about 2 minutes left');
    backend.say(id, { hold: null });
    await waitFor(() => noId('hold-notice'));
  });

  it('reads what the devices report and says how many have not answered', async () => {
    const backend = FakeBackend.signedIn();
    const { person, id } = await start(backend);
    for (let sent = 0; sent < 3; sent += 1) backend.step(id);
    await waitFor(() => expect(states()).toEqual(['accepted', 'accepted', 'accepted']));
    await person.click(byId('check-outcomes'));
    await waitFor(() => expect(states()).toEqual(['done', 'notSupported', 'accepted']));
    expect(byId('outcomes')).toHaveTextContent('Read. 1 device has not answered yet.');
  });

  it('asks for a sign-in when the run waits for one', async () => {
    const backend = FakeBackend.signedIn();
    const { person, id } = await start(backend);
    backend.endSession();
    backend.say(id, { state: 'signInNeeded' });
    await findId('signed-out-banner');
    expect(byId('run-state')).toHaveTextContent('Paused until you sign in again. Nothing is lost.');
    await person.click(within(byId('signed-out-banner')).getByRole('button', { name: 'Sign in again' }));
    await waitFor(() => expect(backend.called('watchRun')).toHaveLength(2));
  });

  it('can be cancelled while it waits for a sign-in', async () => {
    const backend = FakeBackend.signedIn();
    const { person, id } = await start(backend);
    backend.endSession();
    backend.say(id, { state: 'signInNeeded' });
    await findId('signed-out-banner');
    await person.click(byId('cancel-run'));
    await waitFor(() => expect(backend.called('cancelRun')).toEqual([id]));
  });

  it('tells a failure to read the run, and reads it again', async () => {
    const backend = FakeBackend.signedIn();
    backend.fail('watchRun', problem('journal'));
    const opened = await openWindow(backend);
    await devicesOf(opened.person, 'zoë');
    await opened.person.keyboard(' {Control>}{Enter}{/Control}');
    await opened.person.click(await findId('confirm-button'));
    expect(await findId('error-panel')).toHaveTextContent('The journal cannot be written or read.');
    await opened.person.click(screen.getByRole('button', { name: 'Try again' }));
    await waitFor(() => expect(screen.getAllByTestId('run-item')).toHaveLength(1));
  });

  it('is found again in the history', async () => {
    const backend = FakeBackend.signedIn();
    const { person } = await start(backend);
    await person.click(byId('account-menu'));
    await person.click(byId('open-history'));
    expect(await findId('history-run')).toHaveTextContent('3 devices');
    await person.click(screen.getByRole('button', { name: /Open the run/ }));
    await waitFor(() => expect(screen.getAllByTestId('run-item')).toHaveLength(3));
    await person.click(byId('back-to-desk'));
    expect(byId('history-view')).toBeInTheDocument();
  });
});
