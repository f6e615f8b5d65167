import type { FakeBackend } from '../../backend/fake';
import { fakeHold, problem } from '../../backend/fake';
import { desk, devices, endings, finds, runs, withExpired, withHistory } from '../engines';
import type { Person } from '../person';
import type { Scene } from './scene';

async function confirm(person: Person): Promise<void> {
  await person.devices('zoë');
  await person.selectAll();
  await person.press('Control+Enter');
  await person.see('confirm-dialog');
  await person.type('reason-input', 'INC-1042 lost passcode');
  await person.click('confirm-button');
  await person.see('run-view');
  await person.see('run-item');
}

async function finish(person: Person): Promise<void> {
  await confirm(person);
  await person.until('the end', () => document.querySelector('[data-run-state="finished"]'));
}

/** A run over as many devices as there are ways in which an item can end. */
function everyEnding(most?: number, change: (engine: FakeBackend) => void = () => {}): () => FakeBackend {
  return () =>
    desk((engine) => {
      finds(engine, { devices: devices(endings.length) });
      runs(engine, most);
      change(engine);
    });
}

async function openExpired(person: Person): Promise<void> {
  await person.openFromMenu('open-history');
  const open = await person.until('the run', () =>
    document.querySelector<HTMLElement>('[data-testid="history-run"][data-run-id="run-94"] button'),
  );
  open.click();
  await person.see('unsent');
}

export const runScenes: readonly Scene[] = [
  {
    name: 'run-countdown',
    engine: everyEnding(undefined, (engine) => (engine.status.settings.countdownSeconds = 60)),
    act: async (person) => {
      await confirm(person);
      await person.see('starting');
    },
  },
  {
    name: 'run-running',
    engine: everyEnding(5),
    act: async (person) => {
      await confirm(person);
      await person.see('remaining');
      await person.until('five items', () => document.querySelectorAll('[data-testid=run-item]').length > 4);
    },
  },
  {
    name: 'run-held',
    engine: everyEnding(5),
    act: async (person, engine) => {
      await confirm(person);
      const id = (await engine.listRuns()).newest ?? '';
      engine.say(id, { hold: fakeHold(17, engine.now) });
      await person.see('hold-notice');
    },
  },
  ...[false, true].map((isWrite): Scene => ({
    name: isWrite ? 'run-held-long-by-sending' : 'run-held-long',
    engine: everyEnding(5),
    act: async (person, engine) => {
      await confirm(person);
      const id = (await engine.listRuns()).newest ?? '';
      engine.say(id, { hold: fakeHold(86_400, engine.now, !isWrite) });
      await person.see('hold-notice');
    },
  })),
  ...[false, true].map((isOut): Scene => ({
    name: isOut ? 'run-signed-out' : 'run-sign-in-needed',
    engine: everyEnding(5),
    act: async (person, engine) => {
      await confirm(person);
      const id = (await engine.listRuns()).newest ?? '';
      if (isOut) engine.endSession();
      engine.say(id, { state: 'signInNeeded' });
      await person.see(isOut ? 'signed-out-banner' : 'run-sign-in');
    },
  })),
  { name: 'run-finished', engine: everyEnding(), act: finish },
  {
    name: 'run-filtered',
    engine: everyEnding(),
    act: async (person) => {
      await finish(person);
      await person.type('run-filter-text', 'ipad');
    },
  },
  {
    name: 'run-narrowed',
    engine: everyEnding(),
    act: async (person) => {
      await finish(person);
      await person.click('run-filter-person');
    },
  },
  {
    name: 'run-reports',
    engine: everyEnding(),
    act: async (person) => {
      await finish(person);
      await person.click('export-run');
      await person.see('export-csv');
    },
  },
  {
    name: 'run-detail',
    engine: everyEnding(),
    act: async (person) => {
      await finish(person);
      await person.click('open-detail', 2);
      await person.see('item-detail');
    },
  },
  {
    name: 'run-passcode',
    engine: everyEnding(),
    act: async (person) => {
      await finish(person);
      await person.click('open-detail', 1);
      await person.click('show-passcode');
      await person.see('passcode');
    },
  },
  {
    name: 'run-policy',
    engine: everyEnding(undefined, (engine) =>
      Object.assign(engine.status.settings, { clipboard: false, export: false }),
    ),
    act: async (person) => {
      await finish(person);
      await person.click('open-detail', 1);
      await person.click('show-passcode');
      await person.see('passcode');
    },
  },
  {
    name: 'run-send-again',
    engine: everyEnding(),
    act: async (person) => {
      await finish(person);
      await person.click('open-detail', 0);
      await person.click('send-again');
      await person.see('send-again-ask');
    },
  },
  {
    name: 'run-unreadable',
    engine: () => withHistory(desk((engine) => engine.fail('watchRun', problem('journal')))),
    act: async (person) => {
      await person.openFromMenu('open-history');
      await person.see('history-run');
      const open = await person.until('a run to open', () =>
        document.querySelector<HTMLElement>('[data-testid="history-run"] button'),
      );
      open.click();
      await person.see('error-panel');
    },
  },
  {
    name: 'run-interrupted',
    engine: () => withHistory(desk()),
    act: async (person) => {
      await person.openFromMenu('open-history');
      await person.see('history-run');
      const open = await person.until('a run to open', () =>
        document.querySelector<HTMLElement>('[data-testid="history-run"][data-run-id="run-93"] button'),
      );
      open.click();
      await person.click('discard-run');
      await person.see('discard-yes');
    },
  },
  { name: 'run-expired', engine: () => withExpired(desk()), act: openExpired },
  {
    name: 'run-expired-anew',
    engine: () => withExpired(desk()),
    act: async (person) => {
      await openExpired(person);
      await person.click('resume-run');
      await person.see('resume-dialog');
    },
  },
  {
    name: 'run-already-sent',
    engine: everyEnding(),
    act: async (person) => {
      await finish(person);
      await person.type('run-filter-text', devices(endings.length)[12]?.name ?? '');
      await person.click('open-detail', 0);
      await person.see('item-detail');
    },
  },
  {
    name: 'run-stopped-again',
    engine: everyEnding(),
    act: async (person) => {
      await finish(person);
      await person.type('run-filter-text', devices(endings.length)[13]?.name ?? '');
      await person.click('open-detail', 0);
      await person.see('item-detail');
    },
  },
  {
    name: 'run-goes-on',
    engine: everyEnding(5),
    act: async (person, engine) => {
      await confirm(person);
      await person.until('five sent', () =>
        document.querySelector('[data-testid=run-item][data-state=refused]'),
      );
      engine.say('run-2', { state: 'starting', startsInSeconds: 60 });
      await person.see('starting');
    },
  },
  {
    name: 'run-again-waits',
    engine: everyEnding(5, (engine) => (engine.status.settings.countdownSeconds = 1)),
    act: async (person) => {
      await confirm(person);
      await person.until('five sent', () =>
        document.querySelector('[data-testid=run-item][data-state=refused]'),
      );
      await person.click('open-detail', 0);
      await person.click('send-again');
      await person.click('send-again-confirm');
      await person.see('stop-again');
    },
  },
];
