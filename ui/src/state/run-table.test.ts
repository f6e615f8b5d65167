import { describe, expect, it } from 'vitest';

import type { ItemView, RunProgress, RunView } from '../backend/backend';
import { FakeBackend } from '../backend/fake';
import { count, fakeItem } from '../backend/fake-values';
import { RunFollow } from './run.svelte';
import { placeOf, RunTable } from './run-table.svelte';

function item(position: number, more: Partial<ItemView> = {}): ItemView {
  return fakeItem(position, {
    deviceId: `d-${position}`,
    name: `IPAD-${String(position).padStart(5, '0')}`,
    serial: `SN${position}`,
    user: position % 2 ? 'Zoë Ruiz' : 'Alma Núñez',
    system: 'iPadOS 26.1',
    ...more,
  });
}

function view(items: ItemView[]): RunView {
  return {
    summary: {
      id: 'run-1',
      started: '2026-11-23T09:30:00Z',
      finished: null,
      wantedUntil: '2026-11-24T09:30:00Z',
      tenant: 'Contoso',
      account: 'alma@contoso.example',
      reason: null,
      state: 'active',
      counts: count(items),
      remainingSeconds: null,
      hold: null,
      startsInSeconds: null,
      followed: false,
    },
    items,
  };
}

async function follow(size: number) {
  const backend = FakeBackend.signedIn();
  let tell: (progress: RunProgress) => void = () => {};
  const run = view(Array.from({ length: size }, (_, position) => item(position)));
  backend.watchRun = async (_, onProgress) => {
    tell = onProgress;
    return run;
  };
  const followed = new RunFollow(backend, 'run-1');
  const table = new RunTable(followed);
  await followed.watch();
  const change = (...items: ItemView[]) => tell({ summary: run.summary, items });
  return { followed, table, change };
}

describe('the table of a run', () => {
  it('keeps every row at its place as answers come', async () => {
    const { followed, table, change } = await follow(5);
    expect(table.shown).toEqual([0, 1, 2, 3, 4]);
    change(item(3, { state: 'done' }));
    expect(table.shown).toEqual([0, 1, 2, 3, 4]);
    expect(followed.items[3]?.state).toBe('done');
  });

  it('takes a row in and out of a narrowed table as its state changes', async () => {
    const { table, change } = await follow(5);
    table.narrow('failed');
    expect(table.shown).toEqual([]);
    change(item(3, { state: 'refused' }), item(1, { state: 'stopped' }));
    expect(table.shown).toEqual([1, 3]);
    change(item(1, { state: 'waiting' }));
    expect(table.shown).toEqual([3]);
    table.narrow(null);
    expect(table.shown).toHaveLength(5);
  });

  it('finds device, serial and user, case and accents aside, and keeps to the state as well', async () => {
    const { table, change } = await follow(6);
    table.search('ZOE ipad');
    expect(table.shown).toEqual([1, 3, 5]);
    change(item(3, { state: 'unconfirmed' }));
    table.narrow('unconfirmed');
    expect(table.shown).toEqual([3]);
    table.search('sn4');
    expect(table.shown).toEqual([]);
  });

  it('counts what needs a person: in doubt, refused, stopped, and failed where it may be sent again', async () => {
    const { followed, table, change } = await follow(6);
    change(
      item(0, { state: 'unconfirmed' }),
      item(1, { state: 'refused' }),
      item(2, { state: 'stopped' }),
      item(3, { state: 'failed', canSendAgain: true }),
      item(4, { state: 'failed' }),
      item(5, { state: 'done' }),
    );
    expect(followed.forPerson).toBe(4);
    table.narrow('person');
    expect(table.shown).toEqual([0, 1, 2, 3]);
    change(item(0, { state: 'done' }));
    expect(followed.forPerson).toBe(3);
    expect(table.shown).toEqual([1, 2, 3]);
  });

  it('leaves the rows of ten thousand devices untouched by an answer that moves none', async () => {
    const { table, change } = await follow(10_000);
    const before = table.shown;
    change(item(9_999, { state: 'accepted' }));
    expect(table.shown).toBe(before);
    table.narrow('accepted');
    expect(table.shown).toEqual([9_999]);
    const narrowed = table.shown;
    change(item(9_999, { state: 'accepted', attempts: 2 }));
    expect(table.shown).toBe(narrowed);
  });

  it('finds the place of a row by halves', () => {
    expect([0, 4, 5, 9, 10].map((position) => placeOf([0, 5, 9], position))).toEqual([0, 1, 1, 2, 3]);
  });
});
