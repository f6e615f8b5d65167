import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { m } from '../paraglide/messages';
import { agentText, gibText } from './device-words';
import {
  agoText,
  dayText,
  exactTime,
  number,
  relativeTime,
  remaining,
  shortTime,
  timeToday,
  untilTime,
} from './format';
import { useLocale } from './locale.svelte';

const NOW = Date.parse('2026-11-23T09:30:00Z');
const ago = (seconds: number) => relativeTime(new Date(NOW - seconds * 1000).toISOString(), NOW);

describe('formatting', () => {
  beforeEach(() => useLocale('en'));

  it('groups thousands as each language does', () => {
    expect(number(1998)).toBe('1,998');
    expect(number(10_000)).toBe('10,000');
    useLocale('es');
    expect(number(1998)).toBe('1998');
    expect(number(10_000)).toBe('10.000');
  });

  it('counts the first minute in seconds where it matters', () => {
    const read = new Date(NOW - 10_400).toISOString();
    expect(agoText(read, NOW)).toBe('10 seconds ago');
    expect(agoText(read, NOW + 120_000)).toBe('2 minutes ago');
    expect(agoText('never', NOW)).toBe('never');
    useLocale('es');
    expect(agoText(read, NOW)).toBe('hace 10 segundos');
  });

  it('counts what is past in minutes, hours and days', () => {
    expect(ago(5)).toBe('now');
    expect(ago(2 * 3600 + 100)).toBe('2 hours ago');
    expect(ago(93 * 86_400)).toBe('93 days ago');
    useLocale('es');
    expect(ago(93 * 86_400)).toBe('hace 93 días');
  });

  it('tells an end by its time, and by its day as well where that is not today', () => {
    const at = (day: number, hour: number) => new Date(2026, 10, day, hour, 35).getTime();
    const end = (day: number, hour: number) => new Date(at(day, hour)).toISOString();
    expect(untilTime(end(23, 14), at(23, 9))).toBe('2:35 PM');
    expect(untilTime(end(24, 0), at(23, 23))).toBe('Nov 24, 12:35 AM');
    expect(untilTime('never', NOW)).toBe('never');
    useLocale('es');
    expect(untilTime(end(23, 14), at(23, 9))).toBe('14:35');
    expect(untilTime(end(24, 14), at(23, 15))).toBe('24 nov, 14:35');
  });

  it('names days by the calendar, and the time of day for today alone', () => {
    const now = new Date(2026, 10, 23, 0, 30).getTime();
    const at = (...when: [number, number, number]) => new Date(2026, 10, ...when).toISOString();
    expect(dayText(at(23, 0, 5), now)).toBe('today');
    expect(dayText(at(22, 23, 55), now)).toBe('yesterday');
    expect(dayText(at(20, 12, 0), now)).toBe('3 days ago');
    expect(timeToday(at(23, 0, 5), now)).toMatch(/^12:05.AM$/);
    expect(timeToday(at(22, 23, 55), now)).toBeNull();
    useLocale('es');
    expect(dayText(at(23, 0, 5), now)).toBe('hoy');
    expect(timeToday(at(23, 0, 5), now)).toBe('0:05');
  });

  it('shows a time it cannot read as it is', () => {
    expect(dayText('soon', NOW)).toBe('soon');
    expect(timeToday('soon', NOW)).toBeNull();
    expect(relativeTime('soon', NOW)).toBe('soon');
    expect(exactTime('soon')).toBe('soon');
  });

  it('names the zone of an exact time', () => {
    expect(exactTime('2026-11-23T09:30:00Z')).toMatch(/2026.*\d{2}:\d{2}:\d{2}.*(UTC|GMT|[A-Z]{3,4})/);
  });

  it('rounds what remains up and never says nothing', () => {
    expect(remaining(0)).toBe('about 1 second left');
    expect(remaining(89)).toBe('about 89 seconds left');
    expect(remaining(91)).toBe('about 2 minutes left');
    expect(remaining(2 * 3600)).toBe('about 2 hours left');
    useLocale('es');
    expect(remaining(40)).toBe('quedan unos 40 segundos');
  });

  it('falls back to English for a language it does not speak', () => {
    useLocale('de-DE');
    expect(ago(5)).toBe('now');
    useLocale('es-MX');
    expect(ago(5)).toBe('ahora');
  });
});

describe('a format', () => {
  const kinds = [
    'DateTimeFormat',
    'ListFormat',
    'NumberFormat',
    'PluralRules',
    'RelativeTimeFormat',
  ] as const;

  afterEach(() => vi.restoreAllMocks());

  it('is made once for all the rows of a list', () => {
    const now = Date.parse('2026-11-23T12:00:00Z');
    const row = (at: number) => [
      m.device_count({ count: at }),
      number(at),
      shortTime('2026-11-23T10:00:00Z'),
      exactTime('2026-11-23T10:00:00Z'),
      relativeTime('2026-11-23T10:00:00Z', now),
      agoText('2026-11-23T11:59:30Z', now),
      gibText(at),
      agentText('configurationManagerClientMdm'),
    ];
    const first = row(1);
    const made = kinds.map((kind) => vi.spyOn(Intl, kind));
    expect(row(1)).toEqual(first);
    for (let at = 2; at < 100; at += 1) row(at);
    for (const [at, spy] of made.entries()) expect(spy, kinds[at]).not.toHaveBeenCalled();
  });
});
