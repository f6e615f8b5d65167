import { screen, waitFor, within } from '@testing-library/svelte';
import { describe, expect, it } from 'vitest';

import type { ItemView, RunSummary } from '../backend/backend';
import { FakeBackend } from '../backend/fake';
import { now } from '../state/clock.svelte';
import { byId, devicesOf, findId, noId, openWindow } from '../test-window';

const ID = 'run-2';
const HOUR = 3_600_000;
const hoursAgo = (hours: number) => new Date(now() - hours * HOUR).toISOString();

/** A run over three devices, of which so many were sent to. */
async function run(
  outcomes: Partial<ItemView>[],
  steps = 3,
  summary: Partial<RunSummary> = {},
  backend = FakeBackend.signedIn(),
) {
  backend.outcome = (position) => outcomes[position] ?? { state: 'accepted' };
  const opened = await openWindow(backend);
  await devicesOf(opened.person, 'zoë');
  await opened.person.keyboard('{Control>}a{Enter}{/Control}');
  await opened.person.click(await findId('confirm-button'));
  await findId('run-view');
  for (let sent = 0; sent < steps; sent += 1) backend.step(ID);
  backend.say(ID, summary);
  await waitFor(() => expect(screen.getAllByTestId('run-item')).toHaveLength(3));
  if (summary.state) {
    await waitFor(() => expect(byId('run-view').dataset['runState']).toBe(summary.state));
  }
  return { ...opened, backend };
}

const expired: Partial<ItemView>[] = [
  { state: 'accepted' },
  { state: 'notSent', reason: 'expired', canSendAgain: true },
  { state: 'notSent', reason: 'expired', canSendAgain: true },
];

describe('a run that was confirmed more than a day ago', () => {
  const old = () =>
    ({ state: 'interrupted', started: hoursAgo(25), wantedUntil: hoursAgo(1), reason: 'INC-7' }) as const;

  it('says that, and what a person can do', async () => {
    await run(expired, 3, old());
    expect(byId('run-state')).toHaveTextContent(
      'The run was confirmed more than a day ago, so nothing more was sent.',
    );
    expect(screen.getAllByTestId('run-item')[1]).toHaveTextContent(
      'Confirmed more than a day ago, so nothing was sent. Have the rest of the run sent if it is still needed.',
    );
    expect(byId('unsent')).toHaveTextContent('2 devices of this run were not sent to.');
  });

  it('is asked for anew, with what was confirmed, before the rest of it goes out', async () => {
    const { person, backend } = await run(expired, 3, old());
    await person.click(byId('resume-run'));
    const dialog = byId('resume-dialog');
    expect(dialog).toHaveFocus();
    expect(dialog).toHaveAccessibleName('Confirmed more than a day ago: send to 2 devices now?');
    expect(dialog).toHaveAccessibleDescription(/alma@contoso\.example.? confirmed this run on/);
    expect(dialog).toHaveTextContent('INC-7');
    expect(dialog).toHaveTextContent('2 devices are left of 3.');
    expect(backend.called('resumeRun')).toEqual([]);
    await person.click(within(dialog).getByRole('button', { name: 'Confirm again and send to 2 devices' }));
    expect(backend.called('resumeRun')).toEqual([ID]);
    await waitFor(() => noId('unsent'));
    noId('resume-dialog');
  });

  it('stays as it is when a person thinks better of it', async () => {
    const { person, backend } = await run(expired, 3, old());
    for (const leave of [() => person.keyboard('{Escape}'), () => person.click(byId('resume-back'))]) {
      await person.click(byId('resume-run'));
      await findId('resume-dialog');
      await leave();
      await waitFor(() => noId('resume-dialog'));
      expect(byId('resume-run')).toHaveFocus();
    }
    expect(backend.called('resumeRun')).toEqual([]);
    expect(byId('run-view')).toBeInTheDocument();
  });

  it.each([
    ['it was confirmed within the day', { started: hoursAgo(23) }],
    ['the rest of it was wanted within the day', { started: hoursAgo(40), wantedUntil: hoursAgo(-1) }],
  ])('is not asked for anew when %s', async (_, times) => {
    const { person, backend } = await run(expired, 3, { state: 'interrupted', ...times });
    await person.click(byId('resume-run'));
    noId('resume-dialog');
    expect(backend.called('resumeRun')).toEqual([ID]);
  });

  it('is found from the desk as other interrupted runs are', async () => {
    const { person } = await run(expired, 3, old());
    await person.click(byId('back-to-desk'));
    expect(await findId('runs-banner')).toHaveTextContent('Interrupted: 3 devices');
  });
});

describe('a run that goes on after a sign-in', () => {
  it('counts down again and can be stopped in that', async () => {
    const { person, backend } = await run([], 1, { state: 'signInNeeded' });
    backend.say(ID, { state: 'starting', startsInSeconds: 5 });
    expect(await findId('starting')).toHaveTextContent(
      'Goes on in 5 seconds. Nothing more goes out before then.',
    );
    expect(byId('run-state')).toHaveTextContent('About to go on.');
    noId('cancel-run');
    await person.click(byId('stop-start'));
    expect(backend.called('cancelRun')).toEqual([ID]);
    await waitFor(() => noId('starting'));
  });
});

describe('a device that is sent again in a run that goes on', () => {
  async function again(seconds: number) {
    const backend = FakeBackend.signedIn();
    backend.status.settings.countdownSeconds = seconds;
    const first = { state: 'unconfirmed', canSendAgain: true, attempts: 1 } as const;
    const opened = await run([first], 1, {}, backend);
    await opened.person.click(screen.getAllByTestId('open-detail')[0] as HTMLElement);
    await opened.person.click(await findId('send-again'));
    await opened.person.click(byId('send-again-confirm'));
    await waitFor(() => expect(screen.getAllByTestId('run-item')[0]?.dataset['state']).toBe('waiting'));
    return opened;
  }

  it('tells of its countdown and can be stopped from where the focus is', async () => {
    const { person, backend } = await again(5);
    await waitFor(() =>
      expect(screen.getAllByTestId('run-item')[0]).toHaveTextContent(
        'it goes out after a countdown of 5 s. “Cancel the run” stops',
      ),
    );
    expect(screen.getAllByTestId('run-item')[1]).not.toHaveTextContent('countdown');
    await waitFor(() => expect(byId('stop-again')).toHaveFocus());
    expect(byId('stop-again')).toHaveAccessibleDescription(/after a countdown of 5 s/);
    await person.click(byId('stop-again'));
    expect(backend.called('cancelRun')).toEqual([ID]);
  });

  it('no longer does once it goes out', async () => {
    const { backend } = await again(5);
    backend.outcome = () => ({ state: 'accepted' });
    backend.step(ID);
    await waitFor(() => noId('stop-again'));
    expect(screen.getAllByTestId('run-item')[0]).not.toHaveTextContent('countdown');
  });

  it('tells of none where there is none', async () => {
    await again(0);
    noId('stop-again');
  });
});

describe('sending again', () => {
  it.each([
    [{ state: 'other', message: 'removeFromBlueprint' }, 'Device reports something else'],
    [{ state: 'accepted', gaveUp: true }, 'Accepted, waiting for the device'],
  ] as [Partial<ItemView>, string][])('of %o says that the earlier request is open', async (item, state) => {
    const { person } = await run([{ ...item, canSendAgain: true, attempts: 1 }]);
    await person.click(screen.getAllByTestId('open-detail')[0] as HTMLElement);
    await person.click(await findId('send-again'));
    expect(byId('send-again-ask')).toHaveTextContent(
      `The earlier request has no final outcome: ${state}. The device is asked first`,
    );
  });
});
