import { describe, expect, it, vi } from 'vitest';

import { FakeBackend, problem } from '../backend/fake';
import { Search } from './search.svelte';

function open() {
  const backend = FakeBackend.signedIn();
  const failed = vi.fn(() => false);
  return { backend, failed, search: new Search(backend, { failed, answered: () => {} }) };
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
    const release = backend.hold('findDevices');
    const first = search.showDevices({ kind: 'device', text: 'IPADOS' });
    const second = search.showDevices({ kind: 'device', text: 'SN000120' });
    await second;
    release();
    await first;
    expect(search.result?.devices.map((device) => device.serial)).toEqual(['SN000120']);
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
    expect(backend.called('devicesOfUser')).toEqual(['u-1']);

    search.type('user0002@contoso.example');
    await search.enter();
    expect(backend.called('devicesOfUser')).toEqual(['u-1', 'u-3']);
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
    expect(search.options.map((option) => option.id)).toEqual(['1', '3', '2']);
  });

  it('points at the first of several matches and takes none by itself', async () => {
    const { backend, search } = open();
    search.text = 'user';
    await search.enter();
    expect(search.active).toBe(0);
    expect(backend.called('devicesOfUser')).toEqual([]);
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
});
