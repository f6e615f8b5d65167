import { FakeBackend, problem } from '../../backend/fake';
import { desk, several, withHistory } from '../engines';
import type { Scene } from './scene';

export const placeScenes: readonly Scene[] = [
  {
    name: 'account-menu',
    engine: () => desk(),
    act: async (person) => {
      await person.click('account-menu');
      await person.see('sign-out');
    },
  },
  {
    name: 'account-menu-tenants',
    engine: () => several(desk()),
    act: async (person) => {
      await person.click('account-menu');
      await person.see('place', 2);
    },
  },
  {
    name: 'account-menu-sign-out',
    engine: () => several(desk((engine) => engine.running.add('home'))),
    act: async (person) => {
      await person.openFromMenu('sign-out');
      await person.see('sign-out-run');
    },
  },
  {
    name: 'add-tenant',
    engine: () => several(desk()),
    act: async (person) => {
      await person.openFromMenu('add-tenant');
      await person.type('setup-tenant', 'woodgrove.example');
      await person.type('setup-client-id', '8f6c1c1e-2b7a-4c7e-9d5a-0a3b1c2d4e5f');
      await person.see('copy-adminConsent');
    },
  },
  {
    name: 'settings',
    engine: () => desk(),
    act: async (person) => {
      await person.openFromMenu('open-settings');
      await person.see('settings-view');
    },
  },
  {
    name: 'about',
    engine: () => desk((engine) => (engine.notices += `\n${'-'.repeat(80)}\n${engine.notices}`.repeat(40))),
    act: async (person) => {
      await person.openFromMenu('open-settings');
      await person.click('open-about');
      await person.see('third-party-notices');
    },
  },
  {
    name: 'about-unread',
    engine: () => desk((engine) => engine.fail('thirdPartyNotices', problem('internal'))),
    act: async (person) => {
      await person.openFromMenu('open-settings');
      await person.click('open-about');
      await person.see('error-panel');
    },
  },
  {
    name: 'theme-dark',
    engine: () => desk(),
    act: async (person) => {
      await person.openFromMenu('open-settings');
      await person.click('theme-dark');
    },
  },
  {
    name: 'settings-tenants',
    engine: () => several(desk()),
    act: async (person) => {
      await person.openFromMenu('open-settings');
      await person.click('remove-place', 1);
      await person.see('remove-place-yes');
    },
  },
  {
    name: 'settings-policy',
    engine: () =>
      desk((engine) => {
        Object.assign(engine.status.settings, {
          locked: [
            'tenant',
            'client_id',
            'cloud',
            'require_reason',
            'language',
            'device_code',
            'keep_sign_in',
            'allowed_tenants',
          ],
          requireReason: true,
          deviceCode: false,
          keepSignIn: false,
          severalTenants: false,
          allowedTenants: ['8f6c1c1e-2b7a-4c7e-9d5a-0a3b1c2d4e5f', '11111111-2222-3333-4444-555555555555'],
        });
        engine.status.keychain = 'forbidden';
      }),
    act: async (person) => {
      await person.openFromMenu('open-settings');
      await person.see('settings-view');
    },
  },
  {
    name: 'settings-refused',
    engine: () => desk((engine) => engine.fail('saveSettings', problem('config'))),
    act: async (person) => {
      await person.openFromMenu('open-settings');
      await person.type('settings-idle-lock', '30');
      await person.click('settings-save');
      await person.see('error-panel');
    },
  },
  {
    name: 'config-problem',
    engine: () =>
      FakeBackend.signedIn({
        configProblem: {
          file: '/home/alma/.config/unlatch/config.toml',
          key: 'max_run_size',
          reason: 'must be a whole number from 1 to 5000',
        },
      }),
  },
  {
    name: 'history-empty',
    engine: () => desk(),
    act: async (person) => {
      await person.openFromMenu('open-history');
      await person.see('history-view');
    },
  },
  {
    name: 'history',
    engine: () => withHistory(desk()),
    act: async (person) => {
      await person.openFromMenu('open-history');
      await person.see('history-run', 2);
      await person.click('verify-journal');
      await person.see('journal-whole');
    },
  },
  {
    name: 'history-search',
    engine: () => withHistory(desk()),
    act: async (person) => {
      await person.openFromMenu('open-history');
      await person.type('history-text', 'IPADOS');
      await person.see('history-item');
    },
  },
  {
    name: 'desk-open-runs',
    engine: () => {
      const engine = withHistory(desk());
      const answer = engine.listRuns;
      engine.listRuns = async () => {
        const { newest, open } = await answer();
        return {
          newest,
          open: [1, 2, 3, 4, 5].flatMap((at) => open.map((run) => ({ ...run, id: `run-${at}` }))),
        };
      };
      return engine;
    },
    act: async (person) => {
      await person.see('runs-banner');
      await person.click('runs-banner-more');
    },
  },
  {
    name: 'history-many',
    engine: () => {
      const engine = withHistory(desk());
      const answer = engine.searchHistory;
      engine.searchHistory = async (query) => ({
        ...(await answer(query)),
        matchingRuns: 1_204,
        matching: 17_300,
      });
      return engine;
    },
    act: async (person) => {
      await person.openFromMenu('open-history');
      await person.type('history-text', 'IPADOS');
      await person.see('history-item');
      await person.see('history-newest-runs');
    },
  },
  {
    name: 'history-broken',
    engine: () => {
      const engine = withHistory(desk());
      engine.journal = {
        entries: 17,
        head: null,
        broken: { entry: 18, run: 'run-92', what: 'changed' },
        losses: [],
        behind: null,
      };
      return engine;
    },
    act: async (person) => {
      await person.openFromMenu('open-history');
      await person.click('verify-journal');
      await person.see('journal-broken');
    },
  },
  {
    name: 'history-unreadable',
    engine: () => desk(),
    act: async (person, engine) => {
      engine.fail('searchHistory', problem('journal'));
      await person.openFromMenu('open-history');
      await person.see('error-panel');
    },
  },
];
