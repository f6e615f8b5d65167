import { act, fireEvent, screen, waitFor, within } from '@testing-library/svelte';
import { describe, expect, it, vi } from 'vitest';

import type { ItemView, RunSummary } from '../backend/backend';
import { FakeBackend, problem } from '../backend/fake';
import { fakeLoss } from '../backend/fake-values';
import { now } from '../state/clock.svelte';
import { fetchPasscode, letGo } from '../state/passcodes';
import { byId, devicesOf, findId, noId, openWindow, selectedIds } from '../test-window';

type Person = Awaited<ReturnType<typeof openWindow>>['person'];

async function confirm(person: Person) {
  await devicesOf(person, 'zoë');
  await person.keyboard('{Control>}a{Enter}{/Control}');
  await person.click(await findId('confirm-button'));
  await findId('run-view');
  await waitFor(() => expect(screen.getAllByTestId('run-item')).toHaveLength(3));
}

const ID = 'run-2';

function counting(seconds: number): FakeBackend {
  const backend = FakeBackend.signedIn();
  backend.status.settings.countdownSeconds = seconds;
  return backend;
}

/** A run whose items ended so, with its first item's details open. */
async function ended(
  outcomes: Partial<ItemView>[],
  summary: Partial<RunSummary> = {},
  backend = FakeBackend.signedIn(),
) {
  backend.outcome = (position) => outcomes[position] ?? { state: 'accepted' };
  const opened = await openWindow(backend);
  await confirm(opened.person);
  for (let sent = 0; sent < 3; sent += 1) backend.step(ID);
  backend.say(ID, { started: new Date(now()).toISOString(), ...summary });
  await waitFor(() => expect(byId('run-view').dataset['runState']).toBe(summary.state ?? 'finished'));
  return { ...opened, backend };
}

async function openFirst(person: Person) {
  await person.click(screen.getAllByTestId('open-detail')[0] as HTMLElement);
  await findId('item-detail');
}

