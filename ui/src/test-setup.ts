import '@testing-library/jest-dom/vitest';

import { configure } from '@testing-library/svelte';
import { beforeEach } from 'vitest';

import { FAKE_NOW } from './backend/fake-tenant';
import { useClock } from './state/clock.svelte';

// The page's time begins at the fake engine's and runs on, whatever the machine's date is.
beforeEach(() => {
  const ahead = FAKE_NOW - Date.now();
  useClock(() => Date.now() + ahead);
});

// The whole document in every failure hides the failure.
configure({ getElementError: (message) => new Error(message ?? '') });

// axe measures icons with a canvas where there is one.
HTMLCanvasElement.prototype.getContext = () => null;

// jsdom lays nothing out, so there is nothing to observe.
globalThis.ResizeObserver ??= class {
  observe() {}
  unobserve() {}
  disconnect() {}
};
