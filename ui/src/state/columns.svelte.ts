import type { Column } from '../backend/backend';

/** Every column, in the order they stand in. */
export const ALL_COLUMNS: readonly Column[] = [
  'name',
  'serial',
  'user',
  'system',
  'model',
  'owner',
  'compliance',
  'lastContact',
  'enrolled',
  'managementState',
  'warnings',
];
const USUAL: readonly Column[] = ['name', 'serial', 'user', 'system', 'owner', 'lastContact', 'warnings'];
const WIDE = 840;
const NARROW = 740;
const KEY = 'unlatch.columns';

function remembered(): readonly Column[] | null {
  try {
    const ids: unknown = JSON.parse(localStorage.getItem(KEY) ?? 'null');
    if (!Array.isArray(ids)) return null;
    return ALL_COLUMNS.filter((column) => column === 'name' || ids.includes(column));
  } catch {
    return null;
  }
}

/** Which columns a person wants to see. Only their names are remembered. */
export class Columns {
  /** Nothing was chosen as long as this is null. */
  #chosen = $state.raw(remembered());

  /**
   * The columns of a table. A person's own devices need no column for the person; as long as nothing was chosen, a narrow table goes
   * without what it can spare. A personal device still says so among its warnings.
   */
  shown(ofOnePerson: boolean, width = WIDE): readonly Column[] {
    if (this.#chosen) return this.#chosen;
    return USUAL.filter((column) => {
      if (column === 'user') return !ofOnePerson;
      if (column === 'owner') return width >= (ofOnePerson ? NARROW : WIDE);
      return column !== 'system' || ofOnePerson || width >= NARROW;
    });
  }

  /** Shows or hides one; the name is always there. */
  toggle(column: Column, ofOnePerson: boolean): void {
    if (column === 'name') return;
    const shown = this.shown(ofOnePerson);
    const on = !shown.includes(column);
    this.#chosen = ALL_COLUMNS.filter((each) => (each === column ? on : shown.includes(each)));
    try {
      localStorage.setItem(KEY, JSON.stringify(this.#chosen));
    } catch {
      // Without storage the choice lasts as long as the table.
    }
  }

  reset(): void {
    this.#chosen = null;
    try {
      localStorage.removeItem(KEY);
    } catch {
      // There was nothing kept, then.
    }
  }
}
