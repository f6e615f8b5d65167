// The engines behind the scenes. What they share with the fake engine's own ways stands here alone.
import type {
  CommandError,
  DeviceDetails,
  DeviceRow,
  EarlierRequest,
  ItemView,
  RunCounts,
  RunSummary,
  RunView,
} from '../backend/backend';
import { fakeAccount, FakeBackend, fakePlace, problem } from '../backend/fake';
import { FAKE_NOW, fakeDevice, fakeUsers } from '../backend/fake-tenant';
import { fakeDetails } from '../backend/fake-record';
import { count, fakeItem, fakeWantedUntil } from '../backend/fake-values';

export type Finds = NonNullable<FakeBackend['devicesFound']>;

/** An engine at which somebody is signed in, after `change`. */
export function desk(change: (engine: FakeBackend) => void = () => {}): FakeBackend {
  const engine = FakeBackend.signedIn();
  change(engine);
  return engine;
}

export function signedOut(why: Partial<CommandError> | null = null): FakeBackend {
  if (!why) return new FakeBackend();
  return new FakeBackend({
    session: { kind: 'signedOut', problem: problem(why.code ?? 'signInRefused', why) },
  });
}

/** What every search for devices finds. */
export function finds(engine: FakeBackend, found: Finds): void {
  engine.devicesFound = found;
}

/** The next search for devices fails. */
export function searchFails(engine: FakeBackend, error: CommandError): void {
  engine.fail('searchDevices', error);
}

export function devices(count: number, first = 1): DeviceRow[] {
  return Array.from({ length: count }, (_, index) => {
    const number = index + first;
    return fakeDevice(number, fakeUsers[Math.floor(number / 3) % 7] ?? null);
  });
}

/** Three tenants, a run under way in the second. */
export function several(engine: FakeBackend): FakeBackend {
  engine.running.add('place-2');
  const account = {
    ...fakeAccount,
    username: 'alma.nunez@fabrikam.example',
    tenantId: '77777777-0000-4000-8000-000000000002',
    tenantName: 'Fabrikam Schools',
    tenantColour: 4,
  };
  return engine
    .with(fakePlace('place-2', { tenant: 'fabrikam.example', account, signedIn: true, removable: true }))
    .with(fakePlace('place-3', { tenant: 'northwind.example', removable: true }));
}

/** An engine that has not been told a tenant. */
export function nameless(engine = new FakeBackend({ mode: 'unconfigured' })): FakeBackend {
  engine.status.settings = { ...engine.status.settings, tenant: null, clientId: null };
  return engine;
}

const differences = [
  { field: 'name', then: 'LAPTOP-00007', now: 'LAPTOP-00107' },
  { field: 'user', then: 'zoe@contoso.example', now: null },
] as const;

