import type {
  AccountView,
  Backend,
  CommandError,
  DeviceCodeView,
  DeviceRow,
  ErrorCode,
  HoldView,
  ItemView,
  PlaceView,
  RouteView,
  RunCounts,
  SetupLinks,
  TenantInput,
} from './backend';

export const fakeAccount: AccountView = {
  name: 'Alma Núñez',
  username: 'alma@contoso.example',
  tenantId: '3f2b1c00-0000-4000-8000-000000000001',
  tenantName: 'Contoso',
  tenantColour: 2,
};

export const fakeCode: DeviceCodeView = {
  userCode: 'FKLW7QZTB',
  verificationUri: 'https://login.microsoft.com/device',
  expiresInSeconds: 900,
};

export function problem(code: ErrorCode, more: Partial<CommandError> = {}): CommandError {
  return {
    code,
    message: `fake: ${code}`,
    requestId: null,
    hold: null,
    help: null,
    at: null,
    keychain: null,
    journal: null,
    ...more,
  };
}

/** Until when what a person wants lets requests go out. */
export function fakeWantedUntil(wanted: string | number): string {
  return new Date(new Date(wanted).getTime() + 24 * 60 * 60 * 1000).toISOString();
}

/** A wait that Graph asked for, told at that time. */
export function fakeHold(seconds: number, now: number, mayProbe = true): HoldView {
  return { seconds, until: new Date(now + seconds * 1000).toISOString(), mayProbe };
}

export function fakePlace(id: string, more: Partial<PlaceView> = {}): PlaceView {
  const mode = more.mode ?? 'tenant';
  const tenant = more.tenant ?? (mode === 'tenant' ? 'contoso.example' : '');
  return {
    id,
    mode,
    tenant,
    adminConsent: tenant === '' ? null : `https://login.microsoftonline.com/${tenant}/v2.0/adminconsent`,
    account: null,
    signedIn: false,
    runUnderWay: false,
    removable: false,
    ...more,
  };
}

/** What a locked window may still ask for. */
export const WHILE_LOCKED: readonly (keyof Backend)[] = [
  'appStatus',
  'watchWindow',
  'touch',
  'hidePasscode',
  'unlock',
  'signIn',
  'signInWithCode',
  'cancelSignIn',
];

export const unsent = {
  state: 'waiting',
  reason: null,
  message: null,
  found: null,
  canSendAgain: false,
} as const;

/** The licences of two packages, as the engine has them. */
export const fakeNotices = [
  'Unlatch holds these packages, which others made.\n\nserde 1.0.229: MIT OR Apache-2.0\nsvelte 5.57.3: MIT\n',
  '\nsvelte 5.57.3\n    Copyright (c) 2016-2026 Svelte Contributors\n\nPermission is hereby granted, free of charge\n',
  '\nserde 1.0.229\n\nApache License\nVersion 2.0, January 2004\n',
].join(`\n${'-'.repeat(80)}\n`);

/** A device of a run whose turn has not come. */
export function fakeItem(
  position: number,
  more: Partial<ItemView> & Pick<ItemView, 'deviceId' | 'name'>,
): ItemView {
  return {
    position,
    serial: null,
    user: null,
    system: null,
    route: { kind: 'direct' },
    fellBack: false,
    ...unsent,
    requestId: null,
    clientRequestId: null,
    at: null,
    attempts: 0,
    hasPasscode: false,
    gaveUp: false,
    status: null,
    ...more,
  };
}

/** A device of a plan, as the run starts with it. */
export function fakeItemOf(device: DeviceRow, route: RouteView, position: number): ItemView {
  return fakeItem(position, {
    deviceId: device.id,
    name: device.name,
    serial: device.serial,
    user: device.userDisplayName ?? device.userPrincipalName,
    system: [device.operatingSystem, device.osVersion].filter(Boolean).join(' '),
    route,
  });
}

/** The pages that the set-up opens for a tenant. */
export function fakeSetupLinks(input: TenantInput): SetupLinks {
  const whole = input.tenant !== '' && input.clientId.length === 36;
  const consent = `https://login.microsoftonline.com/${input.tenant}/v2.0/adminconsent?client_id=${input.clientId}`;
  return {
    registrations: input.cloud === 'custom' ? null : 'https://entra.microsoft.com/#view/RegisteredApps',
    adminConsent: whole ? `${consent}&scope=all` : null,
    adminConsentToSearch: whole ? `${consent}&scope=search` : null,
  };
}

export function count(items: readonly ItemView[]): RunCounts {
  const of = (...states: ItemView['state'][]) => items.filter((item) => states.includes(item.state)).length;
  return {
    total: items.length,
    waiting: of('waiting', 'sending'),
    accepted: of('accepted', 'other'),
    done: of('done'),
    answered: of('failed', 'notSupported', 'canceled'),
    failed: of('refused', 'stopped'),
    unconfirmed: of('unconfirmed'),
    notSent: of('notSent'),
  };
}

/** Entries that the journal lost. */
export const fakeLoss = { at: '2026-03-01T10:00:00Z', known: 50, missing: { first: 41, last: 50 } };
