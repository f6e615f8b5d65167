import { screen, within } from '@testing-library/svelte';
import { beforeEach, describe, expect, it } from 'vitest';

import type { AppStatus, EarlierRequest } from '../backend/backend';
import { FakeBackend } from '../backend/fake';
import { fakeLoss } from '../backend/fake-values';
import { useClock } from '../state/clock.svelte';
import { byId, deviceIds, devicesOf, findId, noId, openWindow } from '../test-window';

const NOW = new Date(2026, 10, 23, 15, 30).getTime();

function earlier(state: EarlierRequest['state'], minutesAgo: number, more: Partial<EarlierRequest> = {}) {
  const sent = new Date(NOW - minutesAgo * 60_000).toISOString();
  return {
    runId: `run-of-${state}`,
    account: 'bea@contoso.example',
    state,
    sent,
    at: sent,
    isWarning: true,
    ...more,
  };
}

type Earlier = Record<string, EarlierRequest>;

const sent: Earlier = {
  'd-5': earlier('accepted', 4),
  'd-6': earlier('done', 60),
  'd-7': earlier('unconfirmed', 206),
};

function having(requests: Earlier, status: Partial<AppStatus> = {}): FakeBackend {
  const backend = FakeBackend.signedIn(status);
  backend.earlier = ({ id }) => requests[id] ?? null;
  return backend;
}

async function review(backend: FakeBackend) {
  const opened = await openWindow(backend);
  await devicesOf(opened.person, 'zoë');
  await opened.person.keyboard('{Control>}a{Enter}{/Control}');
  await findId('confirm-dialog');
  return opened;
}

const box = (name: string) => screen.getByRole('checkbox', { name: `Include ${name}` });
const group = () => screen.getAllByTestId('warned').find((each) => each.dataset['kind'] === 'sent');
const groupButton = () => within(group() as HTMLElement).getByRole('button');

describe('devices that were sent to already', () => {
  beforeEach(() => useClock(() => NOW));

  it('are a warning of their own, told state by state, and left out at the start', async () => {
    await review(having(sent));
    expect(group()).toHaveTextContent(
      /3 devices were sent to already: 1 accepted 4 minutes ago, 1 done today, 1 unconfirmed since 12:04.PM\. Left out of this run/,
    );
    expect(byId('confirm-dialog')).toHaveAttribute(
      'aria-describedby',
      expect.stringContaining('warned-sent'),
    );
    expect(byId('confirm-left-out')).toHaveTextContent('3 left out');
    expect(screen.getByText('Every device is left out.')).toBeInTheDocument();
    expect(byId('confirm-button')).toBeDisabled();
  });

  it('say in their rows what became of the request and who sent it, and stand first', async () => {
    const { 'd-7': unconfirmed } = sent;
    await review(having({ 'd-7': unconfirmed as EarlierRequest }));
    expect(deviceIds('plan-item')[0]).toBe('d-7');
    expect(screen.getAllByTestId('plan-item')[0]).toHaveTextContent(
      /Sent already: unconfirmed since 12:04.PM, by bea@contoso\.example/,
    );
    expect(byId('confirm-button')).toHaveTextContent('Recover 2 passcodes');
  });

  it('are put in again one by one, and the count that goes out follows', async () => {
    const backend = having(sent);
    const { person } = await review(backend);
    await person.click(box('IPADOS-00005'));
    expect(byId('confirm-button')).toHaveTextContent('Recover 1 passcode');
    expect(byId('confirm-button')).toBeEnabled();
    await person.click(byId('confirm-button'));
    await findId('run-view');
    expect(backend.called('startRun')).toMatchObject([{ leaveOut: ['d-6', 'd-7'], count: 1 }]);
  });

  it('are put in again together, and left out again', async () => {
    const { person } = await review(having(sent));
    expect(groupButton()).toHaveTextContent('Take these back in');
    await person.click(groupButton());
    expect(byId('confirm-button')).toHaveTextContent('Recover 3 passcodes');
    expect(group()).toHaveTextContent('A second request may repeat what was already done.');
    expect(groupButton()).toHaveTextContent('Leave these out');
    await person.click(groupButton());
    expect(byId('confirm-left-out')).toHaveTextContent('3 left out');
  });

  it('count towards the number that is typed only when they are put in', async () => {
    const backend = having({ 'd-5': earlier('accepted', 4) });
    backend.typedCountAbove = 1;
    const { person } = await review(backend);
    await person.type(byId('typed-count'), '2');
    expect(byId('confirm-button')).toBeEnabled();
    await person.click(box('IPADOS-00005'));
    expect(byId('confirm-button')).toBeDisabled();
    await person.clear(byId('typed-count'));
    await person.type(byId('typed-count'), '3');
    expect(byId('confirm-button')).toBeEnabled();
  });

  it('stay in for a person who opens the review again, unless another request went out since', async () => {
    const requests = { ...sent };
    const { person } = await review(having(requests));
    await person.click(box('IPADOS-00005'));
    await person.keyboard('{Escape}');
    await person.click(byId('recover-button'));
    await findId('confirm-dialog');
    expect(box('IPADOS-00005')).toBeChecked();
    expect(box('IPHONE-00006')).not.toBeChecked();
    await person.keyboard('{Escape}');
    requests['d-5'] = earlier('accepted', 1, { runId: 'run-of-somebody-else' });
    await person.click(byId('recover-button'));
    await findId('confirm-dialog');
    expect(box('IPADOS-00005')).not.toBeChecked();
  });

  it('come in by themselves once the device has answered', async () => {
    const requests: Earlier = { ...sent };
    const { person } = await review(having(requests));
    await person.keyboard('{Escape}');
    requests['d-5'] = earlier('failed', 4, { isWarning: false });
    await person.click(byId('recover-button'));
    await findId('confirm-dialog');
    expect(box('IPADOS-00005')).toBeChecked();
  });

  it('are told of without a warning when nothing can be repeated', async () => {
    await review(having({ 'd-7': earlier('failed', 3 * 24 * 60, { isWarning: false }) }));
    expect(group()).toBeUndefined();
    noId('confirm-left-out');
    const row = screen.getAllByTestId('plan-item').find((each) => each.dataset['deviceId'] === 'd-7');
    expect(row).toHaveTextContent('Earlier request: failed 3 days ago, by bea@contoso.example');
    expect(within(row as HTMLElement).getByTestId('plan-note')).toBeInTheDocument();
  });

  it('are not known where the journal lost entries, which the review says', async () => {
    await review(having({}, { journalWentBack: fakeLoss }));
    expect(byId('confirm-went-back')).toHaveTextContent(
      'The journal lost entries: devices that were sent to meanwhile look as if nothing had been sent to them.',
    );
    expect(screen.queryByText('No warnings.')).toBeNull();
  });

  it('of one state are told with the newest time', async () => {
    await review(having({ 'd-5': earlier('accepted', 4), 'd-6': earlier('accepted', 120) }));
    expect(group()).toHaveTextContent(
      '2 devices were sent to already: 2 accepted, the newest 4 minutes ago.',
    );
  });

  it('are told of with their day when it was not today', async () => {
    await review(having({ 'd-5': earlier('unconfirmed', 3 * 24 * 60) }));
    expect(group()).toHaveTextContent(/1 device was sent to already: 1 unconfirmed since Nov 20, 2026/);
  });
});
