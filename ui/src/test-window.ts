import { render, screen, waitFor, within } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { expect } from 'vitest';

import App from './App.svelte';
import type { FakeBackend } from './backend/fake';
import * as further from './views/further';

/** The whole window on a fake engine, and somebody at its keyboard. */
export async function openWindow(backend: FakeBackend) {
  const view = render(App, { props: { backend, further } });
  const person = userEvent.setup();
  await waitFor(() => expect(view.container.querySelector('main, [role=dialog]')).not.toBeNull());
  await waitFor(() => expect(screen.queryByText('Loading…')).toBeNull());
  return { person, ...view };
}

export const byId = (id: string) => screen.getByTestId(id);
export const findId = (id: string) => screen.findByTestId(id);
export const noId = (id: string) => expect(screen.queryByTestId(id)).toBeNull();

export function deviceIds(testid: 'device-row' | 'tray-item' | 'run-item' | 'plan-item'): string[] {
  return screen.queryAllByTestId(testid).map((row) => row.dataset['deviceId'] ?? '');
}

export function selectedIds(): string[] {
  return screen
    .queryAllByTestId('device-row')
    .filter((row) => row.getAttribute('aria-selected') === 'true')
    .map((row) => row.dataset['deviceId'] ?? '');
}

export function row(deviceId: string): HTMLElement {
  const found = screen.getAllByTestId('device-row').find((each) => each.dataset['deviceId'] === deviceId);
  if (!found) throw new Error(`no row for ${deviceId}`);
  return found;
}

export function check(deviceId: string): HTMLInputElement {
  return within(row(deviceId)).getByTestId<HTMLInputElement>('device-check');
}

export type Person = ReturnType<typeof userEvent.setup>;

/** Types a search, presses Enter and waits for the devices. */
export async function search(person: Person, text: string) {
  await person.click(byId('search-input'));
  await person.clear(byId('search-input'));
  await person.keyboard(`${text}{Enter}`);
}

export async function devicesOf(person: Person, text: string) {
  await search(person, text);
  await waitFor(() => expect(document.activeElement).toHaveAttribute('data-testid', 'device-row'));
}
