import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import type { FoundView, ItemState, ItemView } from '../backend/backend';
import { fakeItem } from '../backend/fake-values';
import { problem } from '../backend/fake';
import en from '../messages/en.json';
import es from '../messages/es.json';
import { m } from '../paraglide/messages';
import { useLocale } from './locale.svelte';
import {
  actionState,
  actionText,
  agentText,
  complianceText,
  enrollmentText,
  foundStateText,
  jailbrokenText,
  managementStateText,
  platformText,
} from './device-words';
import { helpWords } from './help-words';
import {
  errorText,
  errorWords,
  itemText,
  itemWords,
  keychainText,
  keychainWords,
  ownerText,
  reasonWords,
  routeText,
  runWords,
  warningKindWords,
  warningText,
} from './words';

const inBoth = (words: () => string) =>
  (['en', 'es'] as const).map((language) => {
    useLocale(language);
    return words();
  });

const everyWord: [string, () => string][] = [
  ...Object.entries(errorWords).flatMap(([code, { what, next }]): [string, () => string][] => [
    [`error ${code}`, what],
    [`error ${code}, what to do`, next],
  ]),
  ...Object.entries(helpWords).flatMap(([help, { what, next }]): [string, () => string][] => [
    [`help ${help}`, what],
    [`help ${help}, what to do`, next],
  ]),
  ...Object.entries(itemWords).flatMap(([state, { what, next }]): [string, () => string][] => [
    [`item ${state}`, what],
    [`item ${state}, what to do`, next],
  ]),
  ...Object.entries(reasonWords).flatMap(([reason, { what, next }]): [string, () => string][] => [
    [`reason ${reason}`, what],
    [`reason ${reason}, what to do`, next],
  ]),
  ...Object.entries(runWords).flatMap(([state, { short, long }]): [string, () => string][] => [
    [`run ${state}`, short],
    [`run ${state}, in full`, long],
  ]),
  ...Object.entries(keychainWords).map(([key, words]): [string, () => string] => [`keychain ${key}`, words]),
  ...Object.entries(warningKindWords).map(([key, words]): [string, () => string] => [
    `warning ${key}`,
    words,
  ]),
];

function item(state: ItemState, more: Partial<ItemView> = {}): ItemView {
  return fakeItem(0, { deviceId: 'd-1', name: 'IPADOS-00001', state, ...more });
}

