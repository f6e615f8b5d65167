import { describe, expect, it } from 'vitest';

import { fakeDevice } from '../backend/fake-tenant';
import { Selection } from './selection.svelte';

const device = (number: number) => fakeDevice(number, null);
const zoe = { kind: 'user', id: 'u-1', label: 'Zoë Ruiz' } as const;
const exam = { kind: 'app', id: 'a-1', label: 'Exam Browser 3.7' } as const;

describe('the selection', () => {
  it('holds a device found twice once, by its first route, and says so', () => {
    const selection = new Selection();
    selection.add([device(1), device(2)], zoe);
    selection.add([device(2), device(3)], exam);

    expect(selection.size).toBe(3);
    expect(selection.doubled).toBe(1);
    expect(selection.toSend()).toEqual([
      { deviceId: 'd-1', route: zoe },
      { deviceId: 'd-2', route: zoe },
      { deviceId: 'd-3', route: exam },
    ]);
  });

  it('does not call a device doubled that is ticked again in the same search', () => {
    const selection = new Selection();
    selection.add([device(1)], zoe);
    selection.add([device(1), device(2)], zoe);
    expect(selection.doubled).toBe(0);
  });

  it('groups by where devices were found, in the order they were found', () => {
    const selection = new Selection();
    selection.add([device(1)], zoe);
    selection.add([device(2)], { kind: 'direct' });
    selection.add([device(3)], zoe);
    expect(selection.groups.map(({ key, held }) => [key, held.map((one) => one.device.id)])).toEqual([
      ['user:u-1', ['d-1', 'd-3']],
      ['direct', ['d-2']],
    ]);
  });

  it('takes the next route for a device that was removed and is found again', () => {
    const selection = new Selection();
    selection.add([device(1)], zoe);
    selection.remove(['d-1']);
    selection.add([device(1)], exam);
    expect(selection.toSend()).toEqual([{ deviceId: 'd-1', route: exam }]);
  });
});
