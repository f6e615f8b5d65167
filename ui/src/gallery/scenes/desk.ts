import { FakeBackend, fakeHold, problem } from '../../backend/fake';
import { desk, devices, finds, searchFails, several, withEarlier } from '../engines';
import type { Person } from '../person';
import type { Scene } from './scene';

async function choices(person: Person): Promise<void> {
  await person.type('search-input', 'user');
  await person.see('user-option', 3);
  await person.press('ArrowDown');
}

async function review(person: Person): Promise<void> {
  await person.devices('zoë');
  await person.selectAll();
  await person.press('Control+Enter');
}

/** Entries that the journal lost. */
const LOST = { at: '2026-03-01T09:58:00Z', known: 1_204, missing: { first: 1_187, last: 1_204 } };

export const deskScenes: readonly Scene[] = [
  { name: 'desk-empty', engine: () => desk() },
  { name: 'desk-demo', engine: () => FakeBackend.signedIn({ mode: 'demo', keychain: 'notUsed' }) },
  {
    name: 'desk-recent',
    engine: () => desk(),
    act: async (person) => {
      await person.devices('zoë');
      await person.devices('IPADOS', 'device');
      await person.type('search-input', '');
      await person.see('recent-search', 1);
    },
  },
  {
    name: 'palette',
    engine: () => desk(),
    act: async (person) => {
      await person.devices('zoë');
      await person.press('Control+k');
      await person.type('palette-input', 'se');
      await person.see('palette-option', 1);
    },
  },
  {
    name: 'shortcuts',
    engine: () => desk(),
    act: async (person) => {
      await person.devices('zoë');
      await person.press('Shift+?');
      await person.see('shortcuts-sheet');
    },
  },
  {
    name: 'desk-started-again',
    engine: () => desk(),
    act: async (person, engine) => {
      engine.notify('startedAgain');
      await person.see('notice-banner');
    },
  },
  {
    name: 'desk-policy-changed',
    engine: () => desk(),
    act: async (person, engine) => {
      engine.notify('policyChanged');
      await person.see('notice-banner');
    },
  },
  { name: 'desk-people', engine: () => desk(), act: choices },
  {
    name: 'desk-nobody',
    engine: () => desk(),
    act: async (person) => {
      await person.search('xyzzy');
      await person.reads('choices', 'xyzzy');
    },
  },
  {
    name: 'desk-apps',
    engine: () => desk(),
    act: async (person) => {
      await person.search('e', 'app');
      await person.see('app-option', 2);
    },
  },
  { name: 'desk-results', engine: () => desk(), act: (person) => person.devices('zoë') },
  {
    name: 'desk-results-many',
    engine: () => desk((engine) => finds(engine, { devices: devices(300) })),
    act: async (person) => {
      await person.devices('zoë');
      await person.selectAll();
    },
  },
  {
    name: 'desk-incomplete',
    engine: () =>
      desk((engine) =>
        finds(engine, {
          complete: false,
          counted: 1998,
          problem: problem('throttled', { hold: fakeHold(17, engine.now) }),
        }),
      ),
    act: (person) => person.devices('zoë'),
  },
  {
    name: 'desk-page-failed',
    engine: () =>
      desk((engine) => finds(engine, { complete: false, counted: null, problem: problem('service') })),
    act: (person) => person.devices('zoë'),
  },
  {
    name: 'desk-filter-ignored',
    engine: () => desk((engine) => finds(engine, { leftOut: 1998 })),
    act: (person) => person.devices('zoë'),
  },
  {
    name: 'desk-no-devices',
    engine: () => desk(),
    act: async (person) => {
      await person.search('nobody');
      await person.see('no-devices');
    },
  },
  ...(['offline', 'intermediary', 'throttled', 'forbidden'] as const).map((code): Scene => ({
    name: `desk-${code}`,
    engine: () => desk((engine) => searchFails(engine, problem(code, { hold: fakeHold(17, engine.now) }))),
    act: async (person) => {
      await person.search('IPADOS', 'device');
      await person.see(code === 'forbidden' ? 'error-panel' : 'trouble-banner');
    },
  })),
  ...[false, true].map((isWrite): Scene => ({
    name: isWrite ? 'desk-held-by-sending' : 'desk-held',
    engine: () => desk(),
    act: async (person, engine) => {
      searchFails(engine, problem('throttled', { hold: fakeHold(86_400, engine.now, !isWrite) }));
      await person.search('IPADOS', 'device');
      await person.see('trouble-banner');
    },
  })),
  {
    name: 'desk-signed-out',
    engine: () => desk(),
    act: async (person, engine) => {
      await person.devices('zoë');
      await person.selectAll();
      engine.endSession();
      searchFails(engine, problem('signedOut'));
      await person.search('IPADOS', 'device');
      await person.until('the banner', () =>
        document.querySelector('[data-testid="sign-in-again"], .banner'),
      );
    },
  },
  {
    name: 'desk-journal-problem',
    engine: () =>
      FakeBackend.signedIn({ journalProblem: problem('journal', { message: 'journal.db is read-only' }) }),
    act: async (person) => {
      await person.devices('zoë');
      await person.selectAll();
    },
  },
  ...(['banner', 'dialog', 'dialog-failed'] as const).map((part): Scene => ({
    name: `journal-went-back-${part}`,
    engine: () => {
      const engine = FakeBackend.signedIn({ journalWentBack: LOST });
      if (part === 'dialog-failed') engine.fail('answerWentBack', problem('journal', { journal: 'full' }));
      return engine;
    },
    act: async (person) => {
      await person.see('went-back-banner');
      if (part === 'banner') return;
      await person.click('went-back-look');
      await person.see('went-back');
      if (part === 'dialog') return;
      await person.click('went-back-answer');
      await person.see('error-panel');
    },
  })),
  {
    name: 'history-journal-lost',
    engine: () =>
      desk((engine) => {
        const lost = { at: '2026-03-01T09:58:00Z', known: 1_204, missing: { first: 1_187, last: 1_204 } };
        engine.journal = { ...engine.journal, losses: [lost] };
      }),
    act: async (person) => {
      await person.openFromMenu('open-history');
      await person.click('verify-journal');
      await person.see('journal-lost');
    },
  },
  {
    name: 'desk-tray',
    engine: () => desk(),
    act: async (person) => {
      await person.devices('zoë');
      await person.selectAll();
      await person.search('exam', 'app');
      await person.see('app-option', 2);
      await person.press('Enter');
      await person.found();
      await person.selectAll();
      await person.until('thirteen', () => document.querySelector('[data-testid=tray][data-count="13"]'));
    },
  },
  {
    name: 'desk-tray-over',
    engine: () =>
      desk((engine) => {
        engine.status.settings.maxRunSize = 20;
        finds(engine, { devices: devices(25) });
      }),
    act: async (person) => {
      await person.devices('zoë');
      await person.selectAll();
    },
  },
  {
    name: 'tray-open-over-table',
    engine: () => desk(),
    from: 899,
    act: async (person) => {
      await person.devices('zoë');
      await person.selectAll();
      const fold = await person.until('the fold', () =>
        document.querySelector<HTMLElement>('[data-testid="tray"] [aria-expanded="false"]'),
      );
      fold.click();
    },
  },
  {
    name: 'consent',
    engine: () => desk((engine) => (engine.consented = false)),
    act: async (person) => {
      await review(person);
      await person.see('consent-panel');
    },
  },
  {
    name: 'consent-waiting',
    engine: () =>
      desk((engine) => {
        engine.consented = false;
        engine.hold('signIn');
      }),
    act: async (person) => {
      await review(person);
      await person.click('ask-consent');
      await person.see('sign-in-waiting');
    },
  },
  {
    name: 'consent-code',
    engine: () =>
      desk((engine) => {
        engine.consented = false;
        engine.hold('signInWithCode');
      }),
    act: async (person) => {
      await review(person);
      await person.click('ask-consent-with-code');
      await person.see('user-code');
    },
  },
  {
    name: 'consent-refused',
    engine: () =>
      desk((engine) => {
        engine.consented = false;
        engine.fail(
          'signIn',
          problem('signInRefused', {
            message: 'AADSTS90094: The grant requires admin permission.',
            help: 'adminConsentNeeded',
            at: '2026-11-23 09:31:07Z',
            requestId: '0c7d5a34-55aa-4d10-8b3e-f0c6f8c0b2a1',
          }),
        );
      }),
    act: async (person) => {
      await review(person);
      await person.click('ask-consent');
      await person.see('error-panel');
    },
  },
  {
    name: 'confirmation',
    engine: () => desk(),
    act: async (person) => {
      await review(person);
      await person.see('confirm-dialog');
    },
  },
  {
    name: 'confirmation-25',
    engine: () =>
      desk((engine) => {
        engine.status.settings.requireReason = true;
        engine.documented = (device) => device.operatingSystem !== 'Windows';
        finds(engine, { devices: devices(25) });
      }),
    act: async (person) => {
      await review(person);
      await person.see('typed-count');
    },
  },
  {
    name: 'confirmation-sent',
    engine: () =>
      desk((engine) => {
        withEarlier(engine);
        finds(engine, { devices: devices(12) });
      }),
    act: async (person) => {
      await review(person);
      await person.see('confirm-left-out');
    },
  },
  {
    name: 'confirmation-sent-put-in',
    engine: () => desk(withEarlier),
    act: async (person) => {
      await review(person);
      await person.click('leave-out');
    },
  },
  {
    name: 'confirmation-went-back',
    engine: () =>
      desk((engine) => {
        engine.status = { ...engine.status, journalWentBack: LOST };
        finds(engine, { devices: devices(12) });
      }),
    act: async (person) => {
      await review(person);
      await person.see('confirm-went-back');
    },
  },
  {
    name: 'confirmation-tenants',
    engine: () => several(desk()),
    act: async (person) => {
      await review(person);
      await person.see('confirm-dialog');
    },
  },
  {
    name: 'confirmation-refused',
    engine: () => desk((engine) => engine.fail('startRun', problem('planMismatch'))),
    act: async (person) => {
      await review(person);
      await person.type('reason-input', 'INC-1042');
      await person.click('confirm-button');
      await person.see('error-panel');
    },
  },
];
