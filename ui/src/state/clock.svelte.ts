/** The one place where the page reads the time. */
let read: () => number = Date.now;
let shown = $state(read());

/** Returns the current time in milliseconds since 1970. It is no state: nothing is drawn anew as it passes. */
export function now(): number {
  return read();
}

/** Returns the time in milliseconds as relative times show it. Every 30 seconds and every answer renew it. */
export function clock(): number {
  return shown;
}

/** Takes the time from elsewhere than the machine. Tests and the gallery do, so that no date changes what they show. */
export function useClock(source: () => number): void {
  read = source;
  renewClock();
}

/** Renews the shown time, so that what has just come in is seen at its own time. */
export function renewClock(): void {
  shown = now();
}

/** Keeps the clock going and gives what stops it. */
export function startClock(): () => void {
  renewClock();
  const timer = setInterval(renewClock, 30_000);
  return () => clearInterval(timer);
}
