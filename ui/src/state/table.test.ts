import { describe, expect, it, vi } from 'vitest';

import type { TableRow } from '../backend/backend';
import { FakeBackend, problem } from '../backend/fake';
import { fakeDevice } from '../backend/fake-tenant';
import { Pages } from './pages.svelte';
import { Search } from './search.svelte';
import { Selection } from './selection.svelte';

function open(devices = 1_000) {
  const backend = FakeBackend.signedIn();
  backend.devicesFound = {
    devices: Array.from({ length: devices }, (_, index) => fakeDevice(index + 1, null)),
  };
  const selection = new Selection(backend, () => {});
  const search = new Search(backend, selection, { failed: () => false, answered: () => {} });
  return { backend, selection, search, table: search.table };
}

const ask = { kind: 'device', text: 'x' } as const;
const id = (row: TableRow | undefined) => row?.device.id;

describe('the table', () => {
  it('asks for what is in sight and nothing else', async () => {
    const { backend, search, table } = open();
    await search.showDevices(ask);
    await vi.waitFor(() => expect(id(table.rows.at(0))).toBe('d-1'));
    expect(table.rows.total).toBe(1_000);
    expect(table.rows.at(700)).toBeUndefined();
    table.rows.see(690, 720);
    await vi.waitFor(() => expect(id(table.rows.at(700))).toBe('d-701'));
    expect(id(table.rows.at(0))).toBe('d-1');
    const asked = backend.called('tableRows').map((call) => (call as { from: number }).from);
    expect(asked).toEqual([0, 675]);
    table.rows.see(695, 725);
    await table.rows.settled();
    expect(backend.called('tableRows')).toHaveLength(2);
  });

  it('shows at once that all are ticked, and that one is not any more', async () => {
    const { backend, search, table } = open(3);
    await search.showDevices(ask);
    await vi.waitFor(() => expect(table.rows.known).toBe(true));
    const release = backend.hold('selectRows');
    const first = table.select({ kind: 'matching' }, true);
    expect([table.all, table.some]).toEqual([true, false]);
    const second = table.select({ kind: 'one', id: 'd-2' }, false);
    expect([table.all, table.some]).toEqual([false, true]);
    release();
    await Promise.all([first, second]);
    expect([table.all, table.some, table.selected]).toEqual([false, true, 2]);
    await table.select({ kind: 'matching' }, false);
    expect([table.all, table.some]).toEqual([false, false]);
  });

  it('never mixes rows of two orders, and keeps the old ones until the new are there', async () => {
    const { backend, search, table } = open();
    await search.showDevices(ask);
    await vi.waitFor(() => expect(table.rows.known).toBe(true));
    const release = backend.hold('tableRows');
    table.sortBy('name');
    expect(id(table.rows.at(0))).toBe('d-1');
    release();
    await vi.waitFor(() => expect(table.rows.at(0)?.device.name).toMatch(/^ANDROID/));
    expect(table.rows.at(60)).toBeUndefined();
  });

  it('drops an answer to an older query that comes late', async () => {
    const { backend, search, table } = open();
    await search.showDevices(ask);
    await vi.waitFor(() => expect(table.rows.known).toBe(true));
    const release = backend.hold('tableRows');
    table.sortBy('name');
    table.sortBy('name');
    await vi.waitFor(() => expect(table.rows.at(0)?.device.name).toMatch(/^SURFACE/));
    release();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(table.rows.at(0)?.device.name).toMatch(/^SURFACE/);
  });

  it('sorts up, then down, then as found', async () => {
    const { search, table } = open();
    await search.showDevices(ask);
    table.sortBy('owner');
    expect(table.query.sort).toEqual({ column: 'owner', descending: false });
    table.sortBy('owner');
    expect(table.query.sort).toEqual({ column: 'owner', descending: true });
    table.sortBy('owner');
    expect(table.query.sort).toBeNull();
  });

  it('filters with each letter, and an answer to an earlier one that comes late changes nothing', async () => {
    const { backend, search, table } = open();
    await search.showDevices(ask);
    const late = backend.hold('tableRows');
    table.filter('ipad');
    table.filter('surface');
    await vi.waitFor(() => expect(table.rows.total).toBe(200));
    late();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(table.rows.total).toBe(200);
    expect(table.rows.at(0)?.device.name).toMatch(/^SURFACE/);
  });

  it('filters by columns', async () => {
    const { search, table } = open();
    await search.showDevices(ask);
    table.filter('surface');
    await vi.waitFor(() => expect(table.rows.total).toBe(200));
    table.filterColumn('owner', { kind: 'oneOf', column: 'owner', values: ['personal'] });
    await vi.waitFor(() => expect(table.rows.total).toBe(0));
    expect(table.filtered).toBe(true);
    table.clearFilters();
    await vi.waitFor(() => expect(table.rows.total).toBe(1_000));
  });

  it('forgets filter and order with the next question', async () => {
    const { search, table } = open();
    await search.showDevices(ask);
    table.sortBy('owner');
    table.filterColumn('name', { kind: 'contains', column: 'name', text: '7' });
    await search.showDevices({ kind: 'device', text: 'y' });
    expect(table.query).toEqual({ text: '', filters: [], sort: null, group: null });
  });

  it('tells the truth while pages load, and selects all of it only then', async () => {
    const { backend, selection, search, table } = open(500);
    backend.rowsAtOnce = 200;
    const reading = search.showDevices(ask);
    await vi.waitFor(() => expect(table.rows.total).toBe(200));
    expect(table.state).toMatchObject({ loaded: 200, loading: true, complete: false });
    expect(await table.select({ kind: 'matching' }, true)).toBe(false);
    backend.readOn();
    await vi.waitFor(() => expect(table.rows.total).toBe(400));
    backend.readOn();
    await reading;
    expect(table.state).toMatchObject({ loaded: 500, loading: false, complete: true });
    expect(await table.select({ kind: 'matching' }, true)).toBe(true);
    expect(selection.size).toBe(500);
  });

  it('shows of a list what is clear alone, though what became of it is told last', () => {
    const { table } = open();
    const reading = {
      search: 7,
      loaded: 0,
      loading: true,
      complete: false,
      leftOut: 0,
      counted: null,
      progress: { done: 1, total: 2 },
      problem: null,
      list: null,
    };
    table.take(reading);
    expect(table.query.group).toBeNull();
    const list = { entries: 2, one: 1, several: 1, none: 0, double: 0, notRead: 0, notes: [] };
    table.take({ ...reading, loaded: 3, loading: false, complete: true, progress: null, list });
    expect(table.query.group).toBe('one');
    table.showGroup('several');
    table.take({ ...reading, loaded: 3, loading: false, complete: true, progress: null, list });
    expect(table.query.group).toBe('several');
  });

  it('shows a list in two groups and selects all that is clear, whatever is filtered', async () => {
    const { backend, selection, search, table } = open();
    backend.devicesFound = null;
    await search.showDevices({ kind: 'list', text: 'd-1\nd-2\nnobody\nd-2\nuser0003@contoso.example' });
    await vi.waitFor(() => expect(table.rows.total).toBe(2));
    expect(table.state?.list).toMatchObject({ entries: 5, one: 2, several: 1, none: 1, double: 1 });
    expect(selection.size).toBe(0);
    table.showGroup('several');
    await vi.waitFor(() => expect(table.rows.total).toBeGreaterThan(2));
    table.filter('nothing at all');
    expect(await table.selectListed()).toBe(true);
    expect(selection.size).toBe(2);
  });
});

