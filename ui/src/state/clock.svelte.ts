let now = $state(Date.now());

/** The time in milliseconds as relative times show it; renewed every 30 seconds and with every answer. */
export function clock(): number {
  return now;
}

/** What has just come in is seen at its own time. */
export function renewClock(): void {
  now = Date.now();
}

/** Keeps the clock going and gives what stops it. */
export function startClock(): () => void {
  renewClock();
  const timer = setInterval(renewClock, 30_000);
  return () => clearInterval(timer);
}
