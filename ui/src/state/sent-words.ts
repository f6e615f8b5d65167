import type { EarlierRequest, ItemState, PlanItem } from '../backend/backend';
import { m } from '../paraglide/messages';
import { isolated } from './bidi';
import { clock } from './clock.svelte';
import { dayText, number, relativeTime, shortTime, timeToday } from './format';
import { sentAlready } from './left-out.svelte';
import { visible } from './visible';
import { itemWords } from './words';

/** The states of requests that may have been executed, in the order in which a review tells of them. */
const states: Partial<Record<ItemState, (count: number) => string>> = {
  accepted: (count) => m.sent_accepted({ count }),
  sending: m.sent_sending,
  other: m.sent_other,
  done: (count) => m.sent_done({ count }),
  failed: m.sent_failed,
  notSupported: (count) => m.sent_not_supported({ count }),
  canceled: (count) => m.sent_canceled({ count }),
  unconfirmed: m.sent_unconfirmed,
};
const ORDER = Object.keys(states);

function stateText(state: ItemState, count: number): string {
  return states[state]?.(count) ?? itemWords[state].what();
}

/** `4 minutes ago` for what is under way, `today` for what is over, and since when for what nobody knows. */
function whenText({ state, sent, at }: EarlierRequest): string {
  const begun = sent ?? at;
  if (begun === null) return '';
  if (state === 'accepted' || state === 'sending') return relativeTime(begun, clock());
  if (state !== 'unconfirmed' && state !== 'other') return dayText(at ?? begun, clock());
  const today = timeToday(begun, clock());
  return today ? m.sent_since_today({ time: today }) : m.sent_since_day({ time: shortTime(begun) });
}

const together = (state: string, when: string) => [state, when].filter(Boolean).join(' ');

/** What the review tells of the newest request for a device. */
export function earlierText(earlier: EarlierRequest): string {
  const words = together(stateText(earlier.state, 1), whenText(earlier));
  const account = isolated(visible(earlier.account));
  return earlier.isWarning ? m.sent_already({ words, account }) : m.sent_earlier({ words, account });
}

/** `3 devices were sent to already: 1 accepted 4 minutes ago, 1 done today, 1 unconfirmed since 12:04`. */
export function sentGroupText(items: readonly PlanItem[]): string {
  const byState = new Map<ItemState, EarlierRequest[]>();
  for (const item of items) {
    const earlier = sentAlready(item);
    if (earlier) byState.set(earlier.state, [...(byState.get(earlier.state) ?? []), earlier]);
  }
  const parts = [...byState]
    .toSorted(([one], [other]) => ORDER.indexOf(one) - ORDER.indexOf(other))
    .map(([state, requests]) => {
      const words = stateText(state, requests.length);
      const [when = '', ...others] = new Set(requests.toSorted(newestFirst).map(whenText));
      const said = others.length > 0 ? m.sent_newest({ state: words, when }) : together(words, when);
      return `${number(requests.length)}\u00a0${said}`;
    });
  return m.confirm_sent({ count: items.length, parts: parts.join(', ') });
}

function newestFirst(one: EarlierRequest, other: EarlierRequest): number {
  return Date.parse(other.sent ?? other.at ?? '') - Date.parse(one.sent ?? one.at ?? '') || 0;
}
