import type { ItemView } from '../backend/backend';
import { groupOf, needsPerson, type RunFilter, type RunFollow } from './run.svelte';

/** Case and accents aside. */
export function folded(text: string): string {
  return text
    .normalize('NFD')
    .replace(/\p{Mn}/gu, '')
    .toLowerCase();
}

/** Where `position` stands in a list that rises, or where it would. */
export function placeOf(rising: readonly number[], position: number): number {
  let [low, high] = [0, rising.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((rising[middle] ?? 0) < position) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Which items of a run are shown. A change costs as much as it changes, whatever the length of the run. */
export class RunTable {
  filter = $state<RunFilter | null>(null);
  text = $state('');
  /** The positions of the items that meet both, rising. */
  shown = $state.raw<readonly number[]>([]);

  #words: string[] = [];
  /** What is searched of each item; names never change during a run. */
  #texts: (string | undefined)[] = [];

  constructor(readonly run: RunFollow) {
    run.onChange((items) => (items === null ? this.#all() : this.#some(items)));
    this.#all();
  }

  narrow(filter: RunFilter | null): void {
    this.filter = filter;
    this.#all();
  }

  search(text: string): void {
    this.text = text;
    this.#words = folded(text).split(/\s+/).filter(Boolean);
    this.#all();
  }

  #all(): void {
    this.shown = this.run.items.filter((item) => this.#meets(item)).map(({ position }) => position);
  }

  #some(items: readonly ItemView[]): void {
    if (this.filter === null) return;
    let next: number[] | null = null;
    for (const item of items) {
      const now: readonly number[] = next ?? this.shown;
      const at = placeOf(now, item.position);
      const was = now[at] === item.position;
      const is = this.#meets(item);
      if (was === is) continue;
      next ??= now.slice();
      if (is) next.splice(at, 0, item.position);
      else next.splice(at, 1);
    }
    if (next) this.shown = next;
  }

  #meets(item: ItemView): boolean {
    const { filter } = this;
    if (filter !== null && !(filter === 'person' ? needsPerson(item) : groupOf[item.state] === filter)) {
      return false;
    }
    if (this.#words.length === 0) return true;
    const text = (this.#texts[item.position] ??= folded(
      [item.name, item.serial, item.user].filter(Boolean).join('\n'),
    ));
    return this.#words.every((word) => text.includes(word));
  }
}
