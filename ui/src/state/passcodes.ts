import type { Backend } from '../backend/backend';

/** How many passcodes of an engine are fetched or shown. */
const held = new WeakMap<Backend, number>();

/** Fetches a passcode. Whoever gets an answer says so when it is shown no more, even if it was never shown. */
export async function fetchPasscode(
  backend: Backend,
  runId: string,
  position: number,
): Promise<string | null> {
  held.set(backend, (held.get(backend) ?? 0) + 1);
  try {
    return await backend.showPasscode(runId, position);
  } catch (thrown) {
    letGo(backend);
    throw thrown;
  }
}

/** One is shown no more. The window can be captured again once this goes for all: a late answer must not uncover another. */
export function letGo(backend: Backend): void {
  const left = Math.max(0, (held.get(backend) ?? 0) - 1);
  held.set(backend, left);
  // Should it fail, the window stays protected from capture, which harms nobody.
  if (left === 0) backend.hidePasscode().catch(() => {});
}
