import type { CommandError, HoldView } from '../backend/backend';
import { m } from '../paraglide/messages';
import { clock } from './clock.svelte';
import { capitalized, remaining, untilTime } from './format';

/** The engine sits out what is shorter, in seconds. */
const LONG = 180;

/** Whether a wait is told by its end. */
export function isLong(hold: HoldView): boolean {
  return hold.seconds >= LONG;
}

/** The wait that a failure is about, if it is told by its end. */
export function longHold({ code, hold }: CommandError): HoldView | null {
  return code === 'throttled' && hold && isLong(hold) ? hold : null;
}

export function isOver(hold: HoldView): boolean {
  return Date.parse(hold.until) <= clock();
}

/** Until when everybody waits. */
export function holdText(hold: HoldView): string {
  const time = untilTime(hold.until, clock());
  if (isOver(hold)) return m.throttled_over({ time });
  return hold.mayProbe ? m.throttled_until({ time }) : m.throttled_sending_until({ time });
}

/** What a person can do about it. */
export function holdNext(hold: HoldView): string {
  if (isOver(hold)) return m.error_throttled_next();
  return hold.mayProbe ? m.throttled_try_now_hint() : m.throttled_again_then();
}

/** How long it still takes, as a sentence begins. */
export function holdLeft(hold: HoldView): string {
  return isOver(hold) ? '' : capitalized(remaining((Date.parse(hold.until) - clock()) / 1000));
}
