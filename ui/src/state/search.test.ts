import { describe, expect, it, vi } from 'vitest';

import { FakeBackend, problem } from '../backend/fake';
import { MAX_LIST_TEXT } from './list-text';
import { Search } from './search.svelte';
import { Selection } from './selection.svelte';

function open() {
  const backend = FakeBackend.signedIn();
  const failed = vi.fn(() => false);
  const selection = new Selection(backend, () => {});
  return {
    backend,
    failed,
    selection,
    search: new Search(backend, selection, { failed, answered: () => {} }),
  };
}

describe('the search', () => {
  it('asks once for what was typed, after the typing has paused', async () => {
    vi.useFakeTimers();
    const { backend, search } = open();
    for (const text of ['z', 'zo', 'zoë']) search.type(text);
    await vi.advanceTimersByTimeAsync(199);
    expect(backend.called('findUsers')).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(backend.called('findUsers')).toEqual(['zoë']);
    expect(search.options).toHaveLength(1);
    vi.useRealTimers();
  });

  it('drops an answer to an older question that comes late', async () => {
    vi.useFakeTimers();
    const { backend, search } = open();
    const release = backend.hold('findUsers');
    search.type('séan');
    await vi.advanceTimersByTimeAsync(200);
    search.type('zoë');
    await vi.advanceTimersByTimeAsync(200);
    expect(search.choices?.text).toBe('zoë');
    release();
    await vi.advanceTimersByTimeAsync(0);
    expect(search.choices?.text).toBe('zoë');
    vi.useRealTimers();
  });

  it('drops devices of an older search that come late', async () => {
    const { backend, search } = open();
    const release = backend.hold('searchDevices');
    const first = search.showDevices({ kind: 'device', text: 'IPADOS' });
    const second = search.showDevices({ kind: 'device', text: 'SN000120' });
    await second;
    release();
    await first;
    expect(search.table.state?.search).toBe(1);
    await vi.waitFor(() => expect(search.table.rows.at(0)?.device.serial).toBe('SN000120'));
  });

  it('says nothing of a search that a newer one replaced', async () => {
    const { backend, failed, search } = open();
    backend.fail('findUsers', problem('superseded'));
    search.text = 'zoë';
    await search.enter();
    expect(failed).not.toHaveBeenCalled();
    expect(search.lookProblem).toBeNull();
  });

  it('turns to people when an @ is typed, unless the mode was chosen by hand', () => {
    const { search } = open();
    search.choose('device');
    search.type('alma@');
    expect(search.mode).toBe('user');
    search.choose('device');
    search.type('alma@contoso');
    expect(search.mode).toBe('device');
  });

  it('opens the devices of the only match, and of an exact user name among several', async () => {
    const { backend, search } = open();
    search.text = 'zoë';
    await search.enter();
    expect(backend.called('searchDevices')).toEqual([{ kind: 'user', id: 'u-1' }]);

    search.type('user0002@contoso.example');
    await search.enter();
    expect(backend.called('searchDevices')[1]).toEqual({ kind: 'user', id: 'u-3' });
  });

  it('keeps the versions of an app together, and two publishers of one name apart', async () => {
    const { backend, search } = open();
    const app = {
      id: '',
      displayName: 'Exam',
      version: '1',
      publisher: 'A',
      platform: 'ios',
      deviceCount: 1,
    };
    backend.findApps = () =>
      Promise.resolve({
        apps: [
          { ...app, id: '1' },
          { ...app, id: '2', publisher: 'B' },
          { ...app, id: '3', version: '2' },
        ],
        leftOut: 0,
        complete: true,
        problem: null,
      });
    search.choose('app');
    search.type('exam');
    await search.enter();
    expect(search.options.map((option) => option.kind === 'app' && option.app.id)).toEqual(['1', '3', '2']);
  });

  it('points at the first of several matches and takes none by itself', async () => {
    const { backend, search } = open();
    search.text = 'user';
    await search.enter();
    expect(search.active).toBe(0);
    expect(backend.called('searchDevices')).toEqual([]);
  });

  it('does not send what is empty or too long', async () => {
    const { backend, search } = open();
    search.choose('device');
    search.type('   ');
    await search.enter();
    search.type('x'.repeat(5000));
    await search.enter();
    expect(search.tooLong).toBe(true);
    expect(backend.calls).toEqual([]);
  });

  it('finds apps as they are typed, as people are', async () => {
    vi.useFakeTimers();
    const { backend, search } = open();
    search.choose('app');
    search.type('exa');
    await vi.advanceTimersByTimeAsync(200);
    expect(backend.called('findApps')).toEqual(['exa']);
    expect(search.options).toHaveLength(4);
    vi.useRealTimers();
  });

  it('takes several lines or many separators for a list, and a name with a comma for a name', () => {
    const { search } = open();
    expect(search.takeList('Ruiz, Zoë')).toBe(false);
    expect(search.takeList('SN000120')).toBe(false);
    expect(search.mode).toBe('user');
    expect(search.takeList('SN000010\r\nSN000020\r\n')).toBe(true);
    expect(search.mode).toBe('list');
    expect(search.listOpen).toBe(true);
    expect(search.list).toBe('SN000010\r\nSN000020\r\n');
    expect(search.takeList('SN1;SN2;SN3')).toBe(true);
  });

  it('does not look up a list that is empty or too long', async () => {
    const { backend, search } = open();
    search.openList(' \n ');
    await search.lookUpList();
    search.openList('x'.repeat(MAX_LIST_TEXT + 1));
    expect(search.listFault).toBe('tooLong');
    await search.lookUpList();
    search.openList('x\n'.repeat(20_001));
    expect(search.listFault).toBe('tooManyLines');
    await search.lookUpList();
    expect(backend.calls).toEqual([]);
  });

  it('adds what is typed in list mode to the list', async () => {
    const { search } = open();
    search.choose('list');
    search.type('SN000010');
    await search.enter();
    search.type('SN000020');
    await search.enter();
    expect(search.list).toBe('SN000010\nSN000020');
    expect(search.text).toBe('');
  });

  it('offers the last eight questions, each once and the newest first, while the box is empty', async () => {
    const { search } = open();
    search.choose('device');
    for (const text of ['1', '2', '3', '4', '5', '6', '7', '8', '9', '4']) {
      search.type(text);
      await search.enter();
    }
    expect(search.offersRecent).toBe(false);
    search.type('');
    expect(search.offersRecent).toBe(true);
    expect(search.options.map((origin) => origin.kind === 'device' && origin.text)).toEqual([
      '4',
      '9',
      '8',
      '7',
      '6',
      '5',
      '3',
      '2',
    ]);
    search.active = 1;
    await search.enter();
    expect(search.text).toBe('9');
    expect(search.origin).toEqual({ kind: 'device', text: '9' });
  });

  it('keeps recent questions out of every storage', async () => {
    const { search } = open();
    search.text = 'zoë';
    await search.enter();
    expect(search.recent).toHaveLength(1);
    expect(JSON.stringify({ ...localStorage, ...sessionStorage })).not.toMatch(/zoë|u-1/i);
  });

  it('asks once more when the engine has another table by now, and not again and again', async () => {
    const { backend, search } = open();
    await search.showDevices({ kind: 'device', text: 'IPADOS' });
    await vi.waitFor(() => expect(search.table.rows.known).toBe(true));
    backend.fail('tableRows', problem('superseded'));
    backend.fail('tableRows', problem('superseded'));
    search.table.refresh();
    await vi.waitFor(() => expect(backend.called('searchDevices')).toHaveLength(2));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(backend.called('searchDevices')).toHaveLength(2);
  });
});
