import { describe, expect, it, vi } from 'vitest';

import type { TrayRow } from '../backend/backend';
import { FakeBackend, problem } from '../backend/fake';
import { Search } from './search.svelte';
import { Selection } from './selection.svelte';

const EVERYTHING = { text: '', filters: [], sort: null, group: null };

function open() {
  const backend = FakeBackend.signedIn();
  const failed = vi.fn();
  const selection = new Selection(backend, failed);
  const search = new Search(backend, selection, { failed: () => false, answered: () => {} });
  return { backend, failed, selection, search };
}

const zoe = {
  kind: 'user',
  user: { id: 'u-1', displayName: 'Zoë Ruiz', userPrincipalName: '', mail: null },
} as const;

const said = (rows: TrayRow[]) =>
  rows.map((row) => {
    if (row.kind === 'device') return row.device.id;
    return row.kind === 'search' ? `${row.route.kind} ${row.count}` : `${row.name} ${row.count}`;
  });

describe('the selection', () => {
  it('holds a device found twice once, by its first route, and says so', async () => {
    const { backend, selection, search } = open();
    await search.showDevices(zoe);
    await search.table.select({ kind: 'matching' }, true);
    await search.showDevices({ kind: 'device', text: '0005' });
    await search.table.select({ kind: 'matching' }, true);
    expect(selection.state.doubled).toBe(1);
    expect(said((await backend.trayRows('found', 0, 200)).rows).slice(0, 6)).toEqual([
      'user 3',
      'd-5',
      'd-6',
      'd-7',
      'direct 10',
      'd-50',
    ]);
  });

  it('is grouped by user and by system as well', async () => {
    const { backend, search } = open();
    await search.showDevices(zoe);
    await search.table.select({ kind: 'matching' }, true);
    expect(said((await backend.trayRows('system', 0, 200)).rows)).toEqual([
      'iPadOS 1',
      'd-5',
      'iOS 1',
      'd-6',
      'Windows 1',
      'd-7',
    ]);
  });

  it('takes no older state than it has', async () => {
    const { selection } = open();
    const state = { size: 0, warned: 0, doubled: 0, canUndo: false };
    selection.take({ ...state, version: 4, size: 4 });
    selection.take({ ...state, version: 3, size: 3 });
    expect(selection.size).toBe(4);
  });

  it('gives back what was cleared, and says how many there were, until something else is ticked', async () => {
    const { selection, search } = open();
    await search.showDevices(zoe);
    await search.table.select({ kind: 'matching' }, true);
    await selection.clear();
    expect([selection.size, selection.cleared, selection.shown]).toEqual([0, 3, true]);
    await selection.undoClear();
    expect([selection.size, selection.cleared]).toEqual([3, 0]);
    await selection.clear();
    await search.table.select({ kind: 'one', id: 'd-5' }, true);
    expect([selection.size, selection.cleared]).toEqual([1, 0]);
  });

  it('waits for what is on its way', async () => {
    const { backend, selection, search } = open();
    await search.showDevices(zoe);
    const release = backend.hold('selectRows');
    void selection.select(1, EVERYTHING, { kind: 'one', id: 'd-5' }, true);
    let settled = false;
    void selection.settled().then(() => (settled = true));
    await Promise.resolve();
    expect(settled).toBe(false);
    release();
    await vi.waitFor(() => expect(settled).toBe(true));
    expect(selection.size).toBe(1);
  });

  it('tells what the engine refuses', async () => {
    const { backend, failed, selection, search } = open();
    backend.devicesFound = { complete: false };
    await search.showDevices(zoe);
    expect(await search.table.select({ kind: 'matching' }, true)).toBe(false);
    expect(backend.called('selectRows')).toEqual([]);
    expect(await selection.select(1, EVERYTHING, { kind: 'matching' }, true)).toBe(false);
    expect(failed).toHaveBeenCalledOnce();
    backend.fail('clearSelection', problem('locked'));
    expect(await selection.clear()).toBe(false);
  });
});
