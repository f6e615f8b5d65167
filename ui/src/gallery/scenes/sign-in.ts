import { FakeBackend, problem } from '../../backend/fake';
import { nameless, several, signedOut } from '../engines';
import type { Scene } from './scene';

const refused = (help: 'publicClientOff' | 'adminConsentNeeded' | 'accountLocked') =>
  signedOut({
    message: 'AADSTS700016: Application with identifier was not found in the directory.',
    requestId: '0c7d5a34-55aa-4d10-8b3e-f0c6f8c0b2a1',
    at: '2026-11-23 09:31:07Z',
    help,
  });

export const signInScenes: readonly Scene[] = [
  { name: 'set-up', engine: nameless },
  {
    name: 'set-up-filled',
    engine: nameless,
    act: async (person) => {
      await person.type('setup-tenant', 'contoso.example');
      await person.type('setup-client-id', '8f6c1c1e-2b7a-4c7e-9d5a-0a3b1c2d4e5f');
      await person.see('copy-adminConsent');
    },
  },
  {
    name: 'set-up-wrong',
    engine: () => {
      const engine = nameless();
      engine.tenantCheck = () => ({ kind: 'otherCloud', host: 'login.partner.microsoftonline.cn' });
      return engine;
    },
    act: async (person) => {
      await person.type('setup-client-id', '12345');
      await person.type('setup-tenant', 'contoso.example');
      await person.reads('tenant-check', 'microsoftonline');
    },
  },
  {
    name: 'set-up-policy-broken',
    engine: () => {
      const engine = nameless();
      engine.status.configProblem = {
        file: '/etc/unlatch/policy.toml',
        key: 'client_id',
        reason: 'expected a GUID, found "12345"',
      };
      return engine;
    },
  },
  { name: 'sign-in', engine: () => signedOut() },
  { name: 'sign-in-keychain-locked', engine: () => new FakeBackend({ keychain: 'locked' }) },
  { name: 'sign-in-several', engine: () => several(signedOut()) },
  {
    name: 'sign-in-further',
    engine: () => several(signedOut()),
    act: async (person) => {
      await person.click('show-place', 1);
      await person.click('remove-place');
    },
  },
  {
    name: 'sign-in-waiting',
    engine: () => {
      const engine = signedOut();
      engine.hold('signIn');
      return engine;
    },
    act: async (person) => {
      await person.click('sign-in');
      await person.see('sign-in-waiting');
    },
  },
  {
    name: 'sign-in-code',
    engine: () => {
      const engine = signedOut();
      engine.hold('signInWithCode');
      return engine;
    },
    act: async (person) => {
      await person.click('sign-in-with-code');
      await person.see('user-code');
    },
  },
  {
    name: 'sign-in-code-expired',
    engine: () => {
      const engine = signedOut();
      engine.code = { ...engine.code, expiresInSeconds: 0 };
      engine.hold('signInWithCode');
      return engine;
    },
    act: async (person) => {
      await person.click('sign-in-with-code');
      await person.see('code-expired');
    },
  },
  {
    name: 'sign-in-code-blocked',
    engine: () => {
      const engine = signedOut();
      engine.fail('signInWithCode', problem('signInRefused', { help: 'deviceCodeBlocked' }));
      return engine;
    },
    act: async (person) => {
      await person.click('sign-in-with-code');
      await person.see('error-panel');
    },
  },
  { name: 'sign-in-refused', engine: () => refused('publicClientOff') },
  { name: 'sign-in-refused-consent', engine: () => refused('adminConsentNeeded') },
  { name: 'demo-signed-out', engine: () => new FakeBackend({ mode: 'demo', keychain: 'notUsed' }) },
  {
    name: 'locked',
    engine: () => {
      const engine = several(FakeBackend.signedIn({ locked: true }));
      engine.status.lockAccount = engine.account.username;
      engine.running.add('home');
      return engine;
    },
  },
  {
    name: 'locked-keychain-locked',
    engine: () => {
      const engine = FakeBackend.signedIn({ locked: true, keychain: 'locked' });
      engine.fail('unlock', problem('keychain', { message: 'the collection is locked', keychain: 'locked' }));
      return engine;
    },
    act: async (person) => {
      await person.click('unlock');
      await person.see('error-panel');
    },
  },
];
