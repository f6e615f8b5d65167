import {
  BackendError,
  type DeviceDetails,
  type HistoryFound,
  type HistoryItem,
  type HistoryQuery,
  type RunsAtHand,
  type RunSummary,
  type RunView,
} from './backend';
import { fakeDevice, fakeUsers } from './fake-tenant';
import { problem } from './fake-values';

/** The most devices that a search in the history gives. */
const MOST_ITEMS = 500;
const MOST_RUNS = 200;

function historyItems({ summary, items }: RunView): HistoryItem[] {
  return items.map((item) => ({
    runId: summary.id,
    position: item.position,
    started: summary.started,
    account: summary.account,
    reason: summary.reason,
    name: item.name,
    serial: item.serial,
    user: item.user,
    state: item.state,
    at: item.at,
  }));
}

/** Everything about a made-up device; its number decides. */
export function fakeDetails(deviceId: string, runs: readonly RunView[], now: number): DeviceDetails {
  const number = Number(/d-(\d+)$/.exec(deviceId)?.[1]);
  if (Number.isNaN(number)) throw new BackendError(problem('notFound'));
  const user = fakeUsers[Math.floor(number / 3) % fakeUsers.length] ?? null;
  const device = { ...fakeDevice(number, user, now), id: deviceId };
  const apple = device.operatingSystem === 'iOS' || device.operatingSystem === 'iPadOS';
  return {
    device,
    facts: {
      manufacturer: apple ? 'Apple' : 'Samsung',
      managedName: `${user?.userPrincipalName.split('@')[0] ?? 'none'}_${device.operatingSystem}_${number}`,
      email: user?.mail ?? null,
      phoneNumber: null,
      imei: apple ? '35 209900 176148 1' : null,
      wifiMac: '0c3021a1b2c3',
      ethernetMac: null,
      entraDeviceId: '9d9b1c00-0000-4000-8000-000000000001',
      category: 'Classroom',
      notes: null,
      managementAgent: 'mdm',
      enrollmentType: apple ? 'appleBulkWithUser' : 'windowsAutoEnrollment',
      supervised: apple ? true : null,
      encrypted: true,
      jailbroken: 'False',
      patchLevel: device.operatingSystem === 'Android' ? '2026-10-05' : null,
      graceUntil: null,
      storageMib: 65_536,
      freeStorageMib: 20_480,
    },
    results: [
      {
        action: 'recoverPasscode',
        state: 'done',
        started: '2026-11-20T08:00:00Z',
        updated: '2026-11-20T08:02:00Z',
      },
      { action: 'locateDevice', state: 'notSupported', started: '2026-11-02T08:00:00Z', updated: null },
      { action: 'someNewAction', state: 'someNewState', started: null, updated: null },
    ],
    recoveries: runs.flatMap((run) =>
      historyItems(run).filter((_, at) => run.items[at]?.deviceId === deviceId),
    ),
    read: new Date(now).toISOString(),
  };
}

/** The runs that somebody at the desk has to know of, as the engine answers it. */
export function runsAtHand(runs: readonly RunView[]): RunsAtHand {
  const isOpen = ({ state, counts }: RunSummary) =>
    state === 'interrupted' || state === 'journalFailed'
      ? counts.notSent > 0
      : state !== 'finished' && state !== 'cancelled';
  const summaries = runs.map(({ summary }) => summary);
  return { newest: summaries[0]?.id ?? null, open: summaries.filter(isOpen) };
}

/** What the runs hold that a question finds, as the engine answers it. */
export function fakeHistory(runs: readonly RunView[], query: HistoryQuery): HistoryFound {
  const words = query.text.toLowerCase().split(/\s+/).filter(Boolean);
  const isAsked = ({ summary }: RunView) =>
    (query.since === null || Date.parse(summary.started) >= Date.parse(query.since)) &&
    (query.until === null || Date.parse(summary.started) < Date.parse(query.until));
  const meets = ({ name, serial, user, account, reason }: HistoryItem) => {
    const text = [name, serial, user, account, reason].filter(Boolean).join(' ').toLowerCase();
    return words.every((word) => text.includes(word));
  };
  const found = runs
    .filter(isAsked)
    .map((run) => ({ run, items: historyItems(run).filter(meets) }))
    .filter(({ items }) => items.length > 0);
  const items = found.flatMap((each) => each.items);
  return {
    runs: found.slice(0, MOST_RUNS).map(({ run }) => run.summary),
    matchingRuns: found.length,
    items: words.length === 0 ? [] : items.slice(0, MOST_ITEMS),
    matching: items.length,
  };
}
