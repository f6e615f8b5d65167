let now = $state(Date.now());

/** The time in milliseconds as relative times show it; renewed every 30 seconds. */
export function clock(): number {
  return now;
}

/** Keeps the clock going and gives what stops it. */
export function startClock(): () => void {
  now = Date.now();
  const timer = setInterval(() => (now = Date.now()), 30_000);
  return () => clearInterval(timer);
}
