import type { AppRow, DeviceRow, DeviceWarning, UserRow } from './backend';

/** The moment the made-up tenant is seen at, unless a test names another. */
export const FAKE_NOW = Date.parse('2026-11-23T09:30:00Z');

const DAY = 86_400_000;

const people: [string, string][] = [
  ['Zoë Ruiz', 'user0003'],
  ['Alma Núñez', 'user0001'],
  ["Séan O'Brien", 'user0002'],
  ['Łukasz Wiśniewski', 'user0004'],
  ['ليلى حداد', 'user0005'],
  ['Anneliese Katharina von der Hohenstaufen-Beringer', 'user0006'],
  ['Müller & Söhne Empfang 🏫', 'user0007'],
  ['Nobody Here', 'user0008'],
];

const systems: [string, string, string, string][] = [
  ['iPadOS', '26.1', 'iPad (10th generation)', 'IPADOS'],
  ['iOS', '18.7', 'iPhone 15', 'IPHONE'],
  ['Windows', '10.0.26100.2314', 'Surface Go 4', 'SURFACE'],
  ['Android', '15', 'Galaxy Tab A9', 'ANDROID'],
  ['macOS', '15.6', 'MacBook Air', 'MAC'],
];

export const fakeUsers: readonly UserRow[] = people.map(([displayName, name], index) => ({
  id: `u-${index + 1}`,
  displayName,
  userPrincipalName: `${name}@contoso.example`,
  mail: `${name}@contoso.example`,
}));

export const fakeApps: readonly AppRow[] = [
  ['Exam Browser', '3.7', 'Safe Testing Ltd', 'ios', 12],
  ['Exam Browser', '3.6.1', 'Safe Testing Ltd', 'ios', 4],
  ['Exam Browser', '3.7', 'Safe Testing Ltd', 'windows', 3],
  [
    'Exam “Ünïcode” & Co. – the very long name that a vendor once gave to a small application',
    '1.0',
    null,
    'ios',
    1,
  ],
  ['Whiteboard', '24.1107.2', 'Microsoft Corporation', 'windows', 7],
].map(([displayName, version, publisher, platform, deviceCount], index) => ({
  id: `a-${index + 1}`,
  displayName: String(displayName),
  version: String(version),
  publisher: publisher === null ? null : String(publisher),
  platform: String(platform),
  deviceCount: Number(deviceCount),
}));

/** A device with a number of its own; the number alone decides what it is like. */
export function fakeDevice(number: number, user: UserRow | null, now: number = FAKE_NOW): DeviceRow {
  const [operatingSystem, osVersion, model, prefix] = systems[number % systems.length] ?? [
    'iOS',
    '18',
    '',
    'IOS',
  ];
  const silentDays = number % 7 === 2 ? 93 : 0;
  const never = number % 11 === 6;
  const personal = number % 5 === 1;
  const warnings: DeviceWarning[] = [];
  if (number % 23 === 9) warnings.push({ kind: 'removalPending', state: 'retirePending' });
  if (number % 29 === 13) warnings.push({ kind: 'noMdmChannel', agent: 'easMdm' });
  if (never) warnings.push({ kind: 'neverSeen' });
  else if (silentDays > 0) warnings.push({ kind: 'silent', days: silentDays });
  if (personal) warnings.push({ kind: 'personal' });
  const digits = String(number).padStart(5, '0');
  return {
    id: `d-${number}`,
    name: number === 12 ? 'Aula 3 · Tableta de 李 🎒 (reserva)' : `${prefix}-${digits}`,
    serial: number % 31 === 30 ? null : `SN${digits}0`,
    userPrincipalName: user?.userPrincipalName ?? null,
    userDisplayName: user?.displayName ?? null,
    operatingSystem,
    osVersion,
    model,
    owner: personal ? 'personal' : 'company',
    compliance: number % 4 === 3 ? 'noncompliant' : 'compliant',
    managementState: 'managed',
    lastContact: never ? null : new Date(now - silentDays * DAY - (number % 30) * 3_600_000).toISOString(),
    enrolled: new Date(now - 400 * DAY).toISOString(),
    warnings,
  };
}