describe('a run that counts down', () => {
  it('says so before it is confirmed, and can be stopped until then', async () => {
    const backend = counting(5);
    const { person } = await openWindow(backend);
    await devicesOf(person, 'zoë');
    await person.keyboard('{Control>}a{Enter}{/Control}');
    expect(await findId('confirm-dialog')).toHaveTextContent(
      'It starts after 5 seconds; you can stop it until then.',
    );
    await person.click(byId('confirm-button'));
    expect(await findId('starting')).toHaveTextContent('Starts in 5 seconds. Nothing goes out before then.');
    noId('cancel-run');
    await person.click(byId('stop-start'));
    expect(backend.called('cancelRun')).toEqual([ID]);
    await waitFor(() => noId('starting'));

    await person.click(byId('back-to-selection'));
    await waitFor(() => expect(selectedIds()).toHaveLength(3));
  });

  it('counts by itself and goes on when the engine says so', async () => {
    vi.useFakeTimers({ shouldAdvanceTime: true });
    try {
      const backend = counting(5);
      const { person } = await openWindow(backend);
      await confirm(person);
      await act(() => vi.advanceTimersByTime(2_600));
      expect(byId('starting')).toHaveTextContent('Starts in 3 seconds.');
      await act(() => vi.advanceTimersByTime(10_000));
      expect(byId('starting')).toHaveTextContent('Starts in 0 seconds.');
      backend.step(ID);
      await waitFor(() => noId('starting'));
      expect(byId('cancel-run')).toBeEnabled();
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('an interrupted run', () => {
  const unsent = [{ state: 'accepted' }, { state: 'notSent' }, { state: 'notSent' }] as Partial<ItemView>[];

  it('says what is left and sends it when a person wants', async () => {
    const { person, backend } = await ended(unsent, { state: 'interrupted' });
    expect(byId('unsent')).toHaveTextContent('2 devices of this run were not sent to.');
    expect(byId('unsent')).toHaveTextContent('alma@contoso.example');
    await person.click(screen.getByRole('button', { name: 'Send to 2 devices' }));
    expect(backend.called('resumeRun')).toEqual([ID]);
    await waitFor(() => noId('unsent'));
    expect(byId('run-view').dataset['runState']).toBe('active');
    backend.outcome = () => ({ state: 'accepted' });
    backend.step(ID);
    await waitFor(() =>
      expect(screen.getAllByTestId('run-item').map((row) => row.dataset['state'])).toEqual([
        'accepted',
        'accepted',
        'waiting',
      ]),
    );
  });

  it('is given up only after a second word', async () => {
    const { person, backend } = await ended(unsent, { state: 'interrupted' });
    await person.click(byId('discard-run'));
    expect(byId('unsent')).toHaveTextContent('Nothing further will be sent for this run.');
    expect(byId('discard-yes')).toHaveFocus();
    await person.click(byId('discard-no'));
    expect(backend.called('discardRun')).toEqual([]);
    expect(byId('discard-run')).toHaveFocus();
    await person.click(byId('discard-run'));
    await person.click(byId('discard-yes'));
    expect(backend.called('discardRun')).toEqual([ID]);
    await waitFor(() => noId('unsent'));
    expect(byId('run-state')).toHaveTextContent('Cancelled.');
  });

  it('says that it goes on only as the account that confirmed it', async () => {
    const { person, backend } = await ended(unsent, { state: 'interrupted' });
    backend.fail('resumeRun', problem('otherAccount', { message: 'bea@contoso.example' }));
    await person.click(byId('resume-run'));
    expect(await findId('error-panel')).toHaveTextContent('Another account confirmed this run.');
    expect(byId('error-panel')).toHaveTextContent('bea@contoso.example');
    expect(byId('resume-run')).toBeEnabled();
  });

  it('is found from the desk, and one that is over is not', async () => {
    const { person, backend } = await ended(unsent, { state: 'interrupted' });
    await person.click(byId('back-to-desk'));
    expect(await findId('runs-banner')).toHaveTextContent('Interrupted: 3 devices');
    await person.click(within(byId('runs-banner')).getByRole('button'));
    await findId('unsent');
    backend.say(ID, { state: 'finished' });
    await person.click(byId('back-to-desk'));
    await findId('search-input');
    await waitFor(() => expect(backend.called('listRuns').length).toBeGreaterThan(1));
    noId('runs-banner');
  });
});

describe('several open runs', () => {
  it('are all found from the desk, two at first', async () => {
    const { person, backend } = await ended([{ state: 'notSent' }], { state: 'interrupted' });
    const answer = backend.listRuns;
    backend.listRuns = async () => {
      const { newest, open } = await answer();
      return { newest, open: [1, 2, 3, 4].flatMap((at) => open.map((run) => ({ ...run, id: `run-${at}` }))) };
    };
    await person.click(byId('back-to-desk'));
    const opens = async () => within(await findId('runs-banner')).getAllByRole('button', { name: /^Open: / });
    expect(await opens()).toHaveLength(2);
    await person.click(byId('runs-banner-more'));
    expect(await opens()).toHaveLength(4);
    expect(byId('runs-banner-more')).toHaveTextContent('Show fewer');
    await person.click(byId('runs-banner-more'));
    expect(await opens()).toHaveLength(2);
    expect(byId('runs-banner-more')).toHaveTextContent('Show 2 more');
  });
});

describe('sending again', () => {
  const open = { state: 'unconfirmed', canSendAgain: true, attempts: 1 } as const;

  it('says what a second request means, and goes out by a second word', async () => {
    const { person, backend } = await ended([open]);
    await openFirst(person);
    await person.click(byId('send-again'));
    const ask = byId('send-again-ask');
    expect(ask).toHaveTextContent('The earlier request may have arrived.');
    expect(ask).toHaveTextContent('the device may get both');
    expect(byId('send-again-confirm')).toHaveFocus();
    expect(backend.called('sendAgain')).toEqual([]);
    await person.click(byId('send-again-confirm'));
    expect(backend.called('sendAgain')).toEqual([{ runId: ID, position: 0 }]);
    await waitFor(() => expect(screen.getAllByTestId('run-item')[0]?.dataset['state']).toBe('waiting'));
    noId('send-again');
  });

  it.each([
    [{ state: 'failed', attempts: 1 }, 'is known: Device reports: failed'],
    [
      { state: 'stopped', reason: 'changed', attempts: 0 },
      'This run has sent no request to this device yet.',
    ],
  ] as [Partial<ItemView>, string][])('of %o says what is known', async (item, words) => {
    const { person } = await ended([{ ...item, canSendAgain: true }]);
    await openFirst(person);
    await person.click(byId('send-again'));
    expect(byId('send-again-ask')).toHaveTextContent(words);
    await person.click(screen.getByRole('button', { name: 'Back' }));
    expect(byId('send-again')).toHaveFocus();
  });

  it('says when the device reports the earlier request instead', async () => {
    const { person, backend } = await ended([open]);
    backend.sendAgain = async () => ({ run: await backend.getRun(ID), settled: true });
    await openFirst(person);
    await person.click(byId('send-again'));
    await person.click(byId('send-again-confirm'));
    expect(await findId('sent-again-settled')).toHaveTextContent('nothing was sent again');
  });

  it('is not offered for a device that has the request or carried it out', async () => {
    const { person } = await ended([{ state: 'done', canSendAgain: false }]);
    await openFirst(person);
    noId('send-again');
  });
});

describe('a passcode', () => {
  const done = { state: 'done', hasPasscode: true } as const;

  async function shown() {
    const backend = FakeBackend.signedIn();
    backend.passcode = '0O1l-4711';
    const opened = await ended([done], {}, backend);
    await openFirst(opened.person);
    expect(document.body).not.toHaveTextContent('0O1l-4711');
    expect(backend.called('showPasscode')).toEqual([]);
    await opened.person.click(byId('show-passcode'));
    expect(await findId('passcode')).toHaveTextContent('0O1l-4711');
    return opened;
  }

  it('is fetched when asked for and hidden again on demand', async () => {
    const { person, backend } = await shown();
    expect(backend.called('showPasscode')).toEqual([{ runId: ID, position: 0 }]);
    await person.click(byId('hide-passcode'));
    noId('passcode');
  });

  it('is neither copied nor reported where the organisation does not allow it', async () => {
    const backend = FakeBackend.signedIn();
    backend.passcode = '0O1l-4711';
    Object.assign(backend.status.settings, { clipboard: false, export: false });
    const { person } = await ended([done], {}, backend);
    expect(byId('export-not-allowed')).toHaveTextContent('Your organisation does not allow reports.');
    noId('export-run');
    await openFirst(person);
    await person.click(byId('show-passcode'));
    expect(await findId('passcode')).toBeInTheDocument();
    noId('copy-passcode');
    expect(document.body).toHaveTextContent('Your organisation does not allow copying it.');
  });

  it('is hidden when the window is left or the details are closed', async () => {
    const { person } = await shown();
    await fireEvent.blur(window);
    await waitFor(() => noId('passcode'));
    await person.click(byId('show-passcode'));
    await findId('passcode');
    await person.keyboard('{Escape}');
    await waitFor(() => expect(document.body).not.toHaveTextContent('0O1l-4711'));
    await openFirst(person);
    noId('passcode');
  });

  it('is hidden after 30 seconds', async () => {
    vi.useFakeTimers({ shouldAdvanceTime: true });
    try {
      await shown();
      await act(() => vi.advanceTimersByTime(29_000));
      byId('passcode');
      await act(() => vi.advanceTimersByTime(1_500));
      await waitFor(() => noId('passcode'));
    } finally {
      vi.useRealTimers();
    }
  });

  it('says how long it stays, and in words what it is', async () => {
    await shown();
    expect(byId('passcode-rest')).toHaveTextContent(/^Hidden in (30|29) seconds\.$/);
    expect(byId('passcode-spelled')).toHaveTextContent(
      'zero, capital O, one, lowercase L, hyphen, four, seven, one, one',
    );
    expect(byId('passcode')).toHaveAttribute('aria-label', expect.stringContaining('zero, capital O'));
    const kinds = [...byId('passcode').children].map((each) => [
      each.textContent,
      each.getAttribute('title'),
    ]);
    expect(kinds.slice(0, 2)).toEqual([
      ['0', 'zero'],
      ['O', 'capital O'],
    ]);
  });

  it('lets the window be captured again whenever it is hidden, and only then', async () => {
    const { person, backend } = await shown();
    expect(backend.called('hidePasscode')).toHaveLength(0);
    await person.click(byId('hide-passcode'));
    expect(backend.called('hidePasscode')).toHaveLength(1);
    expect(byId('show-passcode')).toHaveFocus();
    await person.click(byId('show-passcode'));
    await findId('passcode');
    await person.keyboard('{Escape}');
    await waitFor(() => expect(backend.called('hidePasscode')).toHaveLength(2));
    await fireEvent.blur(window);
    expect(backend.called('hidePasscode')).toHaveLength(2);
  });

  it('that comes when nobody waits for it any more is not shown', async () => {
    const backend = FakeBackend.signedIn();
    backend.passcode = '0O1l-4711';
    const { person } = await ended([done], {}, backend);
    await openFirst(person);
    const release = backend.hold('showPasscode');
    await person.click(byId('show-passcode'));
    await person.keyboard('{Escape}');
    release();
    await waitFor(() => expect(backend.called('hidePasscode')).toHaveLength(1));
    expect(document.body).not.toHaveTextContent('0O1l-4711');
  });

  it('stays hidden when it comes after the window was left', async () => {
    const backend = FakeBackend.signedIn();
    backend.passcode = '0O1l-4711';
    const { person } = await ended([done], {}, backend);
    await openFirst(person);
    const release = backend.hold('showPasscode');
    await person.click(byId('show-passcode'));
    await fireEvent.blur(window);
    release();
    expect(await findId('passcode-stayed')).toHaveTextContent('was not shown');
    expect(document.body).not.toHaveTextContent('0O1l-4711');
    expect(backend.called('hidePasscode')).toHaveLength(1);
    await person.click(byId('show-passcode'));
    await findId('passcode');
    noId('passcode-stayed');
  });

  it('is hidden with the window, which is said, and leaves the focus on its button', async () => {
    await shown();
    expect(byId('hide-passcode')).toHaveFocus();
    await fireEvent.blur(window);
    await waitFor(() => expect(byId('show-passcode')).toHaveFocus());
    expect(byId('announcer')).toHaveTextContent('The passcode is hidden again.');
    noId('passcode');
  });

  it('that comes late does not let another one be captured', async () => {
    const backend = FakeBackend.signedIn();
    const release = backend.hold('showPasscode');
    const late = fetchPasscode(backend, ID, 0);
    await fetchPasscode(backend, ID, 1);
    release();
    await late;
    letGo(backend);
    expect(backend.called('hidePasscode')).toHaveLength(0);
    letGo(backend);
    expect(backend.called('hidePasscode')).toHaveLength(1);
  });

  it('is copied as a secret by the engine, without being shown', async () => {
    const backend = FakeBackend.signedIn();
    backend.passcode = '0O1l-4711';
    const { person } = await ended([done], {}, backend);
    await openFirst(person);
    await navigator.clipboard.writeText('before');
    await person.click(byId('copy-passcode'));
    expect(await findId('passcode-copied')).toHaveTextContent('clears the clipboard after 60 seconds');
    expect(backend.called('copyPasscode')).toEqual([{ runId: ID, position: 0 }]);
    expect(await navigator.clipboard.readText()).toBe('before');
    noId('passcode');
    backend.passcode = null;
    await person.click(byId('copy-passcode'));
    await waitFor(() => expect(byId('item-detail')).toHaveTextContent('no longer tells a passcode'));
    noId('passcode-copied');
  });

  it('that the service no longer tells is said to be gone', async () => {
    const { person } = await ended([done]);
    await openFirst(person);
    await person.click(byId('show-passcode'));
    await waitFor(() => expect(byId('item-detail')).toHaveTextContent('no longer tells a passcode'));
  });
});

describe('a run that is followed', () => {
  it('says so while devices are asked', async () => {
    const { backend } = await ended([{ state: 'accepted' }, { state: 'accepted' }, { state: 'done' }]);
    expect(byId('followed')).toHaveTextContent('Unlatch keeps asking 2 devices what became of it.');
    backend.say(ID, { followed: false });
    await waitFor(() => noId('followed'));
  });
});

describe('a report', () => {
  it.each([
    ['csv', '.csv'],
    ['jsonLines', '.jsonl'],
    ['html', '.html'],
  ])('is written as %s and says where', async (format, ending) => {
    const { person, backend } = await ended([]);
    await person.click(byId('export-run'));
    await person.click(byId(`export-${format}`));
    expect(await findId('exported')).toHaveTextContent(ending);
    expect(backend.called('exportRun')).toEqual([{ runId: ID, format, language: 'en' }]);
  });

  it('that cannot be written says why', async () => {
    const { person, backend } = await ended([]);
    backend.fail('exportRun', problem('report', { message: '/home/alma/Downloads: no space left' }));
    await person.click(byId('export-run'));
    await person.click(byId('export-csv'));
    expect(await findId('error-panel')).toHaveTextContent('/home/alma/Downloads: no space left');
    noId('exported');
  });
});

describe('the check of the journal', () => {
  async function check(backend: FakeBackend) {
    const { person } = await openWindow(backend);
    await person.click(byId('account-menu'));
    await person.click(byId('open-history'));
    await person.click(await findId('verify-journal'));
    return person;
  }

  it('says that it is whole, and tells the newest entry', async () => {
    await check(FakeBackend.signedIn());
    expect(await findId('journal-whole')).toHaveTextContent(
      'The journal is whole: 42 entries, none changed, taken out or put in.',
    );
    expect(byId('history-view')).toHaveTextContent('Newest entry: 5f5f5f5f5f5f5f5f…');
  });

  it.each([
    ['changed', 'entry 7 or the order of the entries was changed'],
    ['missing', 'entry 7 is not there any more'],
    ['header', 'what was confirmed for the run of entry 7 was changed'],
  ] as const)('says where it breaks: %s', async (what, words) => {
    const backend = FakeBackend.signedIn();
    backend.journal = {
      entries: 6,
      head: null,
      broken: { entry: 7, run: 'run-9', what },
      losses: [],
      behind: null,
    };
    await check(backend);
    expect(await findId('journal-broken')).toHaveTextContent(words);
    expect(screen.getByRole('button', { name: 'Open that run' })).toBeVisible();
  });

  it('says which entries are lost, and calls the journal whole no more', async () => {
    const backend = FakeBackend.signedIn();
    const at = '2026-03-01T10:00:00Z';
    const losses = [
      { at, known: 50, missing: { first: 41, last: 50 } },
      { at, known: 60, missing: null },
    ];
    backend.journal = { ...backend.journal, losses, behind: 70 };
    await check(backend);
    const lost = await screen.findAllByTestId('journal-lost');
    expect(lost[0]).toHaveTextContent('Entries 41 to 50 are lost');
    expect(lost[1]).toHaveTextContent('Entries up to 60 are lost');
    expect(byId('journal-behind')).toHaveTextContent('does not hold entry 70');
    expect(screen.queryByTestId('journal-whole')).toBeNull();
  });
});

describe('a journal that lost entries', () => {
  const journalWentBack = fakeLoss;

  it('is told in a banner, and asked about in a dialog that takes the focus', async () => {
    const { person } = await openWindow(FakeBackend.signedIn({ journalWentBack }));
    await person.click(byId('went-back-look'));
    const dialog = await findId('went-back');
    expect(dialog).toHaveFocus();
    expect(dialog).toHaveAccessibleName('The journal lost entries');
    expect(dialog).toHaveTextContent('Entries 41 to 50, which this computer had written, are missing.');
    expect(dialog).toHaveTextContent('check its devices in Intune');
    await person.keyboard('{Escape}');
    expect(byId('went-back-look')).toHaveFocus();
    expect(byId('went-back-banner')).toBeVisible();
  });

  it('is asked about no more once a person has answered', async () => {
    const backend = FakeBackend.signedIn({ journalWentBack });
    const { person } = await openWindow(backend);
    await person.click(byId('went-back-look'));
    await person.click(await findId('went-back-answer'));
    await waitFor(() => expect(screen.queryByTestId('went-back-banner')).toBeNull());
    expect(screen.queryByTestId('went-back')).toBeNull();
    expect(backend.calls.filter(({ command }) => command === 'answerWentBack')).toHaveLength(1);
    expect(document.activeElement).not.toBe(document.body);
  });

  it('says in the dialog why an answer cannot be recorded', async () => {
    const backend = FakeBackend.signedIn({ journalWentBack });
    backend.fail('answerWentBack', problem('journal', { journal: 'full' }));
    const { person } = await openWindow(backend);
    await person.click(byId('went-back-look'));
    await person.click(await findId('went-back-answer'));
    expect(await findId('error-panel')).toHaveTextContent('There is no room left to write the journal.');
    expect(byId('went-back')).toBeVisible();
  });

  it('says that other entries stand in the place of those that are lost', async () => {
    const { person } = await openWindow(
      FakeBackend.signedIn({ journalWentBack: { ...journalWentBack, missing: null } }),
    );
    await person.click(byId('went-back-look'));
    expect(await findId('went-back')).toHaveTextContent(
      'Entries up to 50, which this computer had written, are not there',
    );
  });
});

describe('the confirmation', () => {
  it('says for which devices the action is not documented', async () => {
    const backend = FakeBackend.signedIn();
    backend.documented = (device) => device.operatingSystem === 'Windows';
    const { person } = await openWindow(backend);
    await devicesOf(person, 'zoë');
    await person.keyboard('{Control>}a{Enter}{/Control}');
    expect(await findId('confirm-dialog')).toHaveTextContent(
      'Microsoft does not document the action for this system · 2 devices',
    );
  });
});
