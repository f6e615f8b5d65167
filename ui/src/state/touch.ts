import type { Backend } from '../backend/backend';

const EVERY_MS = 10_000;
const INPUTS = ['pointerdown', 'pointermove', 'keydown', 'wheel'] as const;

/** Tells the engine that somebody is there, at most every 10 seconds. Gives what stops it. */
export function reportTouch(backend: Backend, isLocked: () => boolean): () => void {
  let told = -Infinity;
  const touched = () => {
    const now = performance.now();
    if (isLocked() || now - told < EVERY_MS) return;
    told = now;
    // Should it fail, the window locks early, which harms nobody.
    backend.touch().catch(() => {});
  };
  const how = { passive: true, capture: true };
  for (const input of INPUTS) window.addEventListener(input, touched, how);
  return () => {
    for (const input of INPUTS) window.removeEventListener(input, touched, how);
  };
}