describe('words', () => {
  it.each(everyWord)('%s has words of its own in both languages', (_, words) => {
    const [english, spanish] = inBoth(words);
    expect(english).toBeTruthy();
    expect(spanish).toBeTruthy();
    if (english !== 'Cancelling') expect(spanish).not.toBe(english);
    for (const text of [english, spanish]) expect(text).not.toMatch(/[!¡{}]/);
  });

  it('what Entra refused is told apart, and who does what about it is named', () => {
    for (const language of [0, 1]) {
      const said = Object.values(helpWords).map(({ what }) => inBoth(what)[language]);
      expect(new Set(said).size).toBe(said.length);
    }
    expect(Object.keys(helpWords)).toHaveLength(54);
    const [english, spanish] = inBoth(helpWords.redirectWrong.next);
    expect(english).toContain('Entra admin center → App registrations → Authentication');
    expect(spanish).toContain('Registros de aplicaciones → Autenticación');
  });

  it('the words for what Entra refused go before those for a refusal', () => {
    useLocale('en');
    expect(errorText(problem('signInRefused', { help: 'otherCloud' }))).toBe(
      'The tenant is in another cloud. Choose its cloud under “Tenant and application”.',
    );
    expect(errorText(problem('signInRefused'))).toContain('Microsoft refused the sign-in.');
  });

  it('a sign-in that is not kept says how long it lasts', () => {
    useLocale('en');
    expect(keychainText('denied')).toBe(
      'The system keychain was not opened to Unlatch. Your sign-in lasts until this window closes or locks.',
    );
    expect(keychainText('kept')).toBe('Your sign-in is kept in the system keychain.');
  });

  it('there are the same messages in both languages', () => {
    expect(Object.keys(es)).toEqual(Object.keys(en));
  });

  it('every message is said somewhere', () => {
    // The printed report, which the engine writes, takes its words from here too.
    const folders = ['src', '../src-tauri/src', '../crates/recovery/src'];
    const code = folders
      .flatMap((folder) =>
        readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
      )
      .filter((name) => /\.(ts|svelte|rs)$/.test(name) && !/paraglide|\.test\.ts$/.test(name))
      .map((name) => readFileSync(name, 'utf8'))
      .join('\n');
    const used = new Set(code.match(/\b[a-z0-9]+(?:_[a-z0-9]+)*\b/g));
    const unused = Object.keys(en).filter((key) => !key.startsWith('$') && !used.has(key));
    expect(unused).toEqual([]);
  });

  it('a message takes the same values in both languages', () => {
    const values = (message: unknown) => [...new Set(JSON.stringify(message).match(/\{\w+\}/g) ?? [])].sort();
    for (const [key, message] of Object.entries(en)) {
      expect(values((es as Record<string, unknown>)[key]), key).toEqual(values(message));
    }
  });

  it('the sentences agreed on are said word for word', () => {
    expect(inBoth(() => m.recover_passcodes({ count: 5 }))).toEqual([
      'Recover 5 passcodes',
      'Recuperar 5 códigos de acceso',
    ]);
    expect(inBoth(() => m.recover_passcodes({ count: 1 }))).toEqual([
      'Recover 1 passcode',
      'Recuperar 1 código de acceso',
    ]);
    expect(inBoth(() => m.chip_before({ column: 'X', days: 1 }))).toEqual([
      'X: longer ago than 1 day',
      'X: hace más de 1 día',
    ]);
    expect(inBoth(() => m.chip_within({ column: 'X', days: 1 }))).toEqual([
      'X: within 1 day',
      'X: en el último día',
    ]);
    expect(inBoth(() => m.chip_within({ column: 'X', days: 2000 }))).toEqual([
      'X: within 2,000 days',
      'X: en los últimos 2000 días',
    ]);
    expect(inBoth(() => m.days_unit({ days: 1 }))).toEqual(['day', 'día']);
    expect(inBoth(() => m.days_unit({ days: 30 }))).toEqual(['days', 'días']);
    expect(inBoth(() => m.account_menu({ name: m.account_none() }))).toEqual([
      'Account: none',
      'Cuenta: ninguna',
    ]);
    expect(inBoth(() => m.left_out({ count: 1998 }))).toEqual([
      'Graph ignored the filter: 1,998 rows that do not match were left out.',
      'Graph ignoró el filtro: se omitieron 1998 filas que no coinciden.',
    ]);
    expect(inBoth(itemWords.accepted.next)).toEqual([
      'Request accepted. The device has not answered yet.',
      'Solicitud aceptada. El dispositivo aún no ha respondido.',
    ]);
    expect(inBoth(reasonWords.roleDenied.what)).toEqual([
      'Your Intune role does not allow this on this device.',
      'Su rol de Intune no lo permite en este dispositivo.',
    ]);
  });

  it('a refused item says why, and a device is quoted in its own words', () => {
    useLocale('en');
    expect(itemText(item('refused', { reason: 'roleDenied', message: 'Forbidden' })).next).toContain(
      'Your Intune role does not allow this on this device.',
    );
    expect(itemText(item('other', { message: 'userActionNeeded' })).next).toBe(
      'The device reports a state this version does not know: userActionNeeded. It counts as under way, and Unlatch goes on asking. Look the device up in Intune.',
    );
    expect(itemText(item('accepted')).next).not.toContain('It says');
  });

  it('names what stands between and the status it answered with, and speaks of no request id', () => {
    for (const status of [200, 403, 407, 413]) {
      const texts = inBoth(
        () => itemText(item('unconfirmed', { reason: 'intermediary', status, canSendAgain: true })).next,
      );
      expect(texts[0]).toContain(
        `Unconfirmed: something between Unlatch and Microsoft Graph answered with ${status} (a proxy or gateway). The request may have arrived.`,
      );
      expect(texts[1]).toContain(`respondió con ${status} (un proxy o una puerta de enlace)`);
      expect(texts.join(' ')).not.toMatch(/request id|id\. de solicitud/);
    }
    useLocale('en');
    expect(itemText(item('stopped', { reason: 'intermediary' })).next).toContain(
      'Something between Unlatch and Microsoft Graph answered',
    );
  });

  it('a device that changed says what differs', () => {
    useLocale('en');
    const message = 'name: “IPAD-1” → “IPAD-2”';
    const { next } = itemText(item('stopped', { reason: 'changed', message }));
    expect(next).toContain(message);
    expect(next).toContain('Search for it again');
    expect(itemText(item('stopped', { reason: 'changed' })).next).toContain('differs');
  });

  it('what was found of a device is said in the language of the window', () => {
    const found: FoundView = {
      kind: 'differences',
      differences: [
        { field: 'name', then: 'IPAD-1', now: 'IPAD-2' },
        { field: 'user', then: 'a@contoso.example', now: null },
      ],
    };
    const plain = (text: string) => text.replace(/[\u2066-\u2069]/g, '');
    const [english, spanish] = inBoth(() =>
      plain(itemText(item('stopped', { reason: 'changed', found })).next),
    );
    expect(english).toContain('Name: “IPAD-1” → “IPAD-2”; User: “a@contoso.example” → none');
    expect(spanish).toContain('Nombre: “IPAD-1” → “IPAD-2”');

    useLocale('en');
    const pending: FoundView = { kind: 'pending', since: '2026-03-01T10:00:00Z', by: 'ana@contoso.example' };
    const { next } = itemText(item('stopped', { reason: 'alreadyPending', found: pending }));
    expect(plain(next)).toMatch(
      /already waits for this device\. Asked for at .*2026.* By ana@contoso\.example\./,
    );
    const unknown: FoundView = { kind: 'pending', since: null, by: null };
    expect(itemText(item('stopped', { reason: 'alreadyPending', found: unknown })).next).toBe(
      'The same action already waits for this device. Wait for the device to report before sending another.',
    );
    const state: FoundView = { kind: 'state', state: 'wipePending' };
    expect(itemText(item('stopped', { reason: 'removalPending', found: state })).next).toContain(
      'Intune says: Wipe pending.',
    );
  });

  it('a device that another request reached first says what became of that one, and whose it was', () => {
    const found: FoundView = {
      kind: 'sent',
      state: 'done',
      since: '2026-03-01T10:00:00Z',
      by: 'bea@contoso.example',
    };
    const [english, spanish] = inBoth(() => itemText(item('stopped', { reason: 'alreadySent', found })).next);
    expect(english).toMatch(
      /^The device reports that this action was sent already by another request, so nothing was sent\. It reports: .?Done.?\. Started at Mar 1, 2026.*\. By .?bea@contoso\.example.?\. Look at what it reports before sending again\.$/,
    );
    expect(spanish).toMatch(/Informa: .?Hecho.?\. Iniciada el 1 mar 2026/);
    const unknown = itemText(
      item('stopped', { reason: 'alreadySent', found: { ...found, since: null, by: null } }),
    ).next;
    expect(unknown).not.toMatch(/Iniciada|null/);
  });

  it('a second request that was stopped says so beside what became of the first', () => {
    useLocale('en');
    const stopped = itemText(item('accepted', { reason: 'roleDenied' }));
    expect(stopped.state).toBe('Accepted, waiting for the device');
    expect(stopped.next).toBe(
      'Sending again was stopped: Your Intune role does not allow this on this device. Ask for a role with Remote tasks › Reset passcode for its scope. Request accepted. The device has not answered yet.',
    );
    const silent = itemText(item('accepted', { gaveUp: true, reason: 'notFound' })).next;
    expect(silent).toMatch(
      /^Sending again was stopped: The device is gone.* The device has not reported for 7 days/,
    );
    const lost = itemText(item('unconfirmed', { reason: 'throttled' })).next;
    expect(lost).toMatch(/^Sending again was stopped: Graph was too busy.* Unconfirmed: the answer was lost/);
    // The answer to the first request has a reason of its own here.
    expect(itemText(item('unconfirmed', { reason: 'intermediary', status: 403 })).next).not.toContain(
      'Sending again',
    );
  });

  it('a device that is to be asked for anew says so', () => {
    expect(inBoth(() => itemText(item('notSent', { reason: 'expired' })).next)).toEqual([
      'Confirmed more than a day ago, so nothing was sent. Have the rest of the run sent if it is still needed.',
      'Se confirmó hace más de un día, así que no se envió nada. Envíe el resto de la ejecución si aún es necesario.',
    ]);
  });

  it('a device that was silent for seven days says that it is no longer asked', () => {
    useLocale('en');
    expect(itemText(item('accepted', { gaveUp: true })).next).toContain('no longer asks');
  });

  it('a warning names its number and the state or the agent', () => {
    useLocale('en');
    expect(warningText({ kind: 'silent', days: 93 })).toBe('No contact for 93 days');
    expect(warningText({ kind: 'removalPending', state: 'wipePending' })).toContain('Wipe pending');
    expect(warningText({ kind: 'noMdmChannel', agent: 'eas' })).toContain('Exchange ActiveSync');
  });

  it('whatever comes from outside is drawn with its hidden characters named', () => {
    useLocale('en');
    const name = 'a\u202eb';
    const found: FoundView = { kind: 'differences', differences: [{ field: 'name', then: name, now: name }] };
    for (const text of [
      routeText({ kind: 'user', id: 'u-1', label: name }),
      ownerText(name),
      warningText({ kind: 'removalPending', state: name }),
      warningText({ kind: 'noMdmChannel', agent: name }),
      itemText(item('other', { message: name })).next,
      itemText(item('stopped', { reason: 'changed', message: name })).next,
      itemText(item('stopped', { reason: 'changed', found })).next,
      itemText(item('stopped', { reason: 'removalPending', found: { kind: 'state', state: name } })).next,
      complianceText(name),
      managementStateText(name),
      agentText(name),
      enrollmentText(name),
      platformText(name),
      actionText(name),
      actionState(name).words,
      jailbrokenText(name),
    ]) {
      expect(text).toContain('a‹U+202E›b');
      expect(text).not.toContain('\u202e');
    }
  });

  it('a word of Graph that every object has by nature is no known one', () => {
    expect(actionText('constructor')).toBe('constructor');
    expect(actionState('toString').words).toBe('toString');
    expect(platformText('constructor')).toBe('constructor');
  });

  // The words of Microsoft's v1.0 schema.
  it.each([
    [complianceText, 'unknown compliant noncompliant conflict error inGracePeriod configManager'],
    [
      managementStateText,
      'unknown managed retirePending retireFailed retireIssued retireCanceled wipePending wipeFailed wipeIssued wipeCanceled deletePending unhealthy discovered',
    ],
    [
      agentText,
      'unknown eas mdm easMdm intuneClient easIntuneClient configurationManagerClient configurationManagerClientMdm configurationManagerClientMdmEas jamf googleCloudDevicePolicyController microsoft365ManagedMdm msSense',
    ],
    [
      enrollmentText,
      'unknown userEnrollment deviceEnrollmentManager appleBulkWithUser appleBulkWithoutUser appleUserEnrollment appleUserEnrollmentWithServiceAccount windowsAzureADJoin windowsAzureADJoinUsingDeviceAuth windowsBulkUserless windowsBulkAzureDomainJoin windowsAutoEnrollment windowsCoManagement',
    ],
    [
      platformText,
      'unknown windows windowsMobile windowsHolographic ios macOS chromeOS androidOSP androidDeviceAdministrator androidWorkProfile androidDedicatedAndFullyManaged',
    ],
  ])('each value that Graph has is said in words: %o', (words, values) => {
    const sameInGraph = ['macOS'];
    for (const value of values.split(' ')) {
      for (const text of inBoth(() => words(value))) {
        expect(text).toBeTruthy();
        if (!sameInGraph.includes(value)) expect(text).not.toBe(value);
      }
    }
  });

  it('an agent of several parts and what a run found are said in the language of the window', () => {
    expect(inBoth(() => agentText('easIntuneClient'))).toEqual([
      'Intune client and Exchange ActiveSync',
      'Cliente de Intune y Exchange ActiveSync',
    ]);
    expect(inBoth(() => foundStateText('retireIssued'))).toEqual(['Retire sent', 'Retirada enviada']);
    expect(inBoth(() => foundStateText('msSense'))[1]).toBe('Microsoft Defender para punto de conexión');
  });
});
