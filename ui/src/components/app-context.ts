import { getContext, setContext } from 'svelte';

import type { AppState } from '../state/app.svelte';

const key = Symbol('app');

export function provideApp(app: AppState): void {
  setContext(key, app);
}

/** The same for a component that is drawn by itself. */
export function contextOf(app: AppState): Map<symbol, AppState> {
  return new Map([[key, app]]);
}

export function useApp(): AppState {
  return getContext<AppState>(key);
}
