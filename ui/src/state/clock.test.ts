import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { FAKE_NOW } from '../backend/fake-tenant';
import { clock, now, renewClock, startClock, useClock } from './clock.svelte';

describe('the clock of the page', () => {
  it('begins at the fake engine’s time in every test', () => {
    expect(now() - FAKE_NOW).toBeGreaterThanOrEqual(0);
    expect(now() - FAKE_NOW).toBeLessThan(60_000);
  });

  it('shows a time until it is renewed', () => {
    let time = FAKE_NOW;
    useClock(() => time);
    time += 5_000;
    expect(clock()).toBe(FAKE_NOW);
    expect(now()).toBe(FAKE_NOW + 5_000);
    renewClock();
    expect(clock()).toBe(FAKE_NOW + 5_000);
  });

  it('renews the shown time every 30 seconds until it is stopped', () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    let time = FAKE_NOW;
    useClock(() => time);
    const stop = startClock();
    time += 30_000;
    vi.advanceTimersByTime(29_000);
    expect(clock()).toBe(FAKE_NOW);
    vi.advanceTimersByTime(1_000);
    expect(clock()).toBe(time);
    stop();
    time += 30_000;
    vi.advanceTimersByTime(60_000);
    expect(clock()).toBe(FAKE_NOW + 30_000);
  });
});
