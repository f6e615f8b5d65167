import type { DeviceRow, RouteView, SelectedDevice } from '../backend/backend';

/** A ticked device and the search that found it first. */
export interface Held {
  readonly device: DeviceRow;
  readonly route: RouteView;
}

export interface Group {
  readonly key: string;
  readonly route: RouteView;
  readonly held: readonly Held[];
}

export function routeKey(route: RouteView): string {
  return route.kind === 'direct' ? 'direct' : `${route.kind}:${route.id}`;
}

/** The devices a person ticked. It lives across searches and holds each device once, by its first route. */
export class Selection {
  #held = $state.raw<ReadonlyMap<string, Held>>(new Map());
  /** How many devices of the last addition were already held through another search. */
  doubled = $state(0);

  readonly groups = $derived.by(() => {
    const groups = new Map<string, { key: string; route: RouteView; held: Held[] }>();
    for (const held of this.#held.values()) {
      const key = routeKey(held.route);
      const group = groups.get(key);
      if (group) group.held.push(held);
      else groups.set(key, { key, route: held.route, held: [held] });
    }
    return [...groups.values()] as readonly Group[];
  });

  get size(): number {
    return this.#held.size;
  }

  has(deviceId: string): boolean {
    return this.#held.has(deviceId);
  }

  get(deviceId: string): Held | undefined {
    return this.#held.get(deviceId);
  }

  add(devices: readonly DeviceRow[], route: RouteView): void {
    const held = new Map(this.#held);
    const key = routeKey(route);
    let doubled = 0;
    for (const device of devices) {
      const first = held.get(device.id);
      if (!first) held.set(device.id, { device, route });
      else if (routeKey(first.route) !== key) doubled += 1;
    }
    this.#held = held;
    this.doubled = doubled;
  }

  remove(deviceIds: Iterable<string>): void {
    const held = new Map(this.#held);
    for (const id of deviceIds) held.delete(id);
    this.#held = held;
    this.doubled = 0;
  }

  /** What is held, to be put back as it was. */
  kept(): ReadonlyMap<string, Held> {
    return this.#held;
  }

  putBack(kept: ReadonlyMap<string, Held>): void {
    this.#held = new Map([...kept, ...this.#held]);
    this.doubled = 0;
  }

  clear(): void {
    this.#held = new Map();
    this.doubled = 0;
  }

  toSend(): SelectedDevice[] {
    return [...this.#held.values()].map(({ device, route }) => ({ deviceId: device.id, route }));
  }
}