describe('rows on the other side', () => {
  it('stay drawn when they cannot be asked for anew, and are asked for with the next look', async () => {
    let broken = false;
    const failed = vi.fn();
    const rows = new Pages<number>((from, count) => {
      if (broken) return Promise.reject(new Error('gone'));
      return Promise.resolve({
        total: 1_000,
        from,
        rows: Array.from({ length: count }, (_, at) => from + at),
      });
    }, failed);
    rows.see(0, 20);
    await vi.waitFor(() => expect(rows.at(3)).toBe(3));
    broken = true;
    rows.refresh();
    await vi.waitFor(() => expect(failed).toHaveBeenCalledOnce());
    expect(rows.at(3)).toBe(3);
    broken = false;
    rows.see(500, 520);
    await vi.waitFor(() => expect(rows.at(510)).toBe(510));
  });

  it('are asked for at most two hundred at once, however many are in sight', async () => {
    const counts: number[] = [];
    const rows = new Pages<number>((from, count) => {
      counts.push(count);
      return Promise.resolve({
        total: 5_000,
        from,
        rows: Array.from({ length: count }, (_, at) => from + at),
      });
    });
    rows.see(0, 600);
    await vi.waitFor(() => expect(rows.at(599)).toBe(599));
    expect(Math.max(...counts)).toBeLessThanOrEqual(200);
  });

  it('wait for one another while they keep coming in', async () => {
    const asked = vi.fn((from: number) => Promise.resolve({ total: 10, from, rows: [0] }));
    const rows = new Pages<number>(asked);
    rows.see(0, 10);
    for (let turn = 0; turn < 100; turn += 1) rows.refresh(true);
    await vi.waitFor(() => expect(rows.known).toBe(true));
    await rows.settled();
    expect(asked.mock.calls.length).toBeLessThan(4);
  });

  it('forget what is far out of sight', async () => {
    const rows = new Pages<number>((from, count) =>
      Promise.resolve({ total: 100_000, from, rows: Array.from({ length: count }, (_, at) => from + at) }),
    );
    for (let at = 0; at < 100; at += 1) {
      rows.see(at * 500, at * 500 + 40);
      for (let turn = 0; turn < 10 && rows.at(at * 500) === undefined; turn += 1) await Promise.resolve();
      expect(rows.at(at * 500)).toBe(at * 500);
    }
    expect(rows.at(0)).toBeUndefined();
    expect(await rows.need(7)).toBe(7);
  });
});

describe('a search that is cut off', () => {
  it('says why rows cannot be had, and has them when it is tried again', async () => {
    const { backend, search, table } = open();
    backend.fail('tableRows', problem('internal'));
    await search.showDevices(ask);
    await vi.waitFor(() => expect(table.problem?.code).toBe('internal'));
    table.refresh();
    await vi.waitFor(() => expect(table.problem).toBeNull());
    expect(table.rows.total).toBe(1_000);
  });
});
