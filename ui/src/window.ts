import { mount } from 'svelte';

import App from './App.svelte';
import type { Backend } from './backend/backend';

/** Draws the window. */
export function open(backend: Backend): void {
  const target = document.getElementById('app');
  if (target) mount(App, { target, props: { backend, further: () => import('./views/further') } });
}
