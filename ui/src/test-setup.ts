import '@testing-library/jest-dom/vitest';

import { configure } from '@testing-library/svelte';

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
