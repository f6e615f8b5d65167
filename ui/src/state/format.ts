import { m } from '../paraglide/messages';
import { kept } from './kept';
import { locale } from './locale.svelte';
import * as registry from './registry';

const spans = kept((language) => new Intl.RelativeTimeFormat(language, { numeric: 'auto' }));
const times = kept(
  (language, options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(language, options),
);

const EXACT: Intl.DateTimeFormatOptions = {
  year: 'numeric',
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  timeZoneName: 'short',
};
const DAY_AND_TIME: Intl.DateTimeFormatOptions = {
  month: 'short',
  day: 'numeric',
  hour: 'numeric',
  minute: '2-digit',
};
const SHORT: Intl.DateTimeFormatOptions = { dateStyle: 'medium', timeStyle: 'short' };
const TIME_OF_DAY: Intl.DateTimeFormatOptions = { timeStyle: 'short' };

export function number(value: number, options?: Intl.NumberFormatOptions): string {
  return registry.number(locale(), value, options);
}

const units: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];

/** `2 hours ago`, `93 days ago`; nothing coarser than days, because days are what people count here. */
export function relativeTime(iso: string, now: number): string {
  const then = Date.parse(iso);
  if (Number.isNaN(then)) return iso;
  const seconds = (then - now) / 1000;
  const format = spans(locale(), null);
  for (const [unit, size] of units) {
    if (Math.abs(seconds) >= size) return format.format(Math.trunc(seconds / size), unit);
  }
  return format.format(0, 'second');
}

/** `10 seconds ago`, for what was read a moment ago; from a minute on as {@link relativeTime}. */
export function agoText(iso: string, now: number): string {
  const seconds = (now - Date.parse(iso)) / 1000;
  if (!(seconds >= 0 && seconds < 60)) return relativeTime(iso, now);
  return spans(locale(), null).format(-Math.floor(seconds), 'second');
}

/** `today`, `yesterday`, `3 days ago`, by the days of the calendar. */
export function dayText(iso: string, now: number): string {
  const then = Date.parse(iso);
  if (Number.isNaN(then)) return iso;
  const days = Math.round(
    (new Date(then).setHours(0, 0, 0, 0) - new Date(now).setHours(0, 0, 0, 0)) / 86_400_000,
  );
  return spans(locale(), null).format(days, 'day');
}

function isSameDay(one: number, other: number): boolean {
  return new Date(one).toDateString() === new Date(other).toDateString();
}

/** The time of day, if it was today. */
export function timeToday(iso: string, now: number): string | null {
  const then = Date.parse(iso);
  return isSameDay(then, now) ? times(locale(), TIME_OF_DAY).format(then) : null;
}

/** Whole days since then, as {@link relativeTime} counts them; null if the time cannot be read. */
export function daysSince(iso: string, now: number): number | null {
  const then = Date.parse(iso);
  return Number.isNaN(then) ? null : Math.trunc((now - then) / 86_400_000);
}

/** The exact time in the person's own zone, with the zone named. */
export function exactTime(iso: string): string {
  const then = Date.parse(iso);
  if (Number.isNaN(then)) return iso;
  return times(locale(), EXACT).format(then);
}

export function shortTime(iso: string): string {
  const then = Date.parse(iso);
  if (Number.isNaN(then)) return iso;
  return times(locale(), SHORT).format(then);
}

/** `14:35`, for what ends today, and with its day otherwise. */
export function untilTime(iso: string, now: number): string {
  const then = Date.parse(iso);
  if (Number.isNaN(then)) return iso;
  return times(locale(), isSameDay(then, now) ? TIME_OF_DAY : DAY_AND_TIME).format(then);
}

/** A text as a sentence begins. */
export function capitalized(text: string): string {
  return text.charAt(0).toLocaleUpperCase(locale()) + text.slice(1);
}

/** Seconds in words: seconds under 90, minutes under 90, else hours; rounded up, never to nothing. */
export function remaining(seconds: number): string {
  if (seconds < 90) return m.remaining_seconds({ count: Math.max(1, Math.ceil(seconds)) });
  if (seconds < 90 * 60) return m.remaining_minutes({ count: Math.ceil(seconds / 60) });
  return m.remaining_hours({ count: Math.ceil(seconds / 3600) });
}
