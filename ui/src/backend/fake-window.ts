// The window on the fake engine, for a browser: `?scene=` names what stands behind it.
import '../tokens.css';
import '../base.css';

import { mount } from 'svelte';

import App from '../App.svelte';
import type { ItemState, ItemView } from './backend';
import { fakeAccount, FakeBackend, fakePlace, problem } from './fake';
import { fakeDevice } from './fake-tenant';

const asked = new URLSearchParams(location.search);
const language = asked.get('lang');

const outcomes: Partial<ItemView>[] = [
  { state: 'done', hasPasscode: true, attempts: 1 },
  { state: 'unconfirmed', canSendAgain: true, attempts: 1 },
  {
    state: 'stopped',
    reason: 'changed',
    requestId: null,
    canSendAgain: true,
    found: {
      kind: 'differences',
      differences: [
        { field: 'name', then: 'LAPTOP-00007', now: 'LAPTOP-00107' },
        { field: 'user', then: 'zoe@contoso.example', now: null },
      ],
    },
  },
  { state: 'accepted', fellBack: true, attempts: 1 },
  { state: 'refused', reason: 'roleDenied', message: 'Forbidden', canSendAgain: true, attempts: 1 },
  {
    state: 'stopped',
    reason: 'alreadyPending',
    requestId: null,
    canSendAgain: true,
    found: { kind: 'pending', since: '2026-03-01T10:00:00Z', by: 'bea@contoso.example' },
  },
  { state: 'notSupported' as ItemState, attempts: 1 },
  { state: 'failed', message: 'The device did not answer (0x87d1b001)', canSendAgain: true, attempts: 1 },
];

const fabrikam = {
  ...fakeAccount,
  username: 'alma.nunez@fabrikam.example',
  tenantId: '77777777-0000-4000-8000-000000000002',
  tenantName: 'Fabrikam Schools',
  tenantColour: 4,
};

function several(backend: FakeBackend): FakeBackend {
  backend.running.add('place-2');
  return backend
    .with(
      fakePlace('place-2', {
        tenant: 'fabrikam.example',
        account: fabrikam,
        signedIn: true,
        removable: true,
      }),
    )
    .with(fakePlace('place-3', { tenant: 'northwind.example', removable: true }));
}

/** Nothing is named yet. */
function nameless(backend: FakeBackend): FakeBackend {
  backend.status.settings = { ...backend.status.settings, tenant: null, clientId: null };
  return backend;
}

