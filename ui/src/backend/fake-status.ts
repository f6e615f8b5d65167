import type { AppStatus } from './backend';
import { fakePlace } from './fake-values';

/** The status of an engine that was just started, but for what is named. */
export function fakeStatus(status: Partial<AppStatus>): AppStatus {
  const mode = status.mode ?? 'tenant';
  return {
    version: '0.1.0',
    mode,
    places:
      mode === 'demo' ? [fakePlace('home'), fakePlace('demo', { mode })] : [fakePlace('home', { mode })],
    place: mode === 'demo' ? 'demo' : 'home',
    locked: false,
    lockAccount: null,
    session: { kind: 'signedOut', problem: null },
    keychain: 'kept',
    journalProblem: null,
    journalWentBack: null,
    configProblem: null,
    ...status,
    settings: {
      tenant: 'contoso.example',
      clientId: '8f6c1c1e-2b7a-4c7e-9d5a-0a3b1c2d4e5f',
      cloud: 'global',
      requireReason: false,
      maxRunSize: 500,
      countdownSeconds: 0,
      idleLockMinutes: 15,
      deviceCode: true,
      keepSignIn: true,
      export: true,
      clipboard: true,
      allowedTenants: null,
      severalTenants: true,
      language: 'en',
      locked: [],
      dataFolder: '/home/alma/.local/share/unlatch',
      configFile: '/home/alma/.config/unlatch/config.toml',
      ...status.settings,
    },
  };
}