/** Every way in which an item can end, one after another. */
export const endings: readonly Partial<ItemView>[] = [
  { state: 'unconfirmed', canSendAgain: true, attempts: 1 },
  { state: 'done', hasPasscode: true, attempts: 1 },
  {
    state: 'stopped',
    reason: 'changed',
    requestId: null,
    canSendAgain: true,
    found: { kind: 'differences', differences: [...differences] },
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
  { state: 'notSupported', attempts: 1 },
  { state: 'failed', message: 'The device did not answer (0x87d1b001)', canSendAgain: true, attempts: 1 },
  { state: 'canceled', attempts: 1 },
  { state: 'accepted', gaveUp: true, attempts: 1 },
  {
    state: 'unconfirmed',
    reason: 'intermediary',
    status: 403,
    requestId: null,
    canSendAgain: true,
    attempts: 1,
  },
  { state: 'refused', reason: 'outOfScopeTags', message: 'Forbidden', canSendAgain: true, attempts: 1 },
  { state: 'other', message: 'removeFromBlueprint', attempts: 1 },
  {
    state: 'stopped',
    reason: 'alreadySent',
    requestId: null,
    canSendAgain: true,
    found: { kind: 'sent', state: 'done', since: '2026-03-01T10:00:00Z', by: 'bea@contoso.example' },
  },
  { state: 'unconfirmed', reason: 'roleDenied', message: 'Forbidden', canSendAgain: true, attempts: 2 },
];

/** Runs end at once, or stay as they are after `most` items. */
export function runs(engine: FakeBackend, most = Infinity): void {
  engine.pace = 1;
  engine.passcode = '0O1l-4711';
  engine.outcome = (position) => {
    if (position + 1 >= most) engine.pace = null;
    return endings[position % endings.length] ?? {};
  };
}

/** A run as the journal has it. */
export function kept(id: string, items: ItemView[], change: Partial<RunSummary> = {}): RunView {
  const counts: RunCounts = count(items);
  const { started = '2026-11-20T08:15:00Z' } = change;
  return {
    summary: {
      id,
      started,
      finished: '2026-11-20T08:16:10Z',
      wantedUntil: fakeWantedUntil(started),
      tenant: 'Contoso',
      account: fakeAccount.username,
      reason: 'INC-1042 lost passcodes in room 3',
      state: 'finished',
      counts,
      remainingSeconds: null,
      hold: null,
      startsInSeconds: null,
      followed: false,
      ...change,
    },
    items,
  };
}

/** Items for devices, each with an ending of its own. */
export function items(of: readonly DeviceRow[], ending: (at: number) => Partial<ItemView>): ItemView[] {
  return of.map((device, position) =>
    fakeItem(position, {
      deviceId: device.id,
      name: device.name,
      serial: device.serial,
      user: device.userDisplayName,
      system: [device.operatingSystem, device.osVersion].filter(Boolean).join(' '),
      requestId: '5b1c9e20-7d44-4f0e-9a61-000000000001',
      clientRequestId: 'c11e47aa-7d44-4f0e-9a61-000000000001',
      at: '2026-11-20T08:15:40Z',
      attempts: 1,
      ...ending(position),
    }),
  );
}

/** A journal with a run of each kind. */
export function withHistory(engine: FakeBackend): FakeBackend {
  const ended = (at: number) => endings[at % endings.length] ?? {};
  engine.keep(
    kept(
      'run-91',
      items(devices(12), () => ({ state: 'done' })),
      { reason: null },
    ),
  );
  engine.keep(kept('run-92', items(devices(24), ended), { started: '2026-11-21T10:02:00Z' }));
  engine.keep(
    kept(
      'run-93',
      items(devices(5), (at) => ({ state: at < 2 ? 'accepted' : 'notSent' })),
      { state: 'interrupted', started: '2026-11-22T16:40:00Z', finished: null },
    ),
  );
  return engine;
}

/** A run that waited for a sign-in for more than a day. */
export function withExpired(engine: FakeBackend): FakeBackend {
  const ending = (at: number): Partial<ItemView> =>
    at < 2 ? { state: 'accepted' } : { state: 'notSent', reason: 'expired', canSendAgain: true, attempts: 0 };
  const when = { started: '2026-11-20T16:40:00Z', finished: null };
  engine.keep(kept('run-94', items(devices(5), ending), { state: 'interrupted', ...when }));
  return engine;
}

/** The journal has an earlier request for most devices, each with an outcome of its own. */
export function withEarlier(engine: FakeBackend): void {
  const ago = (minutes: number) => new Date(engine.now - minutes * 60_000).toISOString();
  const sent = (state: EarlierRequest['state'], minutes: number, isWarning = true): EarlierRequest => {
    const [at, account] = [ago(minutes), 'bea@contoso.example'];
    return { runId: 'run-91', account, state, sent: at, at, isWarning };
  };
  const requests = [
    sent('accepted', 4),
    sent('done', 1),
    sent('unconfirmed', 12),
    sent('failed', 3 * 24 * 60, false),
    sent('other', 40),
    null,
  ];
  engine.earlier = ({ id }) => requests[Number(/\d+$/.exec(id)?.[0] ?? 0) % requests.length] ?? null;
}

/** Texts that somebody who means harm, or nobody at all, could have given a device. */
export const hostile: readonly string[] = [
  '<img src=x onerror="document.title=\'owned\'">',
  '<script>document.title="owned"</script>',
  'invoice\u202egnp.exe',
  'IPAD\u200b-000\u200d12\u2060',
  'x'.repeat(10_000),
  "=CMD|' /C calc'!A0",
  '"><b>bold</b>&amp;&#x202e;',
  '\u2066\u2067nested\u2069 isolates\n\tand lines\u0000',
  'Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324\u031e\u0349\u035a\u032f\u031e\u0320\u034dA\u036b\u0357\u0334\u0362\u0335\u031c\u0330\u0354L\u0368\u0367\u0369\u0358\u0320G',
  'ليلى \u202dحداد 7',
];

/** Everything that Graph tells bears such a text. */
export function hostileDevices(): DeviceRow[] {
  return hostile.map((text, at) => ({
    ...fakeDevice(at + 2, null),
    name: text,
    serial: hostile[(at + 1) % hostile.length] ?? null,
    userDisplayName: hostile[(at + 2) % hostile.length] ?? null,
    userPrincipalName: hostile[(at + 3) % hostile.length] ?? null,
    model: hostile[(at + 4) % hostile.length] ?? null,
    osVersion: hostile[(at + 5) % hostile.length] ?? null,
  }));
}

function hostileDetails(): DeviceDetails {
  const plain = fakeDetails('d-2', [], FAKE_NOW);
  const [device = plain.device] = hostileDevices();
  const told = Object.entries(plain.facts).map(([fact, value], at) => [
    fact,
    typeof value === 'string' ? hostile[at % hostile.length] : value,
  ]);
  return {
    ...plain,
    device,
    facts: {
      ...(Object.fromEntries(told) as DeviceDetails['facts']),
      graceUntil: null,
      notes: hostile.join('\n'),
    },
    results: plain.results.map((result, at) => ({
      ...result,
      action: hostile[at + 2] ?? '',
      state: hostile[at + 4] ?? '',
    })),
  };
}

export function hostileEngine(): FakeBackend {
  const account = {
    ...fakeAccount,
    tenantName: hostile[1] ?? '',
    username: hostile[2] ?? '',
    name: hostile[0] ?? '',
  };
  const engine = new FakeBackend({ session: { kind: 'signedIn', account } });
  finds(engine, { devices: hostileDevices() });
  engine.details = hostileDetails();
  engine.findUsers = () =>
    Promise.resolve({
      users: hostile.map((text, at) => ({
        id: `h-${at}`,
        displayName: text,
        userPrincipalName: hostile[(at + 1) % hostile.length] ?? '',
        mail: hostile[(at + 2) % hostile.length] ?? null,
      })),
      leftOut: 0,
      more: false,
    });
  engine.findApps = () =>
    Promise.resolve({
      apps: hostile.map((text, at) => ({
        id: `h-${at}`,
        displayName: text,
        version: hostile[(at + 1) % hostile.length] ?? '',
        publisher: hostile[(at + 2) % hostile.length] ?? null,
        platform: 'ios',
        deviceCount: 3,
      })),
      leftOut: 0,
      complete: true,
      problem: null,
    });
  engine.pace = 1;
  engine.outcome = (at) => ({
    ...endings[at % endings.length],
    message: hostile[at % hostile.length] ?? null,
  });
  return engine;
}