const scenes: Record<string, () => FakeBackend> = {
  desk: () => FakeBackend.signedIn(),
  countdown: () => {
    const backend = FakeBackend.signedIn();
    backend.status.settings.countdownSeconds = 5;
    backend.documented = (device) => device.operatingSystem === 'Windows';
    return backend;
  },
  signedOut: () => new FakeBackend(),
  demo: () => FakeBackend.signedIn({ mode: 'demo', keychain: 'notUsed' }),
  unconfigured: () => nameless(new FakeBackend({ mode: 'unconfigured', keychain: 'absent' })),
  unconfiguredWrong: () => {
    const backend = nameless(new FakeBackend({ mode: 'unconfigured' }));
    backend.tenantCheck = ({ tenant, cloud }) =>
      cloud === 'china'
        ? { kind: 'otherCloud', host: 'login.microsoftonline.com' }
        : tenant.startsWith('no')
          ? { kind: 'notFound' }
          : { kind: 'notAsked', problem: problem('offline') };
    backend.status.configProblem = {
      file: backend.status.settings.configFile,
      key: 'client_id',
      reason: 'expected a GUID, found "12345"',
    };
    return backend;
  },
  unconfiguredPolicy: () => {
    const backend = nameless(new FakeBackend({ mode: 'unconfigured' }));
    backend.status.settings.tenant = 'contoso.example';
    backend.status.settings.locked = ['tenant', 'cloud'];
    return backend;
  },
  policyBroken: () =>
    nameless(
      new FakeBackend({
        mode: 'unconfigured',
        configProblem: {
          file: '/etc/unlatch/policy.toml',
          key: 'client_id',
          reason: 'expected a GUID, found "12345"',
        },
      }),
    ),
  refused: () =>
    new FakeBackend({
      keychain: 'locked',
      session: {
        kind: 'signedOut',
        problem: problem('signInRefused', {
          message: 'AADSTS700016: Application with identifier was not found in the directory.',
          requestId: '0c7d5a34-55aa-4d10-8b3e-f0c6f8c0b2a1',
          help: 'publicClientOff',
          at: '2026-11-23 09:31:07Z',
        }),
      },
    }),
  code: () => {
    const backend = new FakeBackend();
    backend.hold('signInWithCode');
    return backend;
  },
  codeExpiring: () => {
    const backend = new FakeBackend();
    backend.code = { ...backend.code, expiresInSeconds: 5 };
    const release = backend.hold('signInWithCode');
    backend.fail('signInWithCode', problem('signInRefused', { help: 'deviceCodeExpired' }));
    setTimeout(release, 20_000);
    return backend;
  },
  codeBlocked: () => {
    const backend = new FakeBackend();
    backend.fail('signInWithCode', problem('signInRefused', { help: 'deviceCodeBlocked' }));
    return backend;
  },
  several: () => several(FakeBackend.signedIn()),
  severalOut: () => several(new FakeBackend()),
  consent: () => {
    const backend = FakeBackend.signedIn();
    backend.consented = false;
    backend.fail(
      'signIn',
      problem('signInRefused', {
        message: 'AADSTS90094: The grant requires admin permission.',
        help: 'adminConsentNeeded',
        at: '2026-11-23 09:31:07Z',
        requestId: '0c7d5a34-55aa-4d10-8b3e-f0c6f8c0b2a1',
      }),
    );
    return backend;
  },
  locked: () => {
    const backend = several(FakeBackend.signedIn({ locked: true }));
    backend.fail('unlock', problem('keychain', { message: 'the collection is locked', keychain: 'locked' }));
    backend.status.keychain = 'locked';
    backend.running.add('place-2');
    return backend;
  },
  bulk: () => {
    const backend = FakeBackend.signedIn();
    backend.devicesFound = {
      devices: Array.from({ length: 300 }, (_, index) => fakeDevice(index + 1, null, Date.now())),
    };
    return backend;
  },
  large: () => {
    const backend = FakeBackend.signedIn();
    const count = Number(asked.get('rows') ?? 100_000);
    backend.devicesFound = {
      devices: Array.from({ length: count }, (_, index) => fakeDevice(index + 1, null, Date.now())),
    };
    return backend;
  },
  reading: () => {
    const backend = FakeBackend.signedIn();
    backend.devicesFound = {
      devices: Array.from({ length: 1_200 }, (_, index) => fakeDevice(index + 1, null, Date.now())),
    };
    backend.rowsAtOnce = 200;
    setInterval(() => backend.readOn(), 1_000);
    return backend;
  },
  config: () =>
    FakeBackend.signedIn({
      configProblem: {
        file: '/home/alma/.config/unlatch/config.toml',
        key: 'max_run_size',
        reason: 'must be a whole number from 1 to 5000',
      },
    }),
  names: () => {
    const backend = FakeBackend.signedIn();
    const user = {
      id: 'u-9',
      displayName: 'ليلى حداد',
      userPrincipalName: 'user0005@contoso.example',
      mail: null,
    };
    const names = [
      'جهاز ليلى 7',
      'Aula 3 · Tableta de 李 🎒 (reserva)',
      'לוח 12 (בית ספר)',
      'x\u202egnp.exe',
      'W'.repeat(90),
    ];
    backend.devicesFound = {
      devices: names.map((name, index) => ({ ...fakeDevice(index + 2, user, Date.now()), name })),
    };
    return backend;
  },
  journal: () =>
    FakeBackend.signedIn({ journalProblem: problem('journal', { message: 'journal.db is read-only' }) }),
  ignored: () => {
    const backend = FakeBackend.signedIn();
    backend.devicesFound = { leftOut: 1998 };
    return backend;
  },
  incomplete: () => {
    const backend = FakeBackend.signedIn();
    backend.devicesFound = {
      complete: false,
      counted: 1998,
      problem: problem('throttled', { retryAfter: 17 }),
    };
    return backend;
  },
};

const backend = (scenes[asked.get('scene') ?? 'desk'] ?? scenes['desk']!)();
backend.now = Date.now();
backend.passcode = '0O1l-4711';
backend.delay = Number(asked.get('delay') ?? 60);
backend.pace = Number(asked.get('pace') ?? 200);
backend.outcome = (position) => outcomes[position % outcomes.length] ?? {};
backend.status = { ...backend.status, settings: { ...backend.status.settings, language } };
Object.assign(window, { fakeBackend: backend });

const target = document.getElementById('app');
if (target) mount(App, { target, props: { backend } });
