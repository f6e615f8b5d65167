import type { DeviceRow, ListGroup, ListNote, ListView } from './backend';

interface Entry {
  line: number;
  text: string;
}

/** A list as the engine gives it back. */
export interface Resolved {
  devices: DeviceRow[];
  groups: Record<ListGroup, ReadonlySet<string>>;
  /** The entry that names each device. */
  entryOf: ReadonlyMap<string, string>;
  view: ListView;
}

const MOST_NOTES = 5_000;

export function entriesOf(text: string): Entry[] {
  return text.split(/\r\n|[\r\n]/).flatMap((line, index) =>
    line
      .split(/[\t,;|]/)
      .map((part) => ({ line: index + 1, text: part.trim() }))
      .filter((entry) => entry.text !== ''),
  );
}

/** Compares each entry with every device: its id, serial number, name or user, as a whole. */
export function resolve(
  entries: readonly Entry[],
  everything: readonly DeviceRow[],
  unread: (entry: string) => boolean,
): Resolved {
  const named = new Map<string, DeviceRow[]>();
  for (const device of everything) {
    for (const text of [device.id, device.serial, device.name, device.userPrincipalName]) {
      const key = text?.toLowerCase();
      if (key) named.set(key, [...(named.get(key) ?? []), device]);
    }
  }
  const lines = new Map<string, number>();
  const notes: ListNote[] = [];
  const entryOf = new Map<string, string>();
  const one = new Map<string, DeviceRow>();
  const several = new Map<string, DeviceRow>();
  const view: ListView = {
    entries: entries.length,
    one: 0,
    several: 0,
    none: 0,
    double: 0,
    notRead: 0,
    notes,
  };
  for (const { line, text } of entries) {
    const found = named.get(text.toLowerCase()) ?? [];
    const key = found.length === 1 ? `= ${found[0]?.id}` : text.toLowerCase();
    const sameAs = lines.get(key);
    let kind: ListNote['kind'] | 'one' = found.length > 1 ? 'several' : found.length === 1 ? 'one' : 'none';
    if (unread(text)) kind = 'notRead';
    if (sameAs !== undefined) kind = 'double';
    else lines.set(key, line);
    view[kind] += 1;
    if (kind === 'double' || kind === 'none' || kind === 'notRead') {
      notes.push({ line, text, kind, sameAs: sameAs ?? null });
      continue;
    }
    if (kind !== 'one') notes.push({ line, text, kind, sameAs: null });
    for (const device of found) {
      (kind === 'one' ? one : several).set(device.id, device);
      if (!entryOf.has(device.id)) entryOf.set(device.id, text);
    }
  }
  for (const id of one.keys()) several.delete(id);
  notes.splice(MOST_NOTES);
  return {
    devices: [...one.values(), ...several.values()],
    groups: { one: new Set(one.keys()), several: new Set(several.keys()) },
    entryOf,
    view,
  };
}
